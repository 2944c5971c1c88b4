from __future__ import annotations

from dataclasses import replace

import pytest
from watched import WORKING, Change, watch

from diagnosis.throttling import Throttling, described, lines, throttling

HOT: Change = {"throttle": ("hw_slowdown", "hw_thermal"), "sm_clock_hz": 1.2e9, "temperature_c": 97.0}


def test_the_past_tells_how_long_and_at_which_clocks() -> None:
    """40 of 100 seconds, from step 60 on; it had lasted at step 69."""
    sample, (past,) = watch(100, lambda t: HOT if t >= 60 else {})

    found = throttling(sample, past)

    assert found is not None
    assert (found.reasons, found.seconds, found.step) == (("hw_slowdown", "hw_thermal"), 40.0, 69.0)
    assert found.of_seconds == pytest.approx(99.9)
    assert found.clock_hz == pytest.approx(1.2e9)
    assert found.free_clock_hz == pytest.approx(2.61e9)


def test_without_a_past_it_is_what_one_reading_says() -> None:
    """No length, and no clock of other times."""
    found = throttling(replace(WORKING, **HOT), None)

    assert found == Throttling(("hw_slowdown", "hw_thermal"), None, None, 1.2e9, None, None)
    assert throttling(WORKING, None) is None
    assert throttling(replace(WORKING, utilization=0.0, **HOT), None) is None


@pytest.mark.parametrize(("busy", "fires"), [(0.28, False), (0.32, True), (None, True)])
def test_a_gpu_that_rests_is_not_judged(busy: float | None, fires: bool) -> None:
    """Less than 30 % busy; where that was not to be read it may work."""
    change: Change = HOT | {"utilization": busy}
    sample, (past,) = watch(100, lambda t: change)

    assert (throttling(sample, past) is not None) is fires
    assert (throttling(sample, None) is not None) is fires


def test_what_is_unknown_is_left_out_of_the_words() -> None:
    """Neither clock nor temperature is guessed."""
    found = Throttling(("sw_thermal",), None, None, None, None, None)
    cold = replace(WORKING, temperature_c=None)

    assert described(WORKING, found) == "throttled (sw_thermal) at 68 °C"
    assert described(cold, replace(found, clock_hz=1.5e9)) == "throttled (sw_thermal), SM clock 1.50 GHz"
    assert lines(cold, found) == ("thermal limit (sw_thermal), by one reading",)
