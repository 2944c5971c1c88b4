"""Jumps that last: one spike a stretch, followed until the loss is back, the same however the rows came."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest

from diagnosis.series import Series
from diagnosis.spikes import MOST, Spike, find_spikes

COUNT = 2000


def loss(*jumps: tuple[int, float, float], count: int = COUNT) -> Series:
    """A level loss with jumps: (row, nats, rows in which it falls to a third)."""
    values = 3 + np.random.default_rng(4).normal(0, 0.04, count)
    for at, height, lasts in jumps:
        values[at:] += height * np.exp(-np.arange(count - at) / lasts)
    return Series("train_loss", np.arange(count), values)


def grown(whole: Series, counts: range, early_steps: float = 0.0) -> list[Spike]:
    """What is found at the last of these numbers of rows, by one who looked at each of them."""
    memo: dict[Hashable, Any] = {}
    found: list[Spike] = []
    for count in counts:
        found = find_spikes(Series(whole.name, whole.steps[:count], whole.values[:count], memo), 0.12, early_steps)
    return found


@pytest.mark.parametrize("poll", [1, 7, 100])
@pytest.mark.parametrize("rows", [910, 1300, COUNT])
def test_a_spike_is_followed_as_its_rows_come(rows: int, poll: int) -> None:
    """While the first is open, when it is over, and after a second one; one row at a time and many."""
    whole = loss((900, 2.0, 50), (1500, 0.6, 1e9))
    at_once = find_spikes(Series(whole.name, whole.steps[:rows], whole.values[:rows]), 0.12)

    assert len(at_once) == (2 if rows == COUNT else 1)
    assert (at_once[-1].back_step is None) is (rows != 1300)
    assert grown(whole, range(rows - 8 * poll if poll > 10 else rows - 120, rows + 1, poll)) == at_once


def test_early_rows_count_as_long_as_they_are_early() -> None:
    """One row a nat above the first loss, up to the step that is said to be early."""
    whole = loss((0, 6.0, 40), count=300)
    whole.values[30] += 7.0

    assert [find_spikes(whole, 0.3, early) != [] for early in (29.0, 30.0)] == [False, True]
    assert grown(whole, range(10, 301, 3), 100.0) == find_spikes(
        Series("train_loss", whole.steps, whole.values), 0.3, 100.0
    )


def test_what_is_over_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rows more at the end of a log with two spikes: neither is followed anew."""
    whole = loss((500, 2.0, 20), (1200, 2.0, 20))
    memo: dict[object, Any] = {}
    before = find_spikes(Series(whole.name, whole.steps[:-10], whole.values[:-10], memo), 0.12)
    monkeypatch.setattr("diagnosis.spikes.Spike", None)

    assert len(before) == 2
    assert find_spikes(Series(whole.name, whole.steps, whole.values, memo), 0.12) == before


def test_no_more_than_fifty_are_followed() -> None:
    """A loss that jumps all the time."""
    whole = loss(*((at, 3.0, 3.0) for at in range(300, 6000, 60)), count=6100)

    assert len(find_spikes(whole, 0.12)) == MOST
