"""Rule loss-units: per byte, per symbol, in bits, and silent for tokens of a large vocabulary."""

from __future__ import annotations

import math

import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.model import ModelSize, Shape
from diagnosis.rules.loss_units import NEEDS, rule
from parsers.records import Traits

LOSSES = {"train_loss": ([0, 100, 200], [5.5, 2.5, 2.0]), "val_loss": ([0, 200], [5.5, 2.1])}


def size_of_lab(vocabulary: int) -> ModelSize:
    """Four layers of width 96, printed in millions with two decimals."""
    parameters = round((12 * 4 * 96**2 + 96 * vocabulary) / 1e4) * 1e4
    shape = Shape(n_layer=4, n_head=4, n_embd=96, bias=False)
    return ModelSize(parameters, None, None, None, None, "printed by the log", shape)


def unstated(first: float, size: ModelSize | None) -> Case:
    losses = {"train_loss": ([0, 100], [first, 2.0]), "val_loss": ([0, 100], [first, 2.1])}
    return make_case(losses, size=size)


def test_a_byte_vocabulary_gives_bits_per_byte() -> None:
    """Loss / ln 2, exactly; it holds from the first row on."""
    found = rule(make_case(LOSSES, {"vocab_size": 256}))
    assert found is not None
    assert (found.severity, found.first_step, found.step) == ("info", 0, 200)
    assert "per byte" in found.title
    assert f"val_loss 2.100 nats = {2.1 / math.log(2):.3f} bits per byte" in found.evidence


@pytest.mark.parametrize(("vocabulary", "fires"), [(65, True), (999, True), (1000, False), (50304, False)])
def test_a_small_vocabulary_is_no_bpe(vocabulary: int, fires: bool) -> None:
    """Below 1,000 entries; of symbols that are no bytes nobody knows the bytes."""
    found = rule(make_case(LOSSES, {"vocab_size": vocabulary}))
    assert (found is not None) is fires
    assert found is None or all("per byte" not in line for line in found.evidence)


def test_an_unstated_vocabulary_is_small_where_loss_and_parameters_say_so() -> None:
    """A first loss of ln 239, and a parameter count that leaves room for some 290 rows of the embedding."""
    found = rule(unstated(5.475, size_of_lab(256)))
    assert found is not None
    assert "about 239 entries" in found.evidence[0]


@pytest.mark.parametrize(
    ("first", "size"),
    [(5.475, None), (5.475, size_of_lab(50304)), (10.9, size_of_lab(256)), (7.0, size_of_lab(256))],
)
def test_one_sign_alone_is_not_enough(first: float, size: ModelSize | None) -> None:
    """A fine-tuned model of a large vocabulary may begin at 5.5."""
    assert rule(unstated(first, size)) is None


def test_a_log_that_begins_later_says_nothing_of_the_vocabulary() -> None:
    """Its first loss is not that of an untrained model."""
    case = make_case({"train_loss": ([500, 600], [5.4, 2.0])}, size=size_of_lab(256))
    assert rule(case) is None
    assert not NEEDS[1].known(case)


def test_bits_per_byte_are_named_as_such() -> None:
    """In place of the loss, and beside one in nats per token."""
    bits = rule(make_case(LOSSES, traits=Traits(loss_unit="bits per byte")))
    assert bits is not None
    assert "val_loss 2.100 bits per byte" in bits.evidence
    both = {"train_loss": ([0, 100], [10.4, 3.7]), "val_bpb": ([100], [1.1])}
    beside = rule(make_case(both, {"vocab_size": 32768}))
    assert beside is not None
    assert beside.evidence[0] == "val_bpb 1.100 bits per byte"


@pytest.mark.parametrize(("last", "shown"), [(-2.0, False), (0.0, False), (990.0, True), (1010.0, False)])
def test_a_loss_gone_astray_is_not_converted(last: float, shown: bool) -> None:
    """Nor one of 0 or below, which is none of these."""
    losses = {"train_loss": ([0, 100], [5.0, last])}
    assert (rule(make_case(losses, traits=Traits(loss_unit="bits per byte"))) is not None) is shown


def test_val_bpb_alone_does_not_say_what_training_is_in() -> None:
    """There is no training loss to confuse it with."""
    assert rule(make_case({"val_bpb": ([100], [1.1]), "val_loss": ([100], [3.3])})) is None


@pytest.mark.parametrize(
    ("case", "known"),
    [
        (make_case({}, traits=Traits(loss_unit="bits per byte")), True),
        (make_case({"val_bpb": ([100], [1.1])}), True),
        (make_case({}, {"vocab_size": 50304}), True),
        (make_case({}), False),
    ],
)
def test_the_unit_is_known_by_any_of_its_signs(case: Case, known: bool) -> None:
    """What `diagnose --verbose` lists as missing."""
    assert NEEDS[1].known(case) is known


@pytest.mark.parametrize("traits", [Traits(loss_unit="unknown"), Traits()])
def test_what_is_unknown_is_not_said(traits: Traits) -> None:
    """A loss of unknown kind, a vocabulary that nobody states, a log without losses."""
    facts = {"vocab_size": 10} if traits.loss_unit == "unknown" else {}
    assert rule(make_case(LOSSES, facts, traits=traits)) is None
    assert rule(make_case({}, {"vocab_size": 256}, traits=traits)) is None
