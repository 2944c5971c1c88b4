"""How big the model is: from its dimensions, by more than one convention, and what it costs in FLOPs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from diagnosis.shape import Shape, parts_of, without_missing

__all__ = [
    "Counts",
    "ModelSize",
    "PrintedKind",
    "Shape",
    "flops_per_token",
    "implied_vocab_size",
    "n_embd_for",
    "parameter_count",
    "shape_from_groups",
    "size_of",
]

PrintedKind = Literal["all", "without position embedding", "non-embedding", "per shard"]


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Parameter counts of one model by convention; None is unknown."""

    parameters: float | None
    """The count that the laws use and the JSON shows: with the tied embedding, without position embedding."""
    with_positions: float | None
    non_embedding: float | None
    claimed: float | None
    """What a comment, a run name or a flag says that it should be."""
    claim_where: str | None
    where: str
    """Where `parameters` is from, for people: "printed by the log", "computed from n_layer, n_embd, ..."."""
    shape: Shape


@dataclass(frozen=True, slots=True)
class Counts:
    """Parameter counts of a shape."""

    parameters: int
    """With the token embedding once (twice where it is not tied), without position embedding: nanoGPT's number."""
    with_positions: int | None
    """None where the context length is unknown."""
    non_embedding: int
    """Blocks and the last layer norm only: OLMo's and Kaplan's number."""


def parameter_count(shape: Shape) -> Counts | None:
    """The exact counts, part by part; None where n_layer, n_embd or vocab_size is unknown or the layout is.

    GPT-2's layout has 12 L d^2 for attention and a 4d-wide MLP, 2L + 1 layer norms of d weights, with `bias` another
    d for each of them and 9d a layer for the linear maps, V d for the tied embedding, T d for the positions. An
    unknown `bias` counts as false (0.1 % at most) and an unknown `tied` as true, as in nanoGPT.
    Source: nanoGPT model.py, GPT and get_num_params; diagnosis/shape.py for the others.
    """
    parts = parts_of(shape)
    if parts.parameters is None or parts.non_embedding is None:
        return None
    return Counts(parts.parameters, parts.with_positions, parts.non_embedding)


def size_of(
    shape: Shape,
    *,
    printed: float | None = None,
    printed_kind: PrintedKind = "all",
    decayed: float | None = None,
    non_decayed: float | None = None,
    claimed: float | None = None,
    claim_where: str | None = None,
    flag_params: float | None = None,
) -> ModelSize | None:
    """The model's size from the best source there is; None where nothing at all is known about it.

    Best first: the user's `flag_params`; the exact sum of decayed and non-decayed parameters (less the position
    embedding, where its size is known); the printed count; the count computed from the dimensions. `printed` is a
    count in parameters of the kind that the trainer prints. Dimensions that the log does not name are solved from
    the exact counts where that has one solution.
    """
    printed, claimed, flag_params = _positive(printed), _positive(claimed), _positive(flag_params)
    shape = _completed(without_missing(shape), printed, decayed, non_decayed)
    computed = parameter_count(shape)
    total = _sum(decayed, non_decayed)
    found = _flagged(flag_params) or _summed(total, shape, printed, printed_kind)
    found = found or _printed(printed, printed_kind, shape, computed) or _computed(computed)
    if found is None and claimed is None and shape == Shape():
        return None
    parameters, where = found or (None, "unknown")
    if total is None and printed_kind == "all":
        total = printed
    if total is None and computed is not None and flag_params is None:
        total = computed.with_positions
    non_embedding = printed if printed_kind == "non-embedding" else None
    if non_embedding is None and computed is not None:
        non_embedding = computed.non_embedding
    return ModelSize(parameters, total, non_embedding, claimed, claim_where, where, shape)


def n_embd_for(target_parameters: float, shape: Shape) -> int | None:
    """The width that brings a model of this depth and vocabulary nearest to `target_parameters`.

    A multiple of 64 (tensor cores) and of n_head. None where n_layer or vocab_size is unknown, and for other layouts
    than GPT-2's, whose MLP would have to be widened too.
    """
    if shape.n_layer is None or shape.vocab_size is None or not shape.gpt2:
        return None
    unit = math.lcm(64, shape.n_head or 1)
    tables = shape.vocab_size * (2 if shape.tied is False else 1)
    # The positive root of 12 L d^2 + V d = target.
    root = (math.sqrt(tables**2 + 48 * shape.n_layer * target_parameters) - tables) / (24 * shape.n_layer)
    below = max(unit, int(root // unit) * unit)
    return min((below, below + unit), key=lambda width: _misfit(replace(shape, n_embd=width), target_parameters))


def implied_vocab_size(parameters: float, shape: Shape) -> int | None:
    """The vocabulary that makes the count of this shape come to `parameters`; as rough as `parameters` is."""
    rest = parameter_count(replace(shape, vocab_size=0))
    if rest is None or not shape.n_embd:
        return None
    return max(0, round((parameters - rest.parameters) / shape.n_embd))


def flops_per_token(parameters_without_positions: float, shape: Shape) -> float | None:
    """Forward and backward FLOPs of one token: 6 N + 12 L H Q T; None where the shape is unknown.

    Q = n_embd / n_head as a rule, so the second term is 12 L d T. Attention is not halved for causality. A token
    embedding that is not the head too is looked up and multiplies nothing, nor do experts that the token passes by.
    Source: PaLM (arXiv 2204.02311) appendix B; nanoGPT model.py, estimate_mfu; torchtitan, get_nparams_and_flops.
    """
    if shape.n_layer is None or shape.n_embd is None or shape.block_size is None:
        return None
    idle = _idle_parameters(shape)
    if idle is None:
        return None
    attention = shape.n_layer * (shape.query_width or shape.n_embd) * shape.block_size
    return 6 * (parameters_without_positions - idle) + 12 * attention


def _idle_parameters(shape: Shape) -> int | None:
    """Those that no token multiplies with; None for experts of which nobody knows how many are active."""
    table = shape.vocab_size * shape.n_embd if shape.vocab_size is not None and shape.n_embd is not None else 0
    idle = 0 if shape.one_table is not False else table
    experts = shape.n_expert or 1
    if experts == 1:
        return idle
    mlp, active = parts_of(shape).mlp, shape.n_expert_active
    if mlp is None or active is None or shape.n_layer is None or shape.n_embd is None:
        return None
    router = shape.n_layer * shape.n_embd * experts
    return idle + round((mlp - router) * (1 - active / experts))


def shape_from_groups(decayed: int, non_decayed: int, vocab_size: int, printed: float | None = None) -> Shape | None:
    """The dimensions that the optimiser groups of a GPT-2 layout leave possible, or None where none or several are.

    nanoGPT decays the matrices only: decayed = d (V + T + 12 L d) and non_decayed = d (2L + 1), or with biases
    d (13L + 2). Both are exact, so L, d and T < V are integers that solve them. `printed`, the count without the
    position embedding to 0.01M, must agree and mostly leaves one solution.
    Source: nanoGPT model.py, configure_optimizers.
    """
    found = []
    for layers in range(1, 257):
        for bias in (False, True):
            width, rest = divmod(non_decayed, _vector_parameters(layers, 1, bias=bias))
            if rest or width < 1 or decayed % width:
                continue
            context = decayed // width - vocab_size - 12 * layers * width
            shape = Shape(layers, None, width, vocab_size, context, bias, tied=True)
            if 1 <= context < vocab_size and _agrees(shape, printed):
                found.append(shape)
    return found[0] if len(found) == 1 else None


def _vector_parameters(layers: int, width: int, *, bias: bool) -> int:
    return (13 * layers + 2) * width if bias else (2 * layers + 1) * width


def _misfit(shape: Shape, target: float) -> float:
    counts = parameter_count(shape)
    return math.inf if counts is None else abs(counts.parameters - target)


def _agrees(shape: Shape, printed: float | None) -> bool:
    # "%.2fM" is exact to half of 0.01M.
    counts = parameter_count(shape)
    return printed is None or (counts is not None and abs(counts.parameters - printed) <= 5001)


def _completed(shape: Shape, printed: float | None, decayed: float | None, non_decayed: float | None) -> Shape:
    if decayed is None or non_decayed is None or shape.vocab_size is None:
        return shape
    if shape.n_layer is not None and shape.n_embd is not None and shape.block_size is not None:
        return shape
    solved = shape_from_groups(round(decayed), round(non_decayed), shape.vocab_size, printed)
    if solved is None or not _same_where_known(shape, solved):
        return shape
    return replace(solved, n_head=shape.n_head)


def _same_where_known(shape: Shape, solved: Shape) -> bool:
    pairs = (
        (shape.n_layer, solved.n_layer),
        (shape.n_embd, solved.n_embd),
        (shape.block_size, solved.block_size),
        (shape.bias, solved.bias),
    )
    return all(known is None or known == other for known, other in pairs)


def _positive(count: float | None) -> float | None:
    return count if count is not None and 0 < count < math.inf else None


def _sum(decayed: float | None, non_decayed: float | None) -> float | None:
    return None if decayed is None or non_decayed is None else decayed + non_decayed


def _flagged(count: float | None) -> tuple[float, str] | None:
    return None if count is None else (count, "given with --params")


def _summed(total: float | None, shape: Shape, printed: float | None, kind: PrintedKind) -> tuple[float, str] | None:
    if total is None:
        return None
    if shape.block_size is not None and shape.n_embd is not None:
        return total - shape.block_size * shape.n_embd, "counted by the log, less the position embedding"
    if printed is not None and kind == "without position embedding":
        return None
    return total, "counted by the log, position embedding included"


def _printed(
    printed: float | None, kind: PrintedKind, shape: Shape, computed: Counts | None
) -> tuple[float, str] | None:
    if printed is None or kind == "per shard":
        return None
    if kind == "non-embedding":
        if shape.vocab_size is None or shape.n_embd is None:
            return None
        return printed + shape.vocab_size * shape.n_embd, "printed by the log, plus the embedding"
    # A small model's "0.01M" is too coarse for any law; the dimensions that round to it are exact.
    if kind == "without position embedding" and computed is not None and _agrees(shape, printed):
        return computed.parameters, "printed by the log, exact from its dimensions"
    return printed, "printed by the log"


def _computed(counts: Counts | None) -> tuple[float, str] | None:
    if counts is None:
        return None
    return counts.parameters, "computed from n_layer, n_embd and vocab_size"
