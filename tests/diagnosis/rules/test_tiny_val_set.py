"""Rule tiny-val-set: too few tokens, too many readings of them, and what is unknown."""

from __future__ import annotations

import pytest
from cases import NANOGPT, make_case

from diagnosis.case import Case
from diagnosis.rules.tiny_val_set import rule
from parsers.records import Traits, Value

LOSSES = {"train_loss": ([0, 500], [10.9, 5.0]), "val_loss": ([0, 500], [10.9, 5.1])}
EVAL: dict[str, Value] = {"eval_iters": 200, "batch_size": 16, "block_size": 1024}


def with_tokens(tokens: int | None, facts: dict[str, Value] | None = None, traits: Traits = NANOGPT) -> Case:
    known: dict[str, Value] = {} if tokens is None else {"val_tokens": tokens}
    return make_case(LOSSES, {**known, **(facts or {})}, traits=traits)


def test_eight_documents_are_off_by_some_tenths() -> None:
    """5,500 tokens, as one founding run had: 0.5 / sqrt(5,500 / 700 / 5) = 0.40 nats, and 596 times the set a look."""
    found = rule(with_tokens(5500, EVAL))
    assert found is not None
    assert (found.severity, found.first_step, found.step) == ("warning", 0, 500)
    assert "about 8 documents" in found.evidence[0]
    assert "0.4 nats" in found.evidence[0]
    assert "596 times the set" in found.evidence[1]
    assert found.advice[0].startswith("Hold out 10M tokens")


@pytest.mark.parametrize(("tokens", "fires"), [(999_999, True), (1_000_000, False), (10_485_760, False)])
def test_a_million_tokens_are_enough(tokens: int, fires: bool) -> None:
    """From there on the bias is below 0.03 nats."""
    assert (rule(with_tokens(tokens)) is not None) is fires


@pytest.mark.parametrize(("tokens", "fires"), [(1_092_200, True), (1_092_300, False)])
def test_an_eval_may_draw_three_times_the_set(tokens: int, fires: bool) -> None:
    """200 x 16 x 1,024 = 3,276,800 tokens of a set; more batches tell nothing more."""
    assert (rule(with_tokens(tokens, EVAL)) is not None) is fires


@pytest.mark.parametrize(("unique", "asked"), [(9.9e6, False), (10.1e6, True)])
def test_nobody_is_asked_for_more_than_there_is(unique: float, asked: bool) -> None:
    """Shakespeare's plays have 1M characters: there is no larger set to hold out."""
    found = rule(with_tokens(111_540, {"unique_tokens": unique}))
    assert found is not None
    assert any("Hold out" in line for line in found.advice) is asked
    assert any("udge the trend" in line for line in found.advice)


def test_an_eval_that_goes_through_the_set_once_draws_nothing_twice() -> None:
    """Its eval_iters may exceed what the set holds."""
    assert rule(with_tokens(1_000_000, EVAL, Traits())) is None


def test_bytes_carry_less_loss_each() -> None:
    """A document has 4.5 times more of them, each with 4.5 times less loss."""
    found = rule(with_tokens(100_000, {"vocab_size": 256}))
    assert found is not None
    assert "about 32 documents" in found.evidence[0]
    assert "0.044 nats" in found.evidence[0]


def test_a_loss_in_another_unit_gets_no_bias_in_nats() -> None:
    """Only the count is said."""
    found = rule(with_tokens(5500, traits=Traits(loss_unit="bits per byte")))
    assert found is not None
    assert found.evidence == ("5.5k tokens in a test",)


def test_what_is_unknown_is_not_said() -> None:
    """The tokens of the set, or a validation loss to trust."""
    assert rule(with_tokens(None, EVAL)) is None
    assert rule(make_case({"train_loss": ([0, 500], [10.9, 5.0])}, {"val_tokens": 5500})) is None
