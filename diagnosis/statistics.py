"""Robust statistics of noisy series: spread, trend tests, slopes, running references. All of bounded cost."""

from __future__ import annotations

from functools import lru_cache
from math import erfc, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from parsers.records import Floats, Ints

MAD_TO_SD = 1.4826
"""Median absolute deviation to standard deviation of a normal: 1 / Phi^-1(3/4). Rousseeuw & Croux 1993."""
PAIRWISE_LIMIT = 400
"""More points than this are thinned before a test that looks at all pairs: 80,000 pairs take about 2 ms."""


def median_of(values: Floats | Ints) -> float:
    """The median of finite values, at least one of them; shape (n,).

    np.median says the same, and takes ten times as long for the few rows that a look at new ones is about.
    """
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def row_medians(table: Floats) -> Floats:
    """The median of each row of a table of finite values, shape (rows,)."""
    low, high = (table.shape[1] - 1) // 2, table.shape[1] // 2
    parted = np.partition(table, (low, high), axis=1)
    return np.asarray((parted[:, low] + parted[:, high]) / 2)


def robust_sd(values: Floats) -> float | None:
    """The standard deviation by the median absolute deviation, in the unit of `values`; outliers do not move it.

    None for fewer than two finite values.
    """
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return None
    return MAD_TO_SD * median_of(np.abs(known - median_of(known)))


def noise_sd(values: Floats) -> float | None:
    """The robust standard deviation of one point of a trending series: that of its steps, over sqrt 2.

    Exact for independent noise; too low for a running average. None for fewer than three finite values.
    """
    known = values[np.isfinite(values)]
    if len(known) < 3:
        return None
    steps = robust_sd(np.diff(known))
    return None if steps is None else steps / sqrt(2)


def block_medians(values: Floats, count: int) -> Floats:
    """`values` as at most `count` medians of equal consecutive blocks (the last may be shorter)."""
    if len(values) <= count:
        return values
    size = -(-len(values) // count)
    whole = len(values) // size * size
    medians = row_medians(values[:whole].reshape(-1, size))
    return medians if whole == len(values) else np.append(medians, median_of(values[whole:]))


@lru_cache(maxsize=8)
def _pairs(count: int) -> tuple[Ints, Ints]:
    first, second = np.triu_indices(count, 1)
    return first.astype(np.int64), second.astype(np.int64)


def _variance_of_s(values: Floats) -> float:
    """Variance of Mann-Kendall's S without trend, ties corrected (Kendall 1975)."""
    n = len(values)
    ties = np.unique(values, return_counts=True)[1].astype(float)
    return float(n * (n - 1) * (2 * n + 5) - np.sum(ties * (ties - 1) * (2 * ties + 5))) / 18


def mann_kendall(values: Floats) -> tuple[float, float]:
    """Mann-Kendall's trend test: (z, two-sided p). z > 0 rises. Order is all it looks at, so outliers do no harm.

    Assumes independent noise. Without evidence (fewer than 4 finite values, all equal) it gives (0, 1). More than
    PAIRWISE_LIMIT values are first thinned to block medians. Source: Mann 1945, Kendall 1975 (normal
    approximation with continuity and tie correction).
    """
    known = block_medians(values[np.isfinite(values)], PAIRWISE_LIMIT)
    if len(known) < 4:
        return 0.0, 1.0
    first, second = _pairs(len(known))
    score = float(np.sum(np.sign(known[second] - known[first])))
    variance = _variance_of_s(known)
    if variance <= 0 or score == 0:
        return 0.0, 1.0
    z = (score - np.sign(score)) / sqrt(variance)
    return float(z), two_sided(float(z))


def two_sided(z: float) -> float:
    """The two-sided p of a standard normal z."""
    return erfc(abs(z) / sqrt(2))


def theil_sen(x: Floats, y: Floats, level: float = 0.9) -> tuple[float, float, float] | None:
    """The median slope of y over x among all pairs, with Sen's `level` interval: (slope, low, high).

    In units of y per unit of x. More than PAIRWISE_LIMIT points are first thinned to block medians. None for
    fewer than three points of different x. Source: Sen 1968.
    """
    keep = np.isfinite(x) & np.isfinite(y)
    across, up = block_medians(x[keep], PAIRWISE_LIMIT), block_medians(y[keep], PAIRWISE_LIMIT)
    if len(up) < 3:
        return None
    first, second = _pairs(len(up))
    run = across[second] - across[first]
    apart = run != 0
    slopes = np.sort((up[second] - up[first])[apart] / run[apart])
    if not len(slopes):
        return None
    reach = NormalDist().inv_cdf(0.5 + level / 2) * sqrt(max(0.0, _variance_of_s(up)))
    low = max(0, round((len(slopes) - reach) / 2) - 1)
    high = min(len(slopes) - 1, round((len(slopes) + reach) / 2))
    middle = (slopes[(len(slopes) - 1) // 2] + slopes[len(slopes) // 2]) / 2
    return float(middle), float(slopes[low]), float(slopes[high])


def autocorrelation(values: Floats) -> float:
    """Lag-1 correlation of what is left of `values` after a parabola, from 0 to 0.9; 0 for fewer than 12 values.

    Neighbours that move together (a running average, an order of the data) carry less evidence than their number
    says: by (1 - r) / (1 + r). Source: Hamed & Rao 1998 for Mann-Kendall under autocorrelation.
    """
    if len(values) < 12:
        return 0.0
    x = np.linspace(-1, 1, len(values))
    left = values - np.polynomial.Polynomial.fit(x, values, 2)(x)
    total = float(left @ left)
    return float(np.clip(left[1:] @ left[:-1] / total, 0.0, 0.9)) if total > 0 else 0.0


def running_count(flags: npt.NDArray[np.bool_], width: int) -> npt.NDArray[np.int32]:
    """For each row the number of true flags among the last `width` rows, itself included."""
    total = np.cumsum(flags, dtype=np.int32)
    total[width:] -= total[:-width].copy()
    return total


def window_medians(values: Floats, ends: Ints, width: int) -> Floats:
    """The median of the `width` rows that end at each of `ends`; every end must be at least width - 1."""
    if not len(ends):
        return np.empty(0)
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    return row_medians(windows[ends - (width - 1)])


def looks(count: int, fewest: int) -> list[int]:
    """The numbers of points, rising from `fewest` to at most `count`, at which a growing series is looked at.

    Each up to 40, then every 5 % more. They hang on `fewest` alone: what was once seen stays seen as the series grows,
    and is seen at the same point live and afterwards.
    """
    at, seen = fewest, []
    while at <= count:
        seen.append(at)
        at = at + 1 if at < 40 else -(-at * 21 // 20)
    return seen


def begins_at_start(steps: Ints) -> bool:
    """Whether rows at these steps begin with the run: at step 0 or 1, or at the first of their regular steps."""
    if not len(steps):
        return False
    interval = int(steps[1] - steps[0]) if len(steps) > 1 else 1
    return int(steps[0]) <= max(1, interval)
