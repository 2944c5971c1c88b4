"""Rule initial-loss."""

from __future__ import annotations

from math import log

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import TRAIN_LOSS, VAL_LOSS, VOCABULARY, either
from diagnosis.vocabulary import untrained_loss

ID = "initial-loss"
NEEDS = (VOCABULARY, either(TRAIN_LOSS, VAL_LOSS))

INITIALISATION = 0.0002
"""Half the variance of a logit per unit of width: weights of sd 0.02 on normalised activations give d x 0.02^2 / 2."""
WIDEST_SPREAD = 0.6
"""That of a width of 3,000, for a width that is unknown."""
TOLERANCE = 0.5
"""Nats, by judgement: first losses of healthy runs lie within 0.15 of ln(V) + spread."""
SECOND_TASK = log(2)
"""BERT's next sentence and ALBERT's order of sentences are a choice of two, and are often in the loss."""
SAME_FACTOR = 0.1
"""How near the factor over ln(V) must be to the accumulation: transformers 4.46 printed the sum (PR 35438)."""
WHOLE = 0.15
"""How near to a whole number a factor must be to be called one."""


def rule(case: Case) -> Finding | None:
    """The loss of the untrained model is not what its vocabulary gives.

    Fires when the first loss, measured before any update, is more than 0.5 nats below ln(vocabulary) in a run that
    begins from scratch, or more than 0.5 above ln(vocabulary) + 0.0002 x width. Where nothing says how it began it must
    be 1.2 above, and is a warning. Silent where the vocabulary is unknown, for resumed and fine-tuned runs, and for
    logs that begin later.

    Why: an untrained model spreads its bets evenly and scores ln(V), a little more by its random logits (10.83 + 0.08
    for GPT-2's tokenizer at width 384). Higher: labels out of the vocabulary, a sum instead of a mean, a broken
    initialisation. Lower: another vocabulary, leaked targets, trained weights.
    Do: check vocab_size against the tokenizer, the shift of the targets and how the loss is averaged.
    False alarms: weights loaded without a word in the log (mT5 begins at 30); auxiliary terms in the loss.
    Sources: 10.87 to 11.06 seen at widths 384 to 1600; ln 50304 = 10.826; transformers issues 35438 (a loss times its
    accumulation steps) and 10830 (mT5).
    """
    vocabulary, start = case.number("vocab_size"), case.text("init_from")
    measured = untrained_loss(case)
    if vocabulary is None or vocabulary < 2 or measured is None or start not in (None, "scratch"):
        return None
    step, loss = measured
    even, width, fresh = log(vocabulary), case.number("n_embd"), start is not None
    spread = INITIALISATION * width if width else WIDEST_SPREAD
    too_low = fresh and loss < even - TOLERANCE
    if not too_low and loss <= even + spread + TOLERANCE + (0.0 if fresh else SECOND_TASK):
        return None
    return Finding(
        id=ID,
        severity="critical" if fresh else "warning",
        confidence=0.95 if fresh else 0.7,
        title=f"The first loss is {loss:.2f}, not the {even + spread:.2f} of an untrained model",
        evidence=(
            f"ln({vocabulary:,.0f}) = {even:.2f}, and about {spread:.2f} by the random logits",
            f"step {step:,}: {loss:.4f}",
        ),
        advice=(_low() if too_low else _high(case, loss, even),),
        first_step=step,
        step=case.steps.last,
    )


def _low() -> str:
    return "Check that vocab_size is the tokenizer's, that targets are shifted by one, and that no weights were loaded."


def _high(case: Case, loss: float, even: float) -> str:
    times = loss / even
    accumulated = case.number("gradient_accumulation_steps") or 0
    if accumulated > 1 and abs(times / accumulated - 1) < SAME_FACTOR:
        said = f"gradient_accumulation_steps = {accumulated:g}"
        return f"It is {times:.1f} times ln(V), and {said}: probably not divided by the accumulation."
    if round(times) > 1 and abs(times - round(times)) < WHOLE:
        return f"It is {round(times)} times ln(V): summed, not averaged, over {round(times)} micro-batches or devices."
    return "Check that labels lie within the vocabulary, that padding is ignored, and the scale of the initial weights."
