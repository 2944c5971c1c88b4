"""Which of the GPUs at hand the run is on, as far as that can be known."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.gpu_past import GpuPast, key_of
from gpu.sample import GpuProcess, GpuSample

CONTEXT_BYTES = 200 * 2**20
"""A process that computes holds more: a CUDA context alone takes 0.3 to 0.5 GiB."""
DESKTOP = ("xorg", "xwayland", "gnome-", "kwin", "plasmashell", "mutter", "sddm", "gdm", "firefox", "chrome", "steam",
           "code", "dwm.exe", "explorer.exe")  # fmt: skip
DESKTOP_BYTES = 2**30
"""What draws a screen holds less as a rule, and does not compute."""

TINY_WIDTH, TINY_PARAMETERS = 256, 5e6
"""By judgement: the matmuls of smaller models take a GPU less time than it takes to launch them."""


def fills_no_gpu(case: Case) -> bool:
    """Whether the model is so small that no GPU can be busy with it."""
    if case.size is None:
        return False
    width, parameters = case.size.shape.n_embd, case.size.parameters
    return (width is not None and width < TINY_WIDTH) or (parameters is not None and parameters < TINY_PARAMETERS)


def on_cpu(case: Case) -> bool:
    """Whether the run says that it trains on the CPU."""
    return (case.text("device") or "").lower().startswith("cpu")


def run_gpu(case: Case) -> GpuSample | None:
    """The GPU of the run: the one that runs a process of it (of several the fullest), or the only one there is."""
    marked = [g for g in case.gpus if any(p.this_run for p in g.processes or ())]
    if marked:
        return min(marked, key=lambda g: g.memory_free_bytes if g.memory_free_bytes is not None else float("inf"))
    return case.gpus[0] if len(case.gpus) == 1 else None


def run_gpus(case: Case) -> tuple[GpuSample, ...]:
    """The GPUs at hand that train this run: those with a process of it, or the only one; none for a run on the CPU."""
    if on_cpu(case):
        return ()
    here = tuple(gpu for gpu in case.gpus if gpu.index is not None)
    marked = tuple(gpu for gpu in here if any(p.this_run for p in gpu.processes or ()))
    return marked or (here if len(case.gpus) == 1 else ())


def past_of(case: Case, gpu: GpuSample) -> GpuPast | None:
    """What that GPU showed since it is watched."""
    key = key_of(gpu)
    return next((past for past in case.gpu_past if past.gpu == key), None)


def others_on(gpu: GpuSample) -> tuple[GpuProcess, ...]:
    """Processes of others that compute on this GPU or hold its memory; not what draws a screen with a little of it."""
    return tuple(p for p in gpu.processes or () if p.this_run is False and not _is_small(p))


def _is_small(process: GpuProcess) -> bool:
    used, name = process.memory_bytes, (process.name or "").lower().rsplit("/", 1)[-1]
    draws = name.startswith(DESKTOP)
    return draws if used is None else used < (DESKTOP_BYTES if draws else CONTEXT_BYTES)


def gpu_label(gpu: GpuSample) -> str:
    """The GPU in a sentence: "GPU 0"."""
    return "the GPU" if gpu.index is None else f"GPU {gpu.index}"


def gpu_name(case: Case) -> str | None:
    """The name of the run's GPU; also where there are several of one kind. None where it is not known, or a CPU."""
    if on_cpu(case):
        return None
    gpu = run_gpu(case)
    if gpu is not None:
        return gpu.name
    names = {g.name for g in case.gpus}
    return names.pop() if len(names) == 1 else None
