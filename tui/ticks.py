"""Axis limits and ticks at round numbers, chosen so that they stay where they are while a run grows."""

from __future__ import annotations

import math
from itertools import pairwise

ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
ROUND_ENDS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
LOG_TICKS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0))


def round_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 2.5 or 5 times a power of ten that divides `span` into at most `most` parts."""
    rough = span / max(1, most)
    if not rough > 0 or not math.isfinite(rough):
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next((s * power for s in ROUND_STEPS if s * power >= rough * (1 - 1e-9)), 10 * power)


def round_up(value: float) -> float:
    """The next round end of an axis at or above a positive `value`, so that the axis grows in few jumps."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((s * power for s in ROUND_ENDS if s * power >= value * (1 - 1e-9)), 10 * power)


def round_limits(low: float, high: float, most: int) -> tuple[float, float]:
    """`low` and `high` moved out to the round numbers of at most `most` parts."""
    if not high > low:
        high = low + (abs(low) * 0.1 or 1.0)
    step = round_step(high - low, most)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def ticks(low: float, high: float, most: int, log: bool = False) -> list[float]:
    """Round numbers from `low` to `high`, at most about `most`; on a log axis 1, 2, 5 times powers of ten."""
    if not (math.isfinite(low) and math.isfinite(high) and high > low) or most < 1:
        return []
    if log and low > 0 and high / low >= 8:
        return _log_ticks(low, high, most)
    step = round_step(high - low, most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    if last - first > 4 * most + 8:
        return []
    return [k * step for k in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    best: list[float] = []
    for factors in LOG_TICKS:
        found = [f * 10.0**p for p in powers for f in factors if low * (1 - 1e-9) <= f * 10.0**p <= high * (1 + 1e-9)]
        if best and len(found) > most:
            break
        best = found
    return best[:: math.ceil(len(best) / most)] if best else []


def tick_label(value: float, step: float) -> str:
    """A tick with as many decimals as its step needs: 3.5 of 0.5 -> "3.5", 2500 of 500 -> "2,500"."""
    if not math.isfinite(value) or abs(value) >= 1e7 or 0 < abs(step) < 1e-6:
        return f"{value:.1e}".replace("-", "−")
    decimals = next((d for d in range(7) if abs(step * 10**d - round(step * 10**d)) < 1e-6 * 10**d * step), 6)
    return f"{value + 0.0:,.{decimals}f}".replace("-", "−")


def smallest_gap(values: list[float]) -> float:
    """The smallest distance between neighbours; the value itself where there is only one."""
    gaps = [b - a for a, b in pairwise(values)]
    return min(gaps) if gaps else abs(values[0]) if values else 1.0
