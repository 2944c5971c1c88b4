"""Where a noisy series ends: the end of a line through its rows, with an error that knows that neighbours agree."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from diagnosis.statistics import robust_sd
from parsers.records import Floats

MOST_ROWS = 1000
"""Denser rows are averaged first; a line through their means is the same."""
FEWEST_ROWS = 8
"""Rows from which a line is laid through; with fewer the noise cannot be told."""
CURVED = 3.0
"""Standard errors from which a bend is sure."""
OUTLIER = 4.0
"""Robust deviations from the line beyond which a row is left out: a single bad batch."""
BLOCKS = 16
ROWS_A_BLOCK = 10
"""Neighbours share documents and shards: in four build-nanogpt runs the means of 20 rows scattered 1.7 to 2.3 times as
much as those of independent rows; the correlation of neighbours alone explains 1.4 to 1.6."""
MOST_CORRELATION = 0.9
"""Of neighbours; a higher one is a running mean, whose rows are not noise."""


@dataclass(frozen=True, slots=True)
class Level:
    """A loss at a place; `error` is its standard error, None where the noise is unknown."""

    value: float
    error: float | None


def line_end(x: Floats, y: Floats, rounding: float) -> Level | None:
    """Where a line through the rows, outliers left out, ends at x = 0; None for too few rows.

    A straight one, or a parabola where the rows are surely bent: within a decay of the learning rate.
    """
    if len(x) < FEWEST_ROWS or not np.ptp(x):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        keep = _near(x, y, rounding)
        x, y = _thinned(x[keep]), _thinned(y[keep])
        straight, bent = (_fitted(x, y, degree, rounding) for degree in (1, 2))
    found = bent if bent.bend > CURVED else straight
    return Level(found.end, found.error) if np.isfinite([found.end, found.error]).all() else None


def _thinned(values: Floats) -> Floats:
    """At most twice MOST_ROWS means of neighbours; the few last that make no whole block are left out."""
    size = len(values) // MOST_ROWS
    return values if size < 2 else values[: len(values) // size * size].reshape(-1, size).mean(axis=1)


@dataclass(frozen=True, slots=True)
class _Line:
    """A polynomial's value at 0, its standard error, and its highest term in standard errors."""

    end: float
    error: float
    bend: float


def _fitted(x: Floats, y: Floats, degree: int, rounding: float) -> _Line:
    powers = np.vander(x, degree + 1, increasing=True)
    terms = np.linalg.lstsq(powers, y, rcond=None)[0]
    spread = np.sqrt(np.diag(np.linalg.pinv(powers.T @ powers)))
    single = max(_long_run_sd(y - powers @ terms, degree + 1), rounding)
    error = single * float(spread[-1])
    return _Line(float(terms[0]), single * float(spread[0]), abs(float(terms[-1])) / error if error > 0 else 0.0)


def _near(x: Floats, y: Floats, rounding: float) -> npt.NDArray[np.bool_]:
    """The rows that are no outliers from a first parabola; all where too few would be left."""
    powers = np.vander(x, 3)
    left = y - powers @ np.linalg.lstsq(powers, y, rcond=None)[0]
    limit = OUTLIER * max(robust_sd(left) or 0.0, rounding)
    keep = np.abs(left) <= limit
    enough = limit > 0 and keep.sum() >= FEWEST_ROWS and np.ptp(x[keep]) > 0
    return np.asarray(keep if enough else np.ones(len(x), np.bool_))


def _long_run_sd(left: Floats, terms: int) -> float:
    """The standard deviation of independent rows that would scatter their mean as these, which move together, do.

    `left` are the residuals of a fit of so many terms. The larger of what the lag-1 correlation gives, freed of what
    the fit took from it, and of what the means of 16 blocks show. Source: Hamed & Rao 1998; the bias is Marriott &
    Pope's (1954) for one term, and for more as simulated noise has it.
    """
    count, total = len(left), float(left @ left)
    if total <= 0 or count <= terms + 2:
        return 0.0
    seen = float(left[1:] @ left[:-1]) / total
    correlation = min(MOST_CORRELATION, max(0.0, (seen + terms / count) / (1 - (terms + 2) / count)))
    single = sqrt(total / (count - terms))
    found = single * sqrt((1 + correlation) / (1 - correlation)) * widened(count - terms)
    size = count // BLOCKS
    if size < ROWS_A_BLOCK:
        return found
    means = left[: size * BLOCKS].reshape(BLOCKS, size).mean(axis=1)
    return max(found, float(np.sqrt(np.sum(means**2) / (BLOCKS - terms)) * sqrt(size)))


def widened(freedom: float) -> float:
    """What widens an error that few values told, so that two of it hold 95 %: Student's t to a normal's 1.96."""
    return 1 + 1.2 / max(1.0, freedom)
