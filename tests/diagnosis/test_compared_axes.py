"""Where the rows of several runs stand on steps, tokens, time and FLOPs; what is unknown has no place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import NANOGPT, Points, make_case
from runs import founding_efficiency, founding_size

from diagnosis.case import Case
from diagnosis.compared_axes import Axis, Places, places_of
from diagnosis.model import Shape

EVALS = [0, 100, 200]


def run(series: dict[str, Points] | None = None, **fields: Any) -> Case:
    """A run with three evaluations."""
    return make_case({"val_loss": (EVALS, [4.0, 3.5, 3.0]), **(series or {})}, **fields)


def places(axis: Axis, *cases: Case, metric: str = "val_loss") -> Places:
    """The places of one metric's rows."""
    return places_of(axis, cases, [case.metric(metric).finite for case in cases])


def column(axis: Axis, *cases: Case, metric: str = "val_loss") -> list[float] | None:
    """Those of the first run."""
    found = places(axis, *cases, metric=metric).columns[0]
    return None if found is None else found.tolist()


def test_steps_are_those_printed() -> None:
    """And an empty series has no places."""
    assert column("step", run()) == [0, 100, 200]
    assert column("step", run(), metric="train_loss") is None


@pytest.mark.parametrize("counted", ["micro-batches", "epochs", "rows"])
def test_steps_that_are_no_updates_have_no_place(counted: Any) -> None:
    """Epoch 3 is not step 3, and times a step it gives no tokens either."""
    case = run(traits=replace(NANOGPT, steps_count=counted), tokens_per_step=1000.0, efficiency=founding_efficiency())
    assert column("step", case) is None
    assert column("tokens", case) is None
    assert column("seconds", case) is None


def test_epochs_are_those_logged() -> None:
    """Or the steps themselves where these are epochs; a log that tells none has no place."""
    assert column("epoch", run({"epoch": ([0, 200], [0.0, 0.5])})) == [0, 0.25, 0.5]
    assert column("epoch", run(traits=replace(NANOGPT, steps_count="epochs"))) == [0, 100, 200]
    assert column("epoch", run()) is None


def test_tokens_are_updates_times_those_of_one() -> None:
    """An evaluation is printed before the update of its step, a training row after it."""
    case = run({"train_loss": ([0, 10], [4.0, 3.9])}, tokens_per_step=1000.0)
    assert column("tokens", case) == [0, 100_000, 200_000]
    assert column("tokens", case, metric="train_loss") == [1000, 11_000]
    assert column("tokens", run()) is None


def test_logged_tokens_are_taken_first() -> None:
    """A batch that grows cannot be counted by steps."""
    case = run({"tokens": ([0, 100, 200], [0.0, 5e4, 3e5])}, tokens_per_step=1.0)
    assert column("tokens", case) == [0, 5e4, 3e5]


def test_flops_are_exact_where_every_shape_is_known() -> None:
    """6N + 12 L d T, else 6N for all alike: attention is worth a fifth of a small model."""
    known = run(tokens_per_step=1000.0, size=founding_size())
    work = 6 * 40_560_000 + 12 * 12 * 384 * 1024
    assert column("flops", known) == pytest.approx([0, 1e5 * work, 2e5 * work])
    assert places("flops", known).how == "counted as 6N + attention"
    bare = replace(known, size=replace(founding_size(), shape=Shape()))
    both = places("flops", known, bare)
    assert both.how == "counted as 6N, without attention"
    assert both.columns[0] is not None
    assert both.columns[0].tolist() == [0, 1e5 * 6 * 40_560_000, 2e5 * 6 * 40_560_000]


def test_a_run_of_unknown_size_has_no_flops_and_spoils_none() -> None:
    """The others keep the exact count."""
    both = places("flops", run(tokens_per_step=1000.0, size=founding_size()), run(tokens_per_step=1000.0))
    assert both.how == "counted as 6N + attention"
    assert both.columns[0] is not None
    assert both.columns[1] is None


def clocked(**fields: Any) -> Case:
    """A run whose rows carry a clock: 2 s a step, the first one at 1000 s."""
    steps = np.arange(0, 201, 10)
    return run({"wall_seconds": (steps, 1000.0 + 2.0 * steps)}, **fields)


def test_time_is_the_clock_of_the_logs_where_all_have_one() -> None:
    """From the first row, evaluations and all."""
    both = places("seconds", clocked(), clocked())
    assert [None if c is None else c.tolist() for c in both.columns] == [[0, 200, 400]] * 2
    assert both.how == "by the clock of the logs"


@pytest.mark.parametrize("broken", ["one without", "restarted", "set back"])
def test_no_clock_is_mixed_with_a_count(broken: str) -> None:
    """A pause between two segments or a clock set back is no training time: then all are counted."""
    speed = founding_efficiency(seconds_per_step=3.0, overhead=None)
    other = clocked(efficiency=speed)
    if broken == "one without":
        other = run(efficiency=speed)
    elif broken == "restarted":
        other = replace(other, segments=(0, 100))
    else:
        wall = other.metric("wall_seconds")
        series = replace(wall, values=np.where(wall.steps > 100, wall.values - 1500, wall.values))
        other = replace(other, series={**other.series, "wall_seconds": series})
    both = places("seconds", clocked(efficiency=speed), other)
    assert both.how == "counted as the sum of the steps' seconds, no pauses"
    assert [None if c is None else c.tolist() for c in both.columns] == [[0, 300, 600]] * 2


def test_a_clock_that_begins_in_the_middle_starts_earlier_by_the_steady_speed() -> None:
    """A log that goes on from step 1000 has had these steps before."""
    steps = np.arange(1000, 1201, 100)
    late = make_case(
        {"val_loss": (steps, [3.0, 2.9, 2.8]), "wall_seconds": (steps, 2.0 * steps)},
        efficiency=founding_efficiency(seconds_per_step=2.0, overhead=None),
    )
    assert column("seconds", late) == [2000, 2200, 2400]
    assert column("seconds", replace(late, efficiency=None)) is None


def test_counted_time_follows_a_slowdown() -> None:
    """Steps of 1 s and, from step 100 on, of 3 s: the newest speed does not hold for all."""
    steps = np.arange(200)
    case = run(
        {"step_seconds": (steps, np.where(steps < 100, 1.0, 3.0))},
        efficiency=founding_efficiency(seconds_per_step=3.0, overhead=None),
    )
    found = column("seconds", case)
    assert found is not None
    assert found[1] == pytest.approx(100, abs=3)
    assert found[2] == pytest.approx(400, abs=4)


def test_evaluations_are_spread_over_the_steps() -> None:
    """A fifth of the wall time makes each step a quarter longer; their own rows are not counted twice."""
    steps = np.arange(0, 200)
    seconds = np.where(steps % 50 == 0, 13.5, 1.0)
    case = make_case(
        {"val_loss": (EVALS, [4.0, 3.5, 3.0]), "step_seconds": (steps, seconds)},
        {"eval_interval": 50},
        efficiency=founding_efficiency(seconds_per_step=1.0, overhead=0.2),
    )
    assert column("seconds", case) == pytest.approx([0, 125, 250])


def test_few_logged_seconds_leave_the_steady_speed() -> None:
    """A sum of five rows is no better than it; without a speed there is no time."""
    case = run(
        {"step_seconds": ([10, 20], [9.0, 9.0])}, efficiency=founding_efficiency(seconds_per_step=2.0, overhead=0)
    )
    assert column("seconds", case) == [0, 200, 400]
    assert column("seconds", run()) is None


@pytest.mark.parametrize(("rows", "expected"), [(23, 200), (24, 300)])
def test_twenty_logged_seconds_are_summed(rows: int, expected: float) -> None:
    """The first fifth of so few rows compiles; of 24 that leaves 20, which say 3 s where the newest speed is 2."""
    steps = np.arange(1, rows + 1)
    speed = founding_efficiency(seconds_per_step=2.0, overhead=0)
    found = column("seconds", run({"step_seconds": (steps, np.full(rows, 3.0))}, efficiency=speed))
    assert found is not None
    assert found[1] == pytest.approx(expected)


@pytest.mark.parametrize(("overhead", "expected"), [(0.85, 200 / 0.15), (0.95, 2000)])
def test_a_share_of_evaluations_above_nine_tenths_is_a_misreading(overhead: float, expected: float) -> None:
    """It would stretch the time by twenty and more."""
    case = run(efficiency=founding_efficiency(seconds_per_step=2.0, overhead=overhead))
    found = column("seconds", case)
    assert found is not None
    assert found[1] == pytest.approx(expected)
