"""Round ticks and limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ticks import round_limits, round_step, round_up, smallest_gap, tick_label, ticks

FINITE = st.floats(-1e30, 1e30, allow_subnormal=False)


def test_ticks_are_round_numbers_inside_the_range() -> None:
    """A range of losses gets halves, a range of steps thousands."""
    assert ticks(3.25, 5.6, 6) == [3.5, 4.0, 4.5, 5.0, 5.5]
    assert ticks(0, 20_000, 5) == [0, 5_000, 10_000, 15_000, 20_000]


def test_log_ticks_are_one_two_five() -> None:
    """Over decades the ticks are powers of ten, with more between where there is room."""
    assert ticks(1, 1000, 5, log=True) == [1, 10, 100, 1000]
    assert ticks(1, 100, 8, log=True) == pytest.approx([1, 2, 5, 10, 20, 50, 100])


def test_a_short_log_axis_has_ordinary_ticks() -> None:
    """A loss from 3.5 to 6 spans no decade: round numbers serve it better."""
    assert ticks(3.5, 6.0, 5, log=True) == ticks(3.5, 6.0, 5)


def test_limits_rarely_move() -> None:
    """A best loss that falls by a hundredth leaves the range where it was, so that few cells change."""
    assert round_limits(3.57, 5.6, 16) == round_limits(3.56, 5.6, 16)


def test_an_axis_grows_in_few_jumps() -> None:
    """From 1 to 1,000,000 steps the end of an open axis takes fewer than a hundred values."""
    ends = {round_up(n) for n in range(1, 1_000_000, 97)}
    assert len(ends) < 100
    assert round_up(14_500) == 15_000


@given(FINITE, FINITE, st.integers(1, 20))
def test_limits_hold_the_range(low: float, high: float, parts: int) -> None:
    """Moved out, never in."""
    low, high = min(low, high), max(low, high)
    bottom, top = round_limits(low, high, parts)
    slack = 1e-6 * max(abs(low), abs(high), 1e-12)
    assert bottom <= low + slack
    assert top >= high - slack
    assert top > bottom


@given(FINITE, FINITE, st.integers(0, 20), st.booleans())
def test_ticks_stay_inside_and_few(low: float, high: float, most: int, log: bool) -> None:
    """For any range at all."""
    found = ticks(low, high, most, log)
    slack = 1e-6 * max(abs(low), abs(high))
    assert all(low - slack <= value <= high + slack for value in found)
    assert len(found) <= 5 * most + 9


def test_labels_have_the_decimals_of_their_step() -> None:
    """3.5 and 4.0, not 4; 2,500, not 2500.0."""
    assert tick_label(4.0, 0.5) == "4.0"
    assert tick_label(2_500, 500) == "2,500"
    assert tick_label(3.75, 0.25) == "3.75"
    assert tick_label(1e9, 1e8) == "1.0e+09"


def test_the_step_of_nothing_is_one() -> None:
    """No range, no ticks, and no division by zero."""
    assert round_step(0.0, 5) == 1.0
    assert round_step(math.inf, 5) == 1.0
    assert round_up(0) == 1.0
    assert ticks(1.0, 1.0, 5) == []
    assert smallest_gap([]) == 1.0
    assert smallest_gap([4.0]) == 4.0
