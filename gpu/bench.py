"""The matmul benchmark as the parent sees it: may this device be measured now, and by whom. No torch here.

torch runs in a child process (gpu.matmul): a monitor must hold no CUDA context, and a crash or a want of memory there
is one line here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gpu.bench_guard import Reader, choose, occupied
from gpu.bench_plan import BenchJob
from gpu.bench_result import BenchDevice, BenchResult
from gpu.bench_session import Event, Session
from gpu.sample import GpuSample

__all__ = ["BenchJob", "BenchResult", "Event", "run_bench"]


def run_bench(
    job: BenchJob,
    on_event: Callable[[Event], None] | None = None,
    open_reader: Callable[[], Reader] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> BenchResult:
    """Measures, and tells `on_event` of each phase and result as it comes. `open_reader` opens NVML (gpu.nvml.Nvml).

    Refuses while anything else computes on the GPU, unless the job says `force`. Never raises for what the device, the
    driver or torch does, and takes Ctrl-C as the end: the result holds what was measured until then.
    """
    if job.device == "cpu" or open_reader is None:
        return Session(job, on_event).run()
    reader = open_reader()
    try:
        gpu = _free(job, reader, pause)
    except KeyboardInterrupt:
        return BenchResult("interrupted")
    finally:
        reader.close()
    if isinstance(gpu, BenchResult):
        return gpu
    if gpu is None:
        return Session(job, on_event, nvml_fault=reader.fault).run()
    return Session(job, on_event, open_reader, *gpu).run()


def _free(job: BenchJob, reader: Reader, pause: Callable[[float], None]) -> tuple[GpuSample, bool] | BenchResult | None:
    """The GPU, and whether something else uses it; or why it is not measured; None where NVML knows no GPU."""
    samples = reader.read(processes=True)
    if not any(one.index is not None for one in samples):
        return None
    gpu = choose(samples, job.device)
    if isinstance(gpu, str):
        return BenchResult("error", f"{gpu}; --device cpu measures the processor")
    others = occupied(reader, gpu, pause)
    if others is None or job.force:
        return gpu, others is not None
    why = (
        f"GPU {gpu.index} is in use: {others}. Both would be slowed; wait for it, or measure what is left with --force"
    )
    return BenchResult("refused", why, BenchDevice("cuda", gpu.name, gpu.uuid, gpu.driver))
