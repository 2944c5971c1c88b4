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
from parsers.records import Floats, Ints, Value

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
"""Nats. A training loss below may round to 0 at the next row; from above, one row does not learn everything."""
BACK_ROWS = 3
"""Finite rows after which the weights are taken to live: NaN weights give no finite loss, filtered logs a few."""
SETTLING_STEPS = 20
"""A dynamic loss scale begins too high on purpose: float16's first steps overflow and are skipped."""
MANY_SKIPPED = 20
"""Rows in a row. So many skipped steps are no search for a loss scale any more: nothing is trained."""


EVALS = frozenset({"eval_train_loss", "val_loss"})
SKIPPED = "the loss is finite all the same: the trainer skips such steps, they train nothing"
EVAL_AT_FAULT = "the training loss is finite all the same: the weights live, the evaluation is at fault"
LOOK_AT_EVALS = "Look at what the evaluation reads: empty batches, labels that are all masked, an overflow in 16 bits."
MENDS = {
    "dtype": "Train in bfloat16: float16 overflows at 65,504.",
    "grad_clip": "Clip the gradient's norm at 1.0.",
}


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
    finite rows followed, where only evals are no number, and where the gradient norm alone is none and the loss is:
    then the trainer skips those steps, which is critical from 20 rows on.

    Why: from a NaN in the weights nothing comes back; what runs on burns hours.
    Do: stop, go back to the last checkpoint before it; bfloat16 instead of float16; clip at 1.0; lower the learning
    rate; look at the batch.
    False alarms: a single skipped step of float16 is one row of the gradient norm and does not fire; nor do the first
    20 steps of a run or a restart, in which the loss scale finds its level. A loss of reinforcement learning may be 0:
    zeros do not count where losses below 0 were logged, or where their rows have a gradient.
    Sources: nanoGPT issue 215 (float16, NaN from step 3010 on); transformers logging_nan_inf_filter; Megatron's
    training_log, which prints a loss only if it is >= 0 (Megatron-DeepSpeed issue 396).
    """
    streaks = [s for name in LOOKED_AT if (s := _streak(case, _rows(case, name))) is not None]
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
    if name == "grad_norm" and len(series.finite) < len(series) and len(case.metric("train_loss").finite):
        starts = [*case.segments[1:], *([int(series.steps[0])] if begins_at_start(series.steps) else [])]
        keep = np.ones(len(series), bool)
        for start in starts:
            keep &= (series.steps < start) | (series.steps > start + SETTLING_STEPS)
        return Series(name, series.steps[keep], series.values[keep])
    return series


def _streak(case: Case, series: Series) -> _Streak | None:
    values = series.values
    hidden = len(series.finite) == len(series)
    if hidden and series.name != "train_loss":
        return None
    bad = ~np.isfinite(values)
    if hidden:
        bad = _suspicious_zeros(values) & ~_has_gradient(case, series.steps)
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
    if not zero.any() or bool((values < 0).any()):
        return np.zeros(len(values), np.bool_)
    before = np.maximum.accumulate(np.where(zero, -1, np.arange(len(values))))
    came_from = np.where(before >= 0, values[np.maximum(before, 0)], 0.0)
    return np.asarray(zero & (came_from > NO_LOSS))


def _has_gradient(case: Case, steps: Ints) -> npt.NDArray[np.bool_]:
    """Whether these rows have a gradient norm that is a number above 0, which no NaN has."""
    norm = case.metric("grad_norm").finite
    return np.asarray(np.isin(steps, norm.steps[norm.values > 0]))


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
    what, alone = WORDS[worst.metric], _loss_goes_on(case, worst)
    skipped, only_evals = alone and metrics == ("grad_norm",), alone and EVALS.issuperset(metrics)
    since = "is exactly 0 since" if worst.hidden else "is not a number since"
    if worst.back:
        since = "was not a number for a while from"
    mild = worst.back or only_evals or (skipped and worst.count < MANY_SKIPPED)
    settings = () if worst.back or only_evals else _settings(case)
    return Finding(
        id=ID,
        severity="warning" if mild else "critical",
        confidence=0.9 if worst.hidden or worst.back else 1.0,
        title=f"The {what} {since} step {worst.first_step:,}",
        evidence=(
            f"{worst.count:,} rows of the {what} from step {worst.first_step:,}",
            *((SKIPPED,) if skipped else (EVAL_AT_FAULT,) if only_evals else ()),
            *_how_it_shows(case, worst),
            *_also(worst, metrics),
        ),
        advice=(LOOK_AT_EVALS,) if only_evals and not worst.back else _advice(worst, settings),
        first_step=worst.second_step,
        step=case.steps.last,
        settings=settings,
    )


def _how_it_shows(case: Case, worst: _Streak) -> tuple[str, ...]:
    left_out = worst.metric == "train_loss" and case.traits.train_loss_left_out and not worst.hidden
    good = worst.last_good
    return (
        *(("rows without a loss count: this trainer leaves out what is no number",) if left_out else ()),
        *((f"last good value {good[1]:.4g} at step {good[0]:,}",) if good else ()),
        *(("a trainer that filters NaN out prints 0 in its place",) if worst.hidden else ()),
    )


def _also(worst: _Streak, metrics: tuple[str, ...]) -> tuple[str, ...]:
    others = [WORDS[metric] for metric in metrics if metric != worst.metric]
    return ("also: " + ", ".join(others),) if others else ()


def _loss_goes_on(case: Case, worst: _Streak) -> bool:
    """Whether the training loss is a number above 0 in all rows, two at least, since then."""
    loss = case.metric("train_loss").since(worst.first_step).values
    return len(loss) > 1 and bool(np.isfinite(loss).all() and loss.all())


def _settings(case: Case) -> tuple[tuple[str, Value], ...]:
    """What the config has that lets it happen."""
    if (case.text("dtype") or "").removeprefix("torch.") in ("float16", "fp16", "half"):
        return (("dtype", "bfloat16"),)
    return (("grad_clip", 1.0),) if case.number("grad_clip") == 0 else ()


def _advice(worst: _Streak, settings: tuple[tuple[str, Value], ...]) -> tuple[str, ...]:
    if worst.back:
        return ("It came back: look at the batches of those steps before trusting the run.",)
    good = worst.last_good
    stop = f"Stop it and go back to a checkpoint of step {good[0]:,} or before." if good else "Stop it."
    return (stop, MENDS[settings[0][0]] if settings else "Lower the learning rate, and look at the batches before it.")
