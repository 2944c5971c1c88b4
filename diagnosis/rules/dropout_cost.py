"""Rule dropout-cost."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import EVAL_TRAIN_LOSS, TRAIN_LOSS
from parsers.records import Value

ID = "dropout-cost"
NEEDS = (TRAIN_LOSS, EVAL_TRAIN_LOSS)

SHARE_LEFT_OUT = 0.2
"""The first fifth: there the loss falls so fast that a line between two evals lies above it."""
ROWS_NEEDED = 20


def rule(case: Case) -> Finding | None:
    """What dropout (or another regulariser) costs in training loss, with its error bar.

    Fires when the training loss in train mode is above the same split's loss in eval mode by more than 3 standard
    errors and 0.005 nats, over the training rows after the first fifth of the run, 20 at least, beside 5 evals or
    more. A warning where the data are known to be seen less than 4 times, else a note. Silent where dropout is known
    to be 0.

    Why: both are losses on training data of the same weights; what differs is dropout.
    Do: with fewer than 4 epochs over the data, set dropout to 0.
    False alarms: a training loss that is a running average, or has auxiliary terms; a wrong dropout in the echo.
    Sources: nanoGPT train.py; measured +0.090 ± 0.010 with dropout 0.1, -0.006 ± 0.023 and -0.009 ± 0.007 with 0.
    """
    dropout = case.number("dropout")
    reference = case.metric("eval_train_loss").finite
    train = case.metric("train_loss").finite
    usable = case.traits.train_loss_in_train_mode and case.traits.train_loss != "average"
    if not usable or dropout == 0 or len(reference) < 5 or len(train) < ROWS_NEEDED:
        return None
    late = train.since(train.steps[0] + SHARE_LEFT_OUT * (train.steps[-1] - train.steps[0]))
    excess = late.values - reference.at(late.steps)
    excess = excess[np.isfinite(excess)]
    if len(excess) < ROWS_NEEDED:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # losses of 1e300 have an infinite error
        mean, error = float(excess.mean()), float(excess.std(ddof=1)) / len(excess) ** 0.5
    if mean <= 3 * error or mean < 0.005:
        return None
    epochs = case.budget.epochs if case.budget else None
    advice, settings = _advice(dropout, epochs)
    return Finding(
        id=ID,
        severity="warning" if dropout and epochs is not None and epochs < 4 else "info",
        confidence=0.95 if dropout else 0.8,
        title=f"{'Dropout' if dropout else 'Train mode'} costs {mean:.2f} in training loss",
        evidence=(
            f"train mode - eval mode = {mean:+.3f} ± {error:.3f} over {len(excess):,} rows",
            f"dropout = {dropout:g}" if dropout else "dropout is not in the log",
            *(() if epochs is None else (f"{epochs:.2g} epochs over the data",)),
        ),
        advice=(advice,),
        settings=settings,
        first_step=int(late.steps[min(ROWS_NEEDED, len(late)) - 1]),
        step=int(late.steps[-1]),
    )


def _advice(dropout: float | None, epochs: float | None) -> tuple[str, tuple[tuple[str, Value], ...]]:
    if not dropout:
        return "Look what differs between training and evaluation: dropout, label smoothing, an auxiliary loss.", ()
    if epochs is None:
        return "If the data are seen fewer than 4 times, train without dropout.", (("dropout", 0.0),)
    if epochs < 4:
        return "Train without dropout: the data are not repeated often enough to overfit.", (("dropout", 0.0),)
    return "The data repeat, so some dropout can pay: judge it by the validation loss alone.", ()
