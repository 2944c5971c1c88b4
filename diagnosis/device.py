"""Which of the GPUs at hand the run is on, as far as that can be known."""

from __future__ import annotations

from diagnosis.case import Case
from gpu.sample import GpuSample


def on_cpu(case: Case) -> bool:
    """Whether the run says that it trains on the CPU."""
    return (case.text("device") or "").lower().startswith("cpu")


def run_gpu(case: Case) -> GpuSample | None:
    """The GPU of the run: the one that runs a process of it (of several the fullest), or the only one there is."""
    marked = [g for g in case.gpus if any(p.this_run for p in g.processes or ())]
    if marked:
        return min(marked, key=lambda g: g.memory_free_bytes if g.memory_free_bytes is not None else float("inf"))
    return case.gpus[0] if len(case.gpus) == 1 else None


def gpu_name(case: Case) -> str | None:
    """The name of the run's GPU; also where there are several of one kind. None where it is not known, or a CPU."""
    if on_cpu(case):
        return None
    gpu = run_gpu(case)
    if gpu is not None:
        return gpu.name
    names = {g.name for g in case.gpus}
    return names.pop() if len(names) == 1 else None
