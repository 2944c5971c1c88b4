"""Rule size-mismatch."""

from __future__ import annotations

import math
from dataclasses import replace

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.model import ModelSize, Shape, implied_vocab_size, n_embd_for, parameter_count
from diagnosis.needs import PARAMETERS, Need
from diagnosis.wording import count, times
from parsers.records import Value

ID = "size-mismatch"
NEEDS = (
    PARAMETERS,
    Need("a claim of the model's size", "--config", lambda case: case.size is not None and bool(case.size.claimed)),
)

LOG_RATIO = 0.3
"""Conventions of counting (positions, embedding tied or not) differ by up to 1.35 = exp(0.3) in common models."""
GPT2 = ((12, 768), (24, 1024), (36, 1280), (48, 1600))
"""n_layer and n_embd of GPT-2 small, medium, large and XL (nanoGPT model.py, from_pretrained)."""


def rule(case: Case) -> Finding | None:
    """The model is not the size that its config's comment, its name or its dimensions say.

    Fires when the parameters and the claim differ by more than a factor of 1.35 (|ln| > 0.3), whichever way the
    parameters are counted: with or without the position embedding, or without any embedding.

    Why: every expectation of loss, speed, memory and tokens hangs on the size; a model a third as big as believed
    looks like bad training.
    Do: set the dimension that is off, or correct the claim.
    False alarms: a comment that was copied from another config.
    Sources: nanoGPT model.py, get_num_params.
    """
    size = case.size
    if size is None or not size.claimed or not size.parameters:
        return None
    if any(abs(math.log(known / size.claimed)) <= LOG_RATIO for known in _counts(size)):
        return None
    claim = f"~{count(size.claimed)}"
    factor = size.parameters / size.claimed
    relation = f"{times(1 / factor)} times fewer" if factor < 1 else f"{times(factor)} times more"
    cause, setting = _cause(size)
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.99,
        title=f"The model has {count(size.parameters)} parameters, not {claim}",
        evidence=(
            f"{count(size.parameters)} {size.where}",
            f"{claim} claimed{f' ({size.claim_where})' if size.claim_where else ''}: the model has {relation}",
            *((cause,) if cause else ()),
        ),
        advice=(
            f"Set {setting[0]} to {setting[1]} and start anew for {claim} parameters, or correct the claim."
            if setting
            else f"Set n_layer and n_embd for {claim} parameters and start anew, or correct the claim.",
        ),
        settings=(setting,) if setting else (),
        first_step=case.steps.first,
        step=case.steps.last,
    )


def _counts(size: ModelSize) -> list[float]:
    return [n for n in (size.parameters, size.with_positions, size.non_embedding) if n]


def _cause(size: ModelSize) -> tuple[str | None, tuple[str, Value] | None]:
    """What the dimensions say of it, and the setting that mends it; None where they are unknown."""
    shape, claimed = size.shape, size.claimed or 0.0
    if shape.vocab_size is None and size.parameters:
        shape = replace(shape, vocab_size=implied_vocab_size(size.parameters, shape))
    name, mended = _standard(shape, claimed) or ("n_embd", _wider(shape, claimed))
    counts = None if mended is None else parameter_count(mended)
    if mended is None or counts is None or abs(math.log(counts.parameters / claimed)) > LOG_RATIO:
        return None, None
    value: int = getattr(mended, name)
    return f"{name} = {getattr(shape, name)}; {value} gives {counts.parameters / 1e6:.1f}M", (name, value)


def _standard(shape: Shape, claimed: float) -> tuple[str, Shape] | None:
    """The one dimension in which the model differs from a GPT-2 of the claimed size."""
    for layers, width in GPT2:
        wanted = replace(shape, n_layer=layers, n_embd=width)
        counts = parameter_count(wanted)
        if counts is None or abs(math.log(counts.parameters / claimed)) > 0.1:
            continue
        if shape.n_layer == layers and width % (shape.n_head or 1) == 0:
            return "n_embd", wanted
        if shape.n_embd == width:
            return "n_layer", wanted
    return None


def _wider(shape: Shape, claimed: float) -> Shape | None:
    width = None if shape.n_embd is None else n_embd_for(claimed, shape)
    return None if width is None or width == shape.n_embd else replace(shape, n_embd=width)
