"""When, in the run's own seconds, each record of a finished log was printed.

Nothing may be placed before it was printed. Rows that carry times, or the seconds of a step, set the clock; all
other rows wait for the clock row that was printed after them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from parsers.records import Floats, Ints, Notice, Points, Recognised, Record, Restart, Traits

EVAL_METRICS = ("val_loss", "eval_train_loss")
SECONDS_A_STEP = 1.0
"""For a log that says nothing about time."""


@dataclass(frozen=True, slots=True)
class Track:
    """All rows of one segment with the same metrics; `times` rises, or stays, from row to row."""

    place: int
    """Where its first row stands among the records, so that what is released at once keeps the log's order."""
    points: Points
    times: Floats


@dataclass(frozen=True, slots=True)
class Mark:
    """A record without rows, and when it was printed."""

    place: int
    record: Record
    time: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole log. `steps` and `times` are its clock rows, of all segments one after another."""

    tracks: tuple[Track, ...]
    marks: tuple[Mark, ...]
    """By time."""
    steps: Ints
    times: Floats
    seconds: float
    """How long the log is."""


@dataclass(frozen=True, slots=True)
class _Clock:
    """The rows of one segment that tell the time. `steps` and `times` do not fall."""

    steps: Ints
    times: Floats
    typical: float

    def after(self, steps: Ints, lead: int) -> Floats:
        """When the first clock row came that has more updates than a row at `steps` whose updates lag by `lead`.

        Past the last clock row, the time that the missing steps would have taken.
        """
        return self._at(np.searchsorted(self.steps + lead, steps, side="right"), steps - lead)

    def reaching(self, step: int) -> float:
        """When the first clock row came at `step` or beyond."""
        steps = np.array([step], np.int64)
        return float(self._at(np.searchsorted(self.steps, steps, side="left"), steps)[0])

    def _at(self, rows: Ints, steps: Ints) -> Floats:
        if not len(self.steps):
            return np.zeros(len(steps))
        inside = rows < len(self.steps)
        beyond = self.times[-1] + np.maximum(steps - self.steps[-1], 0) * self.typical
        return np.where(inside, self.times[np.minimum(rows, len(self.steps) - 1)], beyond)


def timeline(records: Sequence[Record], traits: Traits | None = None) -> Timeline:
    """Places all records. `traits` say when rows are printed; without them those of the log's own format do."""
    tracks: list[Track] = []
    marks: list[Mark] = []
    clocks: list[_Clock] = []
    begins = 0.0
    last_steps: set[int] = set()
    for segment in _segments(records):
        known = [r.traits for _, r in segment if isinstance(r, Recognised)]
        traits = traits or (known[-1] if known else None)
        clock, placed = _place_rows(segment, traits or Traits(), begins)
        placed_marks = list(_place_marks(segment, clock, begins, last_steps))
        last_steps = {int(r.steps[-1]) for _, r in segment if isinstance(r, Points) and len(r.steps)}
        tracks += placed
        marks += placed_marks
        clocks.append(clock)
        begins = max([begins, *(float(t.times[-1]) for t in placed), *(m.time for m in placed_marks)])
    return Timeline(
        tuple(tracks),
        tuple(sorted(marks, key=lambda mark: mark.time)),
        np.concatenate([c.steps for c in clocks]),
        np.concatenate([c.times for c in clocks]),
        begins,
    )


Placed = list[tuple[int, Record]]


def _segments(records: Iterable[Record]) -> list[Placed]:
    """Each record with its place in the log; a Restart opens a new stretch."""
    segments: list[Placed] = [[]]
    for place, record in enumerate(records):
        if isinstance(record, Restart):
            segments.append([])
        segments[-1].append((place, record))
    return segments


def _place_rows(segment: Placed, traits: Traits, begins: float) -> tuple[_Clock, list[Track]]:
    tables = _tables(segment)
    tells = _clock_tables([points for _, points in tables])
    lead = traits.updates_at_train_row - traits.updates_at_eval_row
    evals = [points.steps - lead for _, points in tables if _is_eval(points)]
    clock, own = _clock([tables[i][1] for i in tells], evals, traits, begins)
    times = dict(zip(tells, own, strict=True))
    for at, (_, points) in enumerate(tables):
        if at not in times:
            times[at] = clock.after(points.steps, lead if _is_eval(points) else 0)
    tracks = [Track(place, points, np.maximum.accumulate(times[at])) for at, (place, points) in enumerate(tables)]
    return clock, tracks


def _is_eval(points: Points) -> bool:
    return any(name.startswith(EVAL_METRICS) for name in points.columns)


def _tables(segment: Placed) -> list[tuple[int, Points]]:
    """The rows of each set of metrics as one block, with the place of the first."""
    blocks: dict[tuple[str, ...], list[tuple[int, Points]]] = {}
    for place, record in segment:
        if isinstance(record, Points) and len(record.steps):
            key = (*sorted(record.columns), "" if record.seconds is None else "seconds")
            blocks.setdefault(key, []).append((place, record))
    return [(found[0][0], _joined([points for _, points in found])) for found in blocks.values()]


def _joined(blocks: list[Points]) -> Points:
    first = blocks[0]
    if len(blocks) == 1:
        return first
    seconds = [points.seconds for points in blocks if points.seconds is not None]
    return Points(
        np.concatenate([points.steps for points in blocks]),
        {name: np.concatenate([points.columns[name] for points in blocks]) for name in first.columns},
        np.concatenate(seconds) if seconds else None,
    )


def _clock_tables(tables: list[Points]) -> list[int]:
    """Which tables tell the time: those with wall-clock times, else with seconds a step, else train rows, else all."""
    kinds = (
        [i for i, t in enumerate(tables) if t.seconds is not None and np.isfinite(t.seconds).any()],
        [i for i, t in enumerate(tables) if "step_seconds" in t.columns],
        [i for i, t in enumerate(tables) if "train_loss" in t.columns],
    )
    return next((kind for kind in kinds if kind), list(range(len(tables))))


def _clock(tables: list[Points], evals: list[Ints], traits: Traits, begins: float) -> tuple[_Clock, list[Floats]]:
    """The clock of a segment that begins at `begins`, and the times of each table's rows."""
    if not tables:
        return _Clock(np.empty(0, np.int64), np.empty(0), SECONDS_A_STEP), []
    steps = np.concatenate([points.steps for points in tables])
    order = np.argsort(steps, kind="stable")
    rising = steps[order]
    walls = [points.seconds for points in tables if points.seconds is not None]
    spans = [points.columns["step_seconds"] for points in tables if "step_seconds" in points.columns]
    if len(walls) == len(tables):
        sums, typical = _by_wall_clock(rising, np.concatenate(walls)[order])
    elif len(spans) == len(tables):
        sums, typical = _by_durations(rising, np.concatenate(spans)[order], evals, traits)
    else:
        sums, typical = (rising - rising[0] + 1) * SECONDS_A_STEP, SECONDS_A_STEP
    times = np.empty(len(steps))
    times[order] = begins + sums
    edges = np.cumsum([len(points.steps) for points in tables])[:-1]
    return _Clock(rising, begins + sums, typical), np.split(times, edges)


def _by_wall_clock(steps: Ints, seconds: Floats) -> tuple[Floats, float]:
    """Seconds since the first row; a clock that was set back stands still until it has caught up."""
    known = np.isfinite(seconds)
    passed = np.maximum.accumulate(np.where(known, seconds, -np.inf))
    passed = np.maximum(passed, seconds[known][0])
    moved = np.diff(steps) > 0
    paces = np.diff(passed)[moved] / np.diff(steps)[moved]
    return passed - passed[0], float(np.median(paces)) if len(paces) else SECONDS_A_STEP


def _by_durations(steps: Ints, seconds: Floats, evals: list[Ints], traits: Traits) -> tuple[Floats, float]:
    """Seconds since the start: each row's own step, and typical ones for the steps between rows.

    Where a row tells the mean over all steps since the row before, all of them take that long.
    """
    known = np.isfinite(seconds) & (seconds > 0)
    plain = known.copy()
    for last_updates in evals:
        rows = np.searchsorted(steps, last_updates, side="right")
        plain[rows[rows < len(steps)]] = False
    usual = seconds[plain] if plain.any() else seconds[known]
    typical = float(np.median(usual)) if len(usual) else SECONDS_A_STEP
    own = np.where(known, seconds, typical)
    count = np.diff(steps, prepend=steps[0] - 1)
    if traits.step_seconds == "window mean":
        return np.cumsum(count * own), typical
    return np.cumsum(np.where(count > 0, (count - 1) * typical + own, 0.0)), typical


def _place_marks(segment: Placed, clock: _Clock, begins: float, last_steps: set[int]) -> Iterable[Mark]:
    """A notice comes with the step that it names, all else with the rows that stand before it.

    `last_steps` end the segment before: a notice before the first row of this one may name one of them.
    """
    reached: int | None = None
    for place, record in segment:
        if isinstance(record, Points):
            if len(record.steps):
                last = int(record.steps[-1])
                reached = last if reached is None else max(reached, last)
            continue
        named = record.step if isinstance(record, Notice) else None
        step = reached if named is None or (reached is None and named in last_steps) else named
        yield Mark(place, record, begins if step is None or isinstance(record, Restart) else clock.reaching(step))
