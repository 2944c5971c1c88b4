"""Rule not-learning."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.series import Series
from diagnosis.spikes import MEDIAN_ERROR
from diagnosis.statistics import begins_at_start, block_medians, mann_kendall, noise_sd

ID = "not-learning"

UNIGRAM_SHARE = 0.68
"""Knowing only how frequent each token is gives 7.3 to 7.9 nats with GPT-2's tokenizer: .68 of ln(50304) and up."""
UNTRAINED_SHARE = 0.95
FEWEST_UPDATES = 100
UPDATES = 500
UNKNOWN_WARMUP = 250.0
LEAST_UNTRAINED = 4.0
"""Nats. A first loss below is no untrained language model's of 64 tokens or more, or its weights were loaded."""
ROWS = 16


@dataclass(frozen=True, slots=True)
class _Level:
    """Where the loss is, against where an untrained model is. Losses in nats."""

    untrained: float
    named: str
    now: float
    rows: int
    falling: bool


def rule(case: Case) -> Finding | None:
    """The loss is still that of a model that has learnt nothing, or no more than how frequent each token is.

    Fires when, after 100 updates and twice the warm-up (500 where that is unknown), the loss is within 5 % of the
    untrained level; or when, after 500 updates and twice the warm-up, it is above 0.68 of that level: critical if it
    does not fall, a warning if it falls all too slowly. The untrained level is ln(vocabulary), else the first loss,
    which must be 4 nats or more and measured at the start.

    Why: every healthy run passes the unigram level within its warm-up. Above it the model does not see what it should
    learn (labels, masks, shifted targets), does not update (learning rate, frozen or detached weights) or was blown up
    at the start.
    Do: print the learning rate and the gradient norm; overfit one batch; check the labels.
    False alarms: a warm-up of unknown length; fine-tunes and resumed runs are left out.
    Sources: 0.53 to 0.60 of ln(V) at step 500 in healthy runs; nanoGPT issue 303 hovers at 7.8.
    """
    updates = case.steps.updates if case.steps.updates is not None else case.steps.last
    level = _level(case)
    if updates is None or level is None or case.text("init_from") not in (None, "scratch"):
        return None
    warmup = case.number("warmup_steps")
    settled = 2 * (UNKNOWN_WARMUP if warmup is None else warmup)
    share = level.now / level.untrained
    untouched = updates >= max(FEWEST_UPDATES, settled) and share > UNTRAINED_SHARE
    late = updates >= max(UPDATES, settled) and share > UNIGRAM_SHARE
    if not untouched and not late:
        return None
    flat = untouched or not level.falling
    return Finding(
        id=ID,
        severity="critical" if flat else "warning",
        confidence=0.85 if flat else 0.75,
        title=f"After {updates:,} updates the loss is still {level.now:.2f}, {share:.0%} of an untrained model's",
        evidence=(
            f"untrained: {level.untrained:.2f} ({level.named})",
            f"knowing only how frequent each token is gives about {UNIGRAM_SHARE * level.untrained:.1f}",
            f"last {level.rows} rows: {level.now:.3f}, {'falling slowly' if level.falling else 'not falling'}",
        ),
        advice=_advice(case, flat),
        first_step=_first_step(case, max(FEWEST_UPDATES if untouched else UPDATES, settled)),
        step=case.steps.last,
    )


def _level(case: Case) -> _Level | None:
    """None where there is too little to tell, or where the run did not begin untrained."""
    train = case.metric("train_loss").finite
    series = train if len(train) >= ROWS else case.metric("val_loss").finite
    if len(series) < 3 or not begins_at_start(series.steps):
        return None
    vocabulary = case.number("vocab_size")
    began = float(series.values[0])
    untrained = log(vocabulary) if vocabulary and vocabulary >= 2 else began
    if untrained < LEAST_UNTRAINED or began < UNIGRAM_SHARE * untrained:
        return None
    rows = series.values[-ROWS:] if len(series) >= 2 * ROWS else series.values[len(series) // 2 :]
    now = float(np.median(rows)) - 2 * MEDIAN_ERROR * (noise_sd(rows) or 0.0) / sqrt(len(rows))
    named = f"ln({vocabulary:,.0f})" if vocabulary and vocabulary >= 2 else "its first loss"
    return _Level(untrained, named, now, len(rows), falling=_falls(series))


def _falls(series: Series) -> bool:
    half = series.values[len(series) // 2 :]
    z, p = mann_kendall(block_medians(half, 60))
    return z < 0 and p < 0.05


def _first_step(case: Case, updates: float) -> int | None:
    first = case.steps.first
    return None if first is None else first + int(updates)


def _advice(case: Case, flat: bool) -> tuple[str, ...]:
    rate = case.number("learning_rate")
    if rate == 0:
        return ("The learning rate is 0: set it (3e-4 to 1e-3 for a small GPT).",)
    if not flat:
        shown = f" ({rate:g})" if rate else ""
        return (f"The learning rate{shown} is likely far too low, or the warm-up too long: try 10 times as much.",)
    return (
        "Check that targets are the inputs shifted by one, and labels neither masked nor shuffled.",
        "Check that the optimiser holds the parameters and that the learning rate is not 0.",
        "Train on one batch alone: its loss must go to 0.",
    )
