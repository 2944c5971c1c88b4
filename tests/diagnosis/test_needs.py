"""What rules must know, and that they say so when they do not."""

from __future__ import annotations

from cases import make_case

from diagnosis.needs import PARAMETERS, TRAIN_LOSS, UNIQUE_TOKENS, VAL_LOSS, either, stated
from diagnosis.rules import needs_of, rules, silent


def test_a_rule_whose_inputs_are_unknown_is_listed_with_what_is_missing() -> None:
    """token-budget needs the size and the tokens of a step; the flags that give them are named."""
    found = dict(silent(make_case({"train_loss": ([0, 1], [4.0, 3.9])})))

    assert {need.mend for need in found["token-budget"]} == {"--params or --config", "--tokens-per-step"}


def test_a_rule_that_needs_nothing_is_never_listed() -> None:
    """An empty run silences no rule that looks at messages."""
    assert "harmless-message" not in dict(silent(make_case()))
    assert needs_of("harmless-message") == ()


def test_one_of_two_is_enough_and_both_mends_are_told() -> None:
    """Validation or training loss: a log has one of them."""
    need = either(VAL_LOSS, TRAIN_LOSS)

    assert not need.known(make_case())
    assert need.known(make_case({"train_loss": ([0], [4.0])}))
    assert either(PARAMETERS, UNIQUE_TOKENS).mend == "--params or --config or --data"


def test_a_fact_is_known_whatever_its_value() -> None:
    """No weight decay is a weight decay of 0."""
    need = stated("weight_decay", "the weight decay")

    assert need.known(make_case(facts={"weight_decay": 0.0}))
    assert not need.known(make_case())


def test_every_rule_has_inputs_that_can_be_named() -> None:
    """A need without words helps nobody."""
    assert all(need.what for name in rules() for need in needs_of(name))
