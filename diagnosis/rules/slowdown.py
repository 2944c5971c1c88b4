"""Rule slowdown."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from diagnosis.case import Case
from diagnosis.device import gpu_label, others_on, past_of, run_gpus
from diagnosis.finding import Finding
from diagnosis.needs import STEP_SECONDS
from diagnosis.series import Series
from diagnosis.statistics import median_of
from diagnosis.step_blocks import StepBlocks
from diagnosis.summaries import remembered
from diagnosis.throttling import described, throttling
from diagnosis.wording import duration
from parsers.records import Floats, Ints

ID = "slowdown"
NEEDS = (STEP_SECONDS,)

FACTOR = 1.15
"""Three times as much as the medians of healthy runs on a GPU of their own wander."""
BLOCKS_NEEDED = 5
"""Blocks on either side."""
LASTING_SHARE, LASTING_BLOCKS = 0.15, (8, 15)
"""Of all blocks must be slow, within these bounds."""
MUCH = 1.3
CALM = 0.25
"""A level MUCH higher that wanders by less than this power of its distance is no neighbour's work: 5 blocks are
enough."""
LASTING_SECONDS = (60.0, 15.0)
"""Below MUCH and from there on. Other jobs come for a while: healthy runs on a shared machine had 32 s of a fifth."""
LONGER_THAN_BEFORE = 2
"""Times the longest slow stretch that passed by itself."""
MOST_ROWS, LEAST_ROWS, STEPS_OF_BLOCK = 20, 3, 50
"""A block is 20 rows; where a row is printed every few steps, as many as make 50 steps, but 3."""
RECENT, OLDER = 100, 100
"""Blocks kept whole and blocks kept of all that is older, so that the cost does not grow with the run."""


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Consecutive plain rows taken together: median, quick steps, number, all there are, and seconds of one's steps."""

    medians: Floats
    quick: Floats
    numbers: Ints
    """Which of all blocks each is."""
    count: int
    steps: float
    """Steps of a block."""

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class _Slower:
    """Where the slower part begins, by which block the evidence was complete, and a step's seconds on both sides."""

    block: int
    complete: int
    before: float
    after: float


def rule(case: Case) -> Finding | None:
    """Steps became slower and stayed so.

    Fires when the rows without evaluation split at some step into a faster part and a slower part that lasts to the
    end, 15 % apart in their medians and in their quick steps: the 10 % quantiles of blocks of 20 rows (of 50 steps
    where rows are further apart, 3 rows at least). Nine in ten of the slower blocks must be above three in four of the
    faster ones, and wander by less than they are above. The faster part must have 5 blocks, the slower one 15 % of all,
    8 at least and 15 at most (5 where it is 30 % slower and wanders by less than the fourth root of the factor). It
    must last a minute (15 s where it is 30 % slower), and twice as long as any slow stretch that the run came back
    from. The first 5 rows (compilation) are left out. Joined with the GPU's throttle reasons and clocks. Silent where
    the tokens per second, if they are logged, did not fall.

    Why: a job that slows down in mid-run shares its GPU, is throttled, waits for data, or does more work a step.
    Do: look at clocks, temperature and other processes on the GPU, then at the data loader.
    False alarms: a sequence length or batch size that is raised on purpose (silent for trainers that do so by
    themselves); a CPU that others use for long.
    Sources: SageMaker Debugger's and runwise's throughput rules; thresholds by the wander of healthy runs on a GPU
    (below 5 %) and on a shared CPU, where medians double for some 100 rows while the quick steps do not.
    """
    if case.traits.step_work_changes:
        return None
    seconds = case.metric("step_seconds").finite
    made = _made(case, seconds)
    if made is None:
        return None
    # The last rows, which fill no block yet, change nothing.
    known = (ID, made.size, made.interval)
    slower = remembered(seconds, len(made.starts), lambda: _slower(made, seconds), *known)
    if slower is None:
        return None
    row = _row_of_change(case, seconds, made, slower)
    return None if _does_more(case, int(seconds.steps[row])) else _finding(case, seconds, row, made, slower)


def _finding(case: Case, seconds: Series, row: int, made: StepBlocks, slower: _Slower) -> Finding:
    causes = tuple(_gpu_causes(case))
    advice = "Look for another process on the GPU or the CPU, for throttling, then for a data loader that waits."
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.85,
        title=f"Steps are {100 * (slower.after / slower.before - 1):.0f} % slower since step {seconds.steps[row]:,}",
        evidence=(
            f"median {duration(slower.before)} a step before, {duration(slower.after)} since",
            f"{len(seconds) - row:,} rows since, their quick steps slower too: not a few late steps",
            *causes,
        ),
        advice=("See why the GPU slows down: " + "; ".join(causes) + "." if causes else advice,),
        first_step=int(seconds.steps[made.ends[slower.complete]]),
        step=int(seconds.steps[-1]),
    )


def _made(case: Case, seconds: Series) -> StepBlocks | None:
    """The blocks of all rows, going on from what is remembered of them."""
    if len(seconds) < 2 * BLOCKS_NEEDED * LEAST_ROWS:
        return None
    spacing = median_of(np.diff(seconds.steps[:STEPS_OF_BLOCK]))
    size = int(np.clip(STEPS_OF_BLOCK / max(spacing, 1.0), LEAST_ROWS, MOST_ROWS))
    interval = case.number("eval_interval") if case.traits.step_seconds_contain_eval else None
    key = (StepBlocks, size, interval)
    made: StepBlocks | None = seconds.memo.get(key)
    if made is None or made.rows > len(seconds):
        made = seconds.memo[key] = StepBlocks(size, interval)
    made.extend(seconds, _eval_steps(case))
    return made


def _eval_steps(case: Case) -> Ints | None:
    return case.metric("val_loss").steps if case.traits.step_seconds_contain_eval else None


def _slower(made: StepBlocks, seconds: Series) -> _Slower | None:
    """None where there are too few blocks, or where they do not fall into two parts."""
    if len(made.starts) < 2 * BLOCKS_NEEDED:
        return None
    blocks = _blocks(made, seconds)
    at = _change(blocks)
    if at is None:
        return None
    block = int(blocks.numbers[at])
    complete = min(block + _needed(blocks, at), blocks.count) - 1
    return _Slower(block, complete, median_of(blocks.medians[:at]), median_of(blocks.medians[at:]))


def _blocks(made: StepBlocks, seconds: Series) -> _Blocks:
    """The newest blocks and some of those before."""
    count = len(made.starts)
    older = np.unique(np.linspace(0, max(0, count - RECENT - 1), OLDER).astype(np.int64))
    kept = np.union1d(older, np.arange(max(0, count - RECENT), count))
    spacing = median_of(np.diff(seconds.steps[: made.ends[-1] + 1][-200:]))
    return _Blocks(made.medians[kept], made.quick[kept], kept, count, made.size * spacing)


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
    before = median_of(values[:at])
    return median_of(values[at:]) / before if before > 0 else 0.0


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
    share = int(np.ceil(LASTING_SHARE * blocks.count))
    passed = LONGER_THAN_BEFORE * _longest_that_passed(blocks.quick[:at])
    apart = _apart(blocks.quick, at)
    calm = apart >= MUCH and _wander(blocks.quick[at:]) < apart**CALM
    seconds = median_of(blocks.medians[at:]) * blocks.steps
    lasting = int(np.ceil(LASTING_SECONDS[apart >= MUCH] / seconds))
    return max(BLOCKS_NEEDED if calm else int(np.clip(share, *LASTING_BLOCKS)), passed, lasting)


def _longest_that_passed(quick: Floats) -> int:
    """The longest run of slow blocks before the last fast one."""
    fast = np.flatnonzero(quick <= sqrt(FACTOR) * median_of(quick))
    return int(np.diff(fast, prepend=-1).max()) - 1 if len(fast) else 0


def _row_of_change(case: Case, seconds: Series, made: StepBlocks, slower: _Slower) -> int:
    """The first slow row: the split of the rows near its block into two levels that leaves the least deviation."""
    start = int(made.starts[max(0, slower.block - 2)])
    end = int(made.ends[min(slower.block + 1, len(made.ends) - 1)])
    rows = made.plain(seconds, _eval_steps(case), start, end + 1)
    low, high = (np.abs(seconds.values[rows] - level) for level in (slower.before, slower.after))
    left = np.concatenate((np.zeros(1), np.cumsum(low - high)))
    return int(rows[min(int(np.argmin(left)), len(rows) - 1)])


def _does_more(case: Case, step: int) -> bool:
    """Whether the steps became larger and not slower: as many tokens per second as before."""
    rate = case.metric("tokens_per_second").finite
    before, after = rate.until(step - 1).values, rate.since(step).values
    if min(len(before), len(after)) < BLOCKS_NEEDED:
        return False
    return median_of(after) * sqrt(FACTOR) > median_of(before)


def _gpu_causes(case: Case) -> Iterator[str]:
    for gpu in run_gpus(case):
        slowed, others = throttling(gpu, past_of(case, gpu)), others_on(gpu)
        if slowed is not None:
            yield f"{gpu_label(gpu)} is {described(gpu, slowed)}"
        if others:
            who = "other process is" if len(others) == 1 else "other processes are"
            yield f"{len(others)} {who} on {gpu_label(gpu)}"
