"""Curves as dots: each dot column gets the lowest and highest of its points, so that no spike is lost.

A cell holds 2 x 4 dots (braille). Everything is numpy over columns; the points themselves are passed over once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.series import Series
from parsers.records import Floats

Dots = npt.NDArray[np.bool_]
"""Dots of shape (4 * height, 2 * width); row 0 is the top."""
Cells = npt.NDArray[np.uint8]
"""Braille patterns of shape (height, width)."""

FARTHEST_STEP = 9e18
BRAILLE = np.array([" ", *(chr(0x2800 + code) for code in range(1, 256))])
_WEIGHTS = np.array([[1, 8], [2, 16], [4, 32], [64, 128]], np.uint16)
_ASCII_BY_ROWS = (" ", "'", "-", "'", "-", ":", "-", "|", ".", ":", ":", "|", ".", "|", "|", "|")


def _ascii_sign(code: int) -> str:
    rows = sum(1 << row for row in range(4) if code & int(_WEIGHTS[row].sum()))
    return _ASCII_BY_ROWS[rows]


ASCII = np.array([_ascii_sign(code) for code in range(256)])


@dataclass(frozen=True, slots=True)
class Columns:
    """What each of n dot columns holds: float64 of shape (n,), NaN where it has no finite point."""

    low: Floats
    high: Floats
    mean: Floats
    count: npt.NDArray[np.int64]
    bad: Dots
    """Whether a NaN or an infinity fell into the column; bool of shape (n,)."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The columns of a series as far as it had grown."""

    series: Series
    edges: Floats
    columns: Columns


_SEEN: dict[str, _Seen] = {}
"""By metric name: what was last asked for."""


def settled_columns(series: Series, edges: Floats) -> Columns:
    """As `columns`; of a series that only grew since it was last asked for at these edges, the new ones alone."""
    seen = _SEEN.get(series.name)
    first = 0
    if seen is not None and _grew(seen.series, series) and np.array_equal(seen.edges, edges):
        first = max(0, int(np.searchsorted(edges, seen.series.steps[-1], side="right")) - 1)
    first = min(first, len(edges) - 2)
    found = columns(series, edges[first:])
    if seen is not None and first > 0:
        found = _spliced(seen.columns, found, first)
    _SEEN[series.name] = _Seen(series, edges, found)
    return found


def _grew(before: Series, after: Series) -> bool:
    """Whether `after` begins with `before`: a run appends in place, so the same memory holds the same points."""
    if not 0 < len(before) <= len(after):
        return False
    pairs = ((before.steps, after.steps), (before.values, after.values))
    return all(
        a.strides == b.strides and a.__array_interface__["data"][0] == b.__array_interface__["data"][0]
        for a, b in pairs
    )


def _spliced(old: Columns, new: Columns, first: int) -> Columns:
    names = ("low", "high", "mean", "count", "bad")
    return Columns(*(np.concatenate([getattr(old, name)[:first], getattr(new, name)]) for name in names))


def columns(series: Series, edges: Floats) -> Columns:
    """The points of each column; column i is edges[i] <= step < edges[i + 1], the last one closed."""
    cuts = _before(series, edges)
    cuts[-1] = _through(series, edges[-1])
    n = len(edges) - 1
    low, high, mean = (np.full(n, np.nan) for _ in range(3))
    count = np.diff(cuts)
    bad = np.zeros(n, np.bool_)
    filled = np.flatnonzero(count > 0)
    if len(filled):
        values, starts = series.values[: cuts[-1]], cuts[filled]
        # Huge but finite values may overflow in a sum; that column then says inf, which is drawn as such.
        with np.errstate(invalid="ignore", over="ignore"):
            low[filled] = np.minimum.reduceat(values, starts)
            high[filled] = np.maximum.reduceat(values, starts)
            mean[filled] = np.add.reduceat(values, starts) / count[filled]
        suspect = filled[~(np.isfinite(low[filled]) & np.isfinite(high[filled]))]
        _mend(series.values, cuts, suspect, (low, high, mean, count, bad))
    return Columns(low, high, mean, count, bad)


def _before(series: Series, edges: Floats) -> npt.NDArray[np.intp]:
    """How many points lie before each edge. Whole edges, lest numpy turn all of the steps into floats."""
    whole = np.clip(np.ceil(edges), -FARTHEST_STEP, FARTHEST_STEP).astype(np.int64)
    return np.searchsorted(series.steps, whole, side="left")


def _through(series: Series, edge: float) -> int:
    """How many points lie before the edge or on it."""
    whole = int(min(max(np.floor(edge), -FARTHEST_STEP), FARTHEST_STEP))
    return int(np.searchsorted(series.steps, whole, side="right"))


def _mend(
    values: Floats,
    cuts: npt.NDArray[np.intp],
    suspect: npt.NDArray[np.intp],
    into: tuple[Floats, Floats, Floats, npt.NDArray[np.int64], Dots],
) -> None:
    """Columns with NaN or infinity among their points again, from the finite ones alone."""
    low, high, mean, count, bad = into
    for at in suspect:
        points = values[cuts[at] : cuts[at + 1]]
        finite = points[np.isfinite(points)]
        bad[at], count[at] = True, len(finite)
        known = len(finite) > 0
        low[at] = finite.min() if known else np.nan
        high[at] = finite.max() if known else np.nan
        mean[at] = finite.mean() if known else np.nan


def smoothed(series: Series, found: Columns, edges: Floats, share: float) -> Floats:
    """The debiased exponential mean at each column, NaN where the column has no finite point.

    `share` is what of the old value each new point keeps (TensorBoard's smoothing). Old and new points count
    alike, so that a falling curve is not shifted to the right; at the newest point it is the usual running mean.
    A column counts as so many points at its mean: exact for one point a column, quieter for many. Points
    outside of the edges warm the mean up, so that a zoomed curve does not change.
    """
    start, end = int(_before(series, edges[:1])[0]), _through(series, edges[-1])
    reach = _reach_of(share)
    before = _warm(series.values[max(0, start - reach) : start], share)
    after = _warm(series.values[end : end + reach][::-1], share)
    at = np.flatnonzero(np.isfinite(found.mean))
    keeps, means = share ** found.count[at].astype(np.float64), found.mean[at]
    forward = _running(keeps, means, before)
    backward = _running(keeps[::-1], means[::-1], after)[::-1]
    both = forward + backward
    # Each column's own points are in both passes.
    own = np.stack([1 - keeps, (1 - keeps) * means], axis=1)
    weight, total = (both - own).T
    result = np.full(len(found.mean), np.nan)
    result[at] = total / weight
    return result


def smoothed_at(series: Series, index: int, share: float) -> float | None:
    """The same mean at one point of the series; None where no finite point is near."""
    reach = _reach_of(share)
    first = max(0, index - reach)
    values = series.values[first : index + reach + 1]
    weights = share ** np.abs(np.arange(first, first + len(values)) - index) if share > 0 else np.zeros(len(values))
    weights[index - first] = 1.0
    finite = np.isfinite(values)
    weight = float(weights[finite].sum())
    return float((weights[finite] * values[finite]).sum()) / weight if weight > 0 else None


def _reach_of(share: float) -> int:
    """So many points away a point counts less than a thousandth."""
    return 1 if share <= 0 else int(np.ceil(np.log(1e-3) / np.log(share)))


def _warm(points: Floats, share: float) -> tuple[float, float]:
    points = points[np.isfinite(points)]
    weights = (1 - share) * share ** np.arange(len(points) - 1, -1, -1.0)
    return float(weights.sum()), float((weights * points).sum())


def _running(keeps: Floats, means: Floats, start: tuple[float, float]) -> Floats:
    """(weight, weighted sum) after each column, of shape (n, 2)."""
    weight, total = start
    rows = []
    for keep, mean in zip(keeps.tolist(), means.tolist(), strict=True):
        weight = keep * weight + (1 - keep)
        total = keep * total + (1 - keep) * mean
        rows.append((weight, total))
    return np.array(rows, np.float64).reshape(-1, 2)


def spans(low: Floats, high: Floats, dots: tuple[int, int]) -> Dots:
    """Dots from `low` to `high` (dot rows as floats, 0 the top, NaN none) in each column, cut at the edges."""
    rows, width = dots
    known = np.isfinite(low) & np.isfinite(high)
    top = np.where(known, np.clip(np.rint(np.fmin(low, high)), 0, rows - 1), rows).astype(np.int64)
    bottom = np.where(known, np.clip(np.rint(np.fmax(low, high)), 0, rows - 1), -1).astype(np.int64)
    y = np.arange(rows)[:, None]
    return (y >= top[:width]) & (y <= bottom[:width])


def joined(low: Floats, high: Floats, breaks: Dots, dots: tuple[int, int]) -> Dots:
    """As `spans`, with a line from each filled column to the next, unless a column in `breaks` lies between."""
    known = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    if not len(known):
        return np.zeros(dots, np.bool_)
    rows = dots[0]
    x = np.arange(len(low))
    holds = np.zeros(len(low), np.bool_)
    holds[known] = True
    # The empty columns between two filled ones stay empty where any of them lost a point that is no number.
    gap, lost = np.cumsum(holds), np.cumsum(breaks & ~holds)
    broken = lost[known[np.minimum(gap, len(known) - 1)]] > lost[known[np.maximum(gap - 1, 0)]]
    inside = (x >= known[0]) & (x <= known[-1]) & (holds | ~broken)
    top = np.interp(x, known, np.clip(np.fmin(low, high)[known], -1, rows))
    bottom = np.interp(x, known, np.clip(np.fmax(low, high)[known], -1, rows))
    top, bottom = np.rint(top), np.rint(bottom)
    _reach(top, bottom)
    return spans(np.where(inside, top, np.nan), np.where(inside, bottom, np.nan), dots)


def _reach(top: Floats, bottom: Floats) -> None:
    """Lengthens neighbours towards each other, half way each, until they touch."""
    falling = top[1:] - bottom[:-1] > 1
    rising = top[:-1] - bottom[1:] > 1
    down = np.floor((bottom[:-1] + top[1:]) / 2)
    up = np.floor((bottom[1:] + top[:-1]) / 2)
    reach_bottom, reach_top = bottom.copy(), top.copy()
    reach_bottom[:-1] = np.where(falling, np.maximum(reach_bottom[:-1], down), reach_bottom[:-1])
    reach_top[1:] = np.where(falling, np.minimum(reach_top[1:], down + 1), reach_top[1:])
    reach_top[:-1] = np.where(rising, np.minimum(reach_top[:-1], up + 1), reach_top[:-1])
    reach_bottom[1:] = np.where(rising, np.maximum(reach_bottom[1:], up), reach_bottom[1:])
    top[:], bottom[:] = reach_top, reach_bottom


def pack(dots: Dots) -> Cells:
    """Dots of shape (4h, 2w) as braille patterns of shape (h, w)."""
    height, width = dots.shape[0] // 4, dots.shape[1] // 2
    blocks = dots.reshape(height, 4, width, 2)
    packed: Cells = np.einsum("iajb,ab->ij", blocks.astype(np.uint16), _WEIGHTS).astype(np.uint8)
    return packed
