"""Rule loss-shift."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import TRAIN_LOSS
from diagnosis.parting import Parting, parting_of
from diagnosis.series import Series
from diagnosis.shifts import SIDE, Shift, data_shifts
from diagnosis.statistics import median_of
from parsers.records import Floats

ID = "loss-shift"
NEEDS = (TRAIN_LOSS,)

CHANGED_RATE, CHANGED_TOKENS = 1.5, 1.05
"""Factors that explain a change of level: schedules move the learning rate of a row by less, and packing the tokens."""
LOOK_AT_LOADER = "See what the data loader did at step {:,} (next file, shard or mixture stage)"
AT_RESTART = 20
"""Steps. A change so soon after a restart is the restart's."""


def rule(case: Case) -> Finding | None:
    """The level of the training loss changes at one step and stays: other data or another batch, no optimiser spike.

    Fires when the medians of the 48 rows before and after a row differ by 0.12 nats (0.3 where a row is one
    micro-batch; twice as much downwards), by 6 standard errors and by 4 deviations of how such medians changed before,
    while neither side moves by more than a tenth of that and 1.5 standard errors, and the 8 rows next to the change
    are on their side's level to within 30 % of it. Also
    when the training loss jumps and comes back but validation stays up: at two evals in a row it has left the training
    loss by 0.3 nats and 8 standard errors. A note where the level fell, came back, or has a cause in the log (a
    restart, an epoch's end, another learning rate or batch). Silent where the gradient norm had exploded before, where
    both evals rose with it, where the level is an untrained model's, and where rows are more than 10 steps apart.

    Why: damaged weights peak and then recover; a level that is flat from its first row on is the level of other
    batches. A lower learning rate or a restart does not mend that.
    Do: see what the data loader did at that step (next file, shard, mixture stage, epoch), and whether batch, sequence
    length or masking changed; shuffle across sources. Judge by a validation set of the data that you care about.
    False alarms: a curriculum or a batch ramp that is meant; a slow recovery from a spike, until it is half done. A
    decaying learning rate lowers the loss over hundreds of rows and is not sharp.
    Sources: torchtitan issue 128 and minimind issue 503 (unshuffled sources); 0 warnings in 100,000 rows of 12
    published healthy runs and in 2.4 million synthetic ones, all injected steps of 0.2 nats found at a noise of 0.04.
    """
    shifts = data_shifts(case)
    stays = [s for s in shifts if s.height > 0 and s.back_step is None and _reason(case, s) is None]
    parting = parting_of(case) if not stays else None
    if parting is not None:
        return _parted(case, parting, shifts)
    if not shifts:
        return None
    return _finding(case, max(stays or shifts, key=lambda s: abs(s.height)), shifts, stays=bool(stays))


def _finding(case: Case, shift: Shift, shifts: list[Shift], *, stays: bool) -> Finding:
    way = "rose" if shift.height > 0 else "fell"
    reason = _reason(case, shift)
    until = "" if shift.back_step is None else f" until step {shift.back_step:,}"
    more = f" ({len(shifts)} such steps)" if len(shifts) > 1 else ""
    levels = f"{shift.before:.2f} over {SIDE} rows before, {shift.after:.2f} over {SIDE} after, flat on both sides"
    return Finding(
        id=ID,
        severity="warning" if stays else "info",
        confidence=0.8 if len(case.metric("grad_norm")) else 0.7,
        title=f"The loss level {way} by {abs(shift.height):.2f} at step {shift.first_step:,}{until}{more}",
        evidence=(
            f"{levels}; noise of a row {shift.noise:.2f}",
            *_norms(case, shift),
            *(() if reason is None else (reason,)),
        ),
        advice=(_advice(shift, reason),),
        first_step=shifts[0].seen_step,
        step=case.steps.last,
    )


def _advice(shift: Shift, reason: str | None) -> str:
    if reason is not None:
        return "Nothing, if that was meant."
    if shift.height < 0:
        return f"See what changed at step {shift.first_step:,}: easier or repeated data lower the loss by themselves."
    also = "whether batch, sequence length or masking changed; the learning rate is not the cause"
    return f"{LOOK_AT_LOADER.format(shift.first_step)}, and {also}."


def _parted(case: Case, parting: Parting, shifts: list[Shift]) -> Finding:
    before, after = parting.eval_steps
    seen = [s.seen_step for s in shifts] + [parting.seen_step]
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.85,
        title=f"The training data changed at step {parting.jump_step:,}: validation did not come back",
        evidence=(
            f"validation {parting.val[0]:.2f} at step {before:,}, {parting.val[1]:.2f} at step {after:,}",
            f"training {parting.train[0]:.2f} then, {parting.train[1]:.2f}: it jumped and learns the new data",
        ),
        advice=(
            f"{LOOK_AT_LOADER.format(parting.jump_step)}, and shuffle across sources.",
            "If the change was meant, validate on the new data.",
        ),
        first_step=min(seen),
        step=case.steps.last,
    )


def _norms(case: Case, shift: Shift) -> tuple[str, ...]:
    norms = case.metric("grad_norm").finite
    before = norms.until(shift.first_step - 1).values[-SIDE:]
    after = norms.since(shift.first_step).until(shift.seen_step).values
    if len(before) < 3 or len(after) < 3:
        return ()
    return (f"gradient norm {median_of(before):.3g} before, {median_of(after):.3g} after: no explosion",)


def _reason(case: Case, shift: Shift) -> str | None:
    """What the log itself says changed at that row."""
    step = shift.first_step
    if any(start <= step <= start + AT_RESTART for start in case.segments[1:]):
        return "the run was restarted there"
    rate = _change(case.metric("learning_rate").finite, step)
    if rate is not None and max(rate, 1 / rate) > CHANGED_RATE:
        return f"the learning rate changed by a factor of {rate:.2g} there"
    tokens = case.metric("tokens").finite
    each = Series("tokens", tokens.steps[1:], np.diff(tokens.values) / np.diff(tokens.steps))
    change = _change(each, step)
    if change is not None and max(change, 1 / change) > CHANGED_TOKENS:
        return f"the tokens of a step changed by a factor of {change:.2g} there"
    if shift.height < 0 and _epoch_ends(case.metric("epoch").finite, step):
        return "an epoch ended there: what comes now was seen before and is partly learnt by heart"
    return None


def _around(series: Series, step: int) -> tuple[Floats, Floats]:
    """The two values before a step, and the two from it on."""
    return series.until(step - 1).values[-2:], series.since(step).values[:2]


def _change(series: Series, step: int) -> float | None:
    """By what factor the values around a step differ."""
    before, after = _around(series, step)
    if not len(before) or not len(after) or before[0] <= 0 or after[-1] <= 0:
        return None
    return float(after[-1] / before[0])


def _epoch_ends(epochs: Series, step: int) -> bool:
    """Whether the count of epochs passes a whole number at the rows next to this step."""
    before, after = _around(epochs, step)
    return bool(len(before) and len(after) and np.floor(after[-1]) > np.floor(before[0]))
