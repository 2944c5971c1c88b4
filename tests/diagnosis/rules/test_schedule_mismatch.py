from __future__ import annotations

import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.rules.schedule_mismatch import rule
from parsers.records import Value


def run(**facts: Value) -> Case:
    known: dict[str, Value] = {"learning_rate": 1e-3, "min_lr": 1e-4, "planned_steps": 1000, "decay_steps": 1000}
    return make_case({"train_loss": (range(900), [3.0] * 900)}, {**known, **facts})


def test_a_spent_learning_rate_is_named_with_its_step() -> None:
    """Half the run trains at the floor."""
    found = rule(run(decay_steps=500))

    assert found is not None
    assert found.severity == "warning"
    assert "spent at step 500" in found.title
    assert any("lr_decay_iters = 1000" in a for a in found.advice)


def test_a_schedule_that_fits_is_silent() -> None:
    """Decay to the end, to a tenth."""
    assert rule(run()) is None


@pytest.mark.parametrize(("decay", "fires"), [(951, False), (949, True), (1049, False), (1051, True)])
def test_five_per_cent_are_tolerated_on_both_sides(decay: int, fires: bool) -> None:
    """A decay that ends a little early or late is rounding."""
    assert (rule(run(decay_steps=decay)) is not None) is fires


@pytest.mark.parametrize(("floor", "fires"), [(1.9e-4, False), (2.1e-4, True), (1e-3, False)])
def test_a_high_floor_is_named_but_a_constant_rate_is_meant(floor: float, fires: bool) -> None:
    """Above a fifth of the peak annealing is left out; equal to the peak it is a constant schedule."""
    assert (rule(run(min_lr=floor)) is not None) is fires


def test_no_decay_by_design_is_silent() -> None:
    """decay_lr = False."""
    assert rule(run(decay_lr=False, decay_steps=500)) is None


@pytest.mark.parametrize("missing", ["planned_steps", "learning_rate"])
def test_unknown_inputs_are_silent(missing: str) -> None:
    """Nothing is guessed."""
    known: dict[str, Value] = {"learning_rate": 1e-3, "min_lr": 1e-4, "planned_steps": 1000, "decay_steps": 500}
    del known[missing]

    assert rule(make_case({"train_loss": (range(9), [3.0] * 9)}, known)) is None
