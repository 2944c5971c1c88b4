from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cases import make_case
from watched import WORKING, Change, fields, watch

from diagnosis.case import Case
from diagnosis.rules.gpu_throttled import rule
from gpu.sample import GpuSample, Throttle

ROWS: dict[str, Any] = {"train_loss": (range(601), [4.0] * 601)}
HOT: Change = {"throttle": ("sw_thermal",), "sm_clock_hz": 1.2e9, "temperature_c": 94.0}


def watching(change: Change, start: int, end: int, seconds: int = 600, **more: Any) -> Case:
    """Ten minutes beside a run, with this change from `start` to `end`."""
    return make_case(ROWS, **(fields(watch(seconds, lambda t: change if start <= t < end else {})) | more))


def once(**changes: Any) -> Case:
    """One reading, as `diagnose` takes it."""
    return make_case(ROWS, gpus=(replace(WORKING, **changes),))


def test_heat_that_lasts_is_a_warning_with_its_clocks() -> None:
    """Twenty seconds at less than half the clock."""
    found = rule(watching(HOT, 580, 600))

    assert found is not None
    assert (found.severity, found.confidence) == ("warning", 0.9)
    assert found.title == "GPU 0 is slowed down by heat"
    assert found.evidence == (
        "thermal limit (sw_thermal): 20 s of the last 10 min (3.3 %)",
        "SM clock 1.20 GHz meanwhile, 2.61 GHz else, 3.10 GHz at most",
        "94 °C now, it slows down at 95 °C",
    )
    assert "Cool it" in found.advice[0]


def test_it_is_dated_when_it_had_lasted_and_stays() -> None:
    """Ten seconds in: the same step however much later one looks, also after it has passed."""
    firsts = {getattr(rule(watching(HOT, 300, 400, seconds)), "first_step", None) for seconds in (312, 350, 600, 1800)}

    assert firsts == {309}


@pytest.mark.parametrize(("seconds", "fires"), [(9, False), (10, True)])
def test_ten_seconds_of_a_minute_are_the_threshold(seconds: int, fires: bool) -> None:
    """A moment at the limit is no finding."""
    assert (rule(watching(HOT, 300, 300 + seconds)) is not None) is fires


@pytest.mark.parametrize(("apart", "fires"), [(5, True), (30, False)])
def test_moments_count_together_within_a_minute(apart: int, fires: bool) -> None:
    """One second in five is twelve of a minute; one in thirty is two."""
    watched = watch(600, lambda t: HOT if t % apart == 0 else {})

    assert (rule(make_case(ROWS, **fields(watched))) is not None) is fires


@pytest.mark.parametrize(
    ("reasons", "title", "advice"),
    [
        (("hw_slowdown", "hw_thermal"), "by heat", "Cool it"),
        (("hw_slowdown", "hw_power_brake"), "by its power supply", "power cables"),
        (("hw_slowdown",), "its hardware: heat or power", "temperature"),
    ],
    ids=str,
)
def test_each_hardware_reason_has_its_advice(reasons: tuple[Throttle, ...], title: str, advice: str) -> None:
    """Heat, the supply, or what the hardware does not tell."""
    found = rule(watching({"throttle": reasons}, 0, 600))

    assert found is not None
    assert title in found.title
    assert advice in found.advice[0]


@pytest.mark.parametrize(
    "change",
    [
        {"throttle": ()},
        {"throttle": ("gpu_idle",)},
        {"throttle": ("sw_power_cap",)},
        {"throttle": None},
        HOT | {"utilization": 0.1},
    ],
    ids=["none", "idle", "the power limit at a good clock", "unknown", "a GPU that rests"],
)
def test_healthy_gpus_are_silent(change: Change) -> None:
    """A GPU at its power limit does what it is built for."""
    assert rule(watching(change, 0, 600)) is None


@pytest.mark.parametrize(("clock", "fires"), [(2.2e9, True), (2.4e9, False)])
def test_the_power_limit_alone_is_a_note_where_it_takes_a_quarter(clock: float, fires: bool) -> None:
    """Of 3.105 GHz."""
    found = rule(watching({"throttle": ("sw_power_cap",), "sm_clock_hz": clock}, 0, 600))

    assert (found is not None) is fires
    if found is not None:
        assert found.severity == "info"
        assert found.title == "The power limit of 200 W holds GPU 0 at 71 % of its highest clock"


@pytest.mark.parametrize(("start", "fires"), [(560, True), (580, False)])
def test_half_of_the_last_minute_at_the_power_limit_is_needed(start: int, fires: bool) -> None:
    """Forty seconds are, twenty are not."""
    change: Change = {"throttle": ("sw_power_cap",), "sm_clock_hz": 2.0e9}

    assert (rule(watching(change, start, 600)) is not None) is fires


@pytest.mark.parametrize(("seconds", "fires"), [(25, False), (40, True)])
def test_half_a_minute_of_watching_is_needed(seconds: int, fires: bool) -> None:
    """At the power limit all along."""
    change: Change = {"throttle": ("sw_power_cap",), "sm_clock_hz": 2.0e9}

    assert (rule(watching(change, 0, seconds, seconds)) is not None) is fires


@pytest.mark.parametrize(
    ("busy", "throttle", "fires"),
    [(0.45, ("sw_power_cap",), False), (0.55, ("sw_power_cap",), True), (0.98, (), False), (0.98, None, False)],
)
def test_the_power_limit_counts_under_load_alone(busy: float, throttle: tuple[Throttle, ...], fires: bool) -> None:
    """By one reading at a low clock: half busy at least, and held by that limit."""
    assert (rule(once(utilization=busy, throttle=throttle, sm_clock_hz=2.0e9)) is not None) is fires


def test_one_reading_is_weaker() -> None:
    """`diagnose` looks once: the reason may have been there for that moment only."""
    hot, capped = rule(once(**HOT)), rule(once(throttle=("sw_power_cap",), sm_clock_hz=2.0e9))

    assert hot is not None
    assert capped is not None
    assert (hot.severity, hot.confidence) == ("warning", 0.5)
    assert "by one reading" in hot.evidence[0]
    assert (capped.severity, capped.confidence) == ("info", 0.5)
    assert rule(once()) is None


def test_other_gpus_and_runs_that_ended_are_silent() -> None:
    """Of two GPUs the one without the run's process may be hot; a finished run is not slowed down; a CPU has no GPU."""
    other = replace(WORKING, index=1, uuid="GPU-2", processes=(), throttle=("hw_thermal",))
    hot = watching(HOT, 0, 600)

    assert rule(make_case(ROWS, gpus=(WORKING, other))) is None
    assert rule(replace(hot, state="finished")) is None
    assert rule(make_case(ROWS, {"device": "cpu"}, gpus=hot.gpus, gpu_past=hot.gpu_past)) is None
    assert rule(hot) is not None


def test_unknown_is_silent() -> None:
    """No GPU, one that --gpu only names, and one that answers nothing."""
    assert rule(make_case(ROWS)) is None
    assert rule(make_case(ROWS, gpus=(GpuSample(None, "NVIDIA GeForce RTX 4070"),))) is None
    assert rule(make_case(ROWS, gpus=(GpuSample(0, None),))) is None
