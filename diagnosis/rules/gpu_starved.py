"""Rule gpu-starved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.device import fills_no_gpu, gpu_label, past_of, run_gpus
from diagnosis.finding import Finding
from diagnosis.gpu_past import GpuPast
from diagnosis.needs import GPU_PAST
from diagnosis.steady import Bools
from diagnosis.wording import percent, span
from gpu.sample import GpuSample

ID = "gpu-starved"
NEEDS = (GPU_PAST,)

STARVED = 0.65
"""Mean share of the time with a kernel running: NVML's utilisation, nvmlDeviceGetUtilizationRates. Dense training that
the host feeds in time holds 95 % and more, whatever its MFU; by judgement a third of the time is worth a word."""
LEAST_SECONDS, LEAST_READINGS = 120.0, 20
"""By judgement: longer than a pause for a checkpoint takes, and a mean of readings to within a tenth."""
DIP, DEEP = 0.5, 0.3
LEAST_DIPS = 5
BIN, LOW_BINS = 10, 0.6
"""Readings; so many of the stretches must be low where there are no separate dips."""
WORKS = 0.3
"""A GPU that never does as much may not be the run's."""
EVENTS = ("val_loss", "eval_train_loss", "val_bpb")


@dataclass(frozen=True, slots=True)
class _Idle:
    mean: float
    deep: float
    """Share of the time in which it is less than DEEP busy."""
    seconds: float
    step: float


def rule(case: Case) -> Finding | None:
    """The GPU waits for the host: it is idle for a good part of the time in which steps go on.

    Fires while the run goes on and a GPU of it is less than 65 % busy on average over 2 minutes or more of watching,
    within the last half hour. Only readings between two log lines with a higher step count, and none between lines that
    have an evaluation or a checkpoint between them. The idle time must be spread: 5 separate dips below 50 %, or three
    of five stretches of 10 readings low. A note for models narrower than 256 or below 5M parameters. Needs a history:
    `diagnose`, which looks once, is silent.

    Why: "busy" is the share of the time with any kernel running. An idle GPU waits for data, for Python, for a disk.
    Low MFU on a busy GPU is another matter: its kernels are slow.
    Do: more data loader workers with prefetching and pinned memory, torch.compile or CUDA graphs against launches,
    fewer `.item()` calls and log lines.
    False alarms: checkpoints of which the log says nothing, where they come every few minutes.
    Sources: nvml.h, nvmlUtilization_t; NVIDIA's and PyTorch's tuning guides; thresholds are this project's.
    """
    if case.state != "running":
        return None
    judged = ((gpu, _idle(case, gpu)) for gpu in run_gpus(case))
    starved = [(gpu, idle) for gpu, idle in judged if idle is not None]
    if not starved:
        return None
    gpu, idle = min(starved, key=lambda pair: pair[1].mean)
    return Finding(
        id=ID,
        severity="info" if fills_no_gpu(case) else "warning",
        confidence=0.75,
        title=f"{gpu_label(gpu)} is idle {percent(1 - idle.mean)} of the time while steps go on",
        evidence=(
            f"{percent(idle.mean)} busy on average over {span(idle.seconds)}, evaluations and checkpoints left out",
            f"less than {percent(DEEP)} busy in {percent(idle.deep)} of the time",
        ),
        advice=(
            "Give the data loader workers and prefetching, compile the model, and log and synchronise less often.",
        ),
        first_step=int(idle.step),
        step=case.steps.last,
    )


def _idle(case: Case, gpu: GpuSample) -> _Idle | None:
    past = past_of(case, gpu)
    if past is None:
        return None
    counted = _between_rows(case, past) & np.isfinite(past.utilization)
    busy, weights = past.utilization[counted], past.weights[counted]
    seconds = float(weights.sum())
    if len(busy) < LEAST_READINGS or seconds < LEAST_SECONDS:
        return None
    mean = float((busy * weights).sum() / seconds)
    works = any(p.this_run for p in gpu.processes or ()) or float(np.quantile(busy, 0.9)) >= WORKS
    if mean >= STARVED or not works or not _is_spread(busy):
        return None
    step = float(past.steps[counted][-1])
    return _Idle(mean, float(weights[busy < DEEP].sum() / seconds), seconds, step)


def _between_rows(case: Case, past: GpuPast) -> Bools:
    """Readings taken between two rows of the log that have no evaluation, checkpoint or start between them."""
    steps = past.steps
    known = np.isfinite(steps)
    if not known.any():
        return known
    newest = np.where(known, steps, -1.0).astype(np.int64)
    moves = np.flatnonzero(np.diff(newest)) + 1
    following = np.append(newest[moves], -1)
    after = following[np.searchsorted(moves, np.arange(len(steps)), side="right")]
    planned = _events(case)
    planned_between = np.searchsorted(planned, after, side="right") > np.searchsorted(planned, newest, side="left")
    return np.asarray(known & (after > newest) & ~planned_between)


def _events(case: Case) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The steps of evaluations, checkpoints and starts, in order."""
    said = [n.step for n in case.notices if n.kind == "checkpoint" and n.step is not None]
    evals = [case.metric(name).steps for name in EVENTS]
    return np.sort(np.concatenate((*evals, np.array([*said, *case.segments], np.int64))))


def _is_spread(busy: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    """Whether it idles again and again, not once for long as an unseen checkpoint would make it."""
    low = busy < DIP
    dips = int(low[0]) + int((low[1:] & ~low[:-1]).sum())
    bins = busy[: len(busy) // BIN * BIN].reshape(-1, BIN).mean(axis=1)
    return dips >= LEAST_DIPS or float((bins < STARVED + (1 - STARVED) / 2).mean()) >= LOW_BINS
