"""GPUs that were watched: samples one after the other, as a monitor takes them, and the past that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from diagnosis.gpu_past import GpuPast, GpuWatch
from gpu.sample import GpuProcess, GpuSample

GIB = 2**30
START = 1_763_500_000.0
MINE = GpuProcess(4242, 9 * GIB, "python train.py", this_run=True)
WORKING = GpuSample(
    index=0,
    name="NVIDIA GeForce RTX 4070",
    uuid="GPU-1",
    utilization=0.98,
    memory_total_bytes=12 * GIB,
    memory_used_bytes=9 * GIB,
    memory_reserved_bytes=GIB // 4,
    memory_free_bytes=12 * GIB - 9 * GIB - GIB // 4,
    power_watts=186.0,
    power_limit_watts=200.0,
    temperature_c=68.0,
    slowdown_temperature_c=95.0,
    sm_clock_hz=2.61e9,
    sm_clock_max_hz=3.105e9,
    throttle=(),
    processes=(MINE,),
    compute_capability=(8, 9),
)
"""An RTX 4070 that trains, alone."""

Change = dict[str, Any]


def watch(
    seconds: int, change: Callable[[int], Change], *, step: Callable[[int], int | None] = lambda t: t, every: int = 1
) -> tuple[GpuSample, tuple[GpuPast, ...]]:
    """The last sample and the past of so many seconds: at each t the working GPU with change(t), and the log's step."""
    taken, sample = GpuWatch(), WORKING
    for t in range(0, seconds, every):
        sample = replace(WORKING, **change(t))
        taken.take((sample,), START + t, step(t))
    return sample, taken.past()


def watch_all(samples: Sequence[GpuSample], seconds: int) -> tuple[GpuPast, ...]:
    """Several GPUs that stay as they are."""
    taken = GpuWatch()
    for t in range(seconds):
        taken.take(samples, START + t, t)
    return taken.past()


def fields(watched: tuple[GpuSample, tuple[GpuPast, ...]]) -> dict[str, Any]:
    """Those as fields of a case."""
    return {"gpus": (watched[0],), "gpu_past": watched[1]}
