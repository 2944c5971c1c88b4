"""What a loss is of: a byte, a character or a token of a large vocabulary. Losses of unlike ones never compare."""

from __future__ import annotations

import math

from diagnosis.case import Case
from diagnosis.model import implied_vocab_size
from diagnosis.statistics import begins_at_start

SMALL_VOCABULARY = 1000
"""Smaller ones are bytes, characters or other symbols; the smallest BPE vocabularies in use have some thousands."""
BYTE_VOCABULARY = range(256, 261)
"""256 bytes, and up to four special tokens (ByT5 has three)."""
LARGE_VOCABULARY, LARGEST_VOCABULARY = 27_000, 400_000
"""From 32,000 (Llama 2) to 262,144 (Gemma 3), and what random logits add or a few updates take."""
UNTRAINED = 1.0
"""Nats that the first row of a fresh model may be off ln V: random logits above it, a few updates below."""
TRAINED_SHARE = 0.7
"""A first row below so much of ln V is that of a trained model: fresh ones take hundreds of steps to come there."""
TRAINED_LOSS = 4.0
"""Nats below which the first row speaks of a trained model where the vocabulary is unknown: ln 65 is 4.2."""
SMALLEST_PUBLISHED = 1e6
"""Parameters. TinyStories-1M, the smallest that people know, has 3.7M with its embeddings."""
PRINTED_PARAMETERS_ERROR = 5e3
"""nanoGPT prints parameters in millions with two decimals."""


def vocabulary_of(case: Case) -> int | None:
    """The size of the vocabulary as the log or a config states it, or as the exact parameter count gives it."""
    stated = case.number("vocab_size")
    if stated is None and case.size is not None:
        stated = case.size.shape.vocab_size
    return int(stated) if stated is not None and 1 < stated < 1e9 else None


def untrained_loss(case: Case) -> tuple[int, float] | None:
    """Step and value, in nats, of a loss that was measured before any update; None where the log begins later."""
    traits = case.traits
    # A training row is printed after an update, but its loss was measured before it.
    for name, untrained in (
        ("eval_train_loss", -traits.updates_at_eval_row),
        ("val_loss", -traits.updates_at_eval_row),
        ("train_loss", 1 - traits.updates_at_train_row),
    ):
        series = case.metric(name).finite
        if len(series) and int(series.steps[0]) == untrained:
            return untrained, float(series.values[0])
    return None


def named_dataset(case: Case) -> str | None:
    """The data set, where somebody named it: a trainer's default may stand for anything."""
    fact = case.facts.get("dataset")
    return None if fact is None or "default" in fact.where else str(fact.value)


def is_large(untrained: float) -> bool:
    """Whether an untrained loss, in nats, is that of a large BPE vocabulary."""
    return LARGE_VOCABULARY < math.exp(min(untrained, 99.0)) < LARGEST_VOCABULARY


def _first_loss(case: Case) -> float | None:
    for name in ("val_loss", "train_loss"):
        series = case.metric(name).finite
        if begins_at_start(series.steps):
            return float(series.values[0])
    return None


def small_vocabulary(case: Case) -> float | None:
    """About how many symbols a vocabulary below 1,000 has; None for larger ones and where that is unknown.

    Where no size is stated, the untrained loss must say so (it is ln V), and the parameter count of the shape too:
    a fine-tuned model may begin at any loss.
    """
    stated = vocabulary_of(case)
    if stated is not None:
        return float(stated) if stated < SMALL_VOCABULARY else None
    first, size = untrained_loss(case), case.size
    if first is None or size is None or size.parameters is None or not size.shape.n_embd:
        return None
    implied = implied_vocab_size(size.parameters, size.shape)
    if implied is None or implied + PRINTED_PARAMETERS_ERROR / size.shape.n_embd >= SMALL_VOCABULARY:
        return None
    return math.exp(first[1]) if 0 < first[1] < math.log(SMALL_VOCABULARY) else None


def is_fresh(case: Case) -> bool | None:
    """Whether the model began untrained: as is stated, else as the first row of a log that begins with the run shows.

    None where neither tells: the log begins later, or its first row is the mean of many steps.
    """
    start, first = case.text("init_from"), _first_loss(case)
    if start == "scratch":
        return True
    if start not in (None, "resume"):
        return False
    entries = vocabulary_of(case) or small_vocabulary(case)
    if first is None:
        return None
    if entries is None:
        return False if first < TRAINED_LOSS else True if is_large(first) or _is_tiny(case) else None
    even = math.log(entries)
    return True if abs(first - even) < UNTRAINED else False if first < TRAINED_SHARE * even else None


def _is_tiny(case: Case) -> bool:
    """Whether the model is smaller than any that is published to be trained further."""
    return case.size is not None and case.size.parameters is not None and case.size.parameters < SMALLEST_PUBLISHED


def is_bytes(case: Case) -> bool:
    """Whether the vocabulary is stated and is that of bytes."""
    return vocabulary_of(case) in BYTE_VOCABULARY


def is_about_bytes(case: Case) -> bool:
    """Whether the vocabulary is that of bytes, or may be by the loss of the untrained model."""
    about = small_vocabulary(case)
    return is_bytes(case) or (vocabulary_of(case) is None and about is not None and 200 < about < 330)
