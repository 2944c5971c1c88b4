"""Rule gpu-throttled."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from diagnosis.case import Case
from diagnosis.device import gpu_label, past_of, run_gpus
from diagnosis.finding import Finding
from diagnosis.gpu_past import GpuPast
from diagnosis.needs import GPU_READINGS
from diagnosis.throttling import LAST_SECONDS, Throttling, lines, throttling
from diagnosis.wording import percent
from gpu.sample import GpuSample, Throttle

ID = "gpu-throttled"
NEEDS = (GPU_READINGS,)

CAPPED_SHARE, LOADED = 0.5, 0.5
"""By judgement: the share of a minute under the power limit, and the utilisation that counts as load."""
LOW_CLOCK = 0.75
"""Of NVML's highest clock, which no load reaches: an RTX 4060 holds 2.65 of 3.105 GHz, and the RTX 4070 of the founding
run 2.61. By judgement a tenth below that is worth a word."""


def rule(case: Case) -> Finding | None:
    """The GPU runs slower than it could: heat or its power supply holds the clocks down.

    Fires while the run goes on and hw_slowdown, hw_thermal, sw_thermal or hw_power_brake holds a working GPU (30 % busy
    at least) back for 10 s of a minute, within the last half hour; with less confidence by the one reading that
    `diagnose` takes. A note where only the power limit (sw_power_cap) does so for half of a minute, and the SM clock is
    below 75 % of its highest.

    Why: matmuls are as fast as the clock; a card that brakes at its temperature limit may run at half of it.
    Do: heat: air, dust, fans, a lower power limit, which costs less than braking; power brake: cables and supply.
    False alarms: a laptop, which is built to run at its thermal limit.
    Sources: nvml.h, nvmlClocksEventReasons; NVIDIA's data sheets call the power limit the normal state at full load.
    """
    if case.state != "running":
        return None
    for gpu in run_gpus(case):
        past = past_of(case, gpu)
        found = throttling(gpu, past)
        if found is not None:
            return _slowed(case, gpu, found)
    return next((note for gpu in run_gpus(case) if (note := _capped(case, gpu, past_of(case, gpu)))), None)


def _slowed(case: Case, gpu: GpuSample, found: Throttling) -> Finding:
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.5 if found.seconds is None else 0.9,
        title=f"{gpu_label(gpu)} is slowed down by {_cause(found.reasons)}",
        evidence=lines(gpu, found),
        advice=(_advice(found.reasons),),
        first_step=case.steps.last if found.step is None else int(found.step),
        step=case.steps.last,
    )


def _cause(reasons: Collection[Throttle]) -> str:
    if "hw_thermal" in reasons or "sw_thermal" in reasons:
        return "heat"
    return "its power supply" if "hw_power_brake" in reasons else "its hardware: heat or power"


def _advice(reasons: Collection[Throttle]) -> str:
    cause = _cause(reasons)
    if cause == "heat":
        return "Cool it: check fans, dust and the air in the case, or lower its power limit (nvidia-smi -pl)."
    if "hw_power_brake" in reasons:
        return "Check the power cables and the supply: something outside the card tells it to brake."
    return "Check its temperature, then the power cables and the supply."


def _capped(case: Case, gpu: GpuSample, past: GpuPast | None) -> Finding | None:
    """A note where the power limit alone costs a quarter of the clock."""
    clock, highest = _clock_at_the_limit(gpu, past), gpu.sm_clock_max_hz
    if clock is None or not highest or clock >= LOW_CLOCK * highest:
        return None
    watts = "" if gpu.power_limit_watts is None else f" of {gpu.power_limit_watts:.0f} W"
    return Finding(
        id=ID,
        severity="info",
        confidence=0.8 if past is not None else 0.5,
        title=f"The power limit{watts} holds {gpu_label(gpu)} at {percent(clock / highest)} of its highest clock",
        evidence=(
            f"SM clock {clock / 1e9:.2f} of {highest / 1e9:.2f} GHz (sw_power_cap)",
            *(() if gpu.power_watts is None else (f"{gpu.power_watts:.0f} W now",)),
        ),
        advice=(
            "Leave it: that is normal at full load. A higher power limit would buy some speed, where one is left.",
        ),
        first_step=case.steps.last,
        step=case.steps.last,
    )


def _clock_at_the_limit(gpu: GpuSample, past: GpuPast | None) -> float | None:
    """The mean SM clock of the last minute, where its power limit held it for half of that under load."""
    if past is None:
        held = (gpu.utilization or 0.0) >= LOADED and "sw_power_cap" in (gpu.throttle or ())
        return gpu.sm_clock_hz if held else None
    recent = np.cumsum(past.weights[::-1])[::-1] <= LAST_SECONDS
    capped = past.under("sw_power_cap")[recent]
    loaded = past.utilization[recent] >= LOADED
    if float(past.weights[recent].sum()) < LAST_SECONDS / 2 or capped[loaded].sum() < CAPPED_SHARE * LAST_SECONDS:
        return None
    clocks = past.clock_hz[recent][(capped > 0) & loaded]
    return float(clocks.mean()) if np.isfinite(clocks).all() else None
