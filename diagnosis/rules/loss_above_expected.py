"""Rule loss-above-expected."""

from __future__ import annotations

import numpy as np

from diagnosis.budget import BESIROGLU, FITTED_TOKENS_PER_PARAMETER, ExpectedLoss
from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import DATASET, EVAL_TRAIN_LOSS, PARAMETERS, TOKENS_SEEN, VAL_LOSS, VOCABULARY, either
from diagnosis.series import Series
from diagnosis.vocabulary import named_dataset
from parsers.records import Floats

ID = "loss-above-expected"
NEEDS = (either(EVAL_TRAIN_LOSS, VAL_LOSS), PARAMETERS, TOKENS_SEEN, DATASET, VOCABULARY)

EXCESS = 0.10
"""Nats; annealed healthy runs lie within 0.05 of the law."""
ANNEALING = 0.135
"""Nats that annealing to a tenth or to zero is worth; 0.10 to 0.18 in 19 runs fitted with the law of Tissue 2024
(arXiv 2408.11029)."""
ANNEALED = 0.3
"""Share of the peak learning rate at which a run counts as annealed, by judgement: what is left then is worth .04."""
EVALS = 3
"""The lowest of so many counts, so that one bad draw of batches tells nothing."""
SETTLED_WARMUPS = 2
"""By judgement: by then what a warm-up costs is won back."""
SHORTEST_CONTEXT = 1024
"""Tokens. All runs behind the offsets had it; in a shorter context each token is harder to tell."""


def rule(case: Case) -> Finding | None:
    """The loss is above what this size and these tokens give on this data set.

    Fires when the lowest of the last 3 evaluations is more than 0.10 above the law of the data set, and was at the eval
    before, once the learning rate is at 0.3 of its peak or below; before that 0.135 x its share of the peak is added,
    all of it where the schedule is unknown. Silent for data sets and tokenizers that were not calibrated, or that only
    a trainer's default names, below 5 tokens per parameter, within twice the warm-up, outside 10M to 1B parameters, for
    contexts below 1,024, for models that were not trained from scratch, and while the loss is 0.10 above its own best:
    that is a jump, and has rules of its own.

    Why: runs of one data set and tokenizer follow one law of size and tokens to some 0.03; more means that something
    costs loss that no scaling explains.
    Do: look at the batches as text (shuffled fragments, wrong separators), then the warm-up, then the learning rate.
    False alarms: another data set under the same name, label smoothing, an auxiliary loss in the number.
    Sources: Besiroglu 2024; offsets from llm.c, build-nanogpt, modded-nanogpt and nanoGPT runs; Tissue 2024.
    """
    expected = None if case.budget is None else case.budget.expected_loss
    loss = case.metric("eval_train_loss").finite
    if not len(loss):
        loss = case.metric("val_loss").finite
    if expected is None or len(loss) < EVALS or not _is_calibrated(case):
        return None
    above = _excess(case, loss, expected.band.value)
    if above is None:
        return None
    excess, left = above
    bad = excess > EXCESS + ANNEALING * left
    lowest = float(loss.values[-EVALS:].min())
    if not bad[-2:].all() or lowest > float(loss.values.min()) + EXCESS:
        return None
    good = np.flatnonzero(~bad)
    first = int(good[-1]) + 1 if len(good) else 0
    at = int(loss.steps[min(first + EVALS, len(loss) - 1)])
    return _finding(loss, expected, float(excess[-1]), float(left[-1]), at)


def _is_calibrated(case: Case) -> bool:
    """Whether the run is of the kind that the law's offsets were made of, besides data set, tokenizer and size."""
    context = case.number("block_size")
    fresh = (case.text("init_from") or "scratch") in ("scratch", "resume")
    return fresh and named_dataset(case) is not None and (context is None or context >= SHORTEST_CONTEXT)


def _finding(loss: Series, expected: ExpectedLoss, excess: float, left: float, first_step: int) -> Finding:
    lowest = float(loss.values[-EVALS:].min())
    half_width = expected.band.high - expected.band.value
    name = "train split, eval mode" if loss.name == "eval_train_loss" else "validation"
    annealing = (
        f"{ANNEALING * left:.2f} of it may still come from annealing" if left else "the learning rate is annealed"
    )
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.8,
        title=f"Loss {excess:.2f} above what this model reaches on {expected.dataset}",
        evidence=(
            f"{lowest:.3f} ({name}), expected {lowest - excess:.2f} ± {half_width:.2f} for this size and tokens",
            annealing,
        ),
        advice=(
            "Print a few training batches as text and look for shuffled fragments or wrong separators.",
            "Then try a longer warm-up, then twice the learning rate.",
        ),
        first_step=first_step,
        step=int(loss.steps[-1]),
    )


def _excess(case: Case, loss: Series, expected_now: float) -> tuple[Floats, Floats] | None:
    """The lowest of each 3 evaluations less the law at the last of them, and what is left to anneal there.

    Both of shape (evals - 2,); the excess is minus infinity where the law does not hold yet.
    """
    size, seen, last = case.size, case.tokens_seen, case.steps.last
    if size is None or not size.parameters or not seen or not last:
        return None
    steps = loss.steps[EVALS - 1 :].astype(np.float64)
    tokens = np.maximum(steps + case.traits.updates_at_eval_row, 1.0) * (case.tokens_per_step or seen / last)
    data = BESIROGLU.B * (tokens**-BESIROGLU.b - seen**-BESIROGLU.b)
    lowest = np.min([loss.values[i : len(loss) - EVALS + 1 + i] for i in range(EVALS)], axis=0)
    warm = steps > SETTLED_WARMUPS * (case.number("warmup_steps") or 0)
    holds = warm & (tokens >= FITTED_TOKENS_PER_PARAMETER * size.parameters)
    return np.where(holds, lowest - expected_now - data, -np.inf), _left_to_anneal(case, steps)


def _left_to_anneal(case: Case, steps: Floats) -> Floats:
    """The share of the annealing that may still come at `steps`, 0 to 1, of the same shape: 0 once it is annealed."""
    schedule, rate = case.schedule, case.metric("learning_rate").finite
    if schedule is not None:
        now, start = schedule(steps), schedule.warmup_steps
    elif len(rate) and rate.values.max() > 0:
        peak = int(np.argmax(rate.values))
        now, start = np.interp(steps, rate.steps, rate.values / rate.values[peak]), float(rate.steps[peak])
    else:
        return np.ones(len(steps))
    return np.where(steps <= start, 1.0, np.where(now <= ANNEALED, 0.0, now))
