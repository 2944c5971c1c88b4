"""What the law says beyond the plan: annealed now, twice the steps, and when a loss is reached."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from curves import cosine
from law_curves import law_loss
from raw_logs import read_case, shared

from diagnosis.forecast import Forecast
from diagnosis.outlook import Outlook, Path, ahead_of
from diagnosis.schedule import schedule_of
from diagnosis.series import Series

TOTAL = 20_000
STEPS = np.arange(0, 2 * TOTAL + 1, 250)
EMPTY = Series("learning_rate", np.empty(0, np.int64), np.empty(0))


def cosine_rate(steps: Any) -> Any:
    return cosine(steps, total=TOTAL)


def steady(steps: Any) -> Any:
    return np.minimum(1.0, (steps + 1) / 501)


def seen(until: int, rate: Any = cosine_rate) -> Series:
    return Series("val_loss", STEPS, law_loss(STEPS, rate)).until(until)


def look(series: Series, **options: Any) -> tuple[Forecast | None, Outlook]:
    given = {"planned": TOTAL, "schedule": cosine_rate, "logged": EMPTY, "warmup_steps": 500, **options}
    return ahead_of(series, **given)


def test_stopping_at_a_constant_rate_is_worth_its_annealing() -> None:
    """From 10,000 steps at the peak, a decay over 2,000 more: the band holds what such a run gives."""
    _, outlook = look(seen(10_000, steady), schedule=steady)

    def decayed(steps: Any) -> Any:
        return np.where(steps < 10_000, steady(steps), np.clip((12_000 - steps) / 2000, 0, 1))

    truth = float(np.interp(12_000, STEPS, law_loss(STEPS, decayed)))
    assert outlook.annealed is not None
    assert outlook.annealed.step == 12_000
    assert outlook.annealed.low < truth < outlook.annealed.high
    assert outlook.annealed.value < seen(10_000, steady).values[-1] - 0.1


def test_near_the_end_and_on_a_spent_rate_there_is_nothing_to_stop_for() -> None:
    """The planned end is as near as a decay would be; and below a tenth of the peak no annealing is left."""
    assert look(seen(12_000))[1].annealed is not None
    assert look(seen(17_500))[1].annealed is None

    def spent(steps: Any) -> Any:
        return np.where(steps < 8000, steady(steps), 0.05)

    assert look(seen(12_000, spent), schedule=spent)[1].annealed is None


def test_a_new_run_of_twice_the_steps() -> None:
    """The schedule stretched to 40,000: the band holds what the same law gives there."""
    _, outlook = look(seen(15_000))
    truth = float(law_loss(STEPS, lambda s: cosine_rate(s / 2))[-1])
    assert outlook.doubled is not None
    assert outlook.doubled.step == 40_000
    assert outlook.doubled.low < truth < outlook.doubled.high
    assert look(seen(15_000), enough_tokens=False)[1].doubled is None


def test_a_finished_run_has_no_forecast_and_still_says_what_twice_the_steps_give() -> None:
    """At the planned end there is nothing left to reach, stop or forecast."""
    ahead, outlook = look(seen(TOTAL))
    assert ahead is None
    assert outlook.annealed is None
    assert outlook.path is None
    assert outlook.doubled is not None


def test_an_unknown_schedule_has_a_wide_forecast_and_the_annealing_of_its_past() -> None:
    """The past learning rate is logged: what a decay from here gives is known, the planned end is not."""
    logged = Series("learning_rate", STEPS, 3e-4 * steady(STEPS)).until(10_000)
    ahead, outlook = look(seen(10_000, steady), schedule=None, logged=logged)
    known, _ = look(seen(10_000, steady), schedule=steady)
    assert ahead is not None
    assert known is not None
    assert not ahead.known_schedule
    assert ahead.high - ahead.low > 1.5 * (known.high - known.low)
    assert outlook.annealed is not None
    assert outlook.doubled is None
    assert outlook.reach(3.0) is None


def test_a_guessed_schedule_is_one_of_those_that_may_come() -> None:
    """A learning rate that was constant so far may still decay: the guess that it stays does not stand alone."""
    logged = Series("learning_rate", STEPS, 3e-4 * steady(STEPS)).until(10_000)
    guessed, outlook = look(seen(10_000, steady), schedule=steady, known_schedule=False, logged=logged)
    trusted, _ = look(seen(10_000, steady), schedule=steady)
    assert guessed is not None
    assert trusted is not None
    assert guessed.low < trusted.low - 0.08
    assert not guessed.known_schedule
    assert outlook.doubled is None


def test_without_any_learning_rate_nothing_is_said_of_annealing_now() -> None:
    """It may have been annealed already."""
    ahead, outlook = look(seen(10_000, steady), schedule=None)
    assert ahead is not None
    assert outlook.annealed is None


def test_of_fine_tuning_nothing_is_said() -> None:
    """A loss that began at 2.4 and fell by half a nat learnt no language here; the law was fitted to runs that did."""
    tuned = Series("val_loss", STEPS, 1.9 + 0.5 * np.exp(-STEPS / 2000)).until(12_000)
    ahead, outlook = look(tuned)
    assert ahead is None
    assert outlook.annealed is None


def test_a_log_that_begins_late_needs_a_known_schedule() -> None:
    """Nobody saw whether it was trained from scratch."""
    late = seen(12_000).since(4000)
    assert look(late)[0] is not None
    assert look(late, schedule=None)[0] is None
    assert look(late, schedule=None, rows=Series("train_loss", STEPS[:2], np.array([10.8, 9.0])))[0] is None
    rows = Series("train_loss", STEPS, law_loss(STEPS, cosine_rate)).until(12_000)
    assert look(late, schedule=None, rows=rows)[0] is not None


def test_without_a_plan_only_annealing_now_is_told() -> None:
    """A run that goes on until somebody stops it."""
    ahead, outlook = look(seen(10_000, steady), schedule=steady, planned=None)
    assert ahead is None
    assert outlook.annealed is not None
    assert outlook.doubled is None


PATH = Path(np.array([11_000.0, 15_000.0, 20_000.0]), np.array([3.6, 3.55, 3.53]), np.array([0.01, 0.02, 0.03]))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (3.55, (15_000, 15_000, None)),
        (3.58, (15_000, 15_000, 15_000)),
        (3.51, (None, 20_000, None)),
        (3.45, (None, None, None)),
    ],
)
def test_a_loss_is_reached_within_an_interval_or_not_in_this_run(loss: float, expected: Any) -> None:
    """By the law, by its lower and by its upper end."""
    reach = Outlook(path=PATH, seen=seen(1500)).reach(loss)
    assert reach is not None
    assert (reach.step, reach.earliest, reach.latest) == expected
    assert not reach.already


def test_a_loss_that_was_reached_names_its_first_step() -> None:
    """Of what the log holds, whatever the forecast says."""
    series = Series("val_loss", np.array([0, 10, 20, 30]), np.array([5.0, 4.0, 4.1, 3.9]))
    reach = Outlook(seen=series).reach(4.05)
    assert reach is not None
    assert (reach.step, reach.already) == (10, True)
    assert Outlook(seen=series).reach(3.0) is None


def test_the_law_s_own_path_is_monotonic_in_the_target() -> None:
    """A lower loss is not reached earlier."""
    _, outlook = look(seen(10_000))
    assert outlook.path is not None
    levels = np.linspace(outlook.path.values[0], outlook.path.values[-1], 5)
    steps = [reach.step for level in levels if (reach := outlook.reach(float(level))) is not None]
    assert steps == sorted(step for step in steps if step is not None)
    assert len(steps) == 5


def test_the_founding_run_at_14500() -> None:
    """Its validation loss came down to 3.55 at 15,500 and ended at 3.5228: 3.55 is in the interval, 3.4 in no run."""
    case = read_case(shared("corpus/nanogpt/seed_run_fineweb_40.56M_rtx4070_with_header.log"), until=14_500)
    _, outlook = ahead_of(
        case.metric("val_loss"),
        planned=20_000,
        schedule=schedule_of(case.facts),
        logged=EMPTY,
        warmup_steps=500,
        eval_standard_error=case.eval_standard_error,
    )
    close, far = outlook.reach(3.55), outlook.reach(3.4)
    assert close is not None
    assert close.earliest is not None
    assert close.earliest <= 15_500
    assert far is not None
    assert far.earliest is None


def test_an_empty_log_has_no_outlook() -> None:
    """Nor has one of nothing but NaN."""
    assert look(Series("val_loss", np.empty(0, np.int64), np.empty(0)))[0] is None
    broken = replace(seen(10_000), values=np.full(len(seen(10_000)), np.nan))
    assert look(broken) == (None, Outlook())
