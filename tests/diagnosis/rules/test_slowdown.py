from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.rules.slowdown import rule
from diagnosis.series import Series
from gpu.sample import GpuProcess, GpuSample
from parsers.records import Traits


def run(seconds: np.ndarray, **fields: Any) -> Case:
    facts = {"eval_interval": 100}
    return make_case({"step_seconds": (np.arange(len(seconds)), seconds)}, facts, **fields)


def steady(count: int, seconds: float = 1.0, wander: float = 0.03) -> np.ndarray:
    return np.asarray(seconds * np.exp(np.random.default_rng(5).normal(0, wander, count)))


def slower_from(at: int, factor: float, count: int = 900) -> np.ndarray:
    return np.asarray(np.where(np.arange(count) < at, 1.0, factor) * steady(count))


def test_a_lasting_slowdown_is_found_with_its_step() -> None:
    """A third slower from step 500 on; known some 100 rows later where both levels are calm."""
    found = rule(run(slower_from(500, 1.33) / steady(900) * steady(900, wander=0.01)))

    assert found is not None
    assert found.severity == "warning"
    assert found.title == "Steps are 33 % slower since step 501"  # step 500 timed an evaluation
    assert found.first_step is not None
    assert 600 <= found.first_step <= 625


def test_a_growing_log_is_judged_as_a_whole_one() -> None:
    """What was found is remembered until one more block is whole: row by row it is what a fresh look says."""
    seconds = slower_from(500, 1.33)
    memo: dict[object, Any] = {}
    for end in (300, 600, *range(700, 745), 900):
        fresh = run(seconds[:end])
        series = {"step_seconds": Series("step_seconds", np.arange(end), seconds[:end], memo)}
        assert rule(replace(fresh, series=series)) == rule(fresh)


def test_a_trainer_that_makes_its_steps_larger_is_not_said_to_slow_down() -> None:
    """The same times are an alarm where a step's work stays the same."""
    assert rule(run(slower_from(500, 1.33))) is not None
    assert rule(run(slower_from(500, 1.33), traits=Traits(step_work_changes=True))) is None


@pytest.mark.parametrize(("wander", "fires"), [(0.01, True), (0.06, False)])
def test_restless_steps_take_longer_to_be_judged(wander: float, fires: bool) -> None:
    """A third slower for 115 of 1,195 rows: 5 blocks are enough where they are calm, 9 are needed where they jitter."""
    jitter = np.roll(np.repeat(np.resize([1 - wander, 1 + wander], 70), 20), 5)
    seconds = np.where(np.arange(1400) < 1085, 1.0, 1.33) * jitter

    assert (rule(make_case({"step_seconds": (np.arange(1200), seconds[:1200])})) is not None) is fires
    assert rule(make_case({"step_seconds": (np.arange(1400), seconds)})) is not None


def test_a_row_every_ten_steps_is_judged_too() -> None:
    """90 rows, twice as slow from step 500 on."""
    steps = np.arange(0, 900, 10)
    seconds = np.where(steps < 500, 1.0, 2.0) * steady(len(steps))

    found = rule(make_case({"step_seconds": (steps, seconds)}))

    assert found is not None
    assert "since step 500" in found.title


@pytest.mark.parametrize(("factor", "fires"), [(1.12, False), (1.19, True)])
def test_fifteen_per_cent_are_the_threshold(factor: float, fires: bool) -> None:
    """Less is wander."""
    assert (rule(run(slower_from(500, factor))) is not None) is fires


def test_steady_steps_are_silent() -> None:
    """The healthy run, with its compilation and its evaluations."""
    seconds = steady(900)
    seconds[0] = 30.0
    seconds[::100] += 5.0

    assert rule(run(seconds)) is None


def test_a_slow_stretch_that_has_passed_is_silent() -> None:
    """It did not stay so."""
    seconds = steady(900)
    seconds[400:500] *= 1.5

    assert rule(run(seconds)) is None


def test_single_slow_steps_are_not_a_slowdown() -> None:
    """A data loader that hiccups at every tenth step is another finding."""
    seconds = steady(900)
    seconds[5::10] *= 8

    assert rule(run(seconds)) is None


def test_drift_of_a_shared_cpu_is_silent() -> None:
    """Ten per cent up and down over the run are the machine's."""
    assert rule(run(steady(900) * (1 + 0.1 * np.sin(np.arange(900) / 70)))) is None


def test_a_neighbour_on_the_cpu_is_silent() -> None:
    """It doubles the median for 150 rows at the end, but four steps of twenty are as quick as before."""
    seconds = steady(900)
    disturbed = np.random.default_rng(3).random(900) < 0.7
    seconds[750:] *= np.where(disturbed, 2.2, 1.0)[750:]

    assert rule(run(seconds)) is None


@pytest.mark.parametrize(("rows", "fires"), [(80, False), (160, True)])
def test_a_short_slow_end_may_pass(rows: int, fires: bool) -> None:
    """Five blocks of 20 are the least."""
    assert (rule(run(slower_from(900 - rows, 1.8))) is not None) is fires


@pytest.mark.parametrize(("rows", "fires"), [(300, False), (500, True)])
def test_what_passed_before_must_last_twice_as_long(rows: int, fires: bool) -> None:
    """The run was slow for 200 rows once and came back."""
    seconds = steady(1000 + rows)
    seconds[400:600] *= 1.5
    seconds[1000:] *= 1.5

    assert (rule(run(seconds)) is not None) is fires


def test_the_gpus_own_reasons_are_joined() -> None:
    """Thermal throttling with its clock, and a second process, stand in the evidence."""
    sample = GpuSample(
        index=0,
        name="GPU",
        temperature_c=94.0,
        sm_clock_hz=1.2e9,
        throttle=("hw_thermal",),
        processes=(GpuProcess(7, None, "other", this_run=False),),
    )

    found = rule(run(slower_from(500, 1.4), gpus=(sample,)))

    assert found is not None
    assert "GPU 0 is throttled (hw_thermal) at 94 °C, SM clock 1.20 GHz" in found.evidence
    assert "1 other process is on GPU 0" in found.advice[0]


@pytest.mark.parametrize(("rate_after", "fires"), [(1000.0, False), (715.0, True)])
def test_steps_that_grew_are_no_slowdown(rate_after: float, fires: bool) -> None:
    """A larger batch takes longer and makes as many tokens per second as before."""
    steps, rate = np.arange(900), np.where(np.arange(900) < 500, 1000.0, rate_after)
    series = {"step_seconds": (steps, slower_from(500, 1.4)), "tokens_per_second": (steps, rate)}

    assert (rule(make_case(series)) is not None) is fires


def test_few_rows_are_silent() -> None:
    """Five blocks before and five after are the least."""
    assert rule(run(slower_from(105, 2.0, count=190))) is None
    assert rule(run(slower_from(110, 2.0, count=230))) is not None


@pytest.mark.parametrize(
    ("factor", "seconds", "fires"), [(1.2, 0.15, False), (1.2, 0.25, True), (2.0, 0.02, False), (2.0, 0.03, True)]
)
def test_other_jobs_come_for_a_while(factor: float, seconds: float, fires: bool) -> None:
    """300 slow rows: a fifth must last a minute, twice the time 15 s."""
    assert (rule(run(slower_from(600, factor) * seconds)) is not None) is fires
