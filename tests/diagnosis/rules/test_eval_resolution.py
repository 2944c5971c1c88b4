"""Rule eval-resolution: changes that no eval can tell, and what would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case
from runs import founding_efficiency

from diagnosis.case import Case
from diagnosis.rules.eval_resolution import rule
from parsers.records import Traits


def run(change: float, error: float | None = 0.01, count: int = 12, **fields: Any) -> Case:
    steps = np.arange(count) * 100
    return make_case(
        {"val_loss": (steps, 4.0 - change * np.arange(count))},
        {"eval_iters": 20},
        eval_standard_error=error,
        **fields,
    )


def test_changes_within_the_noise_are_called_so() -> None:
    """An error of .01 resolves .028; a fall of .01 an eval is below it."""
    found = rule(run(0.01))

    assert found is not None
    assert found.severity == "info"
    assert "0.028" in found.title
    assert "take 80 batches for an error of 0.005" in found.advice[0]
    assert found.settings == (("eval_iters", 80),)


@pytest.mark.parametrize(("change", "fires"), [(0.027, True), (0.03, False)])
def test_the_threshold_is_two_errors_of_a_difference(change: float, fires: bool) -> None:
    """2 sqrt(2) SE."""
    assert (rule(run(change)) is not None) is fires


def test_what_was_noise_once_stays_said() -> None:
    """Twelve evals within their noise, then one fall: neighbours are no better resolved for it."""
    steps = np.arange(15) * 100
    wobble = 0.02 * np.random.default_rng(2).normal(size=12)
    values = np.concatenate((4.0 + wobble, [3.9, 3.7, 3.5, 3.3, 3.1][:3]))

    found = [
        rule(make_case({"val_loss": (steps[:n], values[:n])}, eval_standard_error=0.02 if n < 13 else 0.01))
        for n in (12, 13, 14, 15)
    ]

    assert all(f is not None for f in found)


def test_the_advice_never_asks_for_more_than_four_times_the_batches() -> None:
    """From .3 to .005 would take 3,600 times as many: the training would wait for its evals."""
    found = rule(run(0.01, error=0.3))

    assert found is not None
    assert "80 batches for an error of 0.15" in found.advice[0]


def test_the_advice_says_what_the_batches_cost() -> None:
    """Four times as many take four times as long, where the time of an evaluation is known."""
    found = rule(run(0.01, efficiency=founding_efficiency(eval_seconds=15.25)))

    assert found is not None
    assert "take 80 batches (some 61 s an evaluation, now 15 s)" in found.advice[0]


def test_an_error_that_is_small_enough_needs_no_more_batches() -> None:
    """Below .005 the change is small, too: judged over several evals, with nothing to set."""
    found = rule(run(0.001, error=0.004))

    assert found is not None
    assert found.advice == ("Judge the trend over several evals.",)
    assert found.settings == ()


def test_an_unknown_error_or_few_evals_are_silent() -> None:
    """Nothing to say without a number."""
    assert rule(run(0.01, error=None)) is None
    assert rule(run(0.01, error=0.0)) is None
    assert rule(run(0.01, count=5)) is None
    assert rule(run(0.01, count=6)) is not None


@pytest.mark.parametrize(
    ("signs", "fires"),
    [((-1, -1, -1, -1, -1), False), ((-1, 1, -1, -1, -1), False), ((-1, 1, -1, 1, -1), True), ((1, 1, 1, 1, 1), False)],
)
def test_a_fixed_validation_set_must_show_ups_and_downs(signs: tuple[int, ...], fires: bool) -> None:
    """Evals of the same data may fall or rise by little and mean it; ups and downs do not."""
    values = 4.0 + 0.01 * np.cumsum((-1, *signs))
    case = make_case(
        {"val_loss": (np.arange(6) * 100, values)},
        eval_standard_error=0.01,
        traits=Traits(eval_draws_new_batches=False),
    )
    assert (rule(case) is not None) is fires
