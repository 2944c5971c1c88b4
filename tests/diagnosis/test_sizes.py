"""Shapes for a parameter count, and the best use of so many FLOPs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from diagnosis.budget import BESIROGLU, compute_optimal
from diagnosis.model import flops_per_token
from diagnosis.shape import Shape, parts_of
from diagnosis.sizes import best_use, scaled, shape_for

FOUNDING = Shape(12, 12, 384, 50304, 1024, bias=False)
LLAMA = Shape(22, 32, 2048, 32000, 2048, n_kv_head=4, n_inner=5632, model_type="llama")


def test_124m_is_gpt2_small() -> None:
    """12 layers of 768 with 12 heads: the shape that the count is known for."""
    shape = shape_for(124e6, FOUNDING)
    assert shape is not None
    assert (shape.n_layer, shape.n_embd, shape.n_head) == (12, 768, 12)


@pytest.mark.parametrize("like", [FOUNDING, LLAMA], ids=["GPT-2", "Llama"])
@pytest.mark.parametrize("wanted", [124e6, 350e6, 774e6, 1.5e9, 7e9])
def test_every_size_is_near_its_count_and_aspect(wanted: float, like: Shape) -> None:
    """Within a tenth of the count, some 64 times as wide as deep, in whole heads."""
    shape = shape_for(wanted, like)
    assert shape is not None
    assert shape.n_layer
    assert shape.n_embd
    assert shape.n_head
    assert parts_of(shape).parameters == pytest.approx(wanted, rel=0.1)
    assert 32 <= shape.n_embd / shape.n_layer <= 128
    assert shape.n_embd % shape.n_head == 0


def test_a_layout_keeps_its_ratios() -> None:
    """The MLP stays 2.75 times as wide as the model, and 8 queries share a key where that divides."""
    shape = shape_for(1e9, LLAMA)
    assert shape is not None
    assert shape.n_inner
    assert shape.n_embd
    assert shape.n_head
    assert shape.n_inner / shape.n_embd == pytest.approx(2.75, rel=0.03)
    assert shape.n_kv_head
    assert shape.n_head % shape.n_kv_head == 0


def test_no_model_is_smaller_than_its_vocabulary() -> None:
    """With 50,304 tokens even one layer of 64 has 3.3M parameters."""
    assert shape_for(1e6, FOUNDING) is None


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (103e6, (11, 704)),
        (114e6, (13, 704)),
        (2.74e6, (1, 64)),
        (2.47e6, None),
        (7.72e6, (7, 128)),
        (8.56e6, (1, 192)),
    ],
)
def test_the_count_is_weighed_against_the_aspect(wanted: float, expected: tuple[int, int] | None) -> None:
    """A better count at aspects of 64 and 54; toy sizes, off by up to a fifth, from 16 times as wide as deep to 200."""
    shape = shape_for(wanted, FOUNDING)
    assert (None if shape is None else (shape.n_layer, shape.n_embd)) == expected


def test_unknown_layouts_have_no_sizes() -> None:
    """Without a vocabulary, with experts, and where the MLP is open."""
    assert shape_for(124e6, replace(FOUNDING, vocab_size=None)) is None
    assert shape_for(124e6, replace(LLAMA, n_expert=8)) is None
    assert shape_for(124e6, replace(LLAMA, model_type=None)) is None


def test_a_width_keeps_the_heads_where_they_divide_it() -> None:
    """12 heads for 768; 512 has 8 of 64."""
    wide, other = scaled(FOUNDING, 768), scaled(FOUNDING, 512)
    assert wide is not None
    assert other is not None
    assert (wide.n_head, wide.n_layer) == (12, 12)
    assert (other.n_head, other.n_layer) == (8, 12)


class TestBestUse:
    @pytest.mark.parametrize("flops", [1e18, 1e19, 1e21])
    def test_it_spends_the_flops(self, flops: float) -> None:
        """Both answers cost what there is: attention and the head included."""
        best = best_use(flops, FOUNDING)
        for parameters, tokens in ((best.parameters, best.tokens), (best.parameters_at_20, best.tokens_at_20)):
            shape = shape_for(parameters, FOUNDING)
            assert shape is not None
            each = flops_per_token(parameters, shape)
            assert each is not None
            assert each * tokens == pytest.approx(flops, rel=0.05)

    @pytest.mark.parametrize("flops", [1e18, 1e20])
    def test_no_other_size_does_better(self, flops: float) -> None:
        """By the fit, a model half or twice as big has a higher loss for the same FLOPs."""
        best = best_use(flops, FOUNDING)
        lowest = BESIROGLU.loss(best.parameters, best.tokens)
        for factor in (0.5, 2.0):
            assert BESIROGLU.loss(factor * best.parameters, best.tokens / factor) > lowest

    def test_20_tokens_per_parameter(self) -> None:
        """As it says."""
        best = best_use(1e19, FOUNDING)
        assert best.tokens_at_20 / best.parameters_at_20 == pytest.approx(20, rel=0.01)

    def test_without_a_vocabulary_it_is_the_fit_alone(self) -> None:
        """C = 6 N D, as budget.compute_optimal has it."""
        best = best_use(1e19, replace(FOUNDING, vocab_size=None))
        assert (best.parameters, best.tokens) == compute_optimal(1e19)
        assert best.parameters_at_20 == pytest.approx(math.sqrt(1e19 / 120))

    def test_large_budgets_approach_the_fit(self) -> None:
        """There the attention of 1,024 tokens is little of the cost."""
        best, fit = best_use(1e22, FOUNDING), compute_optimal(1e22)
        assert best.parameters == pytest.approx(fit[0], rel=0.05)
        assert best.tokens == pytest.approx(fit[1], rel=0.05)
