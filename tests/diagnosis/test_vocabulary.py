"""What a loss is of, and whether the model was new: as stated, else as the first row shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.model import ModelSize, Shape
from diagnosis.vocabulary import is_about_bytes, is_bytes, is_fresh, small_vocabulary, untrained_loss, vocabulary_of
from parsers.records import Traits, Value


def beginning(first: float, facts: Mapping[str, Value] | None = None, step: int = 0) -> Case:
    return make_case({"train_loss": ([step, step + 1, step + 2], [first, first - 0.1, first - 0.2])}, facts)


def test_the_stated_vocabulary_comes_before_the_shape() -> None:
    """And nonsense is none."""
    shape = ModelSize(None, None, None, None, None, "unknown", Shape(vocab_size=65))
    assert vocabulary_of(make_case(facts={"vocab_size": 50304}, size=shape)) == 50304
    assert vocabulary_of(make_case(size=shape)) == 65
    assert vocabulary_of(make_case(facts={"vocab_size": 0})) is None
    assert vocabulary_of(make_case()) is None


def test_an_untrained_loss_was_measured_before_any_update() -> None:
    """A row that is printed after update N counts for nothing from N = 2 on."""
    assert untrained_loss(beginning(10.9)) == (0, 10.9)
    assert untrained_loss(beginning(10.9, step=1)) is None
    after = Traits(updates_at_train_row=0)
    rows = {"train_loss": ([1, 2], [10.8, 10.5])}
    assert untrained_loss(make_case(rows, traits=after)) == (1, 10.8)
    assert untrained_loss(make_case({"train_loss": ([2, 3], [10.8, 10.5])}, traits=after)) is None


@pytest.mark.parametrize(
    ("first", "facts", "fresh"),
    [
        (10.9, {}, True),
        (5.5, {}, None),
        (2.3, {}, False),
        (10.9, {"vocab_size": 50304}, True),
        (9.0, {"vocab_size": 50304}, None),
        (7.0, {"vocab_size": 50304}, False),
        (4.3, {"vocab_size": 65}, True),
        (2.3, {"init_from": "scratch"}, True),
        (10.9, {"init_from": "gpt2"}, False),
        (10.9, {"init_from": "resume"}, True),
    ],
)
def test_a_new_model_is_known_by_what_is_stated_or_by_its_first_loss(
    first: float, facts: dict[str, Value], fresh: bool | None
) -> None:
    """Ln V of its vocabulary; a first row that is the mean of many steps tells neither."""
    assert is_fresh(beginning(first, facts)) is fresh


@pytest.mark.parametrize(("parameters", "fresh"), [(0.47e6, True), (2e6, None)])
def test_a_model_smaller_than_any_published_one_is_new(parameters: float, fresh: bool | None) -> None:
    """Nobody fine-tunes half a million parameters; at 5.5 nats of an unknown vocabulary larger ones may be tuned."""
    size = ModelSize(parameters, None, None, None, None, "--params", Shape())
    assert is_fresh(replace(beginning(5.5, {}), size=size)) is fresh
    assert is_fresh(replace(beginning(2.3, {}), size=size)) is False


def test_a_log_that_begins_later_does_not_tell() -> None:
    """Its first row is of a model that was trained, by this run or another."""
    assert is_fresh(beginning(2.3, step=27_800)) is None
    assert is_fresh(make_case()) is None


@pytest.mark.parametrize(("entries", "bytes_"), [(255, False), (256, True), (260, True), (261, False)])
def test_bytes_are_256_and_a_few_special_ones(entries: int, bytes_: bool) -> None:
    """A vocabulary that is stated otherwise is none of bytes, however near."""
    case = beginning(5.5, {"vocab_size": entries})
    assert is_bytes(case) is is_about_bytes(case) is bytes_
    assert small_vocabulary(case) == entries
