"""Whether a GPU is free to be measured, and what it did while it was: NVML's samples before, during and after."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from statistics import mean, median
from typing import Protocol

from gpu.bench_result import Conditions
from gpu.choice import select
from gpu.sample import GpuProcess, GpuSample, Throttle

LOOKS, LOOK_SECONDS = 5, 0.5
BUSY = 0.10
HELD_BYTES = 500 << 20
"""More than an idle GPU without a display holds."""
SAMPLE_SECONDS = 0.25
PROCESSES_EVERY = 20
"""The process list is the costly query: every 5 s."""


class Reader(Protocol):
    """What reads the GPUs of this machine, used by one thread; gpu.nvml.Nvml is one."""

    fault: str | None
    """Why no GPU can be read at all."""

    def read(self, *, processes: bool) -> Sequence[GpuSample]:
        """One sample of each GPU; none where NVML cannot be used."""

    def close(self) -> None:
        """Gives NVML back."""


def choose(samples: Sequence[GpuSample], wanted: str | None) -> GpuSample | str:
    """The GPU of that index or UUID, the first by default; a string says why there is none."""
    present = [one for one in samples if one.index is not None]
    listed = ", ".join(f"{one.index} ({one.name})" for one in present)
    found = next(iter(select(present, wanted)), None)
    if found is None:
        return f"there is no GPU {wanted!r} here; there is {listed}"
    fault = found.fault("gpu")
    return f"GPU {found.index} cannot be used: {fault}" if fault else found


def occupied(reader: Reader, gpu: GpuSample, pause: Callable[[float], None] = time.sleep) -> str | None:
    """Why this GPU is not free, looked at for two seconds; None if nothing speaks against it."""
    looks: list[GpuSample] = []
    for look in range(LOOKS):
        if look:
            pause(LOOK_SECONDS)
        looks += [one for one in reader.read(processes=True) if same(one, gpu)]
    listed = {one.pid: one for look in looks for one in look.processes or ()}
    if listed:
        return "; ".join(map(_said, listed.values()))
    busy = [look.utilization for look in looks if look.utilization is not None]
    if busy and mean(busy) > BUSY:
        return f"it is {mean(busy):.0%} busy, with a process that cannot be seen from here (another container or user?)"
    held = next((look.memory_used_bytes for look in reversed(looks) if look.memory_used_bytes is not None), None)
    unlisted = any(look.processes is None for look in looks)
    if unlisted and held is not None and held > HELD_BYTES:
        return f"{held / 2**20:,.0f} MiB of it are in use, and the driver does not say by whom"
    return None


def same(one: GpuSample, other: GpuSample) -> bool:
    """Whether two samples are of one GPU: by UUID, by index where there is none."""
    return one.uuid == other.uuid if one.uuid and other.uuid else one.index == other.index


def _said(process: GpuProcess) -> str:
    name = "".join(c for c in process.name or "" if c.isprintable())
    held = f"{process.memory_bytes / 2**20:,.0f} MiB" if process.memory_bytes is not None else ""
    about = ", ".join(word for word in (name, held) if word)
    return f"process {process.pid}" + (f" ({about})" if about else "")


class Watch(threading.Thread):
    """Samples one GPU while the child measures."""

    def __init__(self, open_reader: Callable[[], Reader], gpu: GpuSample, interval: float = SAMPLE_SECONDS) -> None:
        super().__init__(name="traintop-bench-watch", daemon=True)
        self._open = open_reader
        self._gpu = gpu
        self._interval = interval
        self._stopping = threading.Event()
        self._samples: list[tuple[float, GpuSample]] = []

    def run(self) -> None:
        """Reads until it is stopped."""
        reader = self._open()
        looks, last = 0, None
        while not self._stopping.wait(self._interval):
            now = time.monotonic()
            # A reader that rests gives its last samples again; when those were taken is no longer known.
            new = [one for one in reader.read(processes=looks % PROCESSES_EVERY == 0) if one is not last]
            for one in new:
                if same(one, self._gpu):
                    self._samples.append((now, one))
                    last = one
            looks += 1
        reader.close()

    def stop(self) -> None:
        """Ends the sampling; waits for a read that hangs no longer than a moment."""
        self._stopping.set()
        if self.is_alive():
            self.join(2.0)

    def conditions(self, start: float, end: float) -> Conditions:
        """What was seen between two times of the monotonic clock."""
        return conditions([one for at, one in tuple(self._samples) if start <= at <= end])

    def shared(self) -> bool:
        """Whether more than one process computed on the GPU at once. Ours may bear another pid outside a container."""
        return any(len(one.processes or ()) > 1 for _, one in tuple(self._samples))


def conditions(samples: Sequence[GpuSample]) -> Conditions:
    """Medians of the clock, power and temperature, and each throttle reason that any sample gives but idleness."""
    known = [one.throttle for one in samples if one.throttle is not None]
    reasons: dict[Throttle, None] = dict.fromkeys(reason for each in known for reason in each if reason != "gpu_idle")
    return Conditions(
        sm_clock_hz=_median(one.sm_clock_hz for one in samples),
        power_watts=_median(one.power_watts for one in samples),
        temperature_c=_median(one.temperature_c for one in samples),
        throttle=tuple(reasons) if known else None,
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
