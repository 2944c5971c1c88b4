"""Rule loss-too-low."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from diagnosis.budget import BESIROGLU, CHINCHILLA_TOKENS_PER_PARAMETER, Offset, dataset_offset
from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import TRAIN_LOSS, VAL_LOSS, Need, either
from diagnosis.repetition import passes_of, step_of_pass
from diagnosis.series import Series
from diagnosis.vocabulary import (
    LARGE_VOCABULARY,
    is_about_bytes,
    is_fresh,
    is_large,
    named_dataset,
    untrained_loss,
    vocabulary_of,
)
from parsers.records import Floats, Ints

ID = "loss-too-low"

TEXT_FLOOR = 0.16 * math.log(2)
"""Nats per byte: a quarter of the 0.66 bits per byte to which a 70B model brings Wikipedia (Deletang 2023, arXiv
2309.10668, table 1), so that code and markup, which hold less, stay above it."""
BYTES_PER_TOKEN = 4.5
"""GPT-2's tokenizer on English web text; 4.6 in nanochat's log, as its loss by its bits per byte."""
BETTER_RECIPE = 32.0
"""As if each token were worth so many: the fastest public recipe needs 0.33B tokens where llm.c's needs 10B
(modded-nanogpt, README)."""
MARGIN = 0.3
"""Nats, ten times the scatter of the offsets."""
ROWS = 20
"""Training rows whose median stands for an evaluation: some micro-batches are easy."""
FRESH_PASSES = 1.5
"""Passes over the data in which nothing much can be learned by heart."""


NEEDS = (
    either(VAL_LOSS, TRAIN_LOSS),
    Need("the vocabulary's size", "--config", lambda case: vocabulary_of(case) is not None or _shows_text(case)),
)


@dataclass(frozen=True, slots=True)
class _Floor:
    """The loss below which no honest model comes, in nats: `lowest` of each step, shape (n,)."""

    lowest: Floats
    why: str


def rule(case: Case) -> Finding | None:
    """The loss is below what the data's entropy allows: leaked targets or another objective.

    Fires for a model trained from scratch where two evaluations in a row are below a floor, and training is not far
    above it; without any evaluation, where the median of the last 20 rows is below it within 1.5 passes over the data.
    The floor is 0.5 nats per token of a vocabulary of 27,000 or more, and 0.11 nats per byte. For a data set and
    tokenizer that are calibrated it is the law for 32 times the tokens (20 per parameter at least) less 0.3 nats.
    Silent for fine-tuning, for other vocabularies, for losses in other units, and where only training is low.

    Why: text does not let itself be foretold beyond its entropy. A loss near zero means that the answer is in the
    input (no shift, a mask that is not causal), that most targets are padding, or that validation was trained on.
    Do: check the shift and the mask on one batch, then whether padding counts, then whether the splits overlap.
    False alarms: data that can be foretold (templates, tables, arithmetic) or follow from an input (speech); another
    data set under a known name.
    Sources: Besiroglu 2024 and the offsets of loss-above-expected; Deletang 2023; OPT-175B's chronicles, 10 %, where a
    perplexity that was too good was a fault of the data.
    """
    if case.traits.loss_unit != "nats" or not is_fresh(case):
        return None
    val = case.metric("val_loss").finite
    series = val if len(val) else _fresh_rows(case)
    floor = _floor(case, series.steps)
    if floor is None or len(series) < 2 or series.values[-1] <= 0:
        return None
    low = (series.values > 0) & (series.values < floor.lowest)
    if not low[-2:].all() or not _training_is_low(case, float(floor.lowest[-1])):
        return None
    high = np.flatnonzero(~low)
    first = int(high[-1]) + 1 if len(high) else 0
    return _finding(case, series, floor, int(series.steps[first + 1]))


def _finding(case: Case, series: Series, floor: _Floor, first_step: int) -> Finding:
    last, train = float(series.values[-1]), _recent_training(case)
    beside = "" if train is None or series.name == "train_loss" else f", training {train:.3f}"
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.85,
        title=f"A loss of {last:.2f} is lower than its data allow",
        evidence=(f"{series.name} {last:.3f} at step {int(series.steps[-1]):,}{beside}", floor.why),
        advice=(
            "On one batch, check that the target is the next token and that no position sees it (shift, causal mask).",
            "Then check that padding is left out of the loss and that no validation text is in the training data.",
        ),
        first_step=first_step,
        step=case.steps.last,
    )


def _fresh_rows(case: Case) -> Series:
    """Medians of each 20 training rows from the start, while nothing much was learned by heart; else nothing."""
    train, passes = case.metric("train_loss").finite, passes_of(case)
    if passes is None:
        return Series("train_loss", train.steps[:0], train.values[:0])
    end = step_of_pass(case, passes, FRESH_PASSES)
    train = train if end is None else train.until(end)
    rows = len(train) // ROWS * ROWS
    return Series(
        "train_loss", train.steps[:rows][ROWS - 1 :: ROWS], np.median(train.values[:rows].reshape(-1, ROWS), 1)
    )


def _training_is_low(case: Case, floor: float) -> bool:
    """Whether training, where it is logged, is about as low: else validation is broken, which is another matter."""
    train = _recent_training(case)
    return train is None or 0 < train < 2 * floor


def _recent_training(case: Case) -> float | None:
    own, train = case.metric("eval_train_loss").finite, case.metric("train_loss").finite
    if len(own):
        return float(own.values[-1])
    return float(np.median(train.values[-ROWS:])) if len(train) else None


def _floor(case: Case, steps: Ints) -> _Floor | None:
    """None for vocabularies of something else than text, and where the vocabulary is unknown."""
    vocabulary = vocabulary_of(case)
    if is_about_bytes(case):
        return _flat(steps, TEXT_FLOOR, "byte")
    if not _shows_text(case) if vocabulary is None else vocabulary < LARGE_VOCABULARY:
        return None
    offset = dataset_offset(named_dataset(case), vocabulary)
    law = None if offset is None else _law(case, steps, offset)
    if offset is None or law is None:
        return _flat(steps, TEXT_FLOOR * BYTES_PER_TOKEN, "token")
    return _Floor(law, f"no known recipe goes below about {law[-1]:.2f} on {offset.dataset} with this size and tokens")


def _shows_text(case: Case) -> bool:
    """Whether the untrained loss is that of bytes or of a large vocabulary, which are those of text."""
    first = untrained_loss(case)
    return is_about_bytes(case) or (first is not None and is_large(first[1]))


def _flat(steps: Ints, nats: float, unit: str) -> _Floor:
    why = f"text keeps more than {nats:.2f} nats per {unit} even for the largest models"
    return _Floor(np.full(len(steps), nats), why)


def _law(case: Case, steps: Ints, offset: Offset) -> Floats | None:
    """The floor by the fitted law at each step, of shape (n,); None where size or tokens are unknown."""
    parameters = None if case.size is None else case.size.parameters
    if not parameters or not case.tokens_per_step or case.tokens_seen is None or not len(steps):
        return None
    tokens = BETTER_RECIPE * case.tokens_per_step * np.maximum(steps.astype(np.float64), 1.0)
    tokens = np.maximum(tokens, CHINCHILLA_TOKENS_PER_PARAMETER * parameters)
    fit = BESIROGLU
    law: Floats = fit.E + fit.A * parameters**-fit.a + fit.B * tokens**-fit.b + offset.value - MARGIN
    return law
