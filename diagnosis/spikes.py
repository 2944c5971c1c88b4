"""Jumps of a loss that last: found by what the rows before them make one expect, never by one bad batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from diagnosis.series import Series
from diagnosis.spike_rows import ACUTE_JUMP, ACUTE_ROWS, EARLIEST, Gauge, gauge_of, levels_at, spike_rows
from diagnosis.statistics import begins_at_start, median_of, running_count, window_medians
from diagnosis.summaries import summary_of
from parsers.records import Floats, Ints

FULL_BATCH_FLOOR = 0.12
"""Nats. With it the rule of 8 in 128 rows gave no alarm in 153,607 steps of 9 healthy runs; with .05 it gave 8."""
MICRO_BATCH_FLOOR = 0.3
"""Nats: what one micro-batch of 16 sequences can resolve (its noise is .09 to .16)."""
LEAST_UNTRAINED = 4.0
"""Nats. A lower first loss is no untrained language model's of 64 tokens or more."""
ROWS_OF_PEAK = 500
MOST = 50
"""Spikes are followed one by one up to this number; PaLM had some 20 in 540 billion parameters."""


@dataclass(frozen=True, slots=True)
class Spike:
    """One lasting jump. Losses in nats."""

    first_step: int
    """The first step by which the loss was up by half."""
    seen_step: int
    """When the evidence was complete."""
    level: float
    """The loss before it."""
    noise: float
    """Robust standard deviation of a row before it."""
    height: float
    """Of the highest median of the window over `level`."""
    peak: float
    """The highest single row."""
    back_step: int | None
    """When the loss was back within two standard deviations of `level`; None while it is not."""


def find_spikes(train: Series, floor: float, early_steps: float = 0.0) -> list[Spike]:
    """The spikes of a training loss, in order, at most MOST; `floor` is the least height in nats that counts.

    Lasting: the median of 8 rows is above that of the 128 before them by max(floor, 5 standard errors), and 7 of the
    8 are above by one standard deviation. Acute: 2 of 3 rows are above by max(1 nat, 8 standard deviations). Up to
    `early_steps` one row 1 nat above the first loss of an untrained model is enough: no batch is so hard for a model
    that knows next to nothing, unless its last update threw it. Sources: the rule was tuned on 9 healthy runs (0
    alarms in 153,607 steps) with injected spikes (0.3 nats: all found).
    """
    known = train.finite
    if len(known) < 5:
        return []
    return summary_of(known, _Spikes, gauge_of(known.steps), floor, early_steps).found


class _Spikes:
    """One spike per stretch, from its first high row until the loss is back; what is over is not looked at again."""

    def __init__(self, gauge: Gauge, floor: float, early_steps: float) -> None:
        self.rows = 0
        self._gauge, self._floor, self._early_steps = gauge, floor, early_steps
        self._over: list[Spike] = []
        self._open: Spike | None = None
        self._after = -1
        """The row at which the last one was over."""

    @property
    def found(self) -> list[Spike]:
        return [*self._over, *([self._open] if self._open else [])]

    def extend(self, series: Series) -> None:
        """Follows the spikes through the rows that are new; values must be finite."""
        rows, thrown = spike_rows(series, self._gauge, self._floor), _thrown(series, self._early_steps)
        evidence = ((rows.lasting, self._gauge.width), (rows.acute, ACUTE_ROWS), (thrown, 1))
        self._open = None
        while len(self._over) < MOST and (began := _first_after(self._after, evidence)) is not None:
            spike, back = self._follow(series, *began)
            if back is None:
                self._open = spike
                break
            self._over.append(spike)
            self._after = back
        self.rows = len(series)

    def _follow(self, known: Series, end: int, rows: int) -> tuple[Spike, int | None]:
        """The spike whose evidence is complete at row `end`, over `rows` rows, and the row at which it is over."""
        values, window = known.values, slice(max(0, end - rows + 1), end + 1)
        before = levels_at(known, self._gauge.block, np.array([window.start]))
        level, noise = float(before.centre[0]), float(before.sigma[0])
        half_up = (level + median_of(values[window])) / 2
        first = window.start + int(np.argmax(values[window] > max(half_up, level + noise)))
        back = _back(values, max(end + 1, self.rows - rows + 1), rows, level + 2 * noise)
        until = min(len(known) if back is None else back, end + ROWS_OF_PEAK)
        highest = window_medians(values, np.arange(end, until), rows).max()
        spike = Spike(
            first_step=int(known.steps[first]),
            seen_step=int(known.steps[end]),
            level=level,
            noise=noise,
            height=float(highest - level),
            peak=float(values[first:until].max()),
            back_step=None if back is None else int(known.steps[back]),
        )
        return spike, back


def _thrown(known: Series, early_steps: float) -> Ints:
    """Early rows that are worse than no training at all."""
    early = known.until(early_steps).values
    if len(early) <= EARLIEST or early[0] < LEAST_UNTRAINED or not begins_at_start(known.steps):
        return np.empty(0, np.int64)
    return np.flatnonzero(early[EARLIEST:] > early[0] + ACUTE_JUMP) + EARLIEST


def _first_after(row: int, evidence: Sequence[tuple[Ints, int]]) -> tuple[int, int] | None:
    """The first of these last rows after `row`, and the width of its window; of equals the first one's."""
    firsts = [
        (int(ends[at]), width)
        for ends, width in evidence
        if (at := int(np.searchsorted(ends, row, side="right"))) < len(ends)
    ]
    return min(firsts, key=itemgetter(0), default=None)


def _back(values: Floats, start: int, width: int, limit: float) -> int | None:
    """The first row from `start` on by which the loss is within `limit` again, None where there is none.

    That is when most of the last 8 (or 4) rows are, or all of the last 3 after an acute jump.
    """
    needed = width if width == ACUTE_ROWS else width // 2 + 1
    found = np.flatnonzero(running_count(values[start:] <= limit, width) >= needed)
    return start + int(found[0]) if len(found) else None
