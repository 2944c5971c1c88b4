from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from watched import GIB, MINE, START, WORKING, watch, watch_all

from diagnosis.gpu_past import KEPT_SECONDS, LONGEST_READING_SECONDS, MOST_WINDOWS, GpuWatch, key_of
from gpu.sample import GpuProcess, GpuSample


def test_readings_are_kept_with_their_times_and_steps() -> None:
    """A reading a second, with the log's newest step."""
    _, (past,) = watch(90, lambda t: {"utilization": t / 100}, step=lambda t: t // 10)

    assert past.gpu == "GPU-1"
    assert past.seconds.tolist() == [START + t for t in range(90)]
    assert past.weights[1:].tolist() == [1.0] * 89
    assert past.steps[[0, 9, 10, 89]].tolist() == [0, 0, 1, 8]
    assert past.utilization[57] == pytest.approx(0.57)


def test_what_could_not_be_read_is_unknown() -> None:
    """No utilisation, no clock and no throttle reasons under MIG; no step before the first."""
    blind = {"utilization": None, "sm_clock_hz": None, "throttle": None}
    _, (past,) = watch(5, lambda t: blind, step=lambda t: None)

    assert np.isnan(past.utilization).all()
    assert np.isnan(past.clock_hz).all()
    assert np.isnan(past.steps).all()
    assert past.throttle.tolist() == [-1] * 5
    assert past.under("hw_thermal", "display_clocks").sum() == 0


def test_seconds_under_a_reason_are_counted_once() -> None:
    """Two reasons at once are one slow second."""
    _, (past,) = watch(60, lambda t: {"throttle": ("hw_slowdown", "hw_thermal") if t >= 40 else ("sw_power_cap",)})

    assert past.under("hw_thermal").sum() == pytest.approx(20)
    assert past.under("hw_thermal", "hw_slowdown").sum() == pytest.approx(20)
    assert past.under("sw_power_cap").sum() == pytest.approx(39.9)
    assert past.under("sw_thermal").sum() == 0


def test_fast_readings_are_left_out() -> None:
    """A log that wakes the monitor four times a second adds no readings."""
    taken = GpuWatch()
    for quarter in range(40):
        taken.take((WORKING,), START + quarter / 4, 1)

    assert len(taken.past()[0].seconds) == 10


def test_the_past_is_half_an_hour_and_bounded() -> None:
    """Three hours of readings keep the last half hour, and the highs of all three."""
    _, (past,) = watch(10_800, lambda t: {})

    assert KEPT_SECONDS - 2 <= past.seconds[-1] - past.seconds[0] <= KEPT_SECONDS
    assert len(past.window_highs) == 180


def test_a_slow_interval_keeps_half_an_hour_too() -> None:
    """A reading every 10 seconds is 10 seconds of the past."""
    _, (past,) = watch(7200, lambda t: {}, every=10)

    assert past.weights.sum() == pytest.approx(KEPT_SECONDS, rel=0.01)


def test_a_machine_that_slept_did_not_compute_meanwhile() -> None:
    """Eight hours between two readings count as a few seconds; a clock that is set back counts nothing."""
    taken = GpuWatch()
    for at in (0.0, 1.0, 28_801.0, 28_802.0, 20_000.0, 20_001.0):
        taken.take((WORKING,), START + at, 1)
    (past,) = taken.past()

    assert past.weights[1:].tolist() == [1.0, LONGEST_READING_SECONDS, 1.0, 0.0, 1.0]


def test_memory_is_kept_as_highs_of_the_minute() -> None:
    """The most of each minute, with the step at its end."""
    _, (past,) = watch(180, lambda t: {"processes": (), "memory_used_bytes": (t % 60) * GIB}, step=lambda t: t)

    assert past.window_highs.tolist() == [59 * GIB] * 3
    assert past.window_steps.tolist() == [59, 119, 179]
    assert not past.highs_of_run


def test_a_long_watch_merges_its_windows() -> None:
    """A day at a minute each would be 1,440; the highest and the newest step of two are kept."""
    _, (past,) = watch(86_400, lambda t: {"processes": (), "memory_used_bytes": t * GIB}, every=30)

    assert MOST_WINDOWS // 2 <= len(past.window_highs) <= MOST_WINDOWS
    assert (np.diff(past.window_highs) > 0).all()
    assert past.window_highs[-1] == (86_400 - 30) * GIB
    assert past.window_steps[-1] == 86_400 - 30


def test_the_runs_own_memory_is_preferred() -> None:
    """Where its processes are known, a neighbour's memory does not count; what was seen before they were known goes."""
    neighbour = GpuProcess(7, 2 * GIB, "other", this_run=False)
    _, (past,) = watch(180, lambda t: {} if t < 60 else {"processes": (MINE, neighbour)})
    _, (later,) = watch(180, lambda t: {"processes": (replace(MINE, this_run=None if t < 120 else True),)})

    assert past.highs_of_run
    assert set(past.window_highs) == {9 * GIB}
    assert later.highs_of_run
    assert len(later.window_highs) == 1


def test_gpus_are_told_apart_and_ones_that_are_not_here_are_left_out() -> None:
    """By UUID, else by index; one that --gpu only names, or that fell off the bus, has no past."""
    other = replace(WORKING, index=1, uuid=None)
    pasts = watch_all((WORKING, other, GpuSample(None, "RTX 4090"), GpuSample(2, "X", faults=(("gpu", "lost"),))), 3)

    assert [past.gpu for past in pasts] == ["GPU-1", "1"]
    assert key_of(GpuSample(None, "RTX 4090")) is None


def test_what_was_given_away_never_changes() -> None:
    """A case keeps its view while the watch goes on beyond its table."""
    taken = GpuWatch()
    taken.take((WORKING,), START, 1)
    before = taken.past()[0]
    for t in range(1, 8000):
        taken.take((replace(WORKING, utilization=0.1),), START + t, t)

    assert before.utilization.tolist() == [0.98]
    assert len(taken.past()[0].seconds) <= KEPT_SECONDS


def test_minutes_pass_only_while_a_gpu_is_watched() -> None:
    """What asks for another look although nothing else is new."""
    taken = GpuWatch()
    taken.take((), START + 3600, 1)
    none = taken.minutes
    for t in (0, 59, 60, 125):
        taken.take((WORKING,), START + t, 1)

    assert (none, taken.minutes) == (0, 2)
