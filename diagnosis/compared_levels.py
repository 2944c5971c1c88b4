"""The level of a noisy loss at one place with its standard error, and the error of a difference of two runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import hypot, sqrt

import numpy as np

from diagnosis.line_end import Level, line_end, widened
from diagnosis.series import Series
from diagnosis.trend import eval_standard_error
from parsers.records import Floats, Ints

SHARES = (0.05, 0.1, 0.2)
"""The level of a training loss is read off the last 5 % before the place, or more where its rows are few. Over the
last 20 % a straight line misses the tail of a power law by less than 0.001 nats (b = .366, data term .5)."""
WANTED_ROWS = 16
"""Twice the rows that a line needs at least."""
PAIRS = 20
PAIRED_ROWS = 40
"""Evaluations and training rows at the same places from which the scatter of their differences is trusted."""
NO_FREEDOM = 3
"""A second difference takes two values, and the first tenth of the steps is left out."""
RECENT = 2000
"""The newest evaluations that are looked at for that."""
ALIKE = 0.9
"""Two runs are paired where they share this part of the rows."""
DECIMALS = 6
"""Looked for; who prints more is limited by noise."""
A_DIGIT = 0.501
"""Two errors of a difference are never less than one step of the last digit that is printed."""
PRINTED = 5
"""Values that all end early do so by chance with a probability of 10^-5."""


@dataclass(frozen=True)
class Curve:
    """One loss of one run on an axis: `places` and `values` of the same shape (n,), places never falling.

    `error` is the standard error of one value where that is known from elsewhere (evaluations); `noisy` says that each
    value is a sample of few batches, to be read as a local line. A running average is neither: its error is unknown.
    """

    places: Floats
    values: Floats
    error: float | None = None
    noisy: bool = False

    def holds(self, place: float) -> bool:
        """Whether the run has rows on both sides of the place, or one on it."""
        return bool(len(self.places)) and float(self.places[0]) <= place <= float(self.places[-1])

    @cached_property
    def last_digit(self) -> float:
        """The step in which the values are printed: 0.01 for two decimals; 0 where they are many or cannot be told."""
        tail = self.values[-100:]
        for decimals in range(DECIMALS) if len(tail) >= PRINTED else ():
            if np.allclose(tail, np.round(tail, decimals), rtol=0, atol=1e-9):
                return float(10.0**-decimals)
        return 0.0

    @property
    def rounding(self) -> float:
        """The standard deviation that printing adds: that of a uniform error of one last digit."""
        return self.last_digit / sqrt(12)

    def rows_within(self, place: float, share: float) -> int:
        """How many rows lie in that last share before the place."""
        left, right = np.searchsorted(self.places, [place * (1 - share), np.nextafter(place, np.inf)])
        return int(right - left)

    def last(self, place: float, share: float) -> tuple[Floats, Floats]:
        """The rows of that last share before the place, which is 0 on their axis; the share begins at -1."""
        left, right = np.searchsorted(self.places, [place * (1 - share), np.nextafter(place, np.inf)])
        width = share * place or 1.0
        return (self.places[left:right] - place) / width, self.values[left:right]


def eval_curve(places: Floats, series: Series, *others: Series) -> Curve:
    """Evaluations: their error is the scatter about their own course, that of `others` (the other split) joined."""
    error = eval_standard_error(series, *others)
    return Curve(places, series.values, None if error is None else error * widened(len(series) - NO_FREEDOM))


def share_for(curves: list[Curve], place: float) -> float:
    """The part before the place that gives every noisy curve enough rows."""
    noisy = [c for c in curves if c.noisy]
    for share in SHARES:
        if all(c.rows_within(place, share) >= WANTED_ROWS for c in noisy):
            return share
    return SHARES[-1]


def level_at(curve: Curve, place: float, share: float) -> Level | None:
    """The level there: of a noisy curve by a line through the last `share`, else linear between the neighbours.

    None where the curve does not reach the place.
    """
    if not curve.holds(place):
        return None
    if curve.noisy:
        line = line_end(*curve.last(place, share), curve.rounding)
        if line is not None:
            return line
    error = _between(curve, place)
    return Level(
        float(np.interp(place, curve.places, curve.values)), None if error is None else max(error, curve.rounding)
    )


def difference_error(one: Curve, other: Curve, levels: tuple[Level, Level], place: float, share: float) -> float | None:
    """The standard error of the difference of two runs at a place, whose levels there are known.

    Rows at the same places are paired: what both drew alike (the same batches, the same validation set) drops out.
    None where the noise of one is unknown.
    """
    errors = levels[0].error, levels[1].error
    if errors[0] is None or errors[1] is None:
        return None
    paired = _paired_lines(one, other, place, share) if one.noisy and other.noisy else _paired_evals(one, other)
    error = hypot(errors[0], errors[1]) if paired is None else paired
    if one.noisy and other.noisy:
        return error
    return max(error, A_DIGIT * max(one.last_digit, other.last_digit))


def _between(curve: Curve, place: float) -> float | None:
    """The error of a value interpolated between two rows: smaller than that of one, as both have their own."""
    if curve.error is None:
        return None
    after = min(int(np.searchsorted(curve.places, place)), len(curve.places) - 1)
    before = max(0, after - 1)
    gap = float(curve.places[after] - curve.places[before])
    weight = 1.0 if gap <= 0 else float(place - curve.places[before]) / gap
    return curve.error * hypot(weight, 1 - weight)


def _paired_lines(one: Curve, other: Curve, place: float, share: float) -> float | None:
    (first, values), (second, others) = one.last(place, share), other.last(place, share)
    same, at, there = np.intersect1d(first, second, return_indices=True)
    if len(same) < max(PAIRED_ROWS, ALIKE * max(len(first), len(second))):
        return None
    line = line_end(same, values[at] - others[there], hypot(one.rounding, other.rounding))
    return None if line is None else line.error


def _paired_evals(one: Curve, other: Curve) -> float | None:
    first, second = one.places[-RECENT:], other.places[-RECENT:]
    same, at, there = np.intersect1d(first, second, return_indices=True)
    low, high = max(first[0], second[0]), min(first[-1], second[-1])
    inside = max(int(np.sum((places >= low) & (places <= high))) for places in (first, second))
    if len(same) < max(PAIRS, ALIKE * inside):
        return None
    apart = one.values[-RECENT:][at] - other.values[-RECENT:][there]
    error = eval_standard_error(Series("difference", _ranks(same), apart))
    if error is None:
        return None
    return error * widened(len(same) - NO_FREEDOM)


def _ranks(places: Floats) -> Ints:
    """Places as whole numbers of the same proportions, so that a tenth of them is a tenth."""
    return np.asarray(np.round(places / (float(places[-1]) or 1.0) * 2**40), np.int64)
