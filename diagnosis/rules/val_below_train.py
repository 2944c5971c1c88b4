"""Rule val-below-train."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.series import Series

ID = "val-below-train"

EVALS_NEEDED = 5


def rule(case: Case) -> Finding | None:
    """Validation loss lies below training loss, and why that is no error.

    Fires when the mean of (validation - training) over the second half of the evals, 5 at least, is below zero by
    more than twice its standard error.

    Why: it depends on what the trainer measures. Where both splits are measured with dropout off, as nanoGPT
    does, dropout cannot be the reason: the validation set is easier, or so small that its level is luck. Where the
    training loss is measured while training, dropout is on in it and it is a mean over older, worse weights.
    Do: trust the trend of the gap, not its level; give validation 10M tokens of shuffled documents or more.
    False alarms: none known. It never is a warning.
    Sources: nanoGPT train.py, estimate_loss(); llm.c's 124M run has validation below training in all 72 evals.
    """
    same_mode = bool(len(case.metric("eval_train_loss")))
    train = case.metric("eval_train_loss" if same_mode else "train_loss").finite
    steps, gap = _gap(case.metric("val_loss").finite, train)
    late = gap[len(gap) // 2 :]
    if len(late) < EVALS_NEEDED:
        return None
    mean, error = float(late.mean()), float(late.std(ddof=1)) / len(late) ** 0.5
    if mean >= -2 * error or mean > -0.001:
        return None
    return Finding(
        id=ID,
        severity="info",
        confidence=0.9,
        title=f"Validation is below training by {-mean:.2f}" if mean <= -0.01 else "Validation is just below training",
        evidence=(
            f"val - train = {mean:+.3f} ± {error:.3f} over the last {len(late)} evals",
            *_reason(case, same_mode=same_mode),
        ),
        advice=("Watch the gap's trend, not its level: a level takes 10M validation tokens or more.",),
        first_step=_since(steps, gap),
        step=int(steps[-1]),
    )


def _gap(val: Series, train: Series) -> tuple[np.ndarray, np.ndarray]:
    gap = val.values - train.at(val.steps)
    known = np.isfinite(gap)
    return val.steps[known], gap[known]


def _since(steps: np.ndarray, gap: np.ndarray) -> int:
    """The first eval that has the sign and after which nearly all have it."""
    below = gap < 0
    share_after = np.cumsum(below[::-1])[::-1] / np.arange(len(gap), 0, -1)
    return int(steps[int(np.argmax(below & (share_after >= 0.9)))])


def _reason(case: Case, *, same_mode: bool) -> tuple[str, ...]:
    if same_mode:
        return ("both splits are measured in eval mode, so dropout is in neither: the val split is easier, or tiny",)
    if not case.traits.train_loss_in_train_mode:
        return ()
    lag = " and averages over older weights" if case.traits.train_loss in ("window mean", "average") else ""
    return (f"the training loss is measured in train mode{lag}: it reads higher than the same weights in eval mode",)
