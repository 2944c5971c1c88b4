"""Rule non-finite."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import GRAD_NORM, TRAIN_LOSS, either
from diagnosis.series import Series
from diagnosis.statistics import begins_at_start
from parsers.records import Floats

ID = "non-finite"
NEEDS = (either(TRAIN_LOSS, GRAD_NORM),)

LOOKED_AT = ("train_loss", "eval_train_loss", "val_loss", "grad_norm")
WORDS = {
    "train_loss": "training loss",
    "eval_train_loss": "training loss in eval mode",
    "val_loss": "validation loss",
    "grad_norm": "gradient norm",
}
NO_LOSS = 0.1
BACK_ROWS = 3
SETTLING_STEPS = 20
"""A dynamic loss scale begins too high on purpose: float16's first steps overflow and are skipped."""
MANY_SKIPPED = 20
"""Rows in a row. So many skipped steps are no search for a loss scale any more: nothing is trained."""


@dataclass(frozen=True, slots=True)
class _Streak:
    """The first two or more rows in a row that are no number, and what became of them."""

    metric: str
    first_step: int
    second_step: int
    count: int
    hidden: bool
    back: bool
    last_good: tuple[int, float] | None


def rule(case: Case) -> Finding | None:
    """NaN or infinity in a loss or in the gradient norm, also where the trainer hides it.

    Fires when two rows in a row of the training loss, of an eval or of the gradient norm are NaN or infinite, or both
    splits are at one eval; also when the training loss is exactly 0 twice in a row straight after values above 0.1,
    or missing from two train rows in a row: some trainers print that for NaN. A warning instead of critical where 3
    finite rows followed, and where the gradient norm alone is no number and the loss is: then float16's scaler skips
    those steps, which is critical from 20 rows on.

    Why: from a NaN in the weights nothing comes back; what runs on burns hours.
    Do: stop, go back to the last checkpoint before it; bfloat16 instead of float16; clip at 1.0; lower the learning
    rate; look at the batch.
    False alarms: a single skipped step of float16 is one row of the gradient norm and does not fire; nor do the first
    20 steps of a run or a restart, in which the loss scale finds its level.
    Sources: nanoGPT issue 215 (float16, NaN from step 3010 on); transformers logging_nan_inf_filter; Megatron's
    training_log, which prints a loss only if it is >= 0 (Megatron-DeepSpeed issue 396).
    """
    streaks = [s for name in LOOKED_AT if (s := _streak(_rows(case, name))) is not None]
    if not streaks:
        return _both_splits(case)
    worst = min(streaks, key=lambda s: (s.back, s.first_step))
    return _finding(case, worst, tuple(s.metric for s in streaks))


def _rows(case: Case, name: str) -> Series:
    """The series as its trainer means it: with NaN where it leaves one out, without the first steps of float16."""
    series = case.metric(name)
    if name == "train_loss" and case.traits.train_loss_left_out and len(series):
        printed = case.metric("learning_rate").since(float(series.steps[0])).steps
        silent = np.setdiff1d(printed, series.steps, assume_unique=True)
        steps = np.concatenate((series.steps, silent))
        order = np.argsort(steps, kind="stable")
        return Series(name, steps[order], np.concatenate((series.values, np.full(len(silent), np.nan)))[order])
    if name == "grad_norm" and len(series) and len(case.metric("train_loss").finite):
        starts = [*case.segments[1:], *([int(series.steps[0])] if begins_at_start(series.steps) else [])]
        keep = np.ones(len(series), bool)
        for start in starts:
            keep &= (series.steps < start) | (series.steps > start + SETTLING_STEPS)
        return Series(name, series.steps[keep], series.values[keep])
    return series


def _streak(series: Series) -> _Streak | None:
    values = series.values
    bad = ~np.isfinite(values)
    hidden = series.name == "train_loss" and not bad.any()
    if hidden:
        bad = _suspicious_zeros(values)
    pairs = np.flatnonzero(bad[1:] & bad[:-1])
    if not len(pairs):
        return None
    first = int(pairs[0])
    good = np.flatnonzero(~bad[:first])
    return _Streak(
        metric=series.name,
        first_step=int(series.steps[first]),
        second_step=int(series.steps[first + 1]),
        count=int(bad.sum()),
        hidden=hidden,
        back=len(values) > BACK_ROWS and not bad[-BACK_ROWS:].any(),
        last_good=(int(series.steps[good[-1]]), float(values[good[-1]])) if len(good) else None,
    )


def _suspicious_zeros(values: Floats) -> npt.NDArray[np.bool_]:
    """Exact zeros that follow a loss which was not small: no model learns everything between two rows."""
    zero = values == 0
    if not zero.any():
        return np.asarray(zero)
    before = np.maximum.accumulate(np.where(zero, -1, np.arange(len(values))))
    came_from = np.where(before >= 0, values[np.maximum(before, 0)], 0.0)
    return np.asarray(zero & (came_from > NO_LOSS))


def _both_splits(case: Case) -> Finding | None:
    """One eval whose two splits are both no number."""
    val, own = case.metric("val_loss"), case.metric("eval_train_loss")
    steps = np.intersect1d(val.steps[~np.isfinite(val.values)], own.steps[~np.isfinite(own.values)])
    if not len(steps):
        return None
    step, good = int(steps[0]), val.until(int(steps[0])).finite
    back = bool(np.isfinite(val.values[-1]))
    last_good = (int(good.steps[-1]), float(good.values[-1])) if len(good) else None
    streak = _Streak("val_loss", step, step, len(steps), hidden=False, back=back, last_good=last_good)
    return _finding(case, streak, ("val_loss", "eval_train_loss"))


def _finding(case: Case, worst: _Streak, metrics: tuple[str, ...]) -> Finding:
    what = WORDS[worst.metric]
    said = "is exactly 0" if worst.hidden else "is not a number"
    since = "was not a number for a while from" if worst.back else f"{said} since"
    good, skipped = worst.last_good, _skipped(case, worst, metrics)
    evidence = [f"{worst.count:,} rows of the {what} from step {worst.first_step:,}"]
    if skipped:
        evidence.append("the loss is finite all the same: float16's scaler skips such steps, they train nothing")
    if worst.metric == "train_loss" and case.traits.train_loss_left_out and not worst.hidden:
        evidence.append("rows without a loss count: this trainer leaves out what is no number")
    if good is not None:
        evidence.append(f"last good value {good[1]:.4g} at step {good[0]:,}")
    if worst.hidden:
        evidence.append("a trainer that filters NaN out prints 0 in its place")
    others = [WORDS[m] for m in metrics if m != worst.metric]
    if others:
        evidence.append("also: " + ", ".join(others))
    return Finding(
        id=ID,
        severity="warning" if worst.back or (skipped and worst.count < MANY_SKIPPED) else "critical",
        confidence=0.9 if worst.hidden or worst.back else 1.0,
        title=f"The {what} {since} step {worst.first_step:,}",
        evidence=tuple(evidence),
        advice=_advice(case, worst),
        first_step=worst.second_step,
        step=case.steps.last,
    )


def _skipped(case: Case, worst: _Streak, metrics: tuple[str, ...]) -> bool:
    """Whether the gradient norm alone is no number, while the loss goes on as one."""
    loss = case.metric("train_loss").since(worst.first_step).values
    return metrics == ("grad_norm",) and len(loss) > 1 and bool(np.isfinite(loss).all() and loss.all())


def _advice(case: Case, worst: _Streak) -> tuple[str, ...]:
    if worst.back:
        return ("It came back: look at the batches of those steps before trusting the run.",)
    good = worst.last_good
    stop = f"Stop it and go back to a checkpoint of step {good[0]:,} or before." if good else "Stop it."
    if (case.text("dtype") or "").endswith("float16") and case.text("dtype") != "bfloat16":
        return (stop, "Train in `dtype = 'bfloat16'`: float16 overflows at 65,504.")
    if case.number("grad_clip") == 0:
        return (stop, "Set `grad_clip = 1.0`.")
    return (stop, "Lower the learning rate, and look at the batches just before it.")
