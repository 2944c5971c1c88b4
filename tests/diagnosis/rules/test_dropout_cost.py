from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case
from runs import founding_size

from diagnosis.budget import budget_of
from diagnosis.case import Case
from diagnosis.rules.dropout_cost import rule
from parsers.records import Traits


def run(cost: float, dropout: float | None = 0.1, rows: int = 100, **fields: Any) -> Case:
    rng = np.random.default_rng(1)
    evals, steps = np.arange(0, 20_001, 500), np.linspace(0, 20_000, rows).astype(int)
    noise = rng.normal(0, 0.09, rows)
    noise -= noise.mean()
    facts = {} if dropout is None else {"dropout": dropout}
    level = 3.6
    return make_case(
        {
            "eval_train_loss": (evals, np.full(len(evals), level)),
            "train_loss": (steps, level + cost + noise),
        },
        facts,
        **fields,
    )


def test_the_cost_is_given_with_its_error_bar() -> None:
    """Train mode is 0.09 above eval mode."""
    found = rule(run(0.09))

    assert found is not None
    assert found.severity == "info"
    assert found.title == "Dropout costs 0.09 in training loss"
    assert "±" in found.evidence[0]
    assert found.settings == (("dropout", 0.0),)


def test_an_unknown_dropout_is_nothing_to_set() -> None:
    """What differs may be something else."""
    found = rule(run(0.09, dropout=None))

    assert found is not None
    assert found.settings == ()


@pytest.mark.parametrize(("unique", "settings"), [(2.6e9, (("dropout", 0.0),)), (2.3e9, ())])
def test_data_that_repeat_may_want_dropout(unique: float, settings: tuple[tuple[str, float], ...]) -> None:
    """From four epochs on, here of 10 billion tokens, it is judged by validation."""
    budget = budget_of(founding_size(), tokens_seen=10e9, tokens_planned=None, unique_tokens=unique)
    found = rule(run(0.09, budget=budget))

    assert found is not None
    assert found.settings == settings


def test_no_difference_is_silent() -> None:
    """The healthy look-alike: dropout in the config, but too small to be seen."""
    assert rule(run(0.0)) is None


def test_dropout_known_to_be_off_is_silent_whatever_the_difference() -> None:
    """Then the difference is something else's."""
    assert rule(run(0.09, dropout=0.0)) is None


@pytest.mark.parametrize(("cost", "fires"), [(0.02, False), (0.045, True)])
def test_three_standard_errors_are_needed(cost: float, fires: bool) -> None:
    """80 rows with noise .09: the error is .010."""
    assert (rule(run(cost)) is not None) is fires


@pytest.mark.parametrize(("rows", "fires"), [(20, False), (30, True)])
def test_twenty_late_rows_are_needed(rows: int, fires: bool) -> None:
    """Four fifths of the rows count."""
    assert (rule(run(0.5, rows=rows)) is not None) is fires


def test_a_running_average_is_no_evidence() -> None:
    """It lags, and its lag would be taken for dropout."""
    assert rule(run(0.09, traits=Traits(train_loss="average"))) is None


def test_without_evals_of_the_train_split_it_is_silent() -> None:
    """There is nothing to compare with."""
    assert rule(make_case({"train_loss": (range(100), [3.0] * 100)})) is None
