"""Which sizes and shapes a model can have: of a parameter count, and the best for so many FLOPs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from diagnosis.budget import BESIROGLU, CHINCHILLA_TOKENS_PER_PARAMETER, compute_optimal
from diagnosis.shape import Shape, parts_of
from parsers.records import Floats

ASPECT = 64
"""Width by depth: of GPT-2 small (12 layers of 768) and of every nanochat (base_train.py, model_dim = 64 x depth). It
matters little: 6 layers of 4,288 come within 3 % of the loss of 48 of 1,600 (Kaplan 2020, arXiv 2001.08361, figure 5).
"""
HEAD_WIDTH = 64
"""GPT-2's, at every size."""
ASPECT_PENALTY = 0.1
"""How far a shape may miss the count to keep the aspect, natural logarithms of both: judgement, so that 124M is GPT-2
small and the sizes that people ask for are off by a tenth at most."""
FARTHEST = 0.2
"""A shape that misses the count by more is none of that size: with a large vocabulary no model is small."""
THINNEST, FLATTEST = 16, 200
"""Judgement, a factor of 3 to 4 about 64: Kaplan's pair is at 33 and 715."""
WIDEST = 32_768
"""Nearly twice the width of the largest that were published (Llama 3 405B and PaLM 540B: 16,384 and 18,432)."""
LAYER = 12.0
"""Parameters of a layer by n_embd^2, in GPT-2's layout; a gated MLP of 8/3 n_embd has as many."""


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best use of so many FLOPs: by Besiroglu's fit, and by the rule of 20 tokens per parameter."""

    flops: float
    parameters: float
    tokens: float
    parameters_at_20: float
    tokens_at_20: float


def shape_for(parameters: float, like: Shape) -> Shape | None:
    """The shape of about so many parameters, with the vocabulary, context and layout of `like`.

    About 64 times as wide as deep, in multiples of 64; the MLP and grouped keys keep their ratios. None where the
    vocabulary or the layout is unknown, for experts, and where no such shape is of that size.
    """
    unit = like.head_dim or HEAD_WIDTH
    best: tuple[float, Shape] | None = None
    for width in range(unit, WIDEST + 1, unit):
        shape = _deep_enough(like, width, parameters)
        count = None if shape is None else parts_of(shape).parameters
        if shape is None or count is None or shape.n_layer is None:
            return None
        off = abs(math.log(count / parameters))
        aspect = width / shape.n_layer
        misfit = off + ASPECT_PENALTY * abs(math.log(aspect / ASPECT))
        if off <= FARTHEST and THINNEST <= aspect <= FLATTEST and (best is None or misfit < best[0]):
            best = misfit, shape
        if count > 2 * parameters:
            break
    return best[1] if best else None


def _deep_enough(like: Shape, width: int, parameters: float) -> Shape | None:
    """`like` at that width, with the number of layers that comes nearest to so many parameters."""
    one, two = (scaled(like, width, layers) for layers in (1, 2))
    first, second = (None if shape is None else parts_of(shape).parameters for shape in (one, two))
    if first is None or second is None:
        return None
    return scaled(like, width, max(1, 1 + round((parameters - first) / (second - first))))


def scaled(like: Shape, width: int, layers: int | None = None) -> Shape | None:
    """`like` at another width, and depth where given; None for experts.

    The number of heads stays where it divides the width and no depth is given; else heads are 64 wide, or as wide as
    `like` says.
    """
    if (like.n_expert or 1) > 1:
        return None
    kept = layers is None and like.n_head and width % like.n_head == 0 and like.head_dim is None
    heads = like.n_head if kept and like.n_head else max(1, width // (like.head_dim or HEAD_WIDTH))
    return replace(
        like,
        n_layer=like.n_layer if layers is None else layers,
        n_embd=width,
        n_head=heads,
        n_kv_head=_groups(like, heads),
        n_inner=_inner(like, width),
    )


def _groups(like: Shape, heads: int) -> int | None:
    if like.n_kv_head is None or not like.n_head or like.n_kv_head == like.n_head:
        return None if like.n_kv_head is None else heads
    wanted = max(1, round(heads * like.n_kv_head / like.n_head))
    return next(n for n in range(wanted, 0, -1) if heads % n == 0)


def _inner(like: Shape, width: int) -> int | None:
    if like.n_inner is None or not like.n_embd:
        return like.n_inner
    return max(HEAD_WIDTH, round(like.n_inner / like.n_embd * width / HEAD_WIDTH) * HEAD_WIDTH)


def best_use(flops: float, like: Shape) -> Optimum:
    """The N and D that `flops` of training buy the lowest loss with, for models 64 times as wide as deep.

    With attention and the vocabulary of `like` in the cost of a token; where those are unknown, by C = 6 N D.
    """
    if like.vocab_size is None or like.block_size is None:
        at_20 = math.sqrt(flops / 6 / CHINCHILLA_TOKENS_PER_PARAMETER)
        return Optimum(flops, *compute_optimal(flops), at_20, CHINCHILLA_TOKENS_PER_PARAMETER * at_20)
    widths = np.geomspace(16, WIDEST, 4000)
    parameters, each = _costs(widths, like.vocab_size, like.block_size, tied=like.one_table is not False)
    tokens = flops / each
    losses = BESIROGLU.E + BESIROGLU.A * parameters**-BESIROGLU.a + BESIROGLU.B * tokens**-BESIROGLU.b
    best = int(np.argmin(losses))
    twenty = int(np.argmin(np.abs(np.log(tokens / parameters / CHINCHILLA_TOKENS_PER_PARAMETER))))
    return Optimum(
        flops, float(parameters[best]), float(tokens[best]), float(parameters[twenty]), float(tokens[twenty])
    )


def _costs(widths: Floats, vocabulary: int, context: int, *, tied: bool) -> tuple[Floats, Floats]:
    """Parameters, and FLOPs of a token, of models 64 times as wide as deep."""
    layers = widths / ASPECT
    blocks, table = LAYER * layers * widths**2, vocabulary * widths
    return blocks + (1 if tied else 2) * table, 6 * (blocks + table) + 12 * layers * widths * context
