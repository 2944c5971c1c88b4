from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.rules.val_below_train import rule
from parsers.records import Traits

LossUnit = Literal["nats", "bits per byte", "unknown"]
STEPS = np.arange(0, 20_000, 500)


def evals(gap: float, noise: float = 0.015, count: int = 40) -> Case:
    rng = np.random.default_rng(3)
    train = 3.5 + 5 / np.sqrt(STEPS[:count] / 100 + 1)
    val = train + gap + rng.normal(0, noise, count)
    return make_case({"eval_train_loss": (STEPS[:count], train), "val_loss": (STEPS[:count], val)})


def test_a_steady_negative_gap_is_explained_and_not_by_dropout() -> None:
    """Both splits in eval mode: the reason is the validation split."""
    found = rule(evals(-0.07))

    assert found is not None
    assert found.severity == "info"
    assert found.title == "Validation is below training by 0.07"
    assert "dropout is in neither" in " ".join(found.evidence)


def test_validation_above_training_is_silent() -> None:
    """The common case."""
    assert rule(evals(+0.03)) is None


@pytest.mark.parametrize(("gap", "fires"), [(-0.0108, False), (-0.0116, True)])
def test_the_gap_must_exceed_two_and_a_half_of_its_errors(gap: float, fires: bool) -> None:
    """Five late evals that scatter by .01 about the gap know it to .01 / sqrt(5): 2.5 of that are .0112."""
    scatter = np.array([0, 0, 0, 0, 0.01, -0.01, 0.01, -0.01, 0])
    train = np.full(9, 3.0)
    case = make_case({"eval_train_loss": (STEPS[:9], train), "val_loss": (STEPS[:9], train + gap + scatter)})

    assert (rule(case) is not None) is fires


@pytest.mark.parametrize(("count", "fires"), [(9, False), (10, True)])
def test_five_late_evals_are_needed(count: int, fires: bool) -> None:
    """The second half of nine evals is four and a half."""
    assert (rule(evals(-0.1, count=count)) is not None) is (fires or count // 2 + count % 2 >= 5)


def test_train_mode_and_lag_are_named_where_the_trainer_measures_so() -> None:
    """A window mean in train mode reads high for two reasons."""
    steps = np.arange(0, 2000, 100)
    case = make_case(
        {"train_loss": (steps, np.full(20, 3.0)), "val_loss": (steps, np.full(20, 2.9))},
        traits=Traits(train_loss="window mean"),
    )

    found = rule(case)

    assert found is not None
    assert "train mode" in found.evidence[1]
    assert "older weights" in found.evidence[1]


@pytest.mark.parametrize(
    ("dropout", "said"),
    [(0.1, "dropout 0.1 on"), (0.0, "without dropout: the val split is easier"), (None, "without it the val split")],
)
def test_dropout_is_named_only_where_there_is_any(dropout: float | None, said: str) -> None:
    """llm.c measures in train mode and has no dropout: its validation set is easier."""
    steps = np.arange(0, 2000, 100)
    found = rule(
        make_case(
            {"train_loss": (steps, np.full(20, 3.0)), "val_loss": (steps, np.full(20, 2.9))},
            None if dropout is None else {"dropout": dropout},
            traits=Traits(),
        )
    )

    assert found is not None
    assert said in found.evidence[1]


@pytest.mark.parametrize(("gap", "fires"), [(-0.0008, False), (-0.0012, True)])
def test_a_thousandth_is_no_gap(gap: float, fires: bool) -> None:
    """However sure: losses are printed with four digits."""
    assert (rule(evals(gap, noise=0.0)) is not None) is fires


@pytest.mark.parametrize(("unit", "said"), [("nats", True), ("unknown", False)])
def test_tokens_are_asked_for_only_of_language(unit: LossUnit, said: bool) -> None:
    """What nobody knows to be of tokens takes no 10M of them."""
    found = rule(replace(evals(-0.07), traits=Traits(loss_unit=unit)))

    assert found is not None
    assert ("tokens" in found.advice[0]) is said


def test_it_tells_since_when() -> None:
    """From step 1,500 on validation is lower: sure once most of the later half of the evals show it."""
    gap = np.where(STEPS < 1500, 0.05, -0.05)
    train = np.full(40, 3.0)

    found = rule(make_case({"eval_train_loss": (STEPS, train), "val_loss": (STEPS, train + gap)}))

    assert found is not None
    assert found.first_step == 4000


def test_what_was_sure_once_stays_while_it_leans_that_way() -> None:
    """The gap closes to -0.003 +- 0.002: too little to begin with, enough to go on."""
    wobble = np.resize([0.009, -0.009], 40)
    closing = np.where(STEPS < 10_000, -0.05, -0.003) + wobble

    found = rule(make_case({"eval_train_loss": (STEPS, np.full(40, 3.0)), "val_loss": (STEPS, 3.0 + closing)}))
    late = rule(
        make_case({"eval_train_loss": (STEPS[20:], np.full(20, 3.0)), "val_loss": (STEPS[20:], 3.0 + closing[20:])})
    )

    assert found is not None
    assert late is None
