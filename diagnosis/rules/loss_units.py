"""Rule loss-units."""

from __future__ import annotations

import math

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import TRAIN_LOSS, VAL_LOSS, Need, either
from diagnosis.vocabulary import is_bytes, small_vocabulary, vocabulary_of

ID = "loss-units"


def _unit_is_known(case: Case) -> bool:
    said = case.traits.loss_unit == "bits per byte" or len(case.metric("val_bpb")) > 0
    return said or vocabulary_of(case) is not None or small_vocabulary(case) is not None


NEEDS = (either(VAL_LOSS, TRAIN_LOSS), Need("the vocabulary's size", "--config", _unit_is_known))

BITS = 1 / math.log(2)
"""Bits of one nat."""
LOSSES = ("val_loss", "train_loss")
MOST_SHOWN = 1e3
"""A loss beyond it has gone astray, and means nothing in any unit."""


def rule(case: Case) -> Finding | None:
    """The loss is per byte, per character or in bits: not to be compared with losses per BPE token.

    Fires as a note where the vocabulary has fewer than 1,000 entries, where the trainer logs bits per byte in place of
    nats, or where it logs bits per byte beside nats per token. A vocabulary that is not stated counts as small where
    both the loss before the first update (it is ln V) and the parameters of the model's shape say so. Bits per byte are
    given for vocabularies of 256 to 260 entries, where loss / ln 2 is just that.

    Why: a token of GPT-2's tokenizer stands for some four bytes, so 1.5 nats per character are no better than 3.5 per
    token. One owner of a run took Shakespeare's 1.5 for what his BPE model should reach.
    Do: compare bits per byte across tokenizers, and losses only between runs of one tokenizer.
    False alarms: none known; it states a unit.
    Sources: loss in bits per byte = loss / ln 2 x tokens / bytes (Gao 2020, The Pile, arXiv 2101.00027, section 3.1).
    """
    if not any(len(case.metric(name).finite) for name in LOSSES):
        return None
    found = _in_bits(case) or _small(case) or _beside(case)
    if found is None:
        return None
    title, evidence, advice = found
    return Finding(
        id=ID,
        severity="info",
        confidence=0.95,
        title=title,
        evidence=evidence,
        advice=(advice,),
        first_step=case.steps.first,
        step=case.steps.last,
    )


Said = tuple[str, tuple[str, ...], str]


def _in_bits(case: Case) -> Said | None:
    shown = _shown(case, 1.0, "bits per byte")
    if case.traits.loss_unit != "bits per byte" or not shown:
        return None
    return (
        "The loss is in bits per byte, not in nats per token",
        shown,
        "Compare it with bits per byte only: a BPE model's nats per token are about three times as large.",
    )


def _small(case: Case) -> Said | None:
    symbols = small_vocabulary(case) if case.traits.loss_unit == "nats" else None
    if symbols is None:
        return None
    bytes_ = is_bytes(case)
    stated = vocabulary_of(case) is not None
    unit = "byte" if bytes_ else "symbol"
    size = f"{symbols:,.0f} entries" if stated else f"about {symbols:,.0f} entries, by its loss before the first update"
    return (
        f"The loss is per {unit}: no match for losses per BPE token",
        (f"a vocabulary of {size}", *_shown(case, BITS, "bits per byte" if bytes_ else "bits per symbol")),
        "Compare it only with runs of the same vocabulary; a BPE model's 3 nats per token are some 1 bit per byte.",
    )


def _beside(case: Case) -> Said | None:
    if case.traits.loss_unit != "nats" or not len(case.metric("val_bpb").finite) or not len(case.metric("train_loss")):
        return None
    return (
        "Validation is in bits per byte, training in nats per token",
        (f"val_bpb {case.metric('val_bpb').last:.3f} bits per byte", *_shown(case, None, "")),
        "Never read a gap between the two; val_bpb is what compares across tokenizers.",
    )


def _shown(case: Case, scale: float | None, unit: str) -> tuple[str, ...]:
    """The newest losses, in the unit in which they may be compared."""
    lines = []
    for name in LOSSES:
        last = case.metric(name).last
        if last is None or not 0 < last < MOST_SHOWN:
            continue
        plain = f"{name} {last:.3f}"
        lines.append(f"{plain} nats per token" if scale is None else _converted(plain, last, scale, unit))
    return tuple(lines)


def _converted(plain: str, last: float, scale: float, unit: str) -> str:
    return f"{plain} {unit}" if scale == 1.0 else f"{plain} nats = {scale * last:.3f} {unit}"
