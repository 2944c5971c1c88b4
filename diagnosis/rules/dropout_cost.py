"""Rule dropout-cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import EVAL_TRAIN_LOSS, TRAIN_LOSS
from diagnosis.series import Series
from diagnosis.summaries import first_look
from parsers.records import Value

ID = "dropout-cost"
NEEDS = (TRAIN_LOSS, EVAL_TRAIN_LOSS)

SHARE_LEFT_OUT = 0.2
"""The first fifth: there the loss falls so fast that a line between two evals lies above it."""
ROWS_NEEDED, EVALS_NEEDED = 20, 5
SURE, OVER = 3.0, 2.0
"""Standard errors from which it is said, and below which it no longer is."""
FELT = 0.005
"""Nats; nobody would change a run for less."""
FREE_EPOCHS = 4
"""Muennighoff 2023: up to four epochs are almost as good as fresh data, so there is nothing to regularise."""


def rule(case: Case) -> Finding | None:
    """What dropout (or another regulariser) costs in training loss, with its error bar.

    Fires when the training loss in train mode is above the same split's loss in eval mode by more than 3 standard
    errors and 0.005 nats, over the training rows after the first fifth of the run, 20 at least, and the 5 evals or
    more among them; both have their scatter in the error. It is over below 2. A warning where the data are known to be
    seen less than 4 times, else a note. Silent where dropout is known to be 0.

    Why: both are losses on training data of the same weights; what differs is dropout.
    Do: with fewer than 4 epochs over the data, set dropout to 0.
    False alarms: a training loss that is a running average, or has auxiliary terms; a wrong dropout in the echo.
    Sources: nanoGPT train.py; measured +0.090 ± 0.010 with dropout 0.1, -0.006 ± 0.023 and -0.009 ± 0.007 with 0.
    """
    dropout = case.number("dropout")
    if dropout == 0 or not case.traits.train_loss_in_train_mode or case.traits.train_loss == "average":
        return None
    evals, excess = case.metric("eval_train_loss").finite, _excess(case)
    since = first_look(excess, ROWS_NEEDED, lambda n: _costs(_cost(excess, evals, n), SURE), ID)
    cost = _cost(excess, evals, len(excess))
    if since is None or cost is None or not _costs(cost, OVER):
        return None
    epochs = case.budget.epochs if case.budget else None
    advice, settings = _advice(dropout, epochs)
    return Finding(
        id=ID,
        severity="warning" if dropout and epochs is not None and epochs < FREE_EPOCHS else "info",
        confidence=0.95 if dropout else 0.8,
        title=f"{'Dropout' if dropout else 'Train mode'} costs {cost.mean:.2f} in training loss",
        evidence=(
            f"train mode - eval mode = {cost.mean:+.3f} ± {cost.error:.3f} over {cost.rows:,} rows",
            f"dropout = {dropout:g}" if dropout else "dropout is not in the log",
            *(() if epochs is None else (f"{epochs:.2g} epochs over the data",)),
        ),
        advice=(advice,),
        settings=settings,
        first_step=int(excess.steps[since - 1]),
        step=int(excess.steps[-1]),
    )


@dataclass(frozen=True, slots=True)
class _Cost:
    """By how much train mode lies above eval mode, nats, with the standard error of that."""

    mean: float
    error: float
    rows: int


def _excess(case: Case) -> Series:
    """The training rows less the line through the evals of the same split, as far as there are evals."""
    train, evals = case.metric("train_loss").finite, case.metric("eval_train_loss").finite
    until = int(evals.steps[-1]) if len(evals) else -1
    rows = train.since(float(evals.steps[0]) if len(evals) else 0.0).until(until)
    return Series("excess", rows.steps, rows.values - evals.at(rows.steps), train.memo.setdefault(ID, {}))


def _cost(excess: Series, evals: Series, count: int) -> _Cost | None:
    """Of the first `count` rows without their first fifth; None where there are too few, or too few evals."""
    if count < ROWS_NEEDED:
        return None
    first, last = int(excess.steps[0]), int(excess.steps[count - 1])
    start = first + SHARE_LEFT_OUT * (last - first)
    late = excess.until(last).since(start).values
    beside = evals.since(start).values[: len(evals.until(last - 1).since(start)) + 1]
    if len(late) < ROWS_NEEDED or len(beside) < EVALS_NEEDED:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # losses of 1e300 have an infinite error
        scatter = late.var(ddof=1) / len(late), np.diff(beside).var(ddof=1) / 2 / len(beside)
        return _Cost(float(late.mean()), float(np.sqrt(sum(scatter))), len(late))


def _costs(cost: _Cost | None, errors: float) -> bool:
    return cost is not None and cost.mean > errors * cost.error and cost.mean >= FELT


def _advice(dropout: float | None, epochs: float | None) -> tuple[str, tuple[tuple[str, Value], ...]]:
    if not dropout:
        return "Look what differs between training and evaluation: dropout, label smoothing, an auxiliary loss.", ()
    if epochs is None:
        return "If the data are seen fewer than 4 times, train without dropout.", (("dropout", 0.0),)
    if epochs < FREE_EPOCHS:
        return "Train without dropout: the data are not repeated often enough to overfit.", (("dropout", 0.0),)
    return "The data repeat, so some dropout can pay: judge it by the validation loss alone.", ()
