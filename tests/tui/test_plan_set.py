"""`--set`: names, values, and what cannot hold together."""

from __future__ import annotations

from typing import Any

import pytest

from parsers.records import Fact, Value
from tui.errors import UserError
from tui.plan_set import contradiction, read_changes, tokens_disagree


def facts(**known: Any) -> dict[str, Fact]:
    """Facts of a config."""
    return {name: Fact(name, value, "config", "a test") for name, value in known.items()}


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("n_embd=768", "n_embd", 768),
        ("n_embd = 768", "n_embd", 768),
        ("hidden_size=768", "n_embd", 768),
        ("max_iters=12000", "planned_steps", 12000),
        ("planned_steps=12000", "planned_steps", 12000),
        ("gradient_accumulation_steps=5*8", "gradient_accumulation_steps", 40),
        ("learning_rate=6e-4", "learning_rate", 6e-4),
        ("compile=true", "compile", True),
        ("tie_embeddings=False", "tie_embeddings", False),
        ("dtype=fp16", "dtype", "float16"),
        ("planned_tokens=3e9", "planned_tokens", 3_000_000_000),
        ("unique_tokens=1e9", "unique_tokens", 1e9),
    ],
)
def test_a_setting_by_either_name(word: str, name: str, value: Value) -> None:
    """The fact's own, or what a trainer calls it; values as a config has them."""
    made = read_changes([word])
    assert {n: f.value for n, f in made.items()} == {name: value}
    assert made[name].origin == "flag"


def test_several_at_once() -> None:
    """By comma, or one after the other."""
    assert list(read_changes(["n_embd=768,n_head=12", "n_layer=6"])) == ["n_embd", "n_head", "n_layer"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["n_embd"], "NAME=VALUE"),
        (["=768"], "NAME=VALUE"),
        (["n_embd="], "NAME=VALUE"),
        (["n_embed_=768"], "did you mean n_embed?"),
        (["qqq=1"], "is no setting that it knows"),
        (["n_embd=wide"], "no value for n_embd"),
        (["n_embd=0"], "no value for n_embd"),
        (["compile=perhaps"], "no value for compile"),
        (["n_embd=384", "hidden_size=768"], "n_embd is 384 already"),
        (["unique_tokens=-1"], "no count"),
    ],
    ids=str,
)
def test_a_refusal_says_why(words: list[str], said: str) -> None:
    """In one line."""
    with pytest.raises(UserError, match="--set") as caught:
        read_changes(words)
    assert said in str(caught.value)


def test_the_same_twice_is_no_contradiction() -> None:
    """It says the same."""
    assert read_changes(["n_embd=768", "hidden_size=768"])["n_embd"].value == 768


class TestContradictions:
    def test_heads_that_do_not_divide_the_width(self) -> None:
        """The nearest number that does is offered."""
        said = contradiction(facts(n_embd=512, n_head=12))
        assert said is not None
        assert "n_head=16" in said or "n_head=8" in said
        assert contradiction(facts(n_embd=768, n_head=12)) is None

    def test_heads_of_a_width_of_their_own_need_not(self) -> None:
        """Qwen3's 16 heads of 128 are wider than its 1,024."""
        assert contradiction(facts(n_embd=1000, n_head=16, head_dim=128)) is None

    def test_keys_in_groups(self) -> None:
        """Each key has as many queries."""
        assert contradiction(facts(n_embd=768, n_head=12, n_kv_head=5)) is not None
        assert contradiction(facts(n_embd=768, n_head=12, n_kv_head=4)) is None

    def test_tokens_that_no_batch_makes(self) -> None:
        """A step is whole sequences, and a multiple of micro-batch x accumulation x context."""
        parts = {"batch_size": 16, "gradient_accumulation_steps": 32, "block_size": 1024}
        assert tokens_disagree(facts(tokens_per_step=524_288, **parts)) is None
        assert tokens_disagree(facts(tokens_per_step=8 * 524_288, **parts)) is None
        assert "no multiple" in (tokens_disagree(facts(tokens_per_step=262_144, **parts)) or "")
        assert "whole number" in (tokens_disagree(facts(tokens_per_step=500_000, block_size=1024)) or "")

    def test_what_is_unknown_contradicts_nothing(self) -> None:
        """No facts, no complaint."""
        assert contradiction({}) is None
        assert tokens_disagree({}) is None
