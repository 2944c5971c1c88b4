"""Parameters part by part, against models whose counts are published."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from diagnosis.shape import Shape, parts_of, without_missing

GPT2 = Shape(12, 12, 768, 50257, 1024, bias=True)
LLAMA_3_8B = Shape(32, 32, 4096, 128256, 8192, n_kv_head=8, n_inner=14336, model_type="llama")
PUBLISHED = {
    "gpt2": (GPT2, 124_439_808),
    "gpt2 by its name": (Shape(12, 12, 768, 50257, 1024, model_type="gpt2"), 124_439_808),
    "gpt2-xl": (Shape(48, 25, 1600, 50257, 1024, bias=True), 1_557_611_200),
    "pythia-160m": (Shape(12, 12, 768, 50304, 2048, n_inner=3072, model_type="gpt_neox"), 162_322_944),
    "llama-2-7b": (Shape(32, 32, 4096, 32000, 4096, n_inner=11008, model_type="llama"), 6_738_415_616),
    "llama-3-8b": (LLAMA_3_8B, 8_030_261_248),
    "tinyllama-1.1b": (
        Shape(22, 32, 2048, 32000, 2048, n_kv_head=4, n_inner=5632, model_type="llama"),
        1_100_048_384,
    ),
    "smollm-135m": (
        Shape(30, 9, 576, 49152, 2048, tied=True, n_kv_head=3, n_inner=1536, model_type="llama"),
        134_515_008,
    ),
    "mistral-7b": (Shape(32, 32, 4096, 32000, n_kv_head=8, n_inner=14336, model_type="mistral"), 7_241_732_096),
    "mixtral-8x7b": (
        Shape(32, 32, 4096, 32000, n_kv_head=8, n_inner=14336, n_expert=8, n_expert_active=2, model_type="mixtral"),
        46_702_792_704,
    ),
    "qwen2-0.5b": (
        Shape(24, 14, 896, 151936, tied=True, n_kv_head=2, n_inner=4864, model_type="qwen2"),
        494_032_768,
    ),
    "qwen3-0.6b": (
        Shape(28, 16, 1024, 151936, tied=True, n_kv_head=8, head_dim=128, n_inner=3072, model_type="qwen3"),
        596_049_920,
    ),
    "gemma-2b": (
        Shape(18, 8, 2048, 256000, n_kv_head=1, head_dim=256, n_inner=16384, model_type="gemma"),
        2_506_172_416,
    ),
    "olmo2-1b": (Shape(16, 16, 2048, 100352, n_kv_head=16, n_inner=8192, model_type="olmo2"), 1_484_916_736),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_are_counted_to_the_last_parameter(name: str) -> None:
    """Each layout, with its tied or untied head, grouped keys, gates, biases, norms and experts."""
    shape, expected = PUBLISHED[name]
    assert parts_of(shape).with_positions == expected


def test_the_parts_of_gpt2() -> None:
    """Token and position embedding, 12 layers of 4 d^2 and 8 d^2 with their biases, 25 norms, no head."""
    parts = parts_of(GPT2)
    assert parts.token_embedding == 50257 * 768
    assert parts.position_embedding == 1024 * 768
    assert parts.attention == 12 * (4 * 768**2 + 4 * 768)
    assert parts.mlp == 12 * (8 * 768**2 + 5 * 768)
    assert parts.norms == 25 * 2 * 768
    assert parts.head == 0


def test_grouped_keys_and_a_gate_without_a_name() -> None:
    """A config of another trainer that says it all counts like the model whose name tells it."""
    told = replace(LLAMA_3_8B, model_type=None, gated=True, tied=False)
    assert parts_of(told).parameters == 8_030_261_248
    assert not told.gpt2


class TestUnknown:
    def test_a_width_of_the_mlp_without_a_word_on_its_gate(self) -> None:
        """Two matrices or three: a third of the model hangs on it, so nothing is said."""
        parts = parts_of(Shape(22, 32, 2048, 32000, 2048, n_kv_head=4, n_inner=5632, tied=False))
        assert parts.attention == 22 * 2048 * (2 * 2048 + 2 * 256)
        assert parts.mlp is None
        assert parts.parameters is None

    def test_a_gate_without_a_width(self) -> None:
        """Four times the width is GPT-2's alone."""
        assert parts_of(replace(LLAMA_3_8B, n_inner=None)).mlp is None

    def test_a_gated_layout_that_does_not_say_whether_its_head_is_tied(self) -> None:
        """GPT-2's is; Llama's is not."""
        told = replace(LLAMA_3_8B, model_type=None, gated=True)
        assert parts_of(told).head is None
        assert parts_of(told).parameters is None

    def test_experts_of_another_architecture(self) -> None:
        """Shared experts and dense layers differ: only Mixtral's are counted."""
        shape, _ = PUBLISHED["mixtral-8x7b"]
        assert parts_of(replace(shape, model_type="deepseek_v3", gated=True)).mlp is None

    @pytest.mark.parametrize("missing", ["n_layer", "n_embd"])
    def test_a_missing_dimension(self, missing: str) -> None:
        """It makes the parts unknown that hang on it."""
        unknown: dict[str, Any] = {missing: None}
        assert parts_of(replace(GPT2, **unknown)).non_embedding is None

    def test_positions_without_a_context(self) -> None:
        """Learned ones are a table of the context; rotated ones are none."""
        assert parts_of(replace(GPT2, block_size=None)).position_embedding is None
        assert parts_of(replace(LLAMA_3_8B, block_size=None)).position_embedding == 0


@pytest.mark.parametrize(
    "change",
    [{"n_kv_head": 4}, {"n_inner": 2048}, {"gated": True}, {"head_dim": 128}, {"n_expert": 8}, {"model_type": "llama"}],
    ids=str,
)
def test_what_makes_it_another_layout(change: dict[str, Any]) -> None:
    """Anything that GPT-2 has not; what it has by another word is still GPT-2's."""
    assert GPT2.gpt2
    assert not replace(GPT2, **change).gpt2


@pytest.mark.parametrize("same", [{"n_kv_head": 12}, {"n_inner": 3072}, {"head_dim": 64}, {"n_expert": 1}], ids=str)
def test_what_gpt2_has_by_another_word(same: dict[str, Any]) -> None:
    """Its own numbers, said."""
    assert replace(GPT2, **same).gpt2
    assert parts_of(replace(GPT2, **same)) == parts_of(GPT2)


def test_impossible_dimensions_are_unknown() -> None:
    """0 and -1 are no dimensions."""
    assert without_missing(Shape(n_layer=0, n_embd=-1, n_head=12)) == Shape(n_head=12)


@pytest.mark.parametrize(("family", "width"), [("qwen3", 128), ("gemma", 256)])
def test_heads_that_the_config_leaves_out_are_as_wide_as_the_family_has_them(family: str, width: int) -> None:
    """Not n_embd / n_head = 64."""
    shape = Shape(2, 8, 512, 1000, 128, n_inner=1024, model_type=family)

    assert (shape.query_width, shape.key_width) == (8 * width, 8 * width)
    assert parts_of(shape) == parts_of(replace(shape, head_dim=width))
