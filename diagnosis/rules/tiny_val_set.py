"""Rule tiny-val-set."""

from __future__ import annotations

import math

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import VAL_LOSS, VAL_TOKENS
from diagnosis.vocabulary import small_vocabulary
from diagnosis.wording import count, times

ID = "tiny-val-set"
NEEDS = (VAL_LOSS, VAL_TOKENS)

FEWEST_TOKENS = 1e6
"""Below it the bias of the level is above 0.03 nats, which is what runs of one recipe differ by."""
MOST_READINGS = 3.0
"""Times that one eval may go through the set before more batches tell nothing more."""
WANTED_TOKENS = 10e6
"""llm.c and modded-nanogpt evaluate on 10,485,760 tokens: a bias of 0.01."""
DOCUMENT_SPREAD = 0.5
"""Nats by which the mean losses of documents differ: about that of single windows of 1,024 tokens, 0.38 to 0.51 in two
nanoGPT runs."""
TOKENS_PER_DOCUMENT = 700.0
"""About the mean of FineWeb with GPT-2's tokenizer."""
UNEVEN_LENGTHS = 5.0
"""Long documents outweigh the rest: so many count as one. Judgement; it makes 0.4 nats of the 5,500 tokens of a run
whose validation was off by 0.1 to 0.2."""
BYTES_PER_TOKEN = 4.5
"""About that of English web text with GPT-2's tokenizer. Of small vocabularies a document has as many times more
entries, each with as many times less loss."""


def rule(case: Case) -> Finding | None:
    """The validation set is too small to trust its level.

    Fires where the set has fewer than 1M tokens, or where one eval draws more than 3 times its tokens. Silent before
    the first evaluation and where the set's tokens are unknown.

    Why: the level is that of the few documents which happen to be in the set: it is off by about 0.5 nats / sqrt(tokens
    / 700 / 5), for every eval alike. One run had 5,500 tokens (8 documents): its validation lay 0.1 below training, and
    that was taken for dropout. The trend does not suffer.
    Do: hold out 10M tokens or more of shuffled documents where there are so many; until then judge the trend of
    validation, not its level.
    False alarms: none, it is a statement on resolution; comparing runs on the same set stays sound.
    Sources: the windows' spread in three nanoGPT logs; llm.c's and modded-nanogpt's 10,485,760 tokens of validation.
    """
    tokens, val = case.number("val_tokens"), case.metric("val_loss").finite
    if tokens is None or tokens <= 0 or not len(val):
        return None
    drawn = _drawn(case)
    again = drawn > MOST_READINGS * tokens
    if tokens >= FEWEST_TOKENS and not again:
        return None
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.95,
        title=f"Validation has only {count(tokens)} tokens",
        evidence=(
            *_bias(case, tokens),
            *((f"one eval draws {count(drawn)} tokens: {times(drawn / tokens)} times the set",) if again else ()),
        ),
        advice=_advice(case),
        first_step=int(val.steps[0]),
        step=case.steps.last,
    )


def _advice(case: Case) -> tuple[str, ...]:
    trend = "udge the trend of validation, not its level or its distance to training."
    unique = case.number("unique_tokens")
    if unique is not None and unique < WANTED_TOKENS:
        return (f"J{trend} These data are too few for a set that tells more.",)
    return (f"Hold out {count(WANTED_TOKENS)} tokens or more of shuffled documents.", f"Until then j{trend}")


def _drawn(case: Case) -> float:
    """Tokens that one eval draws at random; 0 where that is unknown or it goes through the set in order."""
    if not case.traits.eval_draws_new_batches:
        return 0.0
    return math.prod(case.number(name) or 0.0 for name in ("eval_iters", "batch_size", "block_size"))


def _bias(case: Case, tokens: float) -> tuple[str, ...]:
    """By how much the level is off, as the documents that happen to be in the set would have it."""
    scale = 1.0 if small_vocabulary(case) is None else BYTES_PER_TOKEN
    if case.traits.loss_unit != "nats":
        return (f"{count(tokens)} tokens in {case.facts['val_tokens'].where}",)
    documents = tokens / scale / TOKENS_PER_DOCUMENT
    bias = DOCUMENT_SPREAD / scale / math.sqrt(max(documents / UNEVEN_LENGTHS, 1.0))
    return (f"about {max(documents, 1):,.0f} documents of web text: off by some {bias:.2g} nats, alike in every eval",)
