"""Rule schedule-mismatch: by the config, or by the logged learning rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.rules.schedule_mismatch import rule
from parsers.records import Floats, Traits, Value


def run(**facts: Value) -> Case:
    known: dict[str, Value] = {"learning_rate": 1e-3, "min_lr": 1e-4, "planned_steps": 1000, "decay_steps": 1000}
    return make_case({"train_loss": (range(900), [3.0] * 900)}, {**known, **facts})


def test_a_spent_learning_rate_is_named_with_its_step() -> None:
    """Half the run trains at the floor; the horizon is given to paste."""
    found = rule(run(decay_steps=500))

    assert found is not None
    assert found.severity == "warning"
    assert "spent at step 500" in found.title
    assert "1,000" in found.advice[0]
    assert found.settings == (("decay_steps", 1000),)


def test_a_run_that_ends_before_its_schedule_is_named() -> None:
    """The annealing is left out."""
    found = rule(run(decay_steps=4000))

    assert found is not None
    assert "only 25 % of the schedule is run" in found.evidence
    assert "0.13 nats" in found.advice[0]
    assert found.settings == (("decay_steps", 1000),)


def test_a_schedule_that_fits_is_silent() -> None:
    """Decay to the end, to a tenth."""
    assert rule(run()) is None


@pytest.mark.parametrize(("decay", "fires"), [(951, False), (949, True), (1049, False), (1051, True)])
def test_five_per_cent_are_tolerated_on_both_sides(decay: int, fires: bool) -> None:
    """A decay that ends a little early or late is rounding."""
    assert (rule(run(decay_steps=decay)) is not None) is fires


@pytest.mark.parametrize(("planned", "decay", "fires"), [(200, 600_000, False), (201, 600_000, True), (200, 100, True)])
def test_a_test_of_200_steps_has_the_schedule_of_the_real_run(planned: int, decay: int, fires: bool) -> None:
    """It ends long before its decay, and nothing is lost; one that trains on at its floor is odd at any length."""
    assert (rule(run(planned_steps=planned, decay_steps=decay)) is not None) is fires


@pytest.mark.parametrize(("floor", "fires"), [(1.9e-4, False), (2.1e-4, True), (1e-3, False)])
def test_a_high_floor_is_named_but_a_constant_rate_is_meant(floor: float, fires: bool) -> None:
    """Above a fifth of the peak annealing is left out; equal to the peak it is a constant schedule."""
    assert (rule(run(min_lr=floor)) is not None) is fires


@pytest.mark.parametrize(
    "facts", [{"decay_lr": False}, {"schedule": "constant"}, {"schedule": "inverse_sqrt", "warmup_steps": 50}]
)
def test_no_decay_by_design_is_silent(facts: dict[str, Value]) -> None:
    """A decay_steps that is left over from a default means nothing then."""
    assert rule(run(**facts, decay_steps=500)) is None


@pytest.mark.parametrize("missing", ["planned_steps", "learning_rate"])
def test_unknown_inputs_are_silent(missing: str) -> None:
    """Nothing is guessed."""
    known: dict[str, Value] = {"learning_rate": 1e-3, "min_lr": 1e-4, "planned_steps": 1000, "decay_steps": 500}
    del known[missing]

    assert rule(make_case({"train_loss": (range(9), [3.0] * 9)}, known)) is None


STEPS = np.arange(10_000)
WARM = np.minimum(1.0, (STEPS + 1) / 200)


def linear(end: int, floor: float = 0.0) -> Floats:
    return np.asarray(1e-3 * WARM * np.clip(1 - (STEPS - 200) / (end - 200), floor, 1))


def logged(rates: Floats, until: int = 10_000, **fields: Any) -> Finding | None:
    return rule(make_case({"learning_rate": (STEPS[:until], rates[:until])}, {}, **fields))


def test_a_logged_rate_that_is_spent_while_the_run_goes_on() -> None:
    """Zero from step 6,000 of a run without a config; sure when 5 % of all steps were at the floor."""
    found = logged(linear(6000))

    assert found is not None
    assert found.severity == "warning"
    assert "spent since step 6,000" in found.title
    assert found.first_step == 6316
    assert "3,999 of 9,999 steps at the floor so far" in found.evidence


@pytest.mark.parametrize(("until", "fires"), [(5900, False), (6316, False), (6318, True), (8000, True)])
def test_it_takes_five_per_cent_of_the_steps(until: int, fires: bool) -> None:
    """And its first step stays."""
    found = logged(linear(6000), until)

    assert (found is not None) is fires
    assert found is None or found.first_step == 6316


def test_a_finished_run_is_not_told_to_end() -> None:
    """Only what the next one should do."""
    over = logged(linear(6000), state="finished")

    assert over is not None
    assert not any(advice.startswith("End the run") for advice in over.advice)


@pytest.mark.parametrize(("floor", "fires"), [(0.14, True), (0.16, False), (0.3, False)])
def test_a_stage_that_is_not_low_may_be_meant(floor: float, fires: bool) -> None:
    """Schedules in steps rest at a third or a tenth; only from 15 % down it is a floor."""
    assert (logged(linear(6000, floor)) is not None) is fires


@pytest.mark.parametrize("digits", [1, 2, 4])
def test_the_flat_end_of_a_cosine_is_no_floor(digits: int) -> None:
    """Printed with few digits, its last value lasts for up to 15 % of the run."""
    cosine = 1e-3 * WARM * (0.1 + 0.45 * (1 + np.cos(np.pi * STEPS / 10_000)))
    printed = np.array([float(f"{rate:.{digits - 1}e}") for rate in cosine])

    for until in range(500, 10_001, 500):
        assert logged(printed, until) is None


def test_warm_restarts_and_constant_rates_are_silent() -> None:
    """Neither of them is spent."""
    restarts = 1e-3 * 0.5 * (1 + np.cos(np.pi * (STEPS % 2000) / 2000))

    assert logged(np.asarray(restarts)) is None
    assert logged(np.full(10_000, 1e-3)) is None
    assert logged(1e-3 * WARM) is None


def test_in_other_units_no_horizon_is_given() -> None:
    """Where the log counts rows, the planned steps are something else."""
    found = logged(linear(6000), traits=Traits(steps_count="rows"))

    assert found is not None
    assert found.settings == ()


@pytest.mark.parametrize(("factor", "fires"), [(0.1, False), (0.5, False), (0.7, True)])
def test_a_schedule_in_steps_rests_on_its_last_stage(factor: float, fires: bool) -> None:
    """A tenth of the rate for the last quarter of the epochs is meant, as in vision; a creeping end is none."""
    stages = np.array([1.0, 0.5, 0.2, 0.15, 0.15 * factor])
    rates = 1e-3 * stages[np.searchsorted([3000, 5000, 6000, 6500], STEPS, side="right")]

    assert (logged(np.asarray(rates)) is not None) is fires


def test_a_decay_to_0_in_few_rows_is_spent() -> None:
    """Nothing trains at 0, however it came there."""
    assert logged(np.where(STEPS < 6000, 1e-3, 0.0)) is not None
