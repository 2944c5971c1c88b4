"""What the laws say of learning rate, batch, Adam's memory and weight decay, and which runs they are of."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, hypot, log, log10, sqrt

import numpy as np

from diagnosis.case import Case
from diagnosis.logged_schedule import rates_of
from diagnosis.vocabulary import is_fresh

STEP_LAW_RATE = (1.79, -0.713, 0.307)
STEP_LAW_BATCH = (0.58, 0.571)
"""Optimal peak learning rate C N^a D^b (N without embedding) and batch in tokens C D^b. Li 2025, arXiv 2503.04715:
3,700 models of 60M to 1B parameters on 2B tokens and more. Lingle 2025's optima of 46M to 2.9B on 128M to 1B tokens
(substack, "Scaling laws for optimal LR and batch") lie within a factor of 2.5 of the rate and 2 of the batch."""
GPT3_RATE = (0.1325, -0.305)
"""C N^a through the eight learning rates of GPT-3's table 2.1 (Brown 2020), 125M to 175B on 300B tokens: within 30 %.
They are at the low side of what tuning finds, and have never been too high."""
FITTED_PARAMETERS, FITTED_TOKENS = (46e6, 175e9), (128e6, 300e9)
"""Where at least one of the laws was fitted or checked."""
LAW_ERROR = 2.0
"""So far a tuned optimum may lie from a law: Li 2025's grids by 2^(.28 +- .31), Lingle's by up to 2.5. On the low side
half of the best rate costs no more than .02 nats in the former."""
WIDER_PER_DECADE = 1.5
"""The same for each factor of 10 outside of where they were fitted: exponents are known to some .1."""
FAR_DECADES = 0.3
"""From there on people are told."""
ADAMS = ("adam",)
NO_ADAMS = ("adafactor", "muon", "adamax", "shampoo", "soap", "adahessian")


@dataclass(frozen=True, slots=True)
class Band:
    """The usual peak learning rates, for AdamW from scratch: from the lower law to the higher, and their errors."""

    low: float
    high: float
    safe: float
    """The lower of the laws for this batch."""
    middle: float
    """Between the laws: what to try first."""
    extrapolated: bool


def rate_band(
    parameters: float, non_embedding: float | None, tokens: float, tokens_per_step: float | None = None
) -> Band | None:
    """The band for N parameters, D tokens and a batch; None where the numbers make no sense.

    A batch below the optimal one wants a lower rate, as its square root (Malladi 2022, arXiv 2205.10287): only the low
    edge and the values to try follow it, as that is the careful side. A larger one changes nothing.
    """
    if min(parameters, tokens, non_embedding or 1.0) <= 0:
        return None
    scale, by_size, by_tokens = STEP_LAW_RATE
    laws = (
        scale * (non_embedding or parameters) ** by_size * tokens**by_tokens,
        GPT3_RATE[0] * parameters ** GPT3_RATE[1],
    )
    decades = max(_outside(parameters, FITTED_PARAMETERS), _outside(tokens, FITTED_TOKENS))
    wider = exp(hypot(log(LAW_ERROR), decades * log(WIDER_PER_DECADE)))
    small = 1.0 if not tokens_per_step else min(1.0, sqrt(tokens_per_step / best_batch(tokens)))
    low, high = min(laws) * small, max(laws)
    return Band(low / wider, high * wider, low, sqrt(min(laws) * high) * small, decades > FAR_DECADES)


def _outside(value: float, fitted: tuple[float, float]) -> float:
    """By how many factors of 10."""
    return max(0.0, log10(fitted[0] / value), log10(value / fitted[1]))


def best_batch(tokens: float) -> float:
    """The batch, in tokens of a step, that the Step Law gives for D tokens."""
    scale, by_tokens = STEP_LAW_BATCH
    return float(scale * tokens**by_tokens)


def memory_tokens(beta2: float, tokens_per_step: float) -> float | None:
    """The tokens after which Adam's mean of squares has half forgotten; None for a beta2 of 0, 1 or beyond.

    Source: Marek 2025, arXiv 2507.07101: kept constant, small batches train as well as large ones.
    """
    return tokens_per_step * log(0.5) / log(beta2) if 0 < beta2 < 1 else None


def beta2_for(tokens: float, tokens_per_step: float) -> float:
    """The beta2 that half forgets after so many tokens."""
    return float(0.5 ** (tokens_per_step / tokens))


def band_of(case: Case) -> Band | None:
    """The band of a run; None where its size or its planned tokens are unknown, and for experts."""
    size, tokens = case.size, case.tokens_planned
    if size is None or size.parameters is None or not tokens or (case.number("n_expert") or 1) > 1:
        return None
    return rate_band(size.parameters, size.non_embedding, tokens, case.tokens_per_step)


def peak_rate(case: Case) -> float | None:
    """The peak learning rate: as stated, else the highest logged once the logged rates have passed their peak."""
    stated = case.number("learning_rate")
    if stated is not None:
        return stated
    seen = rates_of(case.metric("learning_rate"))
    return None if seen is None or seen.rising or not seen.from_start else seen.peak


def is_adam(case: Case) -> bool:
    """Whether it is Adam or AdamW: by its name, else by a beta2, which SGD has not, else by the trainer's default."""
    name = (case.text("optimizer") or ("" if "beta2" in case.facts else case.traits.optimizer) or "").lower()
    if not name:
        return "beta2" in case.facts
    return any(word in name for word in ADAMS) and not any(word in name for word in NO_ADAMS)


def names_no_optimizer(case: Case) -> bool:
    """Whether nothing tells what it trains with: a loop of one's own, mostly AdamW, but nobody knows."""
    return not (case.text("optimizer") or case.traits.optimizer or "beta2" in case.facts)


def is_pretraining(case: Case) -> bool:
    """Whether it trains a language model from scratch."""
    return case.traits.loss_unit == "nats" and is_fresh(case) is True


def pretrains(case: Case) -> bool:
    """Whether the laws are of this run: language, from scratch, with Adam."""
    return is_pretraining(case) and is_adam(case)


def decayed_share(case: Case) -> float | None:
    """The sum of learning rate x weight decay over the planned steps: the time constants that the decay gets.

    Below 1 the weights never come to the balance of decay and updates. Source: Wang & Aitchison 2024, arXiv
    2405.13698 (the timescale 1 / (rate x decay) steps). None where the schedule to the planned end is unknown.
    """
    peak, decay, planned = peak_rate(case), case.number("weight_decay"), case.steps.planned
    if not peak or decay is None or not planned or case.schedule is None or not case.known_schedule:
        return None
    shape = case.schedule(np.linspace(0.0, float(planned), 1001))
    return float(np.mean(shape)) * planned * peak * decay
