"""When a loss left its best: the rows that show it, looked at as they came."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import sqrt

import numpy as np

from diagnosis.case import Case
from diagnosis.reference import BlockMedians
from diagnosis.series import Series
from diagnosis.shifts import DENSE_INTERVAL, KNOWN_ROWS, data_shifts, may_be_data
from diagnosis.spike_rows import MEDIAN_ERROR
from diagnosis.statistics import block_medians, looks, mann_kendall, median_of, noise_sd, row_medians
from diagnosis.summaries import first_of, remembered, summary_of
from parsers.records import Floats

LEAST_RISE, ERRORS = 0.5, 8.0
"""Nats and standard errors by which a median of rows must be above the best one."""
ROWS, FEWEST_ROWS = 50, 4
"""A median is of a tenth of the rows: so many at most, so many at least."""
BLOCKS_NEEDED = 5
"""Medians before one is looked at: the best of fewer is luck."""
STILL_UP = 0.75
"""The share of its height that the loss must have kept from the rows before the newest on."""
POINTS = 60
"""A longer stretch is thinned to as many medians before its trend is tested."""
FALLING_Z = 2.3
"""One-sided p = .01 of Mann-Kendall."""
RECOVERING = 0.1
"""The share of its height by which a loss that comes back must have fallen: a healthy run's own progress is less."""
LONG = 2000
EARLY_LOOKS = (*(n for n in looks(500, BLOCKS_NEEDED * FEWEST_ROWS) if n < 500), *range(500, LONG, ROWS // 2))
"""Rows at which a short log is looked at; a longer one at each block of ROWS. The same ones however much later one
reads it, so that what was said stays said."""
LATER = 1.1
"""Of many looks in a row that may see something, each is at so many times the rows of the one before."""


@dataclass(frozen=True, slots=True)
class Departure:
    """What one look saw; rows count from the first of the log. Losses in nats."""

    seen_row: int
    best_row: int
    left_row: int
    rows: int
    """Of a block."""
    level: float
    """The best."""
    needed: float
    """How far above it is beyond noise."""


def departure_of(case: Case, train: Series) -> tuple[Departure, bool] | None:
    """The first look that saw the loss above its best for good, and whether the newest one does; None for neither.

    After a change of the data's level the best is counted anew.
    """
    starts = [0, *(shift.row for shift in data_shifts(case) if shift.height > 0)]
    ends = [*(start + KNOWN_ROWS for start in starts[1:]), len(train)]
    first, holds = None, False
    for start, end in zip(starts, ends, strict=True):
        seen, newest = _first_seen(case, train, start, end), _newest_look(end - start, short=start == 0)
        holds = seen is not None and newest is not None and _look(case, train, start, newest) is not None
        first = first or seen
    return None if first is None else (first, holds)


def _first_seen(case: Case, train: Series, start: int, end: int) -> Departure | None:
    """What the first look at the rows from `start` to before `end` saw that saw anything."""

    def find(rows: int) -> Departure | None:
        medians = summary_of(train, BlockMedians, ROWS, start).values[: (end - start) // ROWS]
        counts = (count for count in _worth(medians, end - start, short=start == 0) if start + count > rows)
        return next((seen for count in counts if (seen := _look(case, train, start, count)) is not None), None)

    return first_of(train, find, _first_seen, start, *_circumstances(case))


def _circumstances(case: Case) -> tuple[object, ...]:
    """What a look hangs on beside the rows."""
    return case.segments, case.number("vocab_size")


def _newest_look(known: int, *, short: bool) -> int | None:
    """The last number of rows at which the log was looked at as it grew to `known`."""
    late = LONG if short else BLOCKS_NEEDED * ROWS
    if known >= late:
        return known - (known - late) % ROWS
    return EARLY_LOOKS[bisect_right(EARLY_LOOKS, known) - 1] if short and known >= EARLY_LOOKS[0] else None


def _worth(medians: Floats, known: int, *, short: bool) -> list[int]:
    """The looks at `known` rows that may see something; of many in a row each a tenth later than the one before."""
    early = list(EARLY_LOOKS[: bisect_right(EARLY_LOOKS, known)]) if short else []
    late = LONG if short else BLOCKS_NEEDED * ROWS
    if known < late:
        return early
    high = np.minimum(medians[1:-1], medians[2:]) - np.minimum.accumulate(medians)[:-2] > LEAST_RISE
    chosen: list[int] = []
    before = 0
    for n in (np.flatnonzero(high) + 3) * ROWS:
        if late <= n <= known and (not chosen or n - before > ROWS or n >= LATER * chosen[-1]):
            chosen.append(int(n))
        before = int(n)
    return early + chosen


def _look(case: Case, train: Series, start: int, known: int) -> Departure | None:
    """What `known` rows from row `start` on show, and nothing later."""
    return remembered(train, known, lambda: _seen(case, train, start, known), _look, start, *_circumstances(case))


def _seen(case: Case, train: Series, start: int, known: int) -> Departure | None:
    rows = int(np.clip(known // 10, FEWEST_ROWS, ROWS))
    lead = start + known % rows
    values = train.values[lead : start + known]
    if median_of(values[-rows:]) - float(values.min()) <= LEAST_RISE:
        return None
    medians = row_medians(values.reshape(-1, rows))
    best = int(np.argmin(medians[:-2]))
    level = float(medians[best])
    error = MEDIAN_ERROR * (noise_sd(values[-20 * rows :]) or 0.0) / sqrt(rows)
    needed = max(LEAST_RISE, ERRORS * error)
    before, now = medians[-2:] - level
    newest = median_of(values[-max(FEWEST_ROWS, rows // 4) :]) - level
    if min(before, now, newest) <= needed or min(now, newest) < STILL_UP * before:
        return None
    left = (best + int(np.argmax(medians[best:] - level > needed))) * rows
    if _comes_back(values[left:], now) or _just_restarted(case, train, start + known, 2 * rows):
        return None
    if len(values) - left < KNOWN_ROWS and _may_be_shift(case, train, level + now):
        return None
    return Departure(start + known - 1, lead + best * rows + rows // 2, lead + left, rows, level, needed)


def _comes_back(values: Floats, height: float) -> bool:
    """Whether the later half of the rows since the jump falls, by more than a healthy run's own progress."""
    later = block_medians(values[len(values) // 2 :], POINTS)
    third = max(1, len(later) // 3)
    fall = median_of(later[:third]) - median_of(later[-third:])
    return mann_kendall(later)[0] < -FALLING_Z and fall > RECOVERING * height


def _may_be_shift(case: Case, train: Series, loss: float) -> bool:
    """Whether some more rows may show that it is the data that changed."""
    return median_of(np.diff(train.steps[:ROWS])) <= DENSE_INTERVAL and may_be_data(case, loss)


def _just_restarted(case: Case, train: Series, known: int, rows: int) -> bool:
    """Whether the last restart among the first `known` rows is fewer than `rows` rows old."""
    starts = np.searchsorted(train.steps[:known], np.array(case.segments[1:], np.int64))
    return bool(((starts < known) & (starts > known - rows)).any())
