"""Rule slowdown."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.series import Series
from diagnosis.steady import eval_rows
from diagnosis.wording import duration
from gpu.sample import GpuSample
from parsers.records import Floats, Ints

ID = "slowdown"

FACTOR = 1.15
QUICK = 0.1
"""The quantile of a block that stands for its undisturbed steps: a neighbour on the CPU slows only some of them."""
BLOCKS_NEEDED = 5
"""Blocks on either side."""
LASTING_SHARE, LASTING_BLOCKS = 0.15, (8, 15)
CALM = 0.25
"""A level that wanders by less than this power of its distance is no neighbour's work: 5 blocks are enough."""
LONGER_THAN_BEFORE = 2
MOST_ROWS, LEAST_ROWS, STEPS_OF_BLOCK = 20, 3, 50
"""A block is 20 rows; where a row is printed every few steps, as many as make 50 steps, but 3."""
RECENT, OLDER = 100, 100
"""Blocks kept whole and blocks kept of all that is older, so that the cost does not grow with the run."""


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Consecutive rows taken together: median, quick steps, first row and length in rows."""

    medians: Floats
    quick: Floats
    starts: Ints
    rows: int

    def __len__(self) -> int:
        return len(self.starts)


def rule(case: Case) -> Finding | None:
    """Steps became slower and stayed so.

    Fires when the rows without evaluation split at some step into a faster part and a slower part that lasts to the
    end, 15 % apart in their medians and in their quick steps: the 10 % quantiles of blocks of 20 rows (of 50 steps
    where rows are further apart, 3 rows at least). Nine in ten of the slower blocks must be above three in four of the
    faster ones, and wander by less than they are above. The faster part must have 5 blocks, the slower one 15 % of all,
    8 at least and 15 at most (5 where it wanders by less than the fourth root of the factor), and it must be twice as
    long as any slow stretch that the run came back from. The first 5 rows (compilation) are left out. Joined with the
    GPU's throttle reasons.

    Why: a job that slows down in mid-run shares its GPU, is throttled, waits for data, or does more work a step.
    Do: look at clocks, temperature and other processes on the GPU, then at the data loader.
    False alarms: a sequence length or batch size that is raised on purpose (silent for trainers that do so by
    themselves); a CPU that others use for long.
    Sources: SageMaker Debugger's and runwise's throughput rules; thresholds by the wander of healthy runs on a GPU
    (below 5 %) and on a shared CPU, where medians double for some 100 rows while the quick steps do not.
    """
    if case.traits.step_work_changes:
        return None
    rows = steady_rows(case)
    blocks = _blocks(rows.values, _rows_of_block(rows.steps))
    at = None if blocks is None else _change(blocks)
    if blocks is None or at is None:
        return None
    before, after = float(np.median(blocks.medians[:at])), float(np.median(blocks.medians[at:]))
    row = _row_of_change(rows.values, blocks, at, (before, after))
    complete = min(int(blocks.starts[at]) + _needed(blocks, at) * blocks.rows, len(rows)) - 1
    causes = tuple(c for sample in case.gpus for c in _gpu_causes(sample))
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.85,
        title=f"Steps are {100 * (after / before - 1):.0f} % slower since step {int(rows.steps[row]):,}",
        evidence=(
            f"median {duration(before)} a step before, {duration(after)} since",
            f"{len(rows) - row:,} rows since, their quick steps slower too: not a few late steps",
            *causes,
        ),
        advice=(
            "See why the GPU slows down: " + "; ".join(causes) + "."
            if causes
            else "Look for another process on the GPU or the CPU, for throttling, then for a data loader that waits.",
        ),
        first_step=int(rows.steps[complete]),
        step=int(rows.steps[-1]),
    )


def steady_rows(case: Case) -> Series:
    """All step_seconds of plain steps: without evaluations and the first rows, which compile."""
    seconds = case.metric("step_seconds").finite
    if not len(seconds):
        return seconds
    interval, evals = case.number("eval_interval"), case.metric("val_loss").steps
    plain = np.ones(len(seconds), np.bool_)
    if case.traits.step_seconds_contain_eval and (interval is not None or len(evals)):
        plain = ~eval_rows(seconds, interval, evals)
    plain[: min(len(plain), 5)] = False
    return Series(seconds.name, seconds.steps[plain], seconds.values[plain])


def _rows_of_block(steps: Ints) -> int:
    interval = float(np.median(np.diff(steps[-200:]))) if len(steps) > 1 else 1.0
    return int(np.clip(STEPS_OF_BLOCK / max(interval, 1.0), LEAST_ROWS, MOST_ROWS))


def _blocks(values: Floats, rows: int) -> _Blocks | None:
    """Blocks counted from the first row, so that later rows do not move them; None where there are too few."""
    count = len(values) // rows
    if count < 2 * BLOCKS_NEEDED:
        return None
    older = np.unique(np.linspace(0, max(0, count - RECENT - 1), OLDER).astype(np.int64))
    kept = np.union1d(older, np.arange(max(0, count - RECENT), count))
    table = values[: count * rows].reshape(count, rows)[kept]
    return _Blocks(np.median(table, axis=1), np.quantile(table, QUICK, axis=1), kept * rows, rows)


def _change(blocks: _Blocks) -> int | None:
    """The first block of the slower part, None where the blocks do not fall into two."""
    splits = np.arange(BLOCKS_NEEDED, len(blocks) - BLOCKS_NEEDED + 1)
    apart = np.minimum(_all_apart(blocks.medians), _all_apart(blocks.quick))[splits - 1]
    total = np.cumsum(np.log(np.maximum(blocks.quick, np.finfo(float).tiny)))
    before, after = total[splits - 1] / splits, (total[-1] - total[splits - 1]) / (len(blocks) - splits)
    gain = (after - before) * np.sqrt(splits * (len(blocks) - splits))
    possible = np.flatnonzero((apart >= FACTOR) & (gain > 0))
    by_gain = splits[possible[np.argsort(-gain[possible], kind="stable")]]
    return next((int(at) for at in by_gain if _steady(blocks.quick, at) and _lasts(blocks, at)), None)


def _all_apart(values: Floats) -> Floats:
    """The median of the blocks from each split on over that of those before it, for splits 1 to n - 1."""
    before, after = _running_medians(values)[:-1], _running_medians(values[::-1])[::-1][1:]
    return np.divide(after, before, out=np.zeros(len(before)), where=before > 0)


def _running_medians(values: Floats) -> Floats:
    """The median of the first value, of the first two, and so on."""
    seen: list[float] = []
    medians = np.empty(len(values))
    for i, value in enumerate(values.tolist()):
        insort(seen, value)
        medians[i] = (seen[i // 2] + seen[(i + 1) // 2]) / 2
    return medians


def _apart(values: Floats, at: int) -> float:
    before = float(np.median(values[:at]))
    return float(np.median(values[at:])) / before if before > 0 else 0.0


def _steady(values: Floats, at: int) -> bool:
    """Whether the slower part is a level of its own: above the faster one, and wandering by less than it is above."""
    above = np.quantile(values[at:], 0.1) > np.quantile(values[:at], 0.75)
    return bool(above and _wander(values[at:]) < _apart(values, at))


def _wander(values: Floats) -> float:
    """By which factor nine in ten of them are within each other."""
    low, high = np.quantile(values, (0.1, 0.9))
    return float(high / low) if low > 0 else float("inf")


def _lasts(blocks: _Blocks, at: int) -> bool:
    return len(blocks) - at >= _needed(blocks, at)


def _needed(blocks: _Blocks, at: int) -> int:
    """Blocks that the slower part must have: a short stretch on a busy machine passes, as it may have done before."""
    rows = int(blocks.starts[-1]) + blocks.rows
    share = int(np.ceil(LASTING_SHARE * rows / blocks.rows))
    passed = LONGER_THAN_BEFORE * _longest_that_passed(blocks.quick[:at])
    calm = _wander(blocks.quick[at:]) < _apart(blocks.quick, at) ** CALM
    return max(BLOCKS_NEEDED if calm else int(np.clip(share, *LASTING_BLOCKS)), passed)


def _longest_that_passed(quick: Floats) -> int:
    """The longest run of slow blocks before the last fast one."""
    fast = np.flatnonzero(quick <= FACTOR**0.5 * np.median(quick))
    return int(np.diff(fast, prepend=-1).max()) - 1 if len(fast) else 0


def _row_of_change(values: Floats, blocks: _Blocks, at: int, levels: tuple[float, float]) -> int:
    """The first slow row: the split of the rows near block `at` into two levels that leaves the least deviation."""
    start = int(blocks.starts[max(0, at - 2)])
    near = values[start : int(blocks.starts[at]) + 2 * blocks.rows]
    low, high = (np.abs(near - level) for level in levels)
    left = np.concatenate((np.zeros(1), np.cumsum(low - high)))
    return min(start + int(np.argmin(left)), len(values) - 1)


def _gpu_causes(sample: GpuSample) -> list[str]:
    causes = []
    name = f"GPU {sample.index}" if sample.index is not None else "the GPU"
    hard = [r for r in sample.throttle or () if r in ("hw_slowdown", "hw_thermal", "hw_power_brake", "sw_thermal")]
    if hard:
        heat = f" at {sample.temperature_c:.0f} °C" if sample.temperature_c is not None else ""
        causes.append(f"{name} is throttled ({', '.join(hard)}){heat}")
    others = [p for p in sample.processes or () if p.this_run is False]
    if others:
        causes.append(
            f"{len(others)} other {'process computes' if len(others) == 1 else 'processes compute'} on {name}"
        )
    return causes
