"""Losses side by side: only what means the same is compared, and what cannot be known is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import NANOGPT, make_case
from runs import founding_size

from diagnosis.case import Case
from diagnosis.compared_losses import Losses, compared_losses
from parsers.records import Traits, Value

KNOWN: dict[str, Value] = {"vocab_size": 50304, "dataset": "fineweb"}


def run(facts: dict[str, Value] | None = None, metric: str = "val_loss", **fields: Any) -> Case:
    """A run that is evaluated each 100 steps."""
    steps = np.arange(0, 1001, 100)
    return make_case({metric: (steps, 4 - steps / 1000)}, KNOWN if facts is None else facts, **fields)


def of(*cases: Case, metric: str = "val_loss") -> Losses:
    """The losses of one metric."""
    return next(row for row in compared_losses(cases) if row.metric == metric)


def test_last_and_best_are_those_of_each_run() -> None:
    """And a loss that only one run has is none to compare."""
    other = make_case({"val_loss": ([0, 50], [2.0, 2.5]), "val_bpb": ([0], [1.0])}, KNOWN)

    rows = compared_losses([run(), other])

    assert [row.metric for row in rows] == ["val_loss"]
    assert (rows[0].last, rows[0].best) == ((3.0, 2.5), (3.0, 2.0))
    assert rows[0].standings


def test_what_a_run_is_judged_by_comes_first() -> None:
    """Validation before training, the main set before further ones."""
    steps = np.arange(0, 1001, 100)
    names = ("train_loss", "eval_train_loss", "val_loss/wiki", "val_bpb", "val_loss")
    case = make_case(dict.fromkeys(names, (steps, 4 - steps / 1000)), KNOWN)

    found = [row.metric for row in compared_losses([case, case])]

    assert found == ["val_loss", "val_bpb", "val_loss/wiki", "eval_train_loss", "train_loss"]


@pytest.mark.parametrize(
    ("facts", "comparable", "why"),
    [
        ({"vocab_size": 50304, "dataset": "fineweb"}, True, ()),
        ({"vocab_size": 50257, "dataset": "data/FineWeb"}, True, ()),
        ({"vocab_size": 32000, "dataset": "fineweb"}, False, ("vocab differs: 32,000, 50,304",)),
        ({"vocab_size": 50304, "dataset": "openwebtext"}, False, ("data set differs: fineweb, openwebtext",)),
        ({"dataset": "fineweb"}, None, ("vocab unknown",)),
        ({}, None, ("vocab unknown", "data set unknown")),
    ],
    ids=["same", "padded and spelt otherwise", "other tokens", "other text", "unknown tokens", "nothing known"],
)
def test_a_loss_per_token_is_compared_on_the_same_tokens_and_text_only(
    facts: dict[str, Value], comparable: bool | None, why: tuple[str, ...]
) -> None:
    """What differs forbids it, what is unknown leaves it in doubt; a padded vocabulary is the same one."""
    row = of(run(), run(facts))

    assert (row.comparable, row.why) == (comparable, why)
    assert bool(row.last) == bool(row.standings) == (comparable is not False)


def test_a_vocabulary_known_from_the_model_is_known() -> None:
    """The shape that the parameter groups give has it."""
    assert of(run(), run({"dataset": "fineweb"}, size=founding_size())).comparable is True


def test_validation_sets_of_other_sizes_are_other_sets() -> None:
    """Each level is off in its own way; a size that one run does not tell is no doubt, as hardly any log tells it."""
    small, large = ({**KNOWN, "val_tokens": tokens} for tokens in (5_530, 10_485_760))

    row = of(run(small), run(large))

    assert (row.comparable, row.why) == (False, ("validation set differs: 10,485,760 tokens, 5,530 tokens",))
    assert of(run(small), run(small)).comparable is True
    assert of(run(small), run()).comparable is True
    assert of(run(small, "train_loss"), run(large, "train_loss"), metric="train_loss").comparable is True


def test_bits_per_byte_are_never_compared_with_nats() -> None:
    """Nor an unknown unit with a known one without a word."""
    bits = replace(NANOGPT, loss_unit="bits per byte")

    assert of(run(), run(traits=bits)).comparable is False
    assert of(run(traits=bits), run(traits=bits)).unit == "bits per byte"
    doubtful = of(run(), run(traits=replace(NANOGPT, loss_unit="unknown")))
    assert (doubtful.comparable, doubtful.unit, doubtful.why) == (None, None, ("unit unknown",))
    assert compared_losses([run(), run(metric="val_bpb")]) == ()


def test_bits_per_byte_are_compared_across_vocabularies() -> None:
    """A byte is a byte."""
    row = of(run(metric="val_bpb"), run({"vocab_size": 300, "dataset": "fineweb"}, "val_bpb"), metric="val_bpb")

    assert (row.comparable, row.unit) == (True, "bits per byte")


def test_a_train_loss_of_one_micro_batch_is_no_mean() -> None:
    """It may be compared, with that said."""
    row = of(run(metric="train_loss"), run(metric="train_loss", traits=Traits()), metric="train_loss")

    assert row.comparable is None
    assert row.why == ("train_loss is not measured alike: micro-batch in train mode, step mean in train mode",)


def test_a_train_loss_with_dropout_on_is_higher_by_the_dropout() -> None:
    """Other dropouts leave the comparison in doubt, of training alone, and not where it is measured without."""
    some, none = ({**KNOWN, "dropout": dropout} for dropout in (0.1, 0.0))
    off = replace(NANOGPT, train_loss_in_train_mode=False)

    row = of(run(some, "train_loss"), run(none, "train_loss"), metric="train_loss")

    assert (row.comparable, row.why) == (None, ("train_loss is measured with dropout on, which differs: 0, 0.1",))
    assert of(run(some), run(none)).comparable is True
    quiet = of(run(some, "train_loss", traits=off), run(none, "train_loss", traits=off), metric="train_loss")
    assert quiet.comparable is True
