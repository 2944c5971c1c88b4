"""A decoder-only transformer's dimensions, and its parameters part by part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Family:
    """How the models of one `model_type` of Transformers are built, as far as it changes what they count."""

    gated: bool
    """Whether the MLP multiplies by a gate, a third matrix (SwiGLU, GeGLU)."""
    tied: bool = False
    """Whether the head is the token embedding where the config does not say."""
    learned_positions: bool = False
    bias: bool = False
    """Of every linear map in a layer."""
    qkv_bias: bool = False
    norm_bias: bool = False
    norm_of: Literal["nothing more", "each head", "all heads"] = "nothing more"
    """What queries and keys are normalised over, with weights of their own."""
    head_dim: int | None = None
    """Where the config does not say it; None is n_embd / n_head."""
    wide: bool = False
    """Whether the MLP is four times as wide as the model where the config does not say."""
    experts: bool = False
    """Whether every layer's MLP is experts behind a router."""


FAMILIES = {
    "gpt2": Family(gated=False, tied=True, learned_positions=True, bias=True, norm_bias=True, wide=True),
    "gpt_neox": Family(gated=False, bias=True, norm_bias=True),
    "llama": Family(gated=True),
    "mistral": Family(gated=True),
    "granite": Family(gated=True),
    "qwen2": Family(gated=True, qkv_bias=True),
    "qwen3": Family(gated=True, norm_of="each head", head_dim=128),
    "olmo2": Family(gated=True, norm_of="all heads"),
    "gemma": Family(gated=True, tied=True, head_dim=256),
    "mixtral": Family(gated=True, experts=True),
}
"""Source: transformers 5.23.0, models/<model_type>/configuration_<model_type>.py (defaults) and modeling_*.py; the
counts of published models are in the tests."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder-only transformer's dimensions; None is unknown."""

    n_layer: int | None = None
    n_head: int | None = None
    n_embd: int | None = None
    vocab_size: int | None = None
    block_size: int | None = None
    """Context length, tokens."""
    bias: bool | None = None
    tied: bool | None = None
    n_kv_head: int | None = None
    head_dim: int | None = None
    n_inner: int | None = None
    """Width inside the MLP, or inside one expert."""
    gated: bool | None = None
    n_expert: int | None = None
    n_expert_active: int | None = None
    """Experts that a token goes through."""
    model_type: str | None = None
    """As Transformers names the architecture; None where the config is another trainer's."""

    @property
    def gpt2(self) -> bool:
        """Whether nothing is known that GPT-2's layout has not: another MLP width, grouped keys and values, experts."""
        width = self.n_embd
        wide = self.n_inner is not None and (width is None or self.n_inner != 4 * width)
        grouped = self.n_kv_head not in (None, self.n_head)
        other_heads = self.head_dim is not None and self.head_dim * (self.n_head or 0) != width
        other = self.gated is True or self.model_type not in (None, "gpt2") or (self.n_expert or 1) > 1
        return not (wide or grouped or other_heads or other)

    @property
    def family(self) -> Family | None:
        """What is known of the architecture by its name; None where it is not named or not known here."""
        return FAMILIES.get(self.model_type or "")

    @property
    def has_gate(self) -> bool | None:
        """Whether the MLP has a third matrix; None where neither the config nor its architecture tells."""
        if self.gated is not None or self.gpt2:
            return bool(self.gated)
        return self.family.gated if self.family else None

    @property
    def inner(self) -> int | None:
        """Width inside the MLP: as told, or four times the width where the layout is GPT-2's."""
        if self.n_inner is not None:
            return self.n_inner
        wide = self.gpt2 or (self.family is not None and self.family.wide)
        return 4 * self.n_embd if wide and self.n_embd is not None else None

    @property
    def one_table(self) -> bool | None:
        """Whether head and token embedding are one; as in GPT-2 where its layout is all that is known."""
        if self.tied is not None:
            return self.tied
        return True if self.gpt2 else self.family.tied if self.family else None

    @property
    def query_width(self) -> int | None:
        """Heads x width of a head, which need not be n_embd."""
        size = self._head_size
        return self.n_embd if size is None or self.n_head is None else size * self.n_head

    @property
    def key_width(self) -> int | None:
        """The same of the keys, and of the values."""
        if self.n_kv_head is None:
            return self.query_width
        size = self._head_size
        return None if size is None else size * self.n_kv_head

    @property
    def _head_size(self) -> int | None:
        if self.head_dim is not None:
            return self.head_dim
        if self.family is not None and self.family.head_dim is not None:
            return self.family.head_dim
        if self.n_embd is None or not self.n_head or self.n_embd % self.n_head:
            return None
        return self.n_embd // self.n_head


@dataclass(frozen=True, slots=True)
class Parts:
    """Parameters by part; None is unknown."""

    token_embedding: int | None
    position_embedding: int | None
    """0 where positions are rotated in."""
    attention: int | None
    mlp: int | None
    norms: int | None
    head: int | None
    """0 where it is the token embedding."""

    @property
    def non_embedding(self) -> int | None:
        """Blocks and the last norm."""
        return _sum(self.attention, self.mlp, self.norms)

    @property
    def parameters(self) -> int | None:
        """All but the position embedding."""
        return _sum(self.token_embedding, self.non_embedding, self.head)

    @property
    def with_positions(self) -> int | None:
        """All."""
        return _sum(self.parameters, self.position_embedding)


def parts_of(shape: Shape) -> Parts:
    """The parameters by part: exact for GPT-2's layout and the architectures in FAMILIES.

    Attention is d (q + 2 k + q) a layer, with q and k the widths of all query and key heads; the MLP 2 or, with a
    gate, 3 matrices of d x inner; experts each such an MLP, with a router of d x experts. A layer has two norms, and
    one is behind the last. Of another layout what is not told is None.
    """
    layers, width = shape.n_layer, shape.n_embd
    table = _product(shape.vocab_size, width)
    one = shape.one_table
    return Parts(
        token_embedding=table,
        position_embedding=_positions(shape),
        attention=_product(layers, _attention(shape)),
        mlp=_product(layers, _mlp(shape)),
        norms=None if layers is None or width is None else _norms(shape, layers, width),
        head=0 if one else table if one is False else None,
    )


def without_missing(shape: Shape) -> Shape:
    """The same with impossible dimensions, 0 and below, as unknown."""
    names = ("n_layer", "n_head", "n_embd", "vocab_size", "block_size", "n_kv_head", "head_dim", "n_inner", "n_expert")
    for name in names:
        if (getattr(shape, name) or 0) < 1:
            shape = replace(shape, **{name: None})
    return shape


def _positions(shape: Shape) -> int | None:
    learned = shape.gpt2 or (shape.family is not None and shape.family.learned_positions)
    if learned:
        return _product(shape.block_size, shape.n_embd)
    return 0 if shape.family is not None or shape.gated else None


def _biased(shape: Shape) -> bool:
    """What a config says of biases counts for the layouts that have the choice; unsaid, they have none (0.1 %)."""
    if shape.family is not None and not (shape.gpt2 and shape.bias is not None):
        return shape.family.bias
    return bool(shape.bias)


def _attention(shape: Shape) -> int | None:
    width, queries, keys = shape.n_embd, shape.query_width, shape.key_width
    if width is None or queries is None or keys is None:
        return None
    family, both = shape.family, queries + 2 * keys
    made = width * (both + queries)
    if _biased(shape):
        made += both + width
    elif family is not None and family.qkv_bias:
        made += both
    return made


def _mlp(shape: Shape) -> int | None:
    width, inner, gated = shape.n_embd, shape.inner, shape.has_gate
    if width is None or inner is None or gated is None:
        return None
    one = (3 if gated else 2) * width * inner + (width + inner if _biased(shape) and not gated else 0)
    experts = shape.n_expert or 1
    if experts == 1:
        return one
    return experts * (one + width) if shape.family is not None and shape.family.experts else None


def _norms(shape: Shape, layers: int, width: int) -> int | None:
    family = shape.family
    biased = _biased(shape) if family is None or shape.gpt2 else family.norm_bias
    made = (2 * layers + 1) * width * (2 if biased else 1)
    if family is None or family.norm_of == "nothing more":
        return made
    if family.norm_of == "all heads":
        return _sum(made, _product(layers, _sum(shape.query_width, shape.key_width)))
    return made + layers * 2 * (shape.head_dim or family.head_dim or 0)


def _product(*factors: int | None) -> int | None:
    made = 1
    for factor in factors:
        if factor is None:
            return None
        made *= factor
    return made


def _sum(*terms: int | None) -> int | None:
    made = 0
    for term in terms:
        if term is None:
            return None
        made += term
    return made
