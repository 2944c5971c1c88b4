"""The GPUs of this machine, read through NVML. It never raises: what cannot be read is None, with a reason.

NVML is loaded with ctypes and makes no CUDA context. Its calls wait for one lock of the driver, which the training
job's launches need too, so they are few: once a second what changes, seldom or once the rest, and less often where a
reading takes long.
"""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from gpu.nvml_queries import QUERIES, Memory, Query
from gpu.sample import GpuSample

SLOW_READ_SECONDS = 0.05
_CLOSE_SECONDS = 0.3

# nvmlReturn_t of nvml.h. For these a query is put off for good, or its older form is taken:
_NEVER = {
    3: "not supported by this GPU or driver",
    13: "the driver is too old",
    25: "the driver is too old",
    26: "gone",
}
# and these are about the GPU, not the query: its handle must not be used again, since that can crash the process.
_LOST = {
    1: "NVML was shut down",
    15: "the GPU is lost: it fell off the bus (see dmesg for Xid), a reboot may be needed",
    16: "the GPU needs a reset",
    28: "the GPU is gone",
}
_TRANSIENT = {
    2: "invalid argument",
    4: "no permission",
    6: "not found",
    10: "the driver did not answer in time",
    19: "in use",
    20: "the driver is out of memory",
    21: "no data",
    999: "unknown driver error",
}
_NO_NVML = {
    4: "no permission to ask the NVIDIA driver: check the rights of /dev/nvidia*",
    9: "the NVIDIA driver is not loaded: modprobe nvidia, or reboot",
    12: "no NVIDIA driver here",
    13: "the NVIDIA driver is too old",
    18: "the NVIDIA driver was updated under its library: reboot, or reload its kernel modules",
    999: "the NVIDIA driver fails with an unknown error: in a container, restart the container",
}
_WRONG_BINDING = "pynvml is not NVIDIA's binding: pip install nvidia-ml-py"
_MEMORY_FIELDS = ("memory_total_bytes", "memory_used_bytes", "memory_reserved_bytes", "memory_free_bytes")


@dataclass(slots=True)
class _Retry:
    """When to try again: at once, then after `first` seconds and twice as long each time, up to `most`."""

    first: float
    most: float
    at: float = float("-inf")
    failures: int = 0

    def failed(self, now: float) -> None:
        self.at = now + min(self.most, self.first * 2.0 ** min(self.failures, 30))
        self.failures += 1

    def worked(self, next_at: float) -> None:
        self.at, self.failures = next_at, 0


@dataclass(slots=True)
class _Reading:
    """The last answer to one query."""

    value: Any = None
    reason: str | None = None
    form: int = 0
    """Which of the query's calls works here."""
    retry: _Retry = field(default_factory=lambda: _Retry(1.0, 60.0))


@dataclass(slots=True)
class _Device:
    index: int
    handle: Any
    lost: str | None = None
    readings: dict[str, _Reading] = field(default_factory=lambda: {query.field: _Reading() for query in QUERIES})


class _QueryError(Exception):
    """Why a query gave nothing."""

    def __init__(self, reason: str, *, permanent: bool = False, lost: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.permanent, self.lost = reason, permanent, lost


class Nvml:
    """The NVIDIA GPUs of this machine. Opens NVML at the first `read`; used by one thread, closed by any."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.fault: str | None = None
        """Why no GPU can be read at all, with the mend, in a few words; None while all is well."""
        self.last_read_seconds: float | None = None
        """How long the last reading that asked the driver took."""
        self._clock = clock
        self._nvml: Any = None
        self._devices: list[_Device] = []
        self._retry = _Retry(5.0, 300.0)
        self._samples: list[GpuSample] = []
        self._rest_until = float("-inf")
        self._closed = False

    def read(self, processes: bool = False) -> list[GpuSample]:
        """One sample a GPU, in NVML's order (that of the PCI bus); [] where `fault` says why there is none.

        Call it once a second. With `processes` the compute processes too, asked anew every 5 s. After a reading of
        more than 50 ms the old samples are given for 20 times as long, at most 10 s.
        """
        now = self._clock()
        if self._closed or now < self._rest_until:
            return self._samples
        if self._needs_opening() and now >= self._retry.at:
            self._open(now)
        nvml = self._nvml
        self._samples = [] if nvml is None else [_sample(nvml, gpu, now, processes) for gpu in self._devices]
        if nvml is not None and not self._needs_opening():
            self._retry.worked(now)
        elif now >= self._retry.at:
            self._retry.failed(now)
        self.last_read_seconds = self._clock() - now
        if self.last_read_seconds > SLOW_READ_SECONDS:
            self._rest_until = now + min(10.0, 20 * self.last_read_seconds)
        return self._samples

    def close(self) -> None:
        """Gives NVML back. Never raises; a driver that hangs is left behind after 0.3 s. May be called twice."""
        self._closed, self._samples = True, []
        nvml, self._nvml = self._nvml, None
        if nvml is not None:
            with contextlib.suppress(RuntimeError):  # no new thread while Python ends
                thread = Thread(target=_shutdown, args=(nvml,), daemon=True)
                thread.start()
                thread.join(_CLOSE_SECONDS)

    def _needs_opening(self) -> bool:
        return self._nvml is None or any(gpu.lost is not None for gpu in self._devices)

    def _open(self, now: float) -> None:
        """Opens NVML, or opens it again: only that gives a lost GPU back."""
        before = {gpu.index: gpu for gpu in self._devices}
        if self._nvml is not None:
            _shutdown(self._nvml)
        self._nvml, self._devices = None, []
        try:
            nvml = importlib.import_module("pynvml")
            nvml.nvmlInit()
        except Exception as error:  # noqa: BLE001  another package of that name can raise anything
            self.fault = _opening_fault(error)
        else:
            try:
                self._devices = [_device(nvml, i, before.get(i)) for i in range(nvml.nvmlDeviceGetCount())]
                self._nvml, self.fault = nvml, None if self._devices else "no NVIDIA GPU here"
            except Exception as error:  # noqa: BLE001  whatever a driver does becomes a reason
                _shutdown(nvml)
                self.fault = _opening_fault(error)
        if self._needs_opening():
            self._retry.failed(now)


def _device(nvml: Any, index: int, before: _Device | None) -> _Device:
    try:
        return _Device(index, nvml.nvmlDeviceGetHandleByIndex(index))
    except Exception as error:  # noqa: BLE001  one lost GPU must not hide the others
        lost = _Device(index, None, _query_error(error).reason)
        lost.readings = before.readings if before else lost.readings
        return lost


def _shutdown(nvml: Any) -> None:
    with contextlib.suppress(Exception):
        nvml.nvmlShutdown()


def _sample(nvml: Any, gpu: _Device, now: float, processes: bool) -> GpuSample:
    due = [q for q in QUERIES if now >= gpu.readings[q.field].retry.at and (processes or q.field != "processes")]
    failed = 0
    for query in due if gpu.lost is None else ():
        reading = gpu.readings[query.field]
        try:
            reading.value, reading.reason = _ask(nvml, gpu.handle, query, reading), None
            reading.retry.worked(now + query.every_seconds)
        except _QueryError as error:
            reading.value, reading.reason = None, error.reason
            reading.retry.failed(now)
            if error.permanent:
                reading.retry.at = float("inf")
            failed += not error.permanent
            if error.lost or (failed > 2 and failed == len(due)):
                gpu.handle, gpu.lost = None, error.reason
                break
    return _lost_sample(gpu) if gpu.lost is not None else _whole_sample(gpu)


def _ask(nvml: Any, handle: Any, query: Query, reading: _Reading) -> Any:
    """The value, by the newest call that this driver and binding have."""
    error = _QueryError("the NVML binding is too old", permanent=True)
    for form in range(reading.form, len(query.calls)):
        name, arguments = query.calls[form]
        try:
            answer = getattr(nvml, name)(*([handle] if query.of_gpu else []), *arguments)
            value = query.convert(answer)
        except Exception as raised:  # noqa: BLE001  NVMLLibraryMismatchError is no NVMLError, old bindings raise TypeError
            error = _query_error(raised)
            if not error.permanent:
                break
        else:
            reading.form = form
            return value
    raise error


def _query_error(error: Exception) -> _QueryError:
    code = getattr(error, "value", None)
    if isinstance(code, int):
        known = {**_NEVER, **_LOST, **_TRANSIENT}.get(code, f"NVML error {code}")
        return _QueryError(known, permanent=code in _NEVER, lost=code in _LOST)
    if type(error).__name__ == "NVMLLibraryMismatchError":
        return _QueryError("the driver is too old", permanent=True)
    if isinstance(error, (AttributeError, TypeError)):
        return _QueryError("the NVML binding is too old", permanent=True)
    return _QueryError("an impossible value" if isinstance(error, ValueError) else f"failed: {type(error).__name__}")


def _opening_fault(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return "NVIDIA's NVML binding is missing: pip install nvidia-ml-py"
    code = getattr(error, "value", None)
    if not isinstance(code, int):
        return _WRONG_BINDING
    return _NO_NVML.get(code) or f"NVML cannot start: {_query_error(error).reason}"


def _identity(gpu: _Device) -> dict[str, Any]:
    """Who the GPU is. Under MIG a job has a slice of it, so that the whole GPU's peak must not be taken for its."""
    known = ("name", "uuid", "driver", "cuda_cores", "compute_capability", "slowdown_temperature_c", "sm_clock_max_hz")
    values = {name: gpu.readings[name].value for name in known}
    if values["name"] is not None and gpu.readings["mig"].value:
        values["name"] += " MIG"
    return {"index": gpu.index, **values}


def _lost_sample(gpu: _Device) -> GpuSample:
    return GpuSample(**_identity(gpu), faults=(("gpu", gpu.lost or ""),))


def _whole_sample(gpu: _Device) -> GpuSample:
    values = {name: reading.value for name, reading in gpu.readings.items() if name not in ("mig", "memory")}
    faults = [(name, reading.reason) for name, reading in gpu.readings.items() if reading.reason and name != "mig"]
    memory: Memory | None = gpu.readings["memory"].value
    if memory is not None:
        values.update(zip(_MEMORY_FIELDS, (memory.total, memory.used, memory.reserved, memory.free), strict=True))
        if memory.reserved is None:
            faults.append(("memory_reserved_bytes", "the driver is too old: it is counted as used"))
    named = [(each, why) for name, why in faults for each in (_MEMORY_FIELDS if name == "memory" else (name,))]
    return GpuSample(**{**values, **_identity(gpu)}, faults=tuple(named))
