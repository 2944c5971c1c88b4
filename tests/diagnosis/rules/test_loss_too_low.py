"""Rule loss-too-low: leaked targets, and the low losses that are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.budget import FINEWEB, fitted_loss
from diagnosis.case import Case
from diagnosis.model import ModelSize, Shape
from diagnosis.rules.loss_too_low import NEEDS, rule
from parsers.records import Fact, Traits, Value

GPT2: dict[str, Value] = {"vocab_size": 50304, "init_from": "scratch"}
BYTES: dict[str, Value] = {"vocab_size": 256, "init_from": "scratch"}
SIZE = ModelSize(124e6, None, None, None, None, "a test", Shape())
PER_STEP = 524_288


def falling_to(
    end: float, facts: Mapping[str, Value] | None = None, val: float | None = None, first: float = 10.9, **fields: Any
) -> Case:
    """1,000 steps from the untrained loss down to `end`, validation to `val`, evaluated every 100 steps."""
    steps, evals = np.arange(0, 1001, 10), np.arange(0, 1001, 100)
    fall = np.exp(-steps / 80.0)
    shown = end if val is None else val
    return make_case(
        {
            "train_loss": (steps, end + (first - end) * fall),
            "val_loss": (evals, shown + (first - shown) * np.exp(-evals / 80.0)),
        },
        GPT2 if facts is None else facts,
        **fields,
    )


def without_val(case: Case, **fields: Any) -> Case:
    rows = {"train_loss": (case.metric("train_loss").steps, case.metric("train_loss").values)}
    return make_case(rows, {name: fact.value for name, fact in case.facts.items()}, **fields)


def test_targets_that_leak_bring_the_loss_to_nothing() -> None:
    """Text holds more than half a nat per token; the second evaluation below that tells it."""
    found = rule(falling_to(0.02))
    assert found is not None
    assert (found.severity, found.first_step, found.step) == ("warning", 400, 1000)
    assert "causal mask" in found.advice[0]


@pytest.mark.parametrize(("facts", "low", "high"), [(GPT2, 0.48, 0.52), (BYTES, 0.10, 0.12)])
def test_the_floor_is_that_of_text(facts: dict[str, Value], low: float, high: float) -> None:
    """0.5 nats per token of a large vocabulary, 0.11 per byte."""
    first = np.log(float(facts["vocab_size"]))
    assert rule(falling_to(low, facts, first=first)) is not None
    assert rule(falling_to(high, facts, first=first)) is None


def test_what_is_learned_by_heart_is_another_matter() -> None:
    """Training far below, validation not: overfitting has a rule of its own."""
    assert rule(falling_to(0.05, val=4.0)) is None


def test_a_validation_that_is_broken_is_another_matter() -> None:
    """Only it is low, or exactly zero."""
    assert rule(falling_to(3.3, val=0.05)) is None
    zero = {"train_loss": ([0, 100, 200], [10.9, 0.0, 0.0]), "val_loss": ([0, 100, 200], [10.9, 0.0, 0.0])}
    assert rule(make_case(zero, GPT2)) is None


@pytest.mark.parametrize(
    "facts",
    [
        {"vocab_size": 50304, "init_from": "gpt2-xl"},
        {"vocab_size": 113, "init_from": "scratch"},
        {"vocab_size": 8192, "init_from": "scratch"},
        {"init_from": "scratch"},
    ],
    ids=["fine-tuning", "arithmetic", "a small vocabulary", "an unknown vocabulary"],
)
def test_elsewhere_a_low_loss_may_be_right(facts: dict[str, Value]) -> None:
    """Models of fine-tuning begin low, other vocabularies are of who knows what."""
    assert rule(falling_to(0.02, facts, first=4.0)) is None


def test_a_first_loss_of_a_trained_model_is_fine_tuning() -> None:
    """Where nothing is said of the start; an untrained one speaks for itself, and for its vocabulary."""
    assert rule(falling_to(0.02, {"vocab_size": 50304}, first=2.5)) is None
    assert rule(falling_to(0.02, {"vocab_size": 50304}, first=10.9)) is not None
    assert rule(falling_to(0.02, {}, first=10.9)) is not None
    assert rule(falling_to(0.02, {}, first=7.0)) is None


@pytest.mark.parametrize("unit", ["bits per byte", "unknown"])
def test_other_units_are_not_judged(unit: Any) -> None:
    """An RL loss of 0.02 is nothing."""
    assert rule(falling_to(0.02, traits=Traits(loss_unit=unit))) is None


def on_fineweb(end: float, where: str = "line 3") -> Case:
    case = falling_to(end, size=SIZE, tokens_per_step=PER_STEP, tokens_seen=1001 * PER_STEP)
    return replace(case, facts={**case.facts, "dataset": Fact("dataset", "fineweb", "config", where)})


def test_on_a_known_data_set_the_law_says_it_earlier() -> None:
    """124M parameters end at 3.3 after 0.5B tokens of FineWeb in the fastest recipe known; 2.0 is no recipe."""
    found = rule(on_fineweb(2.0))
    assert found is not None
    assert "on fineweb" in found.evidence[1]
    assert rule(on_fineweb(3.28)) is None


@pytest.mark.parametrize(("below", "fires"), [(0.02, True), (-0.02, False)])
def test_the_law_from_both_sides(below: float, fires: bool) -> None:
    """That of 32 times the tokens less 0.3 nats."""
    floor = fitted_loss(124e6, 32 * 1000 * PER_STEP) + FINEWEB.value - 0.3
    assert (rule(on_fineweb(floor - below)) is not None) is fires


@pytest.mark.parametrize(("train", "fires"), [(0.95, True), (1.05, False)])
def test_training_may_be_twice_as_high_as_the_floor(train: float, fires: bool) -> None:
    """Dropout makes it higher than validation; where it is higher still, validation alone is odd."""
    assert (rule(falling_to(train, val=0.4)) is not None) is fires


def test_a_data_set_that_nobody_named_is_unknown() -> None:
    """A trainer's default may stand for anything, such as code."""
    assert rule(on_fineweb(2.0, "nanoGPT's default")) is None


@pytest.mark.parametrize(("unique", "fires"), [(None, False), (1e9, True), (2.1e8, True), (2.03e8, False)])
def test_without_validation_only_fresh_data_tell(unique: float | None, fires: bool) -> None:
    """Of 0.52B tokens those in 1.5 passes: 20 rows that are low end at step 590, where 0.21B have made 1.5 passes."""
    facts: dict[str, Value] = {**GPT2, **({} if unique is None else {"unique_tokens": unique})}
    case = without_val(falling_to(0.02, facts), tokens_per_step=PER_STEP, tokens_seen=1001 * PER_STEP)
    assert (rule(case) is not None) is fires


def test_one_low_evaluation_is_not_enough() -> None:
    """The second tells it."""
    steps = [0, 100, 200, 300]
    for losses, fires in (
        ([10.9, 6.0, 2.0, 0.3], False),
        ([10.9, 6.0, 0.3, 0.3], True),
        ([10.9, 0.3, 0.3, 2.0], False),
    ):
        case = make_case({"val_loss": (steps, losses)}, GPT2)
        assert (rule(case) is not None) is fires


def test_no_losses_no_word() -> None:
    """And the needs say what is missing."""
    assert rule(make_case({}, GPT2)) is None
    bare = make_case({"train_loss": ([0, 9], [8.0, 0.1])})
    assert rule(bare) is None
    assert not NEEDS[1].known(bare)
    assert NEEDS[1].known(falling_to(0.02, {}))
