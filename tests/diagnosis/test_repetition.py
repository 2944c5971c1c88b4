"""How often the data were gone through: by tokens, by the log's epochs, at which step, and what is no epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.repetition import passes_of, staircase, step_of_pass
from parsers.records import Traits

STEPS = np.arange(1, 501)


def with_epochs(values: Any, **fields: Any) -> Case:
    return make_case({"epoch": (STEPS, values), "train_loss": (STEPS, np.full(500, 2.0))}, **fields)


def test_the_data_sets_tokens_come_before_the_logs_epochs() -> None:
    """They are what was asked for; the plan counts while the run lives."""
    case = with_epochs(STEPS / 100, facts={"unique_tokens": 1e6}, tokens_seen=2e6, tokens_planned=8e6)
    passes = passes_of(case)
    assert passes is not None
    assert (passes.done, passes.planned, passes.most, passes.by_log) == (2.0, 8.0, 8.0, False)


def test_the_logs_epochs_tell_the_unique_tokens() -> None:
    """Once one pass is over and the tokens seen are known."""
    passes = passes_of(with_epochs(STEPS / 100, tokens_seen=2e6))
    assert passes is not None
    assert (passes.done, passes.unique_tokens, passes.by_log) == (5.0, 4e5, True)


@pytest.mark.parametrize(("level", "step"), [(0.5, 50), (5.0, 500), (5.1, None)])
def test_the_step_of_a_pass_is_the_first_row_that_has_it(level: float, step: int | None) -> None:
    """None for one that is still to come."""
    case = with_epochs(STEPS / 100)
    passes = passes_of(case)
    assert passes is not None
    assert step_of_pass(case, passes, level) == step


def test_by_tokens_the_step_follows_from_the_tokens_of_one() -> None:
    """Or from the tokens that the log counts, where a step is not always as large."""
    case = with_epochs(STEPS, facts={"unique_tokens": 1000}, tokens_seen=5000.0, tokens_per_step=10.0)
    passes = passes_of(case)
    assert passes is not None
    assert step_of_pass(case, passes, 4.0) == 400
    growing = make_case({"tokens": (STEPS, STEPS**2 / 50)}, {"unique_tokens": 1000}, tokens_seen=5000.0)
    assert step_of_pass(growing, passes, 4.0) == 448


def test_steps_that_count_epochs_are_passes() -> None:
    """Keras: each row is an epoch that is over."""
    case = make_case({"train_loss": ([1, 2, 3], [3.0, 2.0, 1.5])}, traits=Traits(steps_count="epochs"))
    passes = passes_of(case)
    assert passes is not None
    assert passes.done == 3.0


@pytest.mark.parametrize("values", [np.full(500, 1e300), -STEPS / 100.0, np.full(500, np.nan), np.full(500, np.inf)])
def test_what_is_no_epoch_is_not_counted(values: Any) -> None:
    """A damaged line, or something else under that name."""
    case = with_epochs(values)
    assert passes_of(case) is None
    assert staircase(case) == []


def test_a_running_average_has_no_steps() -> None:
    """What it shows at the end of an epoch is of rows before it."""
    losses = 2.0 - 0.3 * (STEPS > 250) + 0.02 * np.random.default_rng(1).normal(size=500)
    evals = ([200, 400], [2.0, 2.0])
    for kind, stairs in (("step mean", 1), ("average", 0)):
        traits = Traits(train_loss="average") if kind == "average" else Traits()
        series: dict[str, Any] = {"train_loss": (STEPS, losses), "epoch": (STEPS, STEPS / 250.5), "val_loss": evals}
        assert len(staircase(make_case(series, traits=traits))) == stairs
