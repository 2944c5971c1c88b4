"""Rule gpu-shared."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.device import gpu_label, others_on, run_gpus
from diagnosis.finding import Finding
from diagnosis.needs import GPU_READINGS, Need
from diagnosis.rules.vram_headroom import LITTLE_BYTES, LITTLE_SHARE
from diagnosis.wording import memory, percent
from gpu.sample import GpuProcess, GpuSample

ID = "gpu-shared"
NEEDS = (
    GPU_READINGS,
    Need(
        "which process on the GPU is the run's",
        "watching on its machine, outside a container",
        lambda case: any(p.this_run is not None for gpu in case.gpus for p in gpu.processes or ()),
    ),
)

WORTH_FREEING = 0.05
"""Of the GPU's memory: what others hold of a full GPU is worth a word from here on."""


def rule(case: Case) -> Finding | None:
    """Another process computes on the run's GPU, or holds memory of it.

    A note while the run goes on and a process that is not the run's has 200 MiB or more of a GPU that the run is on
    (1 GiB for a desktop). A warning where less than 5 % or 200 MiB of the GPU's memory is left and the others hold 5 %
    or more; and where it explains that the run became slower. Silent where nobody knows which process is the run's, as
    within containers.

    Why: two jobs on one GPU share its time in slices and its memory for real: the next allocation may fail.
    Do: move the other job, or end it if it is a leftover; else plan for the memory that is left.
    False alarms: a helper that the run started in a session of its own (an evaluation server, a tracker).
    Sources: nvml.h, nvmlDeviceGetComputeRunningProcesses; a CUDA context alone takes 0.3 to 0.5 GiB.
    """
    if case.state not in ("running", "stalled"):
        return None
    shared = [(gpu, others) for gpu in run_gpus(case) if (others := others_on(gpu))]
    if not shared:
        return None
    gpu, others = max(shared, key=lambda pair: _held(pair[1]))
    scarce = _scarce(gpu, others)
    return Finding(
        id=ID,
        severity="warning" if scarce else "info",
        confidence=0.9,
        title=_title(gpu, others, scarce=scarce),
        evidence=(*(_process(process) for process in others[:3]), *_left(gpu)),
        advice=(_advice(scarce=scarce),),
        first_step=case.steps.last,
        step=case.steps.last,
    )


def _held(others: tuple[GpuProcess, ...]) -> int:
    return sum(process.memory_bytes or 0 for process in others)


def _scarce(gpu: GpuSample, others: tuple[GpuProcess, ...]) -> bool:
    free, total = gpu.memory_free_bytes, gpu.memory_total_bytes
    if free is None or total is None:
        return False
    return (free < LITTLE_BYTES or free < LITTLE_SHARE * total) and _held(others) >= WORTH_FREEING * total


def _title(gpu: GpuSample, others: tuple[GpuProcess, ...], *, scarce: bool) -> str:
    who = "Another process is" if len(others) == 1 else f"{len(others)} other processes are"
    held = _held(others)
    what = f" with {memory(held)} of its memory" if held else ""
    return f"{who} on {gpu_label(gpu)}{what}" + (", and little is left" if scarce else "")


def _process(process: GpuProcess) -> str:
    held = "" if process.memory_bytes is None else f": {memory(process.memory_bytes)}"
    return f"{process.name or 'a process'} (pid {process.pid}){held}"


def _left(gpu: GpuSample) -> tuple[str, ...]:
    free, total = gpu.memory_free_bytes, gpu.memory_total_bytes
    if free is None:
        return ()
    return (f"{memory(free)} free" + ("" if not total else f" ({percent(free / total)})"),)


def _advice(*, scarce: bool) -> str:
    if scarce:
        return "End or move the other process if it is yours: the run's next allocation may fail."
    return (
        "Move it to another GPU or another time, or end it if it is a leftover: they share the GPU's time and memory."
    )
