"""Which part of a run a chart shows: the window of steps and the range of losses, both at round numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.series import Series
from parsers.records import Floats
from tui.look import Look
from tui.raster import Columns
from tui.ticks import round_limits, round_step, round_up

SHOWN_SHARE = 0.96
"""The curve is inside the default range in this share of the columns: the fall from ln(vocabulary) is not."""
PLANNED_FROM = 0.4
"""From this share of the plan on the axis reaches to the planned end."""
LEAST_SPAN = 0.005
"""A range is at least this share of its values: what moves less is flat, and its last digits are no curve."""
FARTHEST = 1e30
LIMITS_OF = 16
"""A range ends at round numbers of so many parts of it, at most: close to the curve, and yet it rarely moves."""


@dataclass(frozen=True, slots=True)
class XAxis:
    """A window of steps; `low` < `high`, and `low` > 0 on a log axis."""

    low: float
    high: float
    log: bool = False

    def edges(self, n: int) -> Floats:
        """The n + 1 edges of n columns, in steps."""
        edges: Floats = (
            np.geomspace(self.low, self.high, n + 1) if self.log else np.linspace(self.low, self.high, n + 1)
        )
        edges[0], edges[-1] = self.low, self.high
        return edges

    def share(self, step: float) -> float:
        """Where a step lies: 0 at the left edge, 1 at the right one."""
        if self.log:
            return math.log(max(step, 1e-9) / self.low) / math.log(self.high / self.low)
        return (step - self.low) / (self.high - self.low)

    def at(self, share: float) -> float:
        """The step at that share of the window."""
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class YAxis:
    """A range of losses. `above` and `below` are the farthest points outside of it, None where all are inside."""

    low: float
    high: float
    log: bool = False
    above: float | None = None
    below: float | None = None

    def rows(self, values: Floats, rows: int) -> Floats:
        """Dot rows as floats: 0 at the top edge, rows - 1 at the bottom edge; NaN stays NaN."""
        bounded = np.clip(values, -FARTHEST, FARTHEST)
        if not self.log:
            placed: Floats = (self.high - bounded) / (self.high - self.low) * (rows - 1)
            return placed
        span = math.log(self.high / self.low)
        with np.errstate(invalid="ignore"):
            logs: Floats = np.log(self.high / np.maximum(bounded, self.low * 1e-3)) / span * (rows - 1)
        return logs


def newest(series: Sequence[Series]) -> int | None:
    """The newest step of any of them."""
    return max((int(s.steps[-1]) for s in series if len(s)), default=None)


def whole_axis(series: Sequence[Series], planned: int | None, log: bool) -> XAxis:
    """All of the run: from its start to its planned end, or to a round step while that is still far away."""
    last = newest(series)
    if last is None:
        return XAxis(1.0 if log else 0.0, float(max(planned or 0, 2)), log)
    if log:
        return _whole_log(series, last, planned)
    first = min(int(s.steps[0]) for s in series if len(s))
    low = 0.0
    if first > 0.25 * last or first < 0:
        step = round_step(max(last - first, 1), 10)
        low = math.floor(first / step) * step
    if planned is not None and planned > low and (last >= PLANNED_FROM * planned or last <= low):
        return XAxis(low, float(max(planned, last)))
    high = low + round_up(max(last - low, 1.0))
    return XAxis(low, min(high, max(float(planned), last)) if planned is not None and planned > low else high)


def _whole_log(series: Sequence[Series], last: int, planned: int | None) -> XAxis:
    positive = [int(s.steps[at]) for s in series if (at := int(np.searchsorted(s.steps, 1))) < len(s)]
    low = float(min(positive, default=1))
    if planned is not None and last < planned <= 10 * last:
        return XAxis(low, float(planned), log=True)
    return XAxis(low, max(round_up(last) if planned != last else float(last), 1.5 * low), log=True)


def x_axis(series: Sequence[Series], planned: int | None, look: Look) -> XAxis:
    """The window that the user looks at: all of the run, or its part by zoom and centre.

    Without a centre a zoomed window follows the newest step, in jumps of an eighth of its width.
    """
    whole = whole_axis(series, planned, look.log_x)
    last = newest(series)
    if look.zoom <= 1 or last is None:
        return whole
    width = 1 / look.zoom
    if look.centre is None:
        eighth = width / 8
        right = math.ceil(whole.share(last) / eighth + 0.5) * eighth
        left = right - width
    else:
        left = whole.share(look.centre) - width / 2
    left = min(max(left, 0.0), 1 - width)
    low, high = whole.at(left), whole.at(left + width)
    return XAxis(low, high, look.log_x) if high - low >= 1 else XAxis(low, low + 1, look.log_x)


def y_axis(raw: Columns, line: Floats, val: Columns, extra: Sequence[float], *, log: bool) -> YAxis:
    """A range that shows what matters now: nearly all of the curve, but not the first fall, which would flatten it.

    The top is a quantile over columns, so what is short on the axis does not rule it; `extra` (the forecast)
    and the newest values are always inside. A log axis with values at or below 0 falls back to a linear one.
    """
    typical = np.fmax(np.fmax(_bridged(line), _bridged(raw.high)), _bridged(val.high))
    typical = typical[np.isfinite(typical)]
    lows = [*_finite(line), *_finite(val.low), *extra]
    if len(known := _finite(raw.low)):
        lows.append(_quantile(known, 0.02))
    if not lows or not len(typical):
        return YAxis(0.0, 1.0)
    low = max(min(lows), -FARTHEST)
    tips = [float(found[-1]) for found in (_finite(line), _finite(val.mean)) if len(found)]
    high = max([_quantile(typical, SHOWN_SHARE), *tips, *extra])
    highest = float(np.max([*_finite(raw.high), *_finite(val.high)], initial=high))
    lowest = float(np.min([*_finite(raw.low), *_finite(val.low)], initial=low))
    if highest - low <= 1.35 * (high - low):
        high = highest
    lacking = LEAST_SPAN * max(abs(low), abs(high)) - (high - low)
    if lacking > 0:
        low, high = low - lacking / 2, high + lacking / 2
    log = log and low > 0
    bottom, top = round_limits(low, min(high, FARTHEST), LIMITS_OF)
    if log and bottom <= 0:
        bottom = low
    return YAxis(bottom, top, log, highest if highest > top else None, lowest if lowest < bottom else None)


def _bridged(values: Floats) -> Floats:
    """Linear over the columns without points, NaN outside of the curve."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return values
    bridged: Floats = np.interp(np.arange(len(values)), known, values[known], left=np.nan, right=np.nan)
    return bridged


def _quantile(values: Floats, share: float) -> float:
    """As numpy's own, which takes ten times as long over so few values."""
    ordered = np.sort(values)
    at = share * (len(ordered) - 1)
    below, above = float(ordered[int(at)]), float(ordered[math.ceil(at)])
    return below + (above - below) * (at - int(at))


def _finite(values: Floats) -> Floats:
    kept: Floats = values[np.isfinite(values)]
    return kept
