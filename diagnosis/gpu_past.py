"""What the GPUs showed while the run was watched, in bounded memory: one reading tells nothing that lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from gpu.sample import GpuSample, Throttle
from parsers.records import Floats, Ints

KEPT_SECONDS = 1800.0
"""Half an hour: steps of a large batch are minutes apart in a log, and two rows at least must lie in it."""
ROWS_KEPT = 1800
NEXT_READING_SECONDS = 0.9
"""Readings that come faster are left out: a log that is written line by line wakes the monitor for each."""
LONGEST_READING_SECONDS = 15.0
"""A reading stands for the time since the one before, but not for the hours that a machine slept."""
WINDOW_SECONDS = 60.0
MOST_WINDOWS = 240
"""More windows of memory highs are merged in pairs, which doubles the window."""
REASONS: tuple[Throttle, ...] = get_args(Throttle)


@dataclass(frozen=True, slots=True)
class GpuPast:
    """One GPU since it is watched. All columns but the last three are of the last half hour, oldest reading first."""

    gpu: str
    """Its UUID, else its index: `key_of` a sample."""
    seconds: Floats
    """When each reading was taken, since 1970."""
    weights: Floats
    """The seconds that each reading stands for."""
    steps: Floats
    """The newest step that the log had then; NaN before the first."""
    utilization: Floats
    """0 to 1; NaN where it was not to be read, as in the next columns."""
    clock_hz: Floats
    throttle: Ints
    """A bit for each of REASONS; -1 where it was not to be read."""
    window_steps: Floats
    """The newest step at the end of each window of memory; the windows begin with the watch."""
    window_highs: Floats
    """The most memory in each window, bytes."""
    highs_of_run: bool = False
    """Whether they are of the run's own processes, not of all that the GPU holds."""

    def under(self, *reasons: Throttle) -> Floats:
        """The seconds of each reading that any of these reasons slowed down."""
        bits = sum(1 << REASONS.index(reason) for reason in reasons)
        return np.where((self.throttle > 0) & (self.throttle & bits > 0), self.weights, 0.0)


def key_of(sample: GpuSample) -> str | None:
    """What stays the same of a GPU; None for one that was only named."""
    return sample.uuid or (None if sample.index is None else str(sample.index))


class GpuWatch:
    """Takes reading after reading and gives the past as frozen columns. Owned by one thread."""

    def __init__(self) -> None:
        self._known: dict[str, _Watched] = {}
        self._since: float | None = None
        self.minutes = 0
        """How long GPUs are watched: when it changes, what lasts is worth a look even if nothing else is new."""

    def take(self, samples: Sequence[GpuSample], now: float, step: int | None) -> None:
        """One look at all GPUs, at `now` seconds since 1970, with the newest step of the log."""
        for sample in samples:
            key = key_of(sample)
            if key is not None and sample.fault("gpu") is None:
                self._known.setdefault(key, _Watched()).take(sample, now, step)
                self._since = now if self._since is None else self._since
                self.minutes = int((now - self._since) // 60)

    def past(self) -> tuple[GpuPast, ...]:
        """All GPUs as far as they are known."""
        return tuple(watched.past(key) for key, watched in self._known.items())


class _Watched:
    """One GPU. The columns are written once and never again, so that a view of them may be given away."""

    def __init__(self) -> None:
        self._table = np.empty((6, 2 * ROWS_KEPT))
        self._end = 0
        self._windows: list[tuple[float, float, float]] = []
        """The start, newest step and most memory of each."""
        self._window_seconds = WINDOW_SECONDS
        self._of_run = False

    def take(self, sample: GpuSample, now: float, step: int | None) -> None:
        since = now - float(self._table[0, self._end - 1]) if self._end else NEXT_READING_SECONDS
        if 0 <= since < NEXT_READING_SECONDS:
            return
        newest = np.nan if step is None else float(step)
        weight = min(max(since, 0.0), LONGEST_READING_SECONDS)
        self._append((now, weight, newest, _known(sample.utilization), _known(sample.sm_clock_hz), _bits(sample)))
        self._remember(sample, now, newest)

    def _append(self, row: tuple[float, ...]) -> None:
        if self._end == self._table.shape[1]:
            fresh = np.empty_like(self._table)
            fresh[:, :ROWS_KEPT] = self._table[:, -ROWS_KEPT:]
            self._table, self._end = fresh, ROWS_KEPT
        self._table[:, self._end] = row
        self._end += 1

    def _remember(self, sample: GpuSample, now: float, step: float) -> None:
        """The memory's high in this window: of the run's processes where they are known, else of the whole GPU."""
        mine = [p.memory_bytes for p in sample.processes or () if p.this_run]
        known = [used for used in mine if used is not None]
        of_run = bool(known) and len(known) == len(mine)
        used = sum(known) if of_run else sample.memory_used_bytes
        if used is None:
            return
        if of_run != self._of_run:
            self._windows, self._window_seconds, self._of_run = [], WINDOW_SECONDS, of_run
        if self._windows and 0 <= now - self._windows[-1][0] < self._window_seconds:
            start, _, high = self._windows[-1]
            self._windows[-1] = (start, step, max(high, float(used)))
            return
        if len(self._windows) == MOST_WINDOWS:
            pairs = zip(self._windows[::2], self._windows[1::2], strict=True)
            self._windows = [(one[0], other[1], max(one[2], other[2])) for one, other in pairs]
            self._window_seconds *= 2
        self._windows.append((now, step, float(used)))

    def past(self, key: str) -> GpuPast:
        """The view of now."""
        table = self._table[:, max(0, self._end - ROWS_KEPT) : self._end]
        ago = np.cumsum(table[1, ::-1])[::-1]  # not by the clock, which may be set back
        table = table[:, int(np.argmax(ago <= KEPT_SECONDS)) :]
        windows = np.array(self._windows).reshape(-1, 3)
        seconds, weights, steps, utilization, clock, bits = table
        return GpuPast(
            key,
            seconds,
            weights,
            steps,
            utilization,
            clock,
            bits.astype(np.int64),
            windows[:, 1],
            windows[:, 2],
            self._of_run,
        )


def _known(value: float | None) -> float:
    return np.nan if value is None else value


def _bits(sample: GpuSample) -> float:
    if sample.throttle is None:
        return -1.0
    return float(sum(1 << REASONS.index(reason) for reason in sample.throttle))
