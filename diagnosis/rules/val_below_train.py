"""Rule val-below-train."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import EVAL_TRAIN_LOSS, TRAIN_LOSS, VAL_LOSS, either
from diagnosis.series import Series
from diagnosis.summaries import first_look
from parsers.records import Floats, Ints

ID = "val-below-train"
NEEDS = (VAL_LOSS, either(TRAIN_LOSS, EVAL_TRAIN_LOSS))

EVALS_NEEDED = 5
"""In the second half: the standard error of fewer is itself off by a factor of 2."""
SURE, STILL = 2.5, 1.0
"""Standard errors. Chance alone is below in 1 of 160 looks; what was sure once stays while it leans that way."""
LEAST = 0.001
"""Nats: losses are printed with four digits."""
EASIER = "the val split is easier, or tiny"
ENOUGH = ": a level takes 10M validation tokens or more"
"""See tiny-val-set."""


def rule(case: Case) -> Finding | None:
    """Validation loss lies below training loss, and why that is no error.

    Fires when the mean of (validation - training) over the second half of the evals, 5 at least, is below zero by
    more than its standard error and 0.001 nats, and was by 2.5 standard errors at this or an earlier eval.

    Why: it depends on what the trainer measures. Where both splits are measured with dropout off, as nanoGPT
    does, or where there is none, dropout cannot be the reason: the validation set is easier, or so small that its level
    is luck. Where the training loss is measured while training, dropout is on in it; where it is a mean over many
    steps, it is of older, worse weights.
    Do: trust the trend of the gap, not its level; give validation 10M tokens of shuffled documents or more.
    False alarms: none known. It never is a warning.
    Sources: nanoGPT train.py, estimate_loss(); llm.c's 124M run has validation below training in all 72 evals.
    """
    same_mode = bool(len(case.metric("eval_train_loss")))
    train = case.metric("eval_train_loss" if same_mode else "train_loss").finite
    val = case.metric("val_loss").finite
    steps, gap = _gap(val, train)
    gaps = Series("gap", steps, gap, val.memo.setdefault((ID, same_mode), {}))
    found = first_look(gaps, 2 * EVALS_NEEDED - 1, lambda n: _is_below(gap[:n], SURE))
    if found is None or not _is_below(gap, STILL):
        return None
    mean, error, count = _late_mean(gap)
    return Finding(
        id=ID,
        severity="info",
        confidence=0.9,
        title=f"Validation is below training by {-mean:.2f}" if mean <= -0.01 else "Validation is just below training",
        evidence=(
            f"val - train = {mean:+.3f} ± {error:.3f} over the last {count} evals",
            *_reason(case, same_mode=same_mode),
        ),
        advice=(f"Watch the gap's trend, not its level{'' if case.traits.loss_unit == 'unknown' else ENOUGH}.",),
        first_step=int(steps[found - 1]),
        step=int(steps[-1]),
    )


def _gap(val: Series, train: Series) -> tuple[Ints, Floats]:
    gap = val.values - train.at(val.steps)
    known = np.isfinite(gap)
    return val.steps[known], gap[known]


def _late_mean(gap: Floats) -> tuple[float, float, int]:
    """Mean of the second half, its standard error, and how many evals that are."""
    late = gap[len(gap) // 2 :]
    with np.errstate(over="ignore", invalid="ignore"):  # losses of 1e300 have an infinite error, and nothing is below
        return float(late.mean()), float(late.std(ddof=1)) / len(late) ** 0.5, len(late)


def _is_below(gap: Floats, errors: float) -> bool:
    mean, error, _ = _late_mean(gap)
    return mean < -max(errors * error, LEAST)


def _reason(case: Case, *, same_mode: bool) -> tuple[str, ...]:
    if same_mode:
        return (f"both splits are measured in eval mode, so dropout is in neither: {EASIER}",)
    dropout = case.number("dropout") if case.traits.train_loss_in_train_mode else 0.0
    lags = case.traits.train_loss in ("window mean", "average")
    if dropout is None and not lags:
        return (f"the training loss is measured in train mode: with dropout it reads higher, without it {EASIER}",)
    if not dropout and not lags:
        return (f"both are measured without dropout: {EASIER}",)
    mode = " in train mode" if dropout is None else f" with dropout {dropout:g} on" if dropout else ""
    old = " as a mean over older weights" if lags else ""
    return (f"the training loss is measured{mode}{old}: it reads higher than the same weights in eval mode",)
