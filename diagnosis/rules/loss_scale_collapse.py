"""Rule loss-scale-collapse."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import LOSS_SCALE
from diagnosis.series import Series
from diagnosis.statistics import begins_at_start
from parsers.records import Ints, Notice

ID = "loss-scale-collapse"
NEEDS = (LOSS_SCALE,)

HALVINGS, WITHIN_STEPS = 4.0, 50
"""A scaler that does its work halves as seldom as it doubles: once in 1,000 to 2,000 steps (torch GradScaler,
Megatron, DeepSpeed)."""
IN_A_ROW = 3
"""BigScience 104B: three halvings in three updates, and then the loss left for good."""
LONGEST_GAP = 500
"""Steps between two rows over which halvings are still too many."""
STANDS_STEPS, SETTLING_STEPS = 10, 100
"""A dynamic scale begins at 2^16 or 2^32 on purpose and halves until nothing overflows: some 20 steps, twice as many
with a hysteresis of 2. Then it stands."""
LEAST_FALL = 12.0
"""Halvings. A scale of 1 from the start is that of bfloat16 or float32, and fairseq, whose losses are sums over all
tokens of a batch, does well at 1 (its RoBERTa recipes begin at 4): only one that came down from 4,096 collapsed."""
CALM_STEPS = 1000
"""By judgement: as long as a scaler waits at least until it doubles the scale."""
SAME_NORMS = 3
"""Two may be chance in norms that are printed with few digits."""
MINIMUM = ("already at minimum", "minimum loss scale reached")
"""DeepSpeed's and fairseq's last words."""


def rule(case: Case) -> Finding | None:
    """The fp16 loss scale falls and falls: gradients overflow step after step, and each such step is skipped.

    Fires when the scale was halved 4 times within 50 steps (or between two rows), or 3 times in 3 updates; or when it
    is at 1 or below after a fall from 4,096 or more; or when the log says that it is at its minimum. The first descent
    of a run or a restart, until the scale stands for 10 steps but 100 at most, does not count. Critical at 1 or at the
    minimum, a note once 1,000 steps went by without a further halving.

    Why: an overflow means gradients beyond 65,504. One now and then is how the scaler finds its level; a row of them
    means that activations or weights have left the range of float16, and the loss follows. Skipped steps repeat the
    gradient norm of the step before, and some trainers count them as 0.
    Do: stop, go back to a checkpoint before the first halving; bfloat16 where the GPU has it (BLOOM was trained in it
    for this reason), else a lower learning rate, a smaller initialisation, a norm behind the embedding.
    False alarms: the start of a run; one halving in 2,000 steps; a static scale (1.0 is printed for bfloat16, too).
    Sources: BigScience 104B, experiment 7 (1,048,576 to 32,768 in 7 steps, then NaN) and lessons learned; DeepSpeed
    fp16/loss_scaler.py; fairseq optim/fp16_optimizer.py; apex issue 864 for the healthy halvings.
    """
    scale = case.metric("loss_scale").finite
    said = next((n for n in case.notices if any(word in n.text.lower() for word in MINIMUM)), None)
    if len(scale) and scale.values.min() <= 0:
        return None
    first = _first_collapse(case, scale)
    if first is None:
        return None if said is None else _at_minimum(case, said)
    top, row = first
    gone = said is not None or _nothing_left(scale)
    over = not gone and _calm(scale)
    high, low = float(scale.values[top]), float(scale.values[top:].min())
    lowest = int(scale.steps[top + int(np.argmin(scale.values[top:]))])
    return Finding(
        id=ID,
        severity="info" if over else "critical" if gone else "warning",
        confidence=0.95,
        title=f"The fp16 loss scale fell from {_shown(high)} to {_shown(low)}{' and stands again' if over else ''}",
        evidence=(
            f"{np.log2(high / low):.0f} halvings between steps {int(scale.steps[top]):,} and {lowest:,}",
            *_skipped(case, int(scale.steps[top])),
            *(() if said is None else (f"the log says: {said.text.strip()}",)),
        ),
        advice=_advice(int(scale.steps[top]), over=over),
        first_step=int(scale.steps[row]),
        step=case.steps.last,
        settings=() if over else (("dtype", "bfloat16"),),
    )


def _shown(scale: float) -> str:
    return f"{scale:,.0f}" if scale >= 1 else f"{scale:.2g}"


def _at_minimum(case: Case, said: Notice) -> Finding:
    """Where the log has no scale, but its trainer gave up on it."""
    return Finding(
        id=ID,
        severity="critical",
        confidence=0.95,
        title="The fp16 loss scale is at its minimum",
        evidence=(f"the log says: {said.text.strip()}",),
        advice=_advice(said.step, over=False),
        first_step=said.step,
        step=case.steps.last,
        settings=(("dtype", "bfloat16"),),
    )


def _advice(step: int | None, *, over: bool) -> tuple[str, ...]:
    if over:
        return (f"It has stood for {CALM_STEPS:,} steps: go on, and watch the loss.",)
    before = "" if step is None else f" before step {step:,}"
    return (
        f"Stop it and go back to a checkpoint{before}: steps that overflow are skipped, not trained.",
        "Train in bfloat16 where the GPU has it; else lower the learning rate, and clip at 1.0.",
    )


def _first_collapse(case: Case, scale: Series) -> tuple[int, int] | None:
    """The row from which the scale fell, and the first by which that was too far."""
    halvings, steps = np.log2(scale.values), scale.steps
    falls = np.flatnonzero(np.diff(halvings) < 0) + 1
    if not len(falls):
        return None
    settled = _settled(case, steps, falls)
    near = np.minimum(np.searchsorted(steps, steps[falls] - WITHIN_STEPS), falls - 1)
    near, close = np.maximum(near, settled), np.maximum(np.searchsorted(steps, steps[falls] - IN_A_ROW), settled)
    many = np.round(halvings[near] - halvings[falls]) >= HALVINGS
    many &= steps[falls] - steps[near] <= LONGEST_GAP
    in_a_row = np.round(halvings[close] - halvings[falls]) >= IN_A_ROW
    fallen = np.maximum.accumulate(halvings)[falls] - halvings[falls]
    nothing_left = (halvings[falls] <= 0) & (fallen >= LEAST_FALL)
    bad = np.flatnonzero(((many | in_a_row) & (falls > settled)) | nothing_left)
    if not len(bad):
        return None
    at = int(bad[0])
    row = int(falls[at])
    begin = 0 if nothing_left[at] else int(min(near[at], close[at]))
    highest = halvings[begin : row + 1]
    return begin + int(np.flatnonzero(highest == highest.max())[-1]), row


def _settled(case: Case, steps: Ints, falls: Ints) -> Ints:
    """For each fall the row at which the first descent of its segment had ended: what comes up to it is no collapse."""
    starts = np.searchsorted(steps, np.array(case.segments[1:], np.int64))
    begins = [0, *starts[starts < len(steps)]] if begins_at_start(steps) else [*starts[starts < len(steps)]]
    settled = np.zeros(len(falls), np.int64)
    for begin in begins:
        at = int(begin)
        for fall in falls[falls >= begin]:
            stood = fall - at > 1 and steps[fall] - steps[at] >= STANDS_STEPS
            if stood or steps[fall] - steps[begin] > SETTLING_STEPS:
                break
            at = int(fall)
        settled[falls >= begin] = at
    return settled


def _nothing_left(scale: Series) -> bool:
    """Whether it came down to where no halving is left."""
    last = scale.values[-1]
    return bool(last <= 1 and scale.values.max() >= 2**LEAST_FALL * last)


def _calm(scale: Series) -> bool:
    """Whether the last halving is long ago."""
    fell = np.flatnonzero(np.diff(scale.values) < 0)
    return not len(fell) or int(scale.steps[-1] - scale.steps[fell[-1] + 1]) >= CALM_STEPS


def _skipped(case: Case, since: int) -> tuple[str, ...]:
    """Rows that repeat the gradient norm to the last digit: their steps were skipped."""
    norms = case.metric("grad_norm").finite.since(since).values
    if len(norms) < SAME_NORMS:
        return ()
    same = np.append(np.diff(norms) == 0, np.False_)
    ends = np.flatnonzero(~same)
    longest = int(np.diff(np.concatenate(([-1], ends))).max())
    return (
        (f"the gradient norm is the same on {longest} rows: their steps were skipped",) if longest >= SAME_NORMS else ()
    )
