"""What was read off a GPU at one moment, as plain values. No NVML here, so every room may import it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Throttle = Literal[
    "gpu_idle",
    "application_clocks",
    "sw_power_cap",
    "hw_slowdown",
    "sync_boost",
    "sw_thermal",
    "hw_thermal",
    "hw_power_brake",
    "display_clocks",
]


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that computes on a GPU. The pid is the host's, also inside a container."""

    pid: int
    memory_bytes: int | None
    name: str | None
    this_run: bool | None
    """Whether it belongs to the run that is watched; None where that cannot be known."""


@dataclass(frozen=True, slots=True)
class GpuSample:
    """One reading of one GPU. None is unknown; `faults` says why, by field name, in a few words."""

    index: int | None
    """NVML's index, None for a GPU that was only named and is not on this machine."""
    name: str | None
    uuid: str | None = None
    utilization: float | None = None
    """Share of the last sample period, 0 to 1, in which any kernel ran: busy, not MFU."""
    memory_total_bytes: int | None = None
    memory_used_bytes: int | None = None
    """Without what the driver reserves."""
    memory_reserved_bytes: int | None = None
    memory_free_bytes: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    temperature_c: float | None = None
    slowdown_temperature_c: float | None = None
    sm_clock_hz: float | None = None
    sm_clock_max_hz: float | None = None
    memory_clock_hz: float | None = None
    throttle: tuple[Throttle, ...] | None = None
    processes: tuple[GpuProcess, ...] | None = None
    cuda_cores: int | None = None
    compute_capability: tuple[int, int] | None = None
    driver: str | None = None
    faults: tuple[tuple[str, str], ...] = ()
    """(field, reason): what could not be read this time and why; ("gpu", reason) when nothing could."""

    def fault(self, field: str) -> str | None:
        """Why `field` is unknown, or None."""
        return next((reason for name, reason in self.faults if name == field), None)
