from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case

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
    assert "eval_iters = 80" in found.advice[0]


@pytest.mark.parametrize(("change", "fires"), [(0.027, True), (0.03, False)])
def test_the_threshold_is_two_errors_of_a_difference(change: float, fires: bool) -> None:
    """2 sqrt(2) SE."""
    assert (rule(run(change)) is not None) is fires


def test_an_unknown_error_or_few_evals_are_silent() -> None:
    """Nothing to say without a number."""
    assert rule(run(0.01, error=None)) is None
    assert rule(run(0.01, count=5)) is None


def test_a_fixed_validation_set_is_silent() -> None:
    """There neighbours are paired and resolve more than their level."""
    assert rule(run(0.01, traits=Traits(eval_draws_new_batches=False))) is None
