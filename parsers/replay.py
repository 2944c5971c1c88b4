"""A finished log, played on its own clock; and what of it was known at a step."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence

import numpy as np

from parsers.records import Notice, Points, Record, Restart, Traits
from parsers.timeline import Track, timeline


class Replay:
    """Gives the records of a finished log when its clock comes to them, never before they were printed.

    Seconds are the run's own, from 0. All methods may be called from any thread. Going back cannot be said in
    records: the poll after it raises `generation` and gives everything from the start to the position, so
    whoever sees another generation after a poll starts a fresh Run before it takes the records.
    """

    waiting_for: str | None = None
    silence_seconds: float | None = None
    """Never known: a finished log is not silent."""
    half_line = False

    def __init__(
        self,
        records: Sequence[Record],
        *,
        traits: Traits | None = None,
        label: str = "replay",
        speed: float = 60.0,
        paused: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label = label
        self.generation = 0
        self._line = timeline(records, traits)
        self._tracks = sorted(self._line.tracks, key=lambda track: float(track.times[0]))
        self._starts = [float(track.times[0]) for track in self._tracks]
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._paused = paused
        self._speed = 1.0
        self._position, self._settled_at = 0.0, monotonic()
        self.speed = speed
        self._rewind()

    @property
    def duration_seconds(self) -> float:
        """How long the log is."""
        return self._line.seconds

    @property
    def position_seconds(self) -> float:
        """How far the clock is, from 0 to `duration_seconds`."""
        with self._lock:
            return self._now()

    @property
    def speed(self) -> float:
        """Seconds of the run in one second."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        if not 0.0 < value < float("inf"):
            raise ValueError(f"a speed is above 0 and finite, not {value}")
        with self._lock:
            self._settle(self._now())
            self._speed = value

    @property
    def paused(self) -> bool:
        """Whether the clock stands."""
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        with self._lock:
            self._settle(self._now())
            self._paused = value

    @property
    def done(self) -> bool:
        """Whether everything was given; a seek backwards ends that."""
        with self._lock:
            return min(self._given_to, self._now()) >= self._line.seconds

    def seek(self, seconds: float) -> None:
        """Goes to a time, forwards or backwards; what lies beyond the ends is the end."""
        with self._lock:
            self._settle(seconds)

    def seek_step(self, step: int) -> None:
        """Goes to where the log first reached `step`; to the end where it never did."""
        reached = np.flatnonzero(self._line.steps >= step)
        self.seek(float(self._line.times[reached[0]]) if len(reached) else self._line.seconds)

    def step_once(self) -> None:
        """Pauses, and goes to the next row."""
        with self._lock:
            row = int(np.searchsorted(self._line.times, self._now(), side="right"))
            self._settle(float(self._line.times[row]) if row < len(self._line.times) else self._line.seconds)
            self._paused = True

    def poll(self) -> list[Record]:
        """What was printed since the last call; after a seek backwards everything again, see `generation`."""
        with self._lock:
            position = self._now()
            if position < self._given_to:
                self._rewind()
                self.generation += 1
            return self._release(position)

    def close(self) -> None:
        """Holds nothing that has to be given back."""

    def _now(self) -> float:
        passed = 0.0 if self._paused else (self._monotonic() - self._settled_at) * self._speed
        return min(self._position + passed, self._line.seconds)

    def _settle(self, position: float) -> None:
        self._position, self._settled_at = max(0.0, min(position, self._line.seconds)), self._monotonic()

    def _rewind(self) -> None:
        self._given_to = -1.0
        self._begun = 0
        self._playing: list[tuple[Track, int]] = []
        self._marks_given = 0

    def _release(self, position: float) -> list[Record]:
        begun = bisect_right(self._starts, position)
        self._playing += [(track, 0) for track in self._tracks[self._begun : begun]]
        came: list[tuple[int, Record]] = []
        playing = []
        for track, given in self._playing:
            end = int(np.searchsorted(track.times, position, side="right"))
            if end > given:
                came.append((track.place, _rows(track.points, given, end)))
            if end < len(track.times):
                playing.append((track, end))
        marks = self._line.marks
        given_marks = self._marks_given
        while self._marks_given < len(marks) and marks[self._marks_given].time <= position:
            self._marks_given += 1
        came += [(mark.place, mark.record) for mark in marks[given_marks : self._marks_given]]
        self._begun, self._playing, self._given_to = begun, playing, position
        return [record for _, record in sorted(came, key=lambda one: one[0])]


def until(records: Sequence[Record], step: int) -> list[Record]:
    """The records that were known when the log first reached `step`: its rows to `step`, in the log's order.

    A log that was restarted and reaches `step` twice is cut at the first time. Notices of later steps and facts
    behind later rows are dropped. Rows are views, not copies.
    """
    known: list[Record] = []
    reached = False
    passed: set[frozenset[str]] = set()
    for record in records:
        if isinstance(record, Restart):
            if reached:
                break
            known.append(record)
        elif isinstance(record, Points):
            metrics = frozenset(record.columns)
            later = np.flatnonzero(record.steps > step)
            end = int(later[0]) if len(later) else len(record.steps)
            reached = reached or bool((record.steps >= step).any())
            if end and metrics not in passed:
                known.append(_rows(record, 0, end))
            if len(later):
                passed.add(metrics)
        elif isinstance(record, Notice):
            if record.step is None or record.step <= step:
                known.append(record)
        elif not passed:
            known.append(record)
    return known


def _rows(points: Points, start: int, end: int) -> Points:
    """Some of the rows, as views; the block itself where it is all of them."""
    if start == 0 and end == len(points.steps):
        return points
    columns = {name: column[start:end] for name, column in points.columns.items()}
    return Points(points.steps[start:end], columns, None if points.seconds is None else points.seconds[start:end])
