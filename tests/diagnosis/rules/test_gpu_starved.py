from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import make_case
from runs import founding_size
from watched import GIB, Change, fields, watch

from diagnosis.case import Case
from diagnosis.rules.gpu_starved import rule
from gpu.sample import GpuProcess
from parsers.records import Notice

STEP_SECONDS = 4


def dips(busy: int, period: int = 10) -> Callable[[int], Change]:
    """Busy for so many of ten seconds, then idle."""
    return lambda t: {"utilization": 0.98 if t % period < busy else 0.02}


def watching(change: Callable[[int], Change], seconds: int = 600, every: int = 1, **more: Any) -> Case:
    """So long beside a run that logs a step every four seconds."""
    watched = watch(seconds, change, step=lambda t: 100 + t // STEP_SECONDS, every=every)
    steps = np.arange(101 + (seconds - 1) // STEP_SECONDS)
    return make_case({"train_loss": (steps, np.full(len(steps), 4.0))}, **(fields(watched) | more))


def test_a_gpu_that_waits_for_its_data_is_found() -> None:
    """Half of the time idle, in dips."""
    found = rule(watching(dips(5)))

    assert found is not None
    assert (found.severity, found.confidence) == ("warning", 0.75)
    assert found.title == "GPU 0 is idle 50 % of the time while steps go on"
    assert "50 % busy on average over 10 min" in found.evidence[0]
    assert "less than 30 % busy in 50 % of the time" in found.evidence[1]
    assert "data loader" in found.advice[0]


def test_short_waits_show_as_a_low_level() -> None:
    """Steps shorter than NVML's sample period: no dips, and idle half of the time all the same."""
    assert rule(watching(lambda t: {"utilization": 0.5})) is not None


@pytest.mark.parametrize(("busy", "fires"), [(6, True), (7, False)])
def test_two_thirds_busy_are_the_threshold(busy: int, fires: bool) -> None:
    """59.6 % and 69.2 % on average."""
    assert (rule(watching(dips(busy))) is not None) is fires


@pytest.mark.parametrize(("seconds", "fires"), [(115, False), (140, True)])
def test_two_minutes_are_needed(seconds: int, fires: bool) -> None:
    """Of readings that lie between rows."""
    assert (rule(watching(dips(5), seconds)) is not None) is fires


@pytest.mark.parametrize(("seconds", "fires"), [(200, False), (220, True)])
def test_twenty_readings_are_needed(seconds: int, fires: bool) -> None:
    """One every 10 seconds; the newest does not count before the next row."""
    assert (rule(watching(lambda t: {"utilization": 0.5}, seconds, every=10)) is not None) is fires


@pytest.mark.parametrize(("dips", "level", "idle", "fires"), [(4, 0.02, 0.4, False), (5, 0.02, 0.4, True),
                                                               (5, 0.4, 0.58, True)])  # fmt: skip
def test_five_separate_dips_are_spread(dips: int, level: float, idle: float, fires: bool) -> None:
    """Long ones, which leave most stretches of ten readings alone; below one half is a dip."""
    period = 600 / dips
    assert (
        rule(watching(lambda t: {"utilization": level if t % period < idle * period else 0.98})) is not None
    ) is fires


@pytest.mark.parametrize(("idle", "fires"), [(0.58, False), (0.63, True)])
def test_three_of_five_stretches_are_spread_too(idle: float, fires: bool) -> None:
    """Without separate dips: one that takes most of the time is no pause."""
    assert (rule(watching(lambda t: {"utilization": 0.02 if t < idle * 600 else 0.98})) is not None) is fires


def test_a_busy_gpu_is_silent_whatever_its_mfu() -> None:
    """Low MFU with a busy GPU is another finding."""
    assert rule(watching(lambda t: {})) is None


def test_one_long_pause_is_silent() -> None:
    """Five of ten minutes idle at once are a checkpoint that the log does not tell, or a machine that swapped."""
    assert rule(watching(lambda t: {"utilization": 0.0 if t < 300 else 0.98})) is None


def test_evaluations_and_checkpoints_are_left_out() -> None:
    """Three steps of three seconds, then eleven in which the GPU rests: silent where an evaluation or save is there."""
    watched = watch(
        600, lambda t: {"utilization": 0.98 if t % 20 < 9 else 0.0}, step=lambda t: t // 20 * 3 + min(t % 20 // 3, 2)
    )
    losses, evals = (np.arange(90), np.full(90, 4.0)), (np.arange(0, 90, 3), np.full(30, 4.0))
    notices = [Notice("checkpoint", "saved", step) for step in range(2, 90, 3)]

    assert rule(make_case({"train_loss": losses}, **fields(watched))) is not None
    assert rule(make_case({"train_loss": losses, "val_loss": evals}, **fields(watched))) is None
    assert rule(make_case({"train_loss": losses}, notices=notices, **fields(watched))) is None
    warnings = [Notice("warning", "UserWarning", notice.step) for notice in notices]
    assert rule(make_case({"train_loss": losses}, notices=warnings, **fields(watched))) is not None


def test_an_evaluation_that_runs_now_is_not_counted() -> None:
    """The newest row is four minutes old and the GPU idles: what it does is not known before the next row."""
    watched = watch(600, lambda t: {"utilization": 0.98 if t < 360 else 0.1}, step=lambda t: min(t, 360) // 4)

    assert rule(make_case({"train_loss": (range(91), [4.0] * 91)}, **fields(watched))) is None


def test_rows_that_are_minutes_apart_are_judged_too() -> None:
    """A line every 200 steps of 3.9 s: half an hour holds two of them."""
    watched = watch(1800, dips(5), step=lambda t: 200 + t // 780 * 200)

    assert rule(make_case({"train_loss": ([0, 200, 400, 600], [4.0] * 4)}, **fields(watched))) is not None


def test_without_rows_there_is_no_finding() -> None:
    """A run that compiles, loads or hangs makes no steps."""
    for step in (None, 7):
        watched = watch(600, dips(5), step=lambda t, at=step: at)  # type: ignore[misc]
        assert rule(make_case({"train_loss": ([7], [4.0])}, **fields(watched))) is None


def test_a_gpu_that_never_works_may_not_be_the_runs() -> None:
    """The log may come from another machine over the network: this GPU's process is not known, and it idles."""
    unknown = (GpuProcess(1, GIB, "?", this_run=None),)

    for level, fires in ((0.02, False), (0.28, False), (0.32, True)):
        case = watching(lambda t, busy=level: {"utilization": busy, "processes": unknown})  # type: ignore[misc]
        assert (rule(case) is not None) is fires
    assert rule(watching(lambda t: {"utilization": 0.1})) is not None


def test_a_tiny_model_is_a_note() -> None:
    """No GPU is filled by a width of 192."""
    tiny, small = (rule(watching(dips(5), size=founding_size(n_embd=width))) for width in (192, 384))

    assert tiny is not None
    assert small is not None
    assert (tiny.severity, small.severity) == ("info", "warning")


def test_one_reading_or_none_is_silent() -> None:
    """`diagnose` looks once: a GPU may idle at that moment."""
    case = watching(dips(5))

    assert rule(replace(case, gpu_past=())) is None
    assert rule(watching(lambda t: {"utilization": None})) is None
    assert rule(make_case()) is None
    assert rule(replace(case, state="finished")) is None
