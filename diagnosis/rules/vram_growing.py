"""Rule vram-growing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.device import on_cpu, past_of, run_gpu, run_gpus
from diagnosis.finding import Finding
from diagnosis.memory import CONTEXT_BYTES
from diagnosis.needs import GPU_PAST, either, logged
from diagnosis.statistics import looks, mann_kendall, theil_sen
from diagnosis.wording import memory, percent, span
from parsers.records import Floats

ID = "vram-growing"
NEEDS = (either(logged("memory_bytes", "the memory in use"), GPU_PAST),)

WINDOWS = 12
"""Whose highs are looked at: the fewest that tell a steady rise from a few late allocations."""
LEAST_ROWS, LEAST_MINUTES = 3 * WINDOWS, 2 * WINDOWS
"""Of a log and beside a run: a window of one value has no high that differs from its noise."""
WARM_UP = 0.1
"""Of the rows: the first steps, the first evaluation and the first checkpoint reserve what they need for good."""
RISES = 0.7
"""Of the windows must have a new high. The highest of n random sequence lengths is a new one in 1/n of them."""
STEADY = 0.8
"""The second half must grow by this share of the first: a leak grows by as much; the highest of random lengths, which
goes with the logarithm of the steps, by 0.4 of it, and by 0.75 where only the second half of the run is looked at."""
P_VALUE = 0.001
"""By Mann-Kendall: at most 8 of the 66 pairs of windows in the wrong order. A run is looked at in two ways, often."""
LEAST_GROWTH_BYTES = 256 * 2**20
LEAST_GROWTH = 0.02
"""Of the first windows' memory: judgement. The allocator reserves 2 to 20 MiB at a time, and a dozen pieces late in a
run are no leak."""
GREAT_GROWTH = 0.25
"""Where nobody knows how much the GPU has, so much steady growth is a leak, whatever is left."""
AHEAD = 2.0
"""Where the plan is unknown, the run counts as at its middle."""


@dataclass(frozen=True, slots=True)
class _Growth:
    """The highs of the windows by their last steps, and the line through them."""

    steps: Floats
    used: Floats
    slope: float
    """Bytes a step."""
    source: str
    first_step: int


def rule(case: Case) -> Finding | None:
    """The memory of the run still grows after its warm-up, and will fill the GPU before the run ends.

    Fires on the memory that the trainer logs, else on that of the run's processes while it is watched (24 minutes at
    least). Without the first 10 % of the rows (else in their second half) and in 12 windows, the highs must rise from
    window to window in 7 of 10 cases (Mann-Kendall p < 0.001), by 256 MiB and 2 % at least, in the second half by 80 %
    or more of what they rose in the first; and the line through them must reach the GPU's limit before the planned end
    (before twice the steps where no plan is known). Where the limit is unknown, 25 % of growth are needed.

    Why: PyTorch keeps what it once reserved, so memory is flat once each kind of step has been done. What rises all the
    time is held by something: losses kept with their graph, lists of tensors, ever new compiled shapes, fragments.
    Do: keep `loss.item()` or `.detach()` and not the tensor; look at torch.cuda.memory_summary() 1,000 steps apart.
    False alarms: batches or sequences that grow on purpose (silent for trainers that do so by themselves); sequences of
    random length, whose highest rises ever more slowly, are told by that.
    Sources: PyTorch's notes on CUDA memory management; Mann 1945, Kendall 1975, Sen 1968.
    """
    if on_cpu(case) or case.traits.step_work_changes:
        return None
    found = _logged(case) or _watched(case)
    if found is None:
        return None
    limit, growth = _limit_bytes(case, found), found.used[-1] / found.used[0] - 1
    full = None if limit is None else float(found.steps[-1] + max(0.0, limit - found.used[-1]) / found.slope)
    if growth < GREAT_GROWTH if full is None else full > _end(case, found):
        return None
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.6 if full is None else 0.8,
        title=_title(case, found, full),
        evidence=(
            f"{memory(found.used[0])} at step {found.steps[0]:,.0f}, {memory(found.used[-1])} now ({found.source})",
            f"{memory(1000 * found.slope)} more every 1,000 steps, steadily",
            *(() if limit is None else (f"the GPU has {memory(limit)} for it",)),
        ),
        advice=(
            "Save a checkpoint before it is full, then keep numbers and not tensors from step to step (loss.item()).",
        ),
        first_step=found.first_step,
        step=case.steps.last,
    )


def _logged(case: Case) -> _Growth | None:
    """Of the memory that the trainer logs, since its last start."""
    series = case.metric("memory_bytes").finite
    series = series.since(case.segments[-1]) if len(case.segments) > 1 else series
    if len(series) < LEAST_ROWS:
        return None
    return _growing(series.steps.astype(np.float64), series.values, "as logged", LEAST_ROWS)


def _watched(case: Case) -> _Growth | None:
    """Of the run's own processes; of the whole GPU where it has one process at most."""
    for gpu in run_gpus(case):
        past = past_of(case, gpu)
        alone = past is not None and (past.highs_of_run or len(gpu.processes or ()) <= 1)
        if past is None or not alone:
            continue
        # The last window is not full yet.
        steps, highs = past.window_steps[:-1], past.window_highs[:-1]
        kept = steps >= case.segments[-1] if case.segments else np.isfinite(steps)
        source = "of its processes" if past.highs_of_run else "of the GPU"
        found = _growing(steps[kept], highs[kept], source, LEAST_MINUTES)
        if found is not None:
            return found
    return None


def _growing(steps: Floats, used: Floats, source: str, fewest: int) -> _Growth | None:
    found = next((w for w in _windows(steps, used) if _is_steady(*w)), None) if len(steps) >= fewest else None
    line = None if found is None else theil_sen(*found)
    if found is None or line is None or line[0] <= 0:
        return None
    first = next(
        (n for n in looks(len(steps), fewest) if any(_is_steady(*w) for w in _windows(steps[:n], used[:n]))), len(steps)
    )
    return _Growth(*found, line[0], source, int(steps[first - 1]))


def _windows(steps: Floats, used: Floats) -> Iterator[tuple[Floats, Floats]]:
    """The highs of the rows behind the warm-up, and of the second half of them: (last step, most bytes) of each."""
    warm = int(np.ceil(WARM_UP * len(steps)))
    for start in (warm, (warm + len(steps)) // 2):
        if len(steps) - start >= WINDOWS:
            edges = np.linspace(start, len(steps), WINDOWS + 1).astype(np.int64)
            yield steps[edges[1:] - 1], np.maximum.reduceat(used, edges[:-1])


def _is_steady(steps: Floats, highs: Floats) -> bool:
    growth = highs[-1] - highs[0]
    if not growth >= max(LEAST_GROWTH_BYTES, LEAST_GROWTH * highs[0]) or steps[-1] <= steps[0]:
        return False
    first, second = highs[WINDOWS // 2 - 1] - highs[0], highs[-1] - highs[WINDOWS // 2]
    rises = float((np.diff(highs) > 0).mean())
    z, p = mann_kendall(highs)
    return bool(rises >= RISES and z > 0 and p < P_VALUE and second >= STEADY * first)


def _limit_bytes(case: Case, found: _Growth) -> float | None:
    """What the GPU has for the run; a trainer's figure is without the CUDA context."""
    gpu = run_gpu(case)
    if gpu is None or gpu.memory_total_bytes is None:
        return None
    others = sum(p.memory_bytes or 0 for p in gpu.processes or () if p.this_run is False)
    context = CONTEXT_BYTES if found.source == "as logged" else 0.0
    return max(0.0, gpu.memory_total_bytes - (gpu.memory_reserved_bytes or 0) - others - context)


def _end(case: Case, found: _Growth) -> float:
    planned = case.steps.planned
    return AHEAD * float(found.steps[-1]) if planned is None else float(planned)


def _title(case: Case, found: _Growth, full: float | None) -> str:
    if full is None:
        return (
            f"GPU memory keeps growing: {percent(found.used[-1] / found.used[0] - 1)} since step {found.steps[0]:,.0f}"
        )
    seconds = case.efficiency.seconds_per_step if case.efficiency else None
    left = "" if seconds is None or case.state != "running" else f", in {span((full - found.steps[-1]) * seconds)}"
    return f"GPU memory keeps growing and is full by about step {full:,.0f}{left}"
