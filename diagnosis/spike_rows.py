"""At which rows of a training loss the evidence of a lasting jump is complete, kept as the loss grows."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from diagnosis.column import Column
from diagnosis.reference import Reference, reference_of
from diagnosis.series import Series
from diagnosis.statistics import MAD_TO_SD, median_of, running_count, window_medians
from diagnosis.summaries import summary_of
from parsers.records import Floats, Ints

MEDIAN_ERROR = 1.2533
"""Standard error of a median over that of a mean, for normal noise: sqrt(pi / 2)."""
SIGMAS = 5.0
"""Standard errors of a window's median that it must be above: with a floor of .12 nats 0 alarms in 153,607 healthy
steps, and all injected spikes of .3 nats found."""
DENSE_INTERVAL = 10
"""Rows at most so many steps apart are judged by 8 rows against 128, others by 4 against 32."""
ACUTE_JUMP, ACUTE_SIGMAS, ACUTE_ROWS = 1.0, 8.0, 3
"""A jump this high needs no 8 rows: 2 of 3 are enough, for no two bad batches come so close."""
EARLY_ROWS = 16
"""Rows before one that judge it while there are too few for the rolling reference."""
EARLIEST = 3
"""A row needs as many before it to be judged."""
SLAB = 131_072
"""Rows that are judged together, so that what is computed from them stays small."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """How rows of a given spacing are judged."""

    width: int
    allowed_below: int
    block: int


def gauge_of(steps: Ints) -> Gauge:
    """By the median spacing of the newest rows."""
    interval = median_of(np.diff(steps[-200:]))
    return Gauge(8, 1, 32) if interval <= DENSE_INTERVAL else Gauge(4, 0, 8)


def levels_at(series: Series, block: int, rows: Ints) -> Reference:
    """What these rows should have been: the rolling reference, and before there is one that of up to 16 rows before.

    There the loss may fall fast, so that the spread is that of the rows or of their differences, the lesser.
    """
    rolling = reference_of(series, block)
    found, early = rolling.at(rows), rows < rolling.lead
    if early.any():
        first = _early_levels(series.values[: rolling.lead])
        found.centre[early], found.sigma[early] = first.centre[rows[early]], first.sigma[rows[early]]
    return found


def _early_levels(values: Floats) -> Reference:
    padded = np.concatenate((np.full(EARLY_ROWS, np.nan), values))
    rows = np.lib.stride_tricks.sliding_window_view(padded, EARLY_ROWS)[: len(values)]
    falls = np.diff(rows, axis=1)
    spread = _known_medians(np.abs(falls - _known_medians(falls)[:, None]))
    middles = _known_medians(rows)
    spread = np.minimum(spread / sqrt(2), _known_medians(np.abs(rows - middles[:, None])))
    middles[:EARLIEST] = np.nan
    with np.errstate(over="ignore"):
        return Reference(middles.astype(np.float32), (MAD_TO_SD * spread).astype(np.float32))


def _known_medians(rows: Floats) -> Floats:
    """The median of what is no NaN in each row; NaN where nothing is."""
    ordered = np.sort(rows, axis=1)
    known = np.sum(np.isfinite(rows), axis=1)
    index = np.arange(len(rows))
    return np.asarray((ordered[index, np.maximum(0, (known - 1) // 2)] + ordered[index, known // 2]) / 2)


class SpikeRows:
    """The last rows of windows that are high as a whole (`lasting`), and of three rows with two far out (`acute`)."""

    def __init__(self, gauge: Gauge, floor: float) -> None:
        self.rows = 0
        self._gauge, self._floor = gauge, floor
        self._lasting: Column[np.int64] = Column(np.empty(0, np.int64))
        self._acute: Column[np.int64] = Column(np.empty(0, np.int64))

    @property
    def lasting(self) -> Ints:
        return self._lasting.view()

    @property
    def acute(self) -> Ints:
        return self._acute.view()

    def extend(self, series: Series) -> None:
        """Judges the rows that are new; values must be finite."""
        while self.rows < len(series):
            stop = min(self.rows + SLAB, len(series))
            start = max(0, self.rows - max(self._gauge.width, ACUTE_ROWS) + 1)
            values, levels = series.values[start:stop], levels_at(series, self._gauge.block, np.arange(start, stop))
            with np.errstate(over="ignore", invalid="ignore"):  # a loss of 1e300 is above nothing that is infinite
                for kept, ends in ((self._lasting, self._high(values, levels)), (self._acute, _far(values, levels))):
                    kept.extend(ends[ends + start >= self.rows] + start)
            self.rows = stop

    def _high(self, values: Floats, levels: Reference) -> Ints:
        """Last rows of windows that are high as a whole."""
        width = self._gauge.width
        above = values > levels.centre + levels.sigma
        ends = np.flatnonzero(running_count(above, width) >= width - self._gauge.allowed_below)
        ends = ends[ends >= width - 1]
        starts = ends - (width - 1)
        needed = np.maximum(self._floor, SIGMAS * MEDIAN_ERROR / sqrt(width) * levels.sigma[starts])
        risen: Ints = ends[window_medians(values, ends, width) - levels.centre[starts] > needed]
        return risen


def _far(values: Floats, levels: Reference) -> Ints:
    """Last rows of windows of 3 in which the last and another are far out of what was known before the window."""
    if len(values) < ACUTE_ROWS:
        return np.empty(0, np.int64)
    limit = (levels.centre + np.maximum(ACUTE_JUMP, ACUTE_SIGMAS * levels.sigma))[:-2]
    before = (values[:-2] > limit) | (values[1:-1] > limit)
    return np.flatnonzero(before & (values[2:] > limit)) + 2


def spike_rows(series: Series, gauge: Gauge, floor: float) -> SpikeRows:
    """Those of all rows of the series, going on from what is remembered of it."""
    return summary_of(series, SpikeRows, gauge, floor)
