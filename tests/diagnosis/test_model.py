"""The sizes of real models, by convention."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from diagnosis.model import (
    Shape,
    flops_per_token,
    implied_vocab_size,
    n_embd_for,
    parameter_count,
    shape_from_groups,
    size_of,
)

FOUNDING = Shape(n_layer=12, n_head=12, n_embd=384, vocab_size=50304, block_size=1024, bias=False)


def test_counts_of_the_founding_run() -> None:
    """12 layers of 384 have 40,560,000 parameters without and 40,953,216 with positions, as the log counts them."""
    counts = parameter_count(FOUNDING)
    assert counts is not None
    assert counts.parameters == 40_560_000
    assert counts.with_positions == 40_943_616 + 9_600
    assert counts.non_embedding == 40_560_000 - 50304 * 384


def test_counts_of_gpt2_small() -> None:
    """Width 768 gives the 123.59M that nanoGPT prints; GPT-2 itself, with biases and 50257 tokens, 124,439,808."""
    wide = parameter_count(replace(FOUNDING, n_embd=768))
    gpt2 = parameter_count(Shape(12, 12, 768, 50257, 1024, bias=True))
    assert wide is not None
    assert gpt2 is not None
    assert f"{wide.parameters / 1e6:.2f}M" == "123.59M"
    assert gpt2.with_positions == 124_439_808


def test_untied_head_counts_twice() -> None:
    """An untied model has another V d parameters."""
    tied, untied = parameter_count(FOUNDING), parameter_count(replace(FOUNDING, tied=False))
    assert tied is not None
    assert untied is not None
    assert untied.parameters - tied.parameters == 50304 * 384


@pytest.mark.parametrize("missing", ["n_layer", "n_embd", "vocab_size"])
def test_no_count_without_a_dimension(missing: str) -> None:
    """A missing dimension makes the count unknown, never zero."""
    unknown: dict[str, Any] = {missing: None}
    assert parameter_count(replace(FOUNDING, **unknown)) is None


class TestSizeOf:
    def test_the_users_count_wins(self) -> None:
        """--params is believed before the log."""
        size = size_of(FOUNDING, printed=40.56e6, decayed=40_943_616, non_decayed=9_600, flag_params=1e6)
        assert size is not None
        assert size.parameters == 1e6
        assert "--params" in size.where

    def test_the_exact_sum_is_next(self) -> None:
        """The optimiser groups give the exact count once the position embedding is taken off."""
        size = size_of(
            FOUNDING,
            printed=40.5e6,
            printed_kind="without position embedding",
            decayed=40_943_616,
            non_decayed=9_600,
        )
        assert size is not None
        assert size.parameters == 40_560_000
        assert size.with_positions == 40_953_216
        assert size.non_embedding == 21_243_264

    def test_the_sum_alone_keeps_its_positions(self) -> None:
        """Without dimensions and a printed count, the sum is used as it is and says so."""
        size = size_of(Shape(), decayed=124_354_560, non_decayed=121_344)
        assert size is not None
        assert size.parameters == 124_475_904
        assert "position embedding included" in size.where

    def test_the_printed_count_beats_a_sum_with_positions(self) -> None:
        """A count printed without positions needs no subtraction that cannot be done."""
        size = size_of(
            Shape(),
            printed=40.56e6,
            printed_kind="without position embedding",
            decayed=40_943_616,
            non_decayed=9_600,
        )
        assert size is not None
        assert size.parameters == 40.56e6
        assert size.with_positions == 40_953_216

    def test_computed_when_nothing_is_printed(self) -> None:
        """A config alone gives the size."""
        size = size_of(FOUNDING)
        assert size is not None
        assert size.parameters == 40_560_000
        assert size.where.startswith("computed")

    def test_a_coarse_print_is_made_exact_by_the_dimensions(self) -> None:
        """The 0.01M that a 7,264-parameter model prints is replaced by the count that rounds to it."""
        tiny = Shape(1, 1, 16, 257, 64, bias=False)
        size = size_of(tiny, printed=0.01e6, printed_kind="without position embedding")
        assert size is not None
        assert size.parameters == 12 * 256 + 3 * 16 + 257 * 16

    def test_dimensions_that_contradict_the_print_are_not_used(self) -> None:
        """What the log prints is believed before a config of another model."""
        size = size_of(replace(FOUNDING, n_embd=768), printed=40.56e6, printed_kind="without position embedding")
        assert size is not None
        assert size.parameters == 40.56e6

    def test_non_embedding_print_gets_its_embedding(self) -> None:
        """A trainer that prints non-embedding parameters is brought to the common convention."""
        size = size_of(Shape(n_embd=384, vocab_size=50304), printed=21_243_264, printed_kind="non-embedding")
        assert size is not None
        assert size.parameters == 40_560_000
        assert size.non_embedding == 21_243_264

    def test_a_shard_is_not_the_model(self) -> None:
        """A per-shard count is no size of the model."""
        size = size_of(Shape(n_layer=12), printed=1e9, printed_kind="per shard")
        assert size is not None
        assert size.parameters is None

    def test_nothing_known_is_none(self) -> None:
        """Without a count, a claim or a dimension there is no size; impossible numbers count as nothing."""
        assert size_of(Shape()) is None
        assert size_of(Shape(n_layer=0, n_embd=-1), printed=0.0) is None

    def test_a_claim_is_kept_apart(self) -> None:
        """The claimed size never becomes the size."""
        size = size_of(Shape(), claimed=125e6, claim_where="line 22")
        assert size is not None
        assert (size.parameters, size.claimed, size.claim_where) == (None, 125e6, "line 22")


class TestShapeFromGroups:
    @pytest.mark.parametrize(
        ("decayed", "non_decayed", "printed", "width"),
        [(40_943_616, 9_600, 40.56e6, 384), (124_354_560, 19_200, 123.59e6, 768)],
    )
    def test_real_headers_give_their_shape(self, decayed: int, non_decayed: int, printed: float, width: int) -> None:
        """The header's three counts alone hold the depth, width and context of the run."""
        shape = shape_from_groups(decayed, non_decayed, 50304, printed)
        assert shape is not None
        assert (shape.n_layer, shape.n_embd, shape.block_size, shape.bias) == (12, width, 1024, False)

    def test_two_solutions_are_none(self) -> None:
        """124M's groups also fit one layer of 1,280, so without the printed count nothing is claimed."""
        assert shape_from_groups(124_354_560, 19_200, 50304) is None

    def test_gpt2_with_biases(self) -> None:
        """The groups of GPT-2 with biases give biases."""
        shape = shape_from_groups(124_318_464, 121_344, 50257, 123.65e6)
        assert shape is not None
        assert (shape.n_layer, shape.n_embd, shape.block_size, shape.bias) == (12, 768, 1024, True)

    def test_another_layout_is_not_forced_into_it(self) -> None:
        """Counts that no GPT-2 layout has give no shape."""
        assert shape_from_groups(123_456_789, 1_001, 50304) is None

    def test_the_printed_count_must_agree(self) -> None:
        """A printed count of another size rules the solution out."""
        assert shape_from_groups(40_943_616, 9_600, 50304, printed=123.59e6) is None

    def test_size_of_fills_the_shape_but_contradicts_nothing(self) -> None:
        """A known dimension that differs from the solved one stops the solving."""
        solved = size_of(Shape(n_head=12, vocab_size=50304), decayed=40_943_616, non_decayed=9_600)
        differs = size_of(Shape(n_layer=6, vocab_size=50304), decayed=40_943_616, non_decayed=9_600)
        assert solved is not None
        assert differs is not None
        assert solved.shape == replace(FOUNDING, tied=True)
        assert differs.shape == Shape(n_layer=6, vocab_size=50304)


class TestAdvice:
    def test_the_width_that_gives_125m(self) -> None:
        """For ~125M, 12 layers and 12 heads, the width is 768."""
        assert n_embd_for(125e6, FOUNDING) == 768

    def test_a_multiple_of_64_and_of_the_heads(self) -> None:
        """25 heads and 64 both divide the width."""
        width = n_embd_for(1.5e9, Shape(n_layer=48, n_head=25, vocab_size=50257))
        assert width == 1600

    def test_the_smallest_width_is_one_unit(self) -> None:
        """A target below the smallest model gives the smallest width, not zero."""
        assert n_embd_for(10, Shape(n_layer=1, n_head=1, vocab_size=100)) == 64

    def test_unknown_depth_gives_no_width(self) -> None:
        """Without the depth there is no advice."""
        assert n_embd_for(125e6, Shape(vocab_size=50304)) is None

    def test_the_vocabulary_behind_a_printed_count(self) -> None:
        """40.56M at 12 x 384 implies 50,304 tokens."""
        assert implied_vocab_size(40_560_000, replace(FOUNDING, vocab_size=None)) == 50304
        assert implied_vocab_size(40_560_000, Shape()) is None


def test_flops_of_the_founding_run() -> None:
    """6 x 40.56M + 12 x 12 x 384 x 1024 = 300.0 MFLOP a token."""
    assert flops_per_token(40_560_000, FOUNDING) == pytest.approx(300.0e6, rel=1e-4)
    assert flops_per_token(40_560_000, Shape(n_layer=12)) is None


def test_a_table_that_is_only_looked_up_costs_nothing() -> None:
    """Llama 3 8B: 6 (N - V d) + 12 L d T, as torchtitan counts it."""
    shape = Shape(32, 32, 4096, 128256, 8192, n_kv_head=8, n_inner=14336, model_type="llama")
    work = flops_per_token(8_030_261_248, shape)
    assert work == 6 * (8_030_261_248 - 128256 * 4096) + 12 * 32 * 4096 * 8192


def test_experts_that_a_token_passes_by_cost_nothing() -> None:
    """Mixtral 8x7B has 46.7B parameters, of which a token uses 12.9B; without the number of active ones it is open."""
    shape = Shape(
        32, 32, 4096, 32000, 4096, n_kv_head=8, n_inner=14336, n_expert=8, n_expert_active=2, model_type="mixtral"
    )
    work = flops_per_token(46_702_792_704, shape)
    attention = 12 * 32 * 4096 * 4096
    assert work is not None
    assert (work - attention) / 6 == pytest.approx(12.9e9 - 32000 * 4096, rel=0.01)
    assert flops_per_token(46_702_792_704, replace(shape, n_expert_active=None)) is None
