"""Rule dropout-cost: train mode less eval mode, with the error of both."""

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


def run(
    cost: float,
    dropout: float | None = 0.1,
    *,
    rows: int = 100,
    noise: float = 0.09,
    evals: int = 41,
    eval_noise: float = 0.0,
    until: int = 20_000,
    **fields: Any,
) -> Case:
    """Rows and evals of 20,000 steps at 3.6 nats, and what is in the log `until` a step."""
    rng = np.random.default_rng(1)
    at, steps = np.linspace(0, 20_000, evals).astype(int), np.linspace(0, 20_000, rows).astype(int)
    jitter = rng.normal(0, noise, rows)
    level = 3.6 + eval_noise * (-1.0) ** np.arange(evals)
    own, train = at <= until, steps <= until
    return make_case(
        {
            "eval_train_loss": (at[own], level[own]),
            "train_loss": (steps[train], (3.6 + cost + jitter - jitter.mean())[train]),
        },
        {} if dropout is None else {"dropout": dropout},
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


@pytest.mark.parametrize(
    ("dropout", "unique", "severity"),
    [(0.1, 2.6e9, "warning"), (0.1, 2.4e9, "info"), (0.1, None, "info"), (None, 2.6e9, "info")],
)
def test_dropout_on_data_seen_less_than_four_times_is_a_warning(
    dropout: float | None, unique: float | None, severity: str
) -> None:
    """10 billion tokens over 2.6 or 2.4; a note where epochs or dropout are unknown."""
    budget = budget_of(founding_size(), tokens_seen=10e9, tokens_planned=None, unique_tokens=unique)
    found = rule(run(0.09, dropout, budget=budget))

    assert found is not None
    assert found.severity == severity


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


@pytest.mark.parametrize(("cost", "fires"), [(0.0045, False), (0.0055, True)])
def test_what_nobody_feels_is_not_said(cost: float, fires: bool) -> None:
    """0.005 nats, however sure they are."""
    assert (rule(run(cost, noise=0.001)) is not None) is fires


@pytest.mark.parametrize(("evals", "fires"), [(5, False), (6, True)])
def test_five_evals_are_needed(evals: int, fires: bool) -> None:
    """After the first fifth of the run; a line through fewer is no reference."""
    assert (rule(run(0.5, evals=evals)) is not None) is fires


@pytest.mark.parametrize(("eval_noise", "fires"), [(0.005, True), (0.05, False)])
def test_the_scatter_of_the_evals_counts_as_well(eval_noise: float, fires: bool) -> None:
    """20,000 rows know their own mean to 0.001; ten evals of 0.05 each know theirs to 0.03 at best."""
    assert (rule(run(0.03, rows=20_000, evals=10, eval_noise=eval_noise)) is not None) is fires


def test_the_step_at_which_it_was_seen_stays() -> None:
    """However much later one looks; and while the rows say 2 errors at least, it is not taken back."""
    found = [rule(run(0.09, until=until)) for until in (9000, 14_000, 20_000)]

    assert len({f.first_step for f in found if f is not None}) == 1
    assert None not in found


def test_a_train_loss_in_eval_mode_has_no_dropout_in_it() -> None:
    """Then whatever differs is something else."""
    assert rule(run(0.09, traits=Traits(train_loss_in_train_mode=False))) is None


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
