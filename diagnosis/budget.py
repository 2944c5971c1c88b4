"""The token budget and the loss that a model of this size reaches on that many tokens."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from diagnosis.model import ModelSize

CHINCHILLA_TOKENS_PER_PARAMETER = 20.0
"""Hoffmann 2022 (arXiv 2203.15556), table 3: an optimum of compute, not a point at which to stop."""

FITTED_PARAMETERS = (10e6, 1e9)
"""The absolute expectation holds for these N. Its offsets were calibrated on annealed runs of 30M to 355M
parameters, where they vary by 0.02 to 0.03 nats; a factor of 3 beyond is allowed, more is extrapolation."""
FITTED_TOKENS_PER_PARAMETER = 5.0
"""Below, warm-up and the first fall rule the loss: a healthy 124M run is 0.20 nats above the law at 4 tokens per
parameter, 0.04 at 8, and within 0.04 from there on."""
GAIN_PARAMETERS = (10e6, 100e9)
"""Differences of the laws need no offset and are shown a factor of 7 beyond the 70M to 16B parameters of Hoffmann
2022's models; Muennighoff 2023 went up to 9B."""
LEAST_VOCABULARY = 1000
"""Smaller ones are bytes or characters, whose loss per token is another number than that of the fits."""

BPE_VOCABULARIES = (50257, 50304)
"""GPT-2's tokenizer, plain and padded. A loss per token means nothing across tokenizers."""


@dataclass(frozen=True, slots=True)
class Fit:
    """L(N, D) = E + A / N^a + B / D^b, in nats per token, with N all parameters and D tokens."""

    A: float
    B: float
    E: float
    a: float
    b: float

    def loss(self, parameters: float, tokens: float) -> float:
        """The loss after annealing."""
        return self.E + self.A * math.pow(parameters, -self.a) + self.B * math.pow(tokens, -self.b)

    def optimal(self, parameters_times_tokens: float) -> tuple[float, float]:
        """The N and D of the lowest loss for N D = C / 6: N = G (C/6)^(b/(a+b)), G = (aA/bB)^(1/(a+b))."""
        scale = math.pow(self.a * self.A / (self.b * self.B), 1 / (self.a + self.b))
        parameters = scale * math.pow(parameters_times_tokens, self.b / (self.a + self.b))
        return parameters, parameters_times_tokens / parameters

    def optimal_tokens(self, parameters: float) -> float:
        """The D at which this N is the optimal one: where a A / N^a = b B / D^b."""
        return math.pow(self.b * self.B / (self.a * self.A) * math.pow(parameters, self.a), 1 / self.b)

    def optimal_parameters(self, tokens: float) -> float:
        """The N at which this D is the optimal one."""
        return math.pow(self.a * self.A / (self.b * self.B) * math.pow(tokens, self.b), 1 / self.a)


BESIROGLU = Fit(482.01, 2085.43, 1.8172, 0.34781, 0.36585)
"""Besiroglu 2024 (arXiv 2404.10102), the corrected Chinchilla fit; data_analysis.ipynb of its repository."""
MUENNIGHOFF = Fit(520.8, 1487.7, 1.8691, 0.35266, 0.35266)
"""Muennighoff 2023 (arXiv 2305.16264), C4 with GPT-2's tokenizer; README of huggingface/datablations."""
REPEAT_TOKENS = 15.387756
"""R_D of Muennighoff 2023: after 1 + R_D epochs a repeated token has lost 1 - 1/e of its worth."""
REPEAT_PARAMETERS = 5.309743
"""R_N of Muennighoff 2023: the same for parameters beyond what the unique tokens can use."""


@dataclass(frozen=True, slots=True)
class Offset:
    """What a data set and tokenizer add to BESIROGLU, with the half width that holds 9 of 10 runs, nats."""

    dataset: str
    value: float
    half_width: float


FINEWEB = Offset("fineweb", 0.265, 0.05)
"""GPT-2's recipe: +0.265, +0.298, +0.257, +0.265 in four annealed runs of 41M to 355M parameters (llm.c 124M and
350M, nanoGPT 41M and 124M); half width: t(3) at 90 % of their scatter, 0.047."""
FINEWEB_MODERN = Offset("fineweb, tuned recipe", 0.131, 0.05)
"""A tuned learning rate (1.8e-3) and a linear decay to 0: one run of 124M on 5.0B tokens; FINEWEB's width."""
FINEWEB_EDU = Offset("fineweb-edu", 0.06, 0.04)
"""+0.079, +0.055, +0.065 in three annealed runs of 30M, 124M and 254M parameters; t(2) at 90 %: 0.041."""
OPENWEBTEXT = Offset("openwebtext", 0.163, 0.06)
"""One run, nanoGPT's 124M on some 295B tokens (its README, 2.85); hence the wider band."""


@dataclass(frozen=True, slots=True)
class Band:
    """A value with the interval that should hold it 9 times in 10."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ExpectedLoss:
    """What the fit and the data set's offset give, in nats per token, after annealing."""

    band: Band
    dataset: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens against what is compute-optimal. Token counts are tokens, losses nats per token."""

    optimal_tokens: float
    """20 tokens per parameter."""
    ratio: float | None
    """Tokens seen over optimal_tokens."""
    planned_ratio: float | None
    fit_optimal_tokens: float
    """The tokens that Besiroglu's fit calls compute-optimal for this size."""
    unique_tokens: float | None
    epochs: float | None
    repetition_cost: float | None
    """Nats lost to repetition by Muennighoff's law; None where the unique tokens are unknown or no law holds."""
    expected_loss: ExpectedLoss | None
    """For the tokens seen so far, as if the learning rate were annealed; for the planned ones before the start."""
    loss_gain_doubling_tokens: float | None
    overtraining_cost: float | None
    """Nats that the same FLOPs would have bought at the compute-optimal size."""


def fitted_loss(parameters: float, tokens: float) -> float:
    """The loss by BESIROGLU, nats per token, without a data set's offset."""
    return BESIROGLU.loss(parameters, tokens)


def compute_optimal(flops: float) -> tuple[float, float]:
    """The parameters and tokens that BESIROGLU calls optimal for C = 6 N D FLOPs of training."""
    return BESIROGLU.optimal(flops / 6)


def dataset_offset(dataset: str | None, vocab_size: int | None, *, modern_recipe: bool = False) -> Offset | None:
    """The calibrated offset of a data set named as people name it; None where there is none, and for other tokenizers.

    "fineweb", "fineweb10B", "data/edu_fineweb10B", "OpenWebText" and "owt" are known. FineWeb2 and OpenWebText2 are
    other data sets. `modern_recipe` stands for a tuned learning rate with a decay to zero.
    """
    if dataset is None or vocab_size not in BPE_VOCABULARIES:
        return None
    name = re.sub(r"[^a-z0-9]", "", dataset.lower())
    if re.search(r"fineweb2(?!\d)", name) or "openwebtext2" in name:
        return None
    if "fineweb" in name:
        if "edu" in name:
            return FINEWEB_EDU
        return FINEWEB_MODERN if modern_recipe else FINEWEB
    return OPENWEBTEXT if "openwebtext" in name or name == "owt" else None


def effective_tokens(tokens: float, unique_tokens: float) -> float:
    """What `tokens` seen over `unique_tokens` are worth in fresh ones: U + U R_D (1 - exp(-R / R_D)), R = D/U - 1."""
    return _worth(tokens, unique_tokens, REPEAT_TOKENS)


def epoch_value(epoch: float) -> float:
    """What a token is worth in its epoch (1 is the first): exp(-(epoch - 1) / R_D); .94 in the 2nd, .38 in the 16th."""
    return math.exp(-max(epoch - 1, 0.0) / REPEAT_TOKENS)


def repetition_cost(parameters: float, tokens: float, unique_tokens: float) -> float:
    """Nats by which repeated data are worse than as many fresh tokens; 0 within the first epoch.

    Muennighoff 2023: D and N are replaced by their effective values, with U_N the parameters that the unique tokens
    can use, in the fit of the same paper. A model far beyond U_N pays for that as soon as its data repeat.
    """
    if tokens <= unique_tokens:
        return 0.0
    useful = min(parameters, MUENNIGHOFF.optimal_parameters(unique_tokens))
    worth = _worth(parameters, useful, REPEAT_PARAMETERS), effective_tokens(tokens, unique_tokens)
    return MUENNIGHOFF.loss(*worth) - MUENNIGHOFF.loss(parameters, tokens)


def budget_of(
    size: ModelSize | None,
    *,
    tokens_seen: float | None,
    tokens_planned: float | None = None,
    unique_tokens: float | None = None,
    dataset: str | None = None,
    vocab_size: int | None = None,
    modern_recipe: bool = False,
) -> Budget | None:
    """The budget of a model of this size; None where the size is unknown.

    What hangs on the tokens is for those seen, or for the planned ones while none is seen.
    """
    if size is None or size.parameters is None or size.parameters <= 0:
        return None
    parameters, vocabulary = size.parameters, vocab_size or size.shape.vocab_size
    unique = _positive(unique_tokens)
    tokens = _positive(tokens_seen) or _positive(tokens_planned)
    lawful = tokens if laws_hold(parameters, vocabulary) else None
    offset = dataset_offset(dataset, vocabulary, modern_recipe=modern_recipe)
    optimal = CHINCHILLA_TOKENS_PER_PARAMETER * parameters
    return Budget(
        optimal_tokens=optimal,
        ratio=None if tokens_seen is None else tokens_seen / optimal,
        planned_ratio=None if tokens_planned is None else tokens_planned / optimal,
        fit_optimal_tokens=BESIROGLU.optimal_tokens(parameters),
        unique_tokens=unique,
        epochs=None if unique is None or tokens is None else tokens / unique,
        repetition_cost=None if unique is None or lawful is None else repetition_cost(parameters, lawful, unique),
        expected_loss=_expected(parameters, tokens, unique, offset),
        loss_gain_doubling_tokens=_doubling_gain(parameters, lawful, unique),
        overtraining_cost=_overtraining_cost(parameters, lawful),
    )


def laws_hold(parameters: float, vocab_size: float | None) -> bool:
    """Whether the laws' differences are of models like this; an unknown vocabulary counts as one of words."""
    low, high = GAIN_PARAMETERS
    return low <= parameters <= high and not (vocab_size and vocab_size < LEAST_VOCABULARY)


def _positive(count: float | None) -> float | None:
    return count if count is not None and 0 < count < math.inf else None


def _worth(amount: float, unique: float, decay: float) -> float:
    if amount <= unique:
        return amount
    return unique + unique * decay * -math.expm1(-(amount / unique - 1) / decay)


def _law(parameters: float, tokens: float, unique: float | None) -> float:
    cost = 0.0 if unique is None else repetition_cost(parameters, tokens, unique)
    return fitted_loss(parameters, tokens) + cost


def _expected(
    parameters: float, tokens: float | None, unique: float | None, offset: Offset | None
) -> ExpectedLoss | None:
    low, high = FITTED_PARAMETERS
    if tokens is None or offset is None or not low <= parameters <= high:
        return None
    if tokens / parameters < FITTED_TOKENS_PER_PARAMETER:
        return None
    value = _law(parameters, tokens, unique) + offset.value
    return ExpectedLoss(Band(value, value - offset.half_width, value + offset.half_width), offset.dataset)


def _doubling_gain(parameters: float, tokens: float | None, unique: float | None) -> float | None:
    if tokens is None or tokens < parameters:
        return None
    return max(_law(parameters, tokens, unique) - _law(parameters, 2 * tokens, unique), 0.0)


def _overtraining_cost(parameters: float, tokens: float | None) -> float | None:
    if tokens is None or tokens < parameters:
        return None
    best = BESIROGLU.loss(*BESIROGLU.optimal(parameters * tokens))
    return max(fitted_loss(parameters, tokens) - best, 0.0)
