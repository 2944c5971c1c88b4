"""Rule overfitting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding, Severity
from diagnosis.needs import EVAL_TRAIN_LOSS, TRAIN_LOSS, VAL_LOSS, either
from diagnosis.reference import medians_until
from diagnosis.statistics import mann_kendall, median_of, noise_sd, row_medians, theil_sen
from diagnosis.wording import span
from parsers.records import Floats, Ints, Value

ID = "overfitting"
NEEDS = (VAL_LOSS, either(TRAIN_LOSS, EVAL_TRAIN_LOSS))

FEWEST = 8
"""Evals that a trend is told from: where 8 of them rise, Mann-Kendall's z is 3.3, where 5 do 2.2."""
WINDOW = 0.3
"""The share of the steps whose trend is looked at."""
RISING_Z = 2.3
"""One-sided p = .01 of Mann-Kendall."""
LEAST_GAP = 0.02
"""Nats. By so much two evals of 200 batches differ by chance: a healthy 41M run's have a standard error of 0.0067."""
OFF_BEST = 3.0
"""Standard errors of an eval by which the last ones are above the best."""
ROWS_BESIDE_AN_EVAL = 20
"""Their median stands for the training loss where the trainer has no eval of it."""
FEW, FEW_RISE, FEW_FIRST_RISE = 3, 0.1, 0.05
"""Nats that the last and every eval since the best must be above it, where 3 to 8 evals are all there are: an eval of
a hundred sequences of 1,024 tokens is known to 0.04."""
FEW_ERRORS = 4.0
"""And so many errors of an eval, where that is known."""
LIGHT_DROPOUT = 0.1
"""What nanoGPT's train.py names to finetune with: "for pretraining 0 is good, for finetuning try 0.1+"."""

Slope = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class _Evals:
    """Validation loss and training loss at the same steps, after the warm-up."""

    steps: Ints
    val: Floats
    train: Floats

    def first(self, count: int) -> _Evals:
        """The first `count` of them."""
        return _Evals(self.steps[:count], self.val[:count], self.train[:count])

    def window(self) -> _Evals:
        """The last 30 % of the steps, 8 evals at least."""
        count = max(FEWEST, int(np.sum(self.steps >= (1 - WINDOW) * self.steps[-1])))
        return _Evals(self.steps[-count:], self.val[-count:], self.train[-count:])


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Slopes in nats per 1,000 steps with their 90 % interval."""

    gap: Slope
    val: Slope
    rises: bool
    above_best: float


def rule(case: Case) -> Finding | None:
    """The gap between validation and training grows and validation no longer falls.

    Fires when, over the last 30 % of the steps but 8 evals at least, val - train rises (Mann-Kendall z > 2.3, slope
    interval above 0, by more than 0.02 nats and two standard errors of an eval) and the slope of the validation loss
    is not below 0; and when that was so at the eval before, too. Critical when the validation loss itself rises
    (z > 2.3), or its last 3 evals are above the best smoothed one by 0.02 nats and 3 standard errors. Of 3 to 8 evals
    it fires as a warning where at least the last two are above the best by 0.05 nats, the last is highest and 0.1 above
    it, and the training loss fell by 0.1 since.

    Why: the model now learns its training data by heart. The level of the gap says nothing (a small validation set can
    be easier or harder), only its growth does.
    Do: keep the best checkpoint (the training since then bought nothing); more data or fewer epochs, else a smaller
    model, dropout or weight decay.
    False alarms: an order of the data that drifts, an eval subset that changes, a resume on other data.
    Sources: a healthy 41M run's gap fell by 0.0019 per 1,000 steps; another's grew by 0.0046 while validation still
    fell, which is no overfitting.
    """
    evals = _evals(case)
    if evals is None or len(evals.steps) < FEW:
        return None
    error = max(case.eval_standard_error or 0.0, noise_sd(evals.val[-30:]) or 0.0)
    early = _of_few(case, evals.first(FEWEST), error)
    if len(evals.steps) <= FEWEST:
        return early
    verdict = _verdict(evals, error)
    if verdict is None or _verdict(evals.first(len(evals.steps) - 1), error) is None:
        still_up = median_of(evals.val[-3:]) - evals.val.min() > FEW_FIRST_RISE
        return early if still_up else None
    best_step, best = _best(evals)
    count = len(evals.window().steps)
    return _finding(
        case,
        best_step,
        severity="critical" if verdict.rises else "warning",
        confidence=0.85,
        evidence=(
            f"val - train grows by {_shown(verdict.gap)} per 1,000 steps, now {evals.val[-1] - evals.train[-1]:.2f}",
            f"val itself: {_shown(verdict.val)} per 1,000 steps over the last {count} evals",
            f"val {verdict.above_best:+.3f} against its best of {best:.4f}{_spent(case, best_step)}",
        ),
        first_step=_fired_at(evals, error) if early is None else early.first_step,
    )


def _finding(
    case: Case,
    best_step: int,
    *,
    severity: Severity,
    confidence: float,
    evidence: tuple[str, ...],
    first_step: int | None,
) -> Finding:
    advice, settings = _advice(case, best_step)
    return Finding(
        id=ID,
        severity=severity,
        confidence=confidence,
        title=f"Overfitting: validation was best at step {best_step:,}",
        evidence=(*evidence, *_saved(case, best_step), *_epochs(case)),
        advice=advice,
        settings=settings,
        first_step=first_step,
        step=case.steps.last,
    )


def _of_few(case: Case, evals: _Evals, error: float) -> Finding | None:
    """A turn of validation that no noise makes, where a trend cannot be told from so few evals."""
    if not _turned(evals, error):
        return None
    shown = next(n for n in range(FEW, len(evals.steps) + 1) if _turned(evals.first(n), error))
    best = int(np.argmin(evals.val))
    best_step, rise = int(evals.steps[best]), float(evals.val[-1] - evals.val[best])
    return _finding(
        case,
        best_step,
        severity="warning",
        confidence=0.75,
        evidence=(
            f"val {rise:+.3f} against its best of {evals.val[best]:.4f}{_spent(case, best_step)}",
            f"train {evals.train[-1] - evals.train[best]:+.3f} in the same steps, by {len(evals.steps)} evals",
        ),
        first_step=int(evals.steps[shown - 1]),
    )


def _turned(evals: _Evals, error: float) -> bool:
    """Whether all evals since the best, two at least, are well above it while training fell."""
    best = int(np.argmin(evals.val))
    since = evals.val[best + 1 :] - evals.val[best]
    if len(since) < FEW - 1 or since[-1] < max(FEW_RISE, FEW_ERRORS * error):
        return False
    if since.min() < max(FEW_FIRST_RISE, FEW_ERRORS / 2 * error):
        return False
    fell = evals.train[best] - evals.train[best + 1 :]
    return bool(since[-1] >= since.max() and fell[-1] >= FEW_RISE and fell.min() > 0)


def _verdict(evals: _Evals, error: float) -> _Verdict | None:
    """None where this is no overfitting, or where there are fewer than 8 evals."""
    if len(evals.steps) < FEWEST:
        return None
    window = evals.window()
    gaps, thousands = window.val - window.train, window.steps / 1000
    val = theil_sen(thousands, window.val)
    if val is None or val[0] < 0:
        return None
    gap = theil_sen(thousands, gaps)
    if gap is None or gap[1] <= 0 or mann_kendall(gaps)[0] <= RISING_Z:
        return None
    if gap[0] * (thousands[-1] - thousands[0]) <= max(LEAST_GAP, 2 * error):
        return None
    above = median_of(window.val[-3:]) - _best(evals)[1]
    rises = mann_kendall(window.val)[0] > RISING_Z or above > max(LEAST_GAP, OFF_BEST * error)
    return _Verdict(gap, val, rises, above)


def _fired_at(evals: _Evals, error: float) -> int:
    """The eval at which the evidence was first complete, by bisection: overfitting does not go away."""
    quiet, fires = FEWEST, len(evals.steps)
    while fires - quiet > 1:
        middle = (quiet + fires) // 2
        at = [_verdict(evals.first(count), error) for count in (middle - 1, middle)]
        quiet, fires = (middle, fires) if None in at else (quiet, middle)
    return int(evals.steps[fires - 1])


def _evals(case: Case) -> _Evals | None:
    """Every eval after the warm-up with the training loss at it; None where there is none."""
    val, own = case.metric("val_loss").finite, case.metric("eval_train_loss").finite
    if not len(val):
        return None
    train = case.metric("train_loss").finite
    losses = own.at(val.steps) if len(own) >= FEW else medians_until(train, val.steps, ROWS_BESIDE_AN_EVAL)
    keep = np.isfinite(losses) & (val.steps > (case.number("warmup_steps") or 0))
    return _Evals(val.steps[keep], val.values[keep], losses[keep])


def _best(evals: _Evals) -> tuple[int, float]:
    """The step of the lowest running median of 3 evals, and that median: one lucky eval is not the best."""
    smooth = row_medians(np.lib.stride_tricks.sliding_window_view(evals.val, 3))
    at = int(np.argmin(smooth))
    return int(evals.steps[at + 1]), float(smooth[at])


def _shown(slope: Slope) -> str:
    return f"{slope[0]:+.3f} [{slope[1]:+.3f}, {slope[2]:+.3f}]"


def _epochs(case: Case) -> tuple[str, ...]:
    epochs = case.budget.epochs if case.budget else None
    return () if epochs is None else (f"{epochs:.3g} epochs over the data",)


def _spent(case: Case, best_step: int) -> str:
    """The training since the best validation, which bought nothing."""
    steps = (case.steps.last or 0) - best_step
    if steps <= 0:
        return ""
    seconds = case.efficiency.seconds_per_step if case.efficiency else None
    return f", after {steps:,} more steps" + (f" that took {span(steps * seconds)}" if seconds else "")


def _saved(case: Case, best_step: int) -> tuple[str, ...]:
    """The checkpoint nearest to the best, of those that the log saw saved: it may be overwritten since."""
    saved = [n.step for n in case.notices if n.kind == "checkpoint" and n.step is not None]
    nearest = min(saved, key=lambda step: abs(step - best_step), default=None)
    return () if nearest is None else (f"the checkpoint saved nearest to it is that of step {nearest:,}",)


def _advice(case: Case, best_step: int) -> tuple[tuple[str, ...], tuple[tuple[str, Value], ...]]:
    keep = f"Keep the checkpoint of about step {best_step:,} and stop: what follows only learns by heart."
    if case.number("dropout") == 0:
        next_time = "Next time more data; where there is none, a dropout of 0.1 to 0.2 or a smaller model."
        return (keep, next_time), (("dropout", LIGHT_DROPOUT),)
    return (keep, "Next time more data, fewer epochs or a smaller model."), ()
