"""Rule loss-spike."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import TRAIN_LOSS, VAL_LOSS, either
from diagnosis.periods import said_of_period
from diagnosis.shifts import BLOCK, DENSE_INTERVAL, data_shifts
from diagnosis.spikes import FULL_BATCH_FLOOR, MICRO_BATCH_FLOOR, Spike, find_spikes
from parsers.records import Floats

ID = "loss-spike"
NEEDS = (either(TRAIN_LOSS, VAL_LOSS),)

TOO_LONG_STEPS = 500
"""As many batches as PaLM skipped at most to get over a spike (arXiv 2204.02311, 5.1); a rule of thumb."""
PATIENCE_STEPS = 100
"""BLOOM-176B's first spike was over in 30 steps, unaided; its owners did well to wait."""
LEADING = 3.0
"""Times the usual gradient norm: a rule of thumb, where BLOOM-176B's rose from 0.24 to 145."""
NORM_ROWS = 50
"""Rows before a spike whose lower quartile is the usual gradient norm: the last of them may have risen already."""
RESUME_STEPS = 200
"""Steps in which fresh optimiser moments and a re-warmed learning rate still move the loss; a rule of thumb."""
REWARMED = 1.5
"""The factor by which a learning rate has risen again, as a cyclic one does."""
EARLY_STEPS = 100.0
"""As long as a run without a warm-up, or with an unknown one, is taken to be in it."""
EVAL_JUMP, EVAL_ERRORS = 0.3, 8.0
"""Nats, and standard errors of an eval, by which both splits must jump: as much as a micro-batch must."""


def rule(case: Case) -> Finding | None:
    """A jump of the training loss that lasts: how high, how long, whether it came back.

    Fires when the median of 8 rows is above that of the 128 before them by 0.12 nats and 5 standard errors, with 7 of
    the 8 above by one standard deviation; or when 2 of 3 rows are above by 1 nat and 8 standard deviations. Where a
    row is a single micro-batch the least height is 0.3; rows more than 10 steps apart are judged by 4 against 32.
    Within twice the warm-up (100 steps at least) one row 1 nat above the first loss of an untrained model is enough.
    The first rows, which have fewer before them, are judged by the 16 before. Without such rows: an eval above the
    three before it by 0.3 nats and 8 standard errors in both splits. Critical when the loss is not back within two
    standard deviations after 500 steps, unless the level is flat from its first row on (see loss-shift).

    Why: single bad batches are normal; a loss that stays up means that the weights were damaged, mostly by too large
    an update.
    Do: wait 100 steps; if it comes back by itself and is rare, nothing. Else restart about 100 steps before it and skip
    the next 200 to 500 batches (helped PaLM, not BigScience's 104B); if it comes again, clip the gradients at 1.0,
    lower the learning rate or lengthen the warm-up, then a smaller initialisation and bfloat16 in place of float16.
    False alarms: a change of data, batch or sequence length; a hard stretch of data (sibling runs show it at the same
    step). Within 200 steps after a resume and where the learning rate was raised again it stays silent.
    Sources: tuned on 9 healthy runs (0 alarms in 153,607 steps; a plain 6-sigma rule gives 1 to 12 in 10,000); PaLM
    (arXiv 2204.02311, 5.1), BLOOM-176B's first spike and BigScience's lessons learned for the advice.
    """
    floor = MICRO_BATCH_FLOOR if case.traits.train_loss == "micro-batch" else FULL_BATCH_FLOOR
    train = case.metric("train_loss").finite
    spikes = [
        s for s in find_spikes(train, floor, _early_steps(case)) if s.level > 0 and not _explained(case, s.first_step)
    ]
    if not spikes:
        return _from_evals(case)
    worst = max(spikes, key=lambda s: s.height)
    newest = int(train.steps[-1])
    open_for = newest - spikes[-1].first_step if spikes[-1].back_step is None else None
    shifted = open_for is not None and _is_shift(case, spikes[-1])
    plural = f"{len(spikes)} loss spikes, the worst" if len(spikes) > 1 else "Loss spike"
    return Finding(
        id=ID,
        severity="critical" if open_for is not None and open_for >= TOO_LONG_STEPS and not shifted else "warning",
        confidence=0.95,
        title=f"{plural} of {worst.height:+.2f} at step {worst.first_step:,}",
        evidence=(_shape(worst), *_fate(spikes, open_for), *_grad_norm(case, worst), *said_of_period(case)),
        advice=_advice(case, spikes[-1], open_for is not None, shifted),
        first_step=spikes[0].seen_step,
        step=newest,
        settings=_settings(case, spikes[-1], shifted=shifted),
    )


def _is_shift(case: Case, spike: Spike) -> bool:
    """Whether the level is flat from the first row of the spike on: then the data changed, not the weights."""
    rises = [s for s in data_shifts(case) if s.height > 0]
    return any(abs(s.first_step - spike.first_step) <= BLOCK * DENSE_INTERVAL for s in rises)


def _settings(case: Case, last: Spike, *, shifted: bool) -> tuple[tuple[str, float], ...]:
    """What to set if it comes again."""
    rate = case.number("learning_rate")
    clip = (("grad_clip", 1.0),) if case.number("grad_clip") == 0 else ()
    lower = (("learning_rate", rate / 2),) if rate and last.first_step <= _early_steps(case) else ()
    return () if shifted else (*lower, *clip)


def _shape(worst: Spike) -> str:
    up = f"{worst.level:.2f} before, {worst.height:+.2f} nats, highest row {worst.peak:.2f}"
    return f"step {worst.first_step:,}: {up}; noise of a row {worst.noise:.2f}"


def _fate(spikes: list[Spike], open_for: int | None) -> tuple[str, ...]:
    if open_for is not None:
        return (f"not back after {open_for:,} steps",)
    lasted = max((s.back_step or s.first_step) - s.first_step for s in spikes)
    return (
        f"back after {lasted:,} step{'s' if lasted != 1 else ''}"
        if len(spikes) == 1
        else f"all came back, the slowest after {lasted:,} steps",
    )


def _grad_norm(case: Case, worst: Spike) -> tuple[str, ...]:
    norms = case.metric("grad_norm").finite
    before = norms.until(worst.first_step - 1)
    during = norms.since(worst.first_step).until(worst.seen_step).values
    if len(before) < 3 or not len(during):
        return ()
    usual = float(np.percentile(before.values[-NORM_ROWS:], 25))
    ahead = int(np.argmin(np.append(before.values[::-1][:NORM_ROWS] > LEADING * usual, False)))
    if not ahead:
        return (f"gradient norm {usual:.3g} before, up to {float(during.max()):.3g} in it",)
    led = f"{ahead} row{'s' if ahead > 1 else ''} before the loss, from step {int(before.steps[-ahead]):,} on"
    return (f"gradient norm {usual:.3g} before; it rose {led}, up to {float(during.max()):.3g}",)


def _advice(case: Case, last: Spike, still_up: bool, shifted: bool) -> tuple[str, ...]:
    if shifted:
        return ("The level is flat: see what changed in the data, the batch or the context before anything else.",)
    clip = case.number("grad_clip")
    mend = "set `grad_clip = 1.0`" if clip == 0 else "lengthen the warm-up or lower the learning rate"
    if still_up:
        newest = case.metric("train_loss").finite.last_step or 0
        return (
            _still_up(
                last.first_step, mend, wait=case.state == "running" and newest < last.first_step + PATIENCE_STEPS
            ),
        )
    if last.first_step <= _early_steps(case):
        more = "and set `grad_clip = 1.0`" if clip == 0 else "or lengthen the warm-up"
        return (f"It came in the warm-up: the learning rate is too high for this model, halve it {more}.",)
    return (f"It came back: go on, and if it comes again {mend}.",)


def _early_steps(case: Case) -> float:
    """In which a jump speaks of the learning rate, in steps."""
    return max(EARLY_STEPS, 2 * (case.number("warmup_steps") or 0.0))


def _still_up(step: int, mend: str, *, wait: bool) -> str:
    restart = f"restart from a checkpoint near step {max(0, step - 100):,} and skip the next 200 to 500 batches; {mend}"
    if wait:
        return f"Most spikes come back: if this one is not by step {step + PATIENCE_STEPS:,}, {restart}."
    return f"{restart[0].upper()}{restart[1:]}."


def _explained(case: Case, step: int) -> bool:
    """Whether a resume or a learning rate that was raised again accounts for a jump at this step."""
    if any(start <= step <= start + RESUME_STEPS for start in case.segments[1:]):
        return True
    rate = case.metric("learning_rate").finite
    before, now = rate.until(step - RESUME_STEPS).last, rate.until(step).last
    warmup = case.number("warmup_steps") or 0
    return before is not None and now is not None and step > 2 * warmup and now > REWARMED * before > 0


def _from_evals(case: Case) -> Finding | None:
    """What the evals show where the training rows are too few."""
    val, own = case.metric("val_loss").finite, case.metric("eval_train_loss").finite
    both, at_val, at_own = np.intersect1d(val.steps, own.steps, assume_unique=True, return_indices=True)
    if len(both) < 5:
        return None
    needed = max(EVAL_JUMP, EVAL_ERRORS * (case.eval_standard_error or 0.0))
    rises = [_rise(losses) for losses in (val.values[at_val], own.values[at_own])]
    jumped = [i + 3 for i in np.flatnonzero((rises[0] > needed) & (rises[1] > needed))]
    jumped = [i for i in jumped if not _explained(case, int(both[i]))]
    if not jumped:
        return None
    at = int(jumped[0])
    step = int(both[at])
    shown = [f"{losses[at - 1]:.2f} to {losses[at]:.2f}" for losses in (own.values[at_own], val.values[at_val])]
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.85,
        title=f"Both evals jumped by {min(float(r[at - 3]) for r in rises):.2f} or more at step {step:,}",
        evidence=(f"train {shown[0]}, val {shown[1]}",),
        advice=("If the next evals are not back, restart from the checkpoint before it with a lower learning rate.",),
        first_step=step,
        step=int(both[-1]),
    )


def _rise(losses: Floats) -> Floats:
    """Each eval from the fourth on, less the highest of the three before it."""
    return np.asarray(losses[3:] - np.maximum.reduce((losses[:-3], losses[1:-2], losses[2:-1])))
