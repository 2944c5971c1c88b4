"""What NVML is asked, by which names its calls have had, and how its units become SI."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gpu.processes import name_of
from gpu.sample import GpuProcess, Throttle

_MEMORY_V2 = 0x02000028  # nvmlMemory_v2_t: its size in the low bits, its version in the highest byte
_THROTTLE: tuple[tuple[int, Throttle], ...] = (
    (0x1, "gpu_idle"),
    (0x2, "application_clocks"),
    (0x4, "sw_power_cap"),
    (0x8, "hw_slowdown"),
    (0x10, "sync_boost"),
    (0x20, "sw_thermal"),
    (0x40, "hw_thermal"),
    (0x80, "hw_power_brake"),
    (0x100, "display_clocks"),
)
_TEMPERATURE_GPU, _THRESHOLD_SLOWDOWN, _CLOCK_SM, _CLOCK_MEMORY = 0, 1, 1, 2
_UNKNOWN_64 = 2**64 - 1
_FOR_EVER = float("inf")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. Without `reserved` (drivers before 510), `used` has in it what the driver reserves."""

    total: int
    used: int
    free: int
    reserved: int | None


@dataclass(frozen=True, slots=True)
class Query:
    """One value: the calls that give it, the newest first (name, further arguments), and its unit conversion.

    `convert` raises ValueError for a number that cannot be. `every_seconds` is how long a value is good for.
    """

    field: str
    calls: tuple[tuple[str, tuple[int, ...]], ...]
    convert: Callable[[Any], Any]
    every_seconds: float = 0.0
    of_gpu: bool = True


def _below(value: float, most: float) -> float:
    if not 0 <= value <= most:
        raise ValueError(value)
    return value


def _text(value: str | bytes) -> str:
    """Bindings before 11.510 give bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _share(rates: Any) -> float:
    return _below(rates.gpu, 100) / 100


def _memory(info: Any) -> Memory:
    if info.total <= 0 or info.used > info.total:
        raise ValueError(info.total)
    return Memory(info.total, info.used, info.free, getattr(info, "reserved", None))


def _watts(milliwatts: int) -> float:
    return _below(milliwatts, 10e6) / 1e3


def _degrees(celsius: int) -> float:
    return float(_below(celsius, 200))


def _hertz(megahertz: int) -> float:
    return _below(megahertz, 100e3) * 1e6


def _throttle(bits: int) -> tuple[Throttle, ...]:
    return tuple(name for bit, name in _THROTTLE if bits & bit)


def _processes(listed: list[Any]) -> tuple[GpuProcess, ...]:
    """A pid of 0 is a list in another layout than the binding reads, as driver 535.43 to 535.98 gave it."""
    found = []
    for entry in listed:
        if entry.pid == 0:
            raise ValueError(entry.pid)
        used = entry.usedGpuMemory
        found.append(GpuProcess(entry.pid, None if used in (None, _UNKNOWN_64) else used, name_of(entry.pid), None))
    return tuple(found)


QUERIES = (
    Query("name", (("nvmlDeviceGetName", ()),), _text, _FOR_EVER),
    Query("uuid", (("nvmlDeviceGetUUID", ()),), _text, _FOR_EVER),
    Query("driver", (("nvmlSystemGetDriverVersion", ()),), _text, _FOR_EVER, of_gpu=False),
    Query("cuda_cores", (("nvmlDeviceGetNumGpuCores", ()),), int, _FOR_EVER),
    Query("compute_capability", (("nvmlDeviceGetCudaComputeCapability", ()),), tuple, _FOR_EVER),
    Query("slowdown_temperature_c", (("nvmlDeviceGetTemperatureThreshold", (_THRESHOLD_SLOWDOWN,)),), _degrees, 300),
    Query("sm_clock_max_hz", (("nvmlDeviceGetMaxClockInfo", (_CLOCK_SM,)),), _hertz, 300),
    Query("mig", (("nvmlDeviceGetMigMode", ()),), lambda modes: bool(modes[0]), 30),
    Query("utilization", (("nvmlDeviceGetUtilizationRates", ()),), _share),
    Query("memory", (("nvmlDeviceGetMemoryInfo", (_MEMORY_V2,)), ("nvmlDeviceGetMemoryInfo", ())), _memory),
    Query("power_watts", (("nvmlDeviceGetPowerUsage", ()),), _watts),
    Query("power_limit_watts", (("nvmlDeviceGetEnforcedPowerLimit", ()),), _watts, 5),
    Query(
        "temperature_c",
        (("nvmlDeviceGetTemperatureV", (_TEMPERATURE_GPU,)), ("nvmlDeviceGetTemperature", (_TEMPERATURE_GPU,))),
        _degrees,
        2,
    ),
    Query("sm_clock_hz", (("nvmlDeviceGetClockInfo", (_CLOCK_SM,)),), _hertz),
    Query("memory_clock_hz", (("nvmlDeviceGetClockInfo", (_CLOCK_MEMORY,)),), _hertz),
    Query(
        "throttle",
        (("nvmlDeviceGetCurrentClocksEventReasons", ()), ("nvmlDeviceGetCurrentClocksThrottleReasons", ())),
        _throttle,
    ),
    Query(
        "processes",
        (
            ("nvmlDeviceGetComputeRunningProcesses_v3", ()),
            ("nvmlDeviceGetComputeRunningProcesses_v2", ()),
            ("nvmlDeviceGetComputeRunningProcesses", ()),
        ),
        _processes,
        5,
    ),
)
