"""A pure Python stand-in for libnvidia-ml.so.1, to be read through NVIDIA's real binding.

pynvml takes any object with the library's functions as attributes. Arguments made by ctypes.byref carry what they
point to as `_obj`, a missing attribute becomes NVMLError_FunctionNotFound, and an int returned becomes its NVMLError.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pynvml

SUCCESS, UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION = range(5)
INSUFFICIENT_SIZE, DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND, FUNCTION_NOT_FOUND, GPU_IS_LOST = 7, 9, 12, 13, 15
LIB_RM_VERSION_MISMATCH, UNKNOWN = 18, 999

OLD_DRIVER = frozenset(
    {
        "nvmlDeviceGetMemoryInfo_v2",
        "nvmlDeviceGetTemperatureV",
        "nvmlDeviceGetCurrentClocksEventReasons",
        "nvmlDeviceGetComputeRunningProcesses_v3",
    }
)
"""What a driver of the 470 branch lacks; OLDER_DRIVER has no versioned process list either."""
OLDER_DRIVER = OLD_DRIVER | {"nvmlDeviceGetComputeRunningProcesses_v2"}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeGpu:
    """One GPU's values, in NVML's units. The defaults are an RTX 4070 at work."""

    name: str | bytes = "NVIDIA GeForce RTX 4070"
    uuid: str = "GPU-11111111-2222-3333-4444-555555555555"
    capability: tuple[int, int] = (8, 9)
    cores: int = 5888
    total_mib: int = 12282
    used_mib: int = 9000
    reserved_mib: int = 300
    utilization: int = 97
    milliwatts: int = 186_500
    limit_milliwatts: int = 200_000
    celsius: int = 68
    slowdown_celsius: int = 95
    sm_mhz: int = 2610
    sm_max_mhz: int = 3105
    memory_mhz: int = 10501
    reasons: int = 0x4
    mig: int | None = None
    processes: list[tuple[int, int | None]] = field(default_factory=lambda: [(4242, 9_000_000_000)])
    lost: bool = False
    fail: dict[str, int] = field(default_factory=dict)
    """Return codes of single functions for this GPU, by symbol."""


class FakeNvml:
    """The library object. `calls` counts per symbol; `fail` and `missing` act on all GPUs at once."""

    def __init__(self, *gpus: FakeGpu, driver: str = "580.95.05") -> None:
        self.gpus = list(gpus) or [FakeGpu()]
        self.driver = driver
        self.fail: dict[str, int] = {}
        self.missing: frozenset[str] = frozenset()
        self.calls: dict[str, int] = {}
        self.on_call: Callable[[str], None] = lambda symbol: None
        self.references = 0
        self.generation = 0
        """Counts nvmlInit: a handle from before the last one is stale."""
        self.bad_handles: list[str] = []
        """Symbols that were called with a NULL, lost or stale handle, which can crash a real process."""

    def __getattr__(self, symbol: str) -> Callable[..., int]:
        if not symbol.startswith("nvml") or symbol in self.missing or symbol not in _SYMBOLS:
            raise AttributeError(symbol)

        def call(*arguments: Any) -> int:
            self.calls[symbol] = self.calls.get(symbol, 0) + 1
            self.on_call(symbol)
            if symbol in self.fail:
                return self.fail[symbol]
            if symbol in _OF_GPU:
                return self._of_gpu(symbol, arguments)
            return _SYMBOLS[symbol](self, *arguments)

        return call

    def _of_gpu(self, symbol: str, arguments: tuple[Any, ...]) -> int:
        number = ctypes.cast(arguments[0], ctypes.c_void_p).value or 0
        generation, index = divmod(number, 0x1000)
        if not self.references:
            return UNINITIALIZED
        if generation != self.generation or not 0 < index <= len(self.gpus):
            self.bad_handles.append(symbol)
            return INVALID_ARGUMENT
        gpu = self.gpus[index - 1]
        if gpu.lost:
            return GPU_IS_LOST
        return gpu.fail.get(symbol) or _SYMBOLS[symbol](gpu, *arguments[1:])


@contextmanager
def installed(library: FakeNvml) -> Iterator[FakeNvml]:
    """Gives pynvml this library, and as it was before afterwards."""
    before = pynvml.nvmlLib, pynvml._nvmlLib_refcount
    pynvml.nvmlLib, pynvml._nvmlLib_refcount = library, 0
    pynvml._nvmlGetFunctionPointer_cache.clear()
    try:
        yield library
    finally:
        pynvml.nvmlLib, pynvml._nvmlLib_refcount = before
        pynvml._nvmlGetFunctionPointer_cache.clear()


@contextmanager
def without_library() -> Iterator[None]:
    """Puts pynvml on a machine without the driver: loading the library fails."""

    def fail(name: str) -> NoReturn:
        raise OSError(name)

    before = pynvml.nvmlLib, pynvml.CDLL
    pynvml.nvmlLib, pynvml.CDLL = None, fail
    pynvml._nvmlGetFunctionPointer_cache.clear()
    try:
        yield
    finally:
        pynvml.nvmlLib, pynvml.CDLL = before
        pynvml._nvmlGetFunctionPointer_cache.clear()


def _init(library: FakeNvml, _flags: Any) -> int:
    library.references += 1
    library.generation += 1
    return SUCCESS


def _shutdown(library: FakeNvml) -> int:
    if not library.references:
        return UNINITIALIZED
    library.references -= 1
    return SUCCESS


def _count(library: FakeNvml, count: Any) -> int:
    return _put(count, len(library.gpus))


def _handle(library: FakeNvml, index: Any, handle: Any) -> int:
    if index.value >= len(library.gpus):
        return INVALID_ARGUMENT
    if library.gpus[index.value].lost:
        return GPU_IS_LOST
    number = library.generation * 0x1000 + index.value + 1
    ctypes.c_void_p.from_address(ctypes.addressof(handle._obj)).value = number
    return SUCCESS


def _put(reference: Any, value: int) -> int:
    reference._obj.value = value
    return SUCCESS


def _put_text(buffer: Any, text: str | bytes) -> int:
    buffer.value = text if isinstance(text, bytes) else text.encode()
    return SUCCESS


def _memory_v1(gpu: FakeGpu, info: Any) -> int:
    info._obj.total = gpu.total_mib << 20
    info._obj.used = (gpu.used_mib + gpu.reserved_mib) << 20
    info._obj.free = (gpu.total_mib - gpu.used_mib - gpu.reserved_mib) << 20
    return SUCCESS


def _memory_v2(gpu: FakeGpu, info: Any) -> int:
    if info._obj.version != 0x02000028:
        return INVALID_ARGUMENT
    _memory_v1(gpu, info)
    info._obj.used, info._obj.reserved = gpu.used_mib << 20, gpu.reserved_mib << 20
    return SUCCESS


def _utilization(gpu: FakeGpu, rates: Any) -> int:
    rates._obj.gpu, rates._obj.memory = gpu.utilization, 41
    return SUCCESS


def _temperature(gpu: FakeGpu, info: Any) -> int:
    info._obj.temperature = gpu.celsius
    return SUCCESS


def _mig(gpu: FakeGpu, current: Any, pending: Any) -> int:
    if gpu.mig is None:
        return NOT_SUPPORTED
    return _put(current, gpu.mig) or _put(pending, gpu.mig)


def _capability(gpu: FakeGpu, major: Any, minor: Any) -> int:
    return _put(major, gpu.capability[0]) or _put(minor, gpu.capability[1])


def _processes(gpu: FakeGpu, count: Any, array: Any) -> int:
    if count._obj.value < len(gpu.processes):
        count._obj.value = len(gpu.processes)
        return INSUFFICIENT_SIZE
    for place, (pid, used) in enumerate(gpu.processes):
        array[place].pid, array[place].usedGpuMemory = pid, 2**64 - 1 if used is None else used
    return _put(count, len(gpu.processes))


_OF_GPU: dict[str, Callable[..., int]] = {
    "nvmlDeviceGetName": lambda gpu, buffer, size: _put_text(buffer, gpu.name),
    "nvmlDeviceGetUUID": lambda gpu, buffer, size: _put_text(buffer, gpu.uuid),
    "nvmlDeviceGetNumGpuCores": lambda gpu, cores: _put(cores, gpu.cores),
    "nvmlDeviceGetCudaComputeCapability": _capability,
    "nvmlDeviceGetMemoryInfo": _memory_v1,
    "nvmlDeviceGetMemoryInfo_v2": _memory_v2,
    "nvmlDeviceGetUtilizationRates": _utilization,
    "nvmlDeviceGetPowerUsage": lambda gpu, power: _put(power, gpu.milliwatts),
    "nvmlDeviceGetEnforcedPowerLimit": lambda gpu, power: _put(power, gpu.limit_milliwatts),
    "nvmlDeviceGetTemperatureV": _temperature,
    "nvmlDeviceGetTemperature": lambda gpu, sensor, degrees: _put(degrees, gpu.celsius),
    "nvmlDeviceGetTemperatureThreshold": lambda gpu, kind, degrees: _put(degrees, gpu.slowdown_celsius),
    "nvmlDeviceGetClockInfo": lambda gpu, kind, clock: _put(clock, gpu.sm_mhz if kind.value == 1 else gpu.memory_mhz),
    "nvmlDeviceGetMaxClockInfo": lambda gpu, kind, clock: _put(clock, gpu.sm_max_mhz),
    "nvmlDeviceGetCurrentClocksEventReasons": lambda gpu, bits: _put(bits, gpu.reasons),
    "nvmlDeviceGetCurrentClocksThrottleReasons": lambda gpu, bits: _put(bits, gpu.reasons),
    "nvmlDeviceGetMigMode": _mig,
    "nvmlDeviceGetComputeRunningProcesses_v3": _processes,
    "nvmlDeviceGetComputeRunningProcesses_v2": _processes,
}
_SYMBOLS: dict[str, Callable[..., int]] = {
    "nvmlInitWithFlags": _init,
    "nvmlShutdown": _shutdown,
    "nvmlDeviceGetCount_v2": _count,
    "nvmlDeviceGetHandleByIndex_v2": _handle,
    "nvmlSystemGetDriverVersion": lambda library, buffer, size: _put_text(buffer, library.driver),
    **_OF_GPU,
}
