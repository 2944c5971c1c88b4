"""What slows a GPU's clocks down, for how long, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.gpu_past import GpuPast
from diagnosis.wording import percent, span
from gpu.sample import GpuSample, Throttle
from parsers.records import Floats

HARD: tuple[Throttle, ...] = ("hw_slowdown", "hw_thermal", "hw_power_brake", "sw_thermal")
"""Clocks below what the power limit allows: heat, or the power supply. nvml.h, nvmlClocksEventReasons."""
LAST_SECONDS, LASTING_SECONDS = 60.0, 10.0
"""By judgement: a peak of the load that heats the card up for a moment is no finding."""
WORKS = 0.3
"""By judgement: utilisation below this is a GPU that rests, and what its clocks do then is of no interest."""
WORDS: dict[Throttle, str] = {
    "hw_slowdown": "hardware slowdown",
    "hw_thermal": "overheated",
    "hw_power_brake": "power brake",
    "sw_thermal": "thermal limit",
}


@dataclass(frozen=True, slots=True)
class Throttling:
    """A GPU that runs slower than it could."""

    reasons: tuple[Throttle, ...]
    seconds: float | None
    """How long in the last `of_seconds`; None where there was one reading only."""
    of_seconds: float | None
    clock_hz: float | None
    """The mean SM clock meanwhile."""
    free_clock_hz: float | None
    """The mean SM clock of the rest of the time, at work."""
    step: float | None
    """The step at which it had lasted."""


def throttling(sample: GpuSample, past: GpuPast | None) -> Throttling | None:
    """Whether the GPU's hardware or heat holds its clocks down while it works.

    By its past: 10 s of a minute at least, within the last half hour. Without a past by the one reading there is.
    """
    if past is None:
        reasons = tuple(reason for reason in HARD if reason in (sample.throttle or ()))
        works = sample.utilization is None or sample.utilization >= WORKS
        return Throttling(reasons, None, None, sample.sm_clock_hz, None, None) if reasons and works else None
    working = ~(past.utilization < WORKS)
    slowed = np.where(working, past.under(*HARD), 0.0)
    lasting = np.flatnonzero(_in_the_last_minute(slowed, past.weights) >= LASTING_SECONDS)
    if not len(lasting):
        return None
    step = float(past.steps[lasting[0]])
    return Throttling(
        reasons=tuple(r for r in HARD if float(past.under(r)[working].sum()) > 0),
        seconds=float(slowed.sum()),
        of_seconds=float(past.weights.sum()),
        clock_hz=_mean(past.clock_hz[slowed > 0]),
        free_clock_hz=_mean(past.clock_hz[working & (slowed == 0) & (past.throttle >= 0)]),
        step=step if np.isfinite(step) else None,
    )


def described(sample: GpuSample, found: Throttling) -> str:
    """The reasons and what is known of them, in one line: for the evidence of whoever needs the cause."""
    clock = "" if found.clock_hz is None else f", SM clock {_gigahertz(found.clock_hz)}"
    heat = f" at {sample.temperature_c:.0f} °C" if sample.temperature_c is not None else ""
    return f"throttled ({', '.join(found.reasons)}){heat}{clock}"


def lines(sample: GpuSample, found: Throttling) -> tuple[str, ...]:
    """The same as evidence: how long, the clocks, the heat."""
    why = ", ".join(f"{WORDS[reason]} ({reason})" for reason in found.reasons)
    if found.seconds is None or not found.of_seconds:
        long = f"{why}, by one reading"
    else:
        share = percent(found.seconds / found.of_seconds)
        long = f"{why}: {span(found.seconds)} of the last {span(found.of_seconds)} ({share})"
    return (long, *_clocks(sample, found), *_heat(sample))


def _clocks(sample: GpuSample, found: Throttling) -> tuple[str, ...]:
    if found.clock_hz is None:
        return ()
    parts = [f"SM clock {_gigahertz(found.clock_hz)} meanwhile"]
    if found.free_clock_hz is not None:
        parts.append(f"{_gigahertz(found.free_clock_hz)} else")
    if sample.sm_clock_max_hz is not None:
        parts.append(f"{_gigahertz(sample.sm_clock_max_hz)} at most")
    return (", ".join(parts),)


def _heat(sample: GpuSample) -> tuple[str, ...]:
    if sample.temperature_c is None:
        return ()
    limit = sample.slowdown_temperature_c
    return (f"{sample.temperature_c:.0f} °C now" + ("" if limit is None else f", it slows down at {limit:.0f} °C"),)


def _in_the_last_minute(slowed: Floats, weights: Floats) -> Floats:
    """The slowed seconds of the minute that ends with each reading."""
    until, total = np.cumsum(weights), np.concatenate((np.zeros(1), np.cumsum(slowed)))
    start = np.searchsorted(until, until - LAST_SECONDS, side="right")
    return np.asarray(total[1:] - total[start])


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _gigahertz(clock_hz: float) -> str:
    return f"{clock_hz / 1e9:.2f} GHz"
