"""Blocks of plain steps: the same however the rows came, and without those that timed an evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from diagnosis.series import Series
from diagnosis.step_blocks import COMPILING_ROWS, UNSETTLED_ROWS, StepBlocks


def seconds(count: int = 1000) -> Series:
    """A second a step, and ten where the step is a multiple of 50."""
    steps = np.arange(count)
    noise = np.random.default_rng(1).normal(0, 0.02, count)
    return Series("step_seconds", steps, np.where(steps % 50 == 0, 10.0, 1.0) + noise)


def whole(interval: float | None, evals: np.ndarray | None = None) -> StepBlocks:
    blocks = StepBlocks(20, interval)
    blocks.extend(seconds(), evals)
    return blocks


def test_a_block_has_no_evaluation_and_no_compilation_in_it() -> None:
    """By the interval, and by the steps at which evals were logged where that is unknown."""
    by_interval, by_steps = whole(50.0), whole(None, np.arange(0, 1000, 50))

    assert by_interval.medians.max() < 1.1
    assert by_interval.starts[0] == COMPILING_ROWS
    np.testing.assert_array_equal(by_interval.starts, by_steps.starts)
    assert len(by_interval.medians) == (1000 - UNSETTLED_ROWS - COMPILING_ROWS - 19) // 20


@pytest.mark.parametrize("poll", [1, 7, 333])
def test_rows_that_come_in_parts_make_the_same_blocks(poll: int) -> None:
    """Live and afterwards."""
    everything, grown = seconds(), StepBlocks(20, 50.0)
    for count in [*range(poll, 1000, poll), 1000]:
        grown.extend(Series(everything.name, everything.steps[:count], everything.values[:count]), None)

    for name in ("medians", "quick", "starts", "ends"):
        np.testing.assert_array_equal(getattr(grown, name), getattr(whole(50.0), name))


def test_a_block_ends_where_its_last_plain_row_is() -> None:
    """Between two blocks there may be a row that timed an evaluation."""
    blocks = whole(50.0)

    assert (blocks.ends[:-1] < blocks.starts[1:]).all()
    assert (blocks.ends - blocks.starts >= 19).all()
