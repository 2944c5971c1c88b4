"""parsers/timeline.py: when each record was printed, in the run's own seconds."""

from __future__ import annotations

import numpy as np
import pytest

from parsers.records import Fact, Notice, Points, Recognised, Record, Restart, Traits
from parsers.timeline import Timeline, Track, timeline

NANOGPT = Traits(updates_at_train_row=1, updates_at_eval_row=0, step_seconds_contain_eval=True)
RECOGNISED = Recognised("nanogpt", "nanoGPT", NANOGPT, "a test")


def train(steps: list[int], seconds: list[float]) -> Points:
    """Rows that say how long their step took."""
    return Points(
        np.array(steps, np.int64), {"train_loss": np.linspace(9, 3, len(steps)), "step_seconds": np.array(seconds)}
    )


def evals(steps: list[int]) -> Points:
    """Rows of evaluations."""
    return Points(np.array(steps, np.int64), {"eval_train_loss": np.ones(len(steps)), "val_loss": np.ones(len(steps))})


def fact(name: str) -> Fact:
    """A fact of no matter."""
    return Fact(name, 1, "log", "line 1")


def track(line: Timeline, metric: str, number: int = 0) -> Track:
    """The track of that metric, in the segment of that number."""
    return [t for t in line.tracks if metric in t.points.columns][number]


def when(line: Timeline, record: Record) -> float:
    """When that record comes."""
    return next(mark.time for mark in line.marks if mark.record is record)


def test_steps_between_rows_take_the_typical_time() -> None:
    """A row each 10 steps: 9 typical steps and its own. The slow row that holds an eval does not set the pace."""
    line = timeline([RECOGNISED, train([0, 10, 20, 30], [30.0, 2.0, 20.0, 2.0]), evals([20])])
    assert track(line, "train_loss").times.tolist() == [30.0, 50.0, 88.0, 108.0]
    assert line.seconds == 108.0


def test_rows_that_hold_an_eval_do_not_set_the_pace() -> None:
    """Three of four rows hold an eval: the typical step is that of the fourth."""
    line = timeline([RECOGNISED, train([0, 10, 20, 25], [30.0, 20.0, 20.0, 2.0]), evals([0, 10, 20])])
    assert track(line, "train_loss").times.tolist() == [30.0, 68.0, 106.0, 116.0]


def test_a_log_that_starts_in_the_middle_starts_at_its_first_row() -> None:
    """The 27,800 steps before the first row are not waited for."""
    line = timeline([train([27_800, 27_850], [0.5, 0.5])])
    assert track(line, "train_loss").times.tolist() == [0.5, 25.5]


@pytest.mark.parametrize("unknown", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_step_without_a_time_took_the_typical_one(unknown: float) -> None:
    """What is no duration is replaced by the median."""
    line = timeline([train([1, 2, 3], [2.0, unknown, 2.0])])
    assert track(line, "train_loss").times.tolist() == [2.0, 4.0, 6.0]


def test_a_window_mean_holds_for_each_step_of_the_window() -> None:
    """Where the row tells the mean since the last row, each step took that long."""
    line = timeline([train([10, 20, 30], [1.0, 2.0, 4.0])], Traits(step_seconds="window mean"))
    assert track(line, "train_loss").times.tolist() == [1.0, 21.0, 61.0]


def test_without_any_time_a_step_takes_a_second() -> None:
    """Train rows set the clock."""
    points = Points(np.array([5, 6, 10]), {"train_loss": np.ones(3)})
    assert track(timeline([points]), "train_loss").times.tolist() == [1.0, 2.0, 6.0]


def test_wall_clock_times_are_taken_as_they_are() -> None:
    """From the first row on; a clock that was set back stands still; an unknown time is the one before."""
    seconds = np.array([np.nan, 1000.0, 1010.0, 1005.0, 1030.0])
    points = Points(np.arange(5), {"train_loss": np.ones(5), "step_seconds": np.full(5, 99.0)}, seconds)
    line = timeline([points, evals([2, 4])])
    assert track(line, "train_loss").times.tolist() == [0.0, 0.0, 10.0, 10.0, 30.0]
    assert track(line, "val_loss").times.tolist() == [10.0, 30.0]


def test_an_eval_waits_for_the_train_row_that_was_printed_after_it() -> None:
    """As nanoGPT prints step N before iter N: the eval comes with iter N, or the next iter that was logged."""
    line = timeline([RECOGNISED, train([0, 10, 20, 30], [1.0] * 4), evals([0, 10, 15, 30])])
    assert track(line, "val_loss").times.tolist() == [1.0, 11.0, 21.0, 31.0]


def test_an_eval_that_is_printed_after_its_train_row_waits_for_the_next() -> None:
    """Where both have done the same updates, the order is not known: the later row is safe."""
    traits = Traits(updates_at_train_row=1, updates_at_eval_row=1)
    line = timeline([train([1, 2, 3], [1.0] * 3), evals([1, 2])], traits)
    assert track(line, "val_loss").times.tolist() == [2.0, 3.0]


def test_a_last_eval_comes_when_its_step_would_have() -> None:
    """No train row follows: the missing steps take the typical time, and the log is that long."""
    line = timeline([RECOGNISED, train([0, 10], [2.0, 2.0]), evals([14])])
    assert track(line, "val_loss").times.tolist() == [28.0]
    assert line.seconds == 28.0


def test_rows_of_the_same_metrics_become_one_track() -> None:
    """Blocks of a log read in pieces are joined, in order; one block is not copied."""
    first, second = train([0, 1], [1.0, 1.0]), train([2], [1.0])
    joined = timeline([first, evals([0]), second])
    assert track(joined, "train_loss").points.steps.tolist() == [0, 1, 2]
    assert len(joined.tracks) == 2
    assert track(timeline([first]), "train_loss").points is first


def test_rows_without_mfu_tell_the_time_too() -> None:
    """Rows with and without a column share the clock, by step."""
    with_mfu = train([5, 6], [1.0, 1.0])
    with_mfu = Points(with_mfu.steps, {**with_mfu.columns, "mfu": np.ones(2)})
    line = timeline([train([3, 4], [1.0, 1.0]), with_mfu])
    assert line.times.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_facts_come_with_the_rows_before_them() -> None:
    """Before the first row: at once. Behind a block: with its last row, since nothing may come too early."""
    early, late = fact("n_layer"), fact("dataset")
    line = timeline([RECOGNISED, early, train([0, 1, 2], [1.0] * 3), late])
    assert [when(line, record) for record in (RECOGNISED, early, late)] == [0.0, 0.0, 3.0]


def test_notices_come_with_their_step() -> None:
    """With the first row at that step or beyond; without a step, with the rows before them."""
    rows = train([0, 10, 20], [1.0] * 3)
    saved, crash, first = Notice("checkpoint", "", 15), Notice("traceback", "", 20), Notice("warning", "")
    line = timeline([first, rows, saved, crash])
    assert [when(line, notice) for notice in (first, saved, crash)] == [0.0, 21.0, 21.0]


def test_segments_follow_one_another() -> None:
    """A restarted run's clock goes on; the Restart stands at the end of what was before it."""
    restart = Restart(5, "resumed")
    resumed = Notice("resume", "", 9)
    line = timeline([RECOGNISED, train([8, 9], [1.0, 1.0]), restart, resumed, train([5, 6, 9], [2.0] * 3)])
    assert track(line, "train_loss").times.tolist() == [1.0, 2.0]
    assert when(line, restart) == when(line, resumed) == 2.0
    assert track(line, "train_loss", 1).times.tolist() == [4.0, 6.0, 12.0]
    assert line.steps.tolist() == [8, 9, 5, 6, 9]
    assert line.seconds == 12.0


def test_days_between_two_segments_are_not_waited_for() -> None:
    """Wall-clock times count within a segment only."""
    first = Points(np.arange(2), {"train_loss": np.ones(2)}, np.array([0.0, 10.0]))
    second = Points(np.arange(2), {"train_loss": np.ones(2)}, np.array([900_000.0, 900_010.0]))
    assert timeline([first, Restart(0, ""), second]).seconds == 20.0


@pytest.mark.parametrize("records", [[], [RECOGNISED, fact("n_layer")], [Restart(None, "")], [evals([100, 200])]])
def test_little_is_enough(records: list[Record]) -> None:
    """Nothing, only facts, only a restart, only evals: still a timeline."""
    line = timeline(records)
    assert np.isfinite(line.seconds)
    assert len(line.marks) + len(line.tracks) == len(records)


def test_steps_that_repeat_cost_no_time() -> None:
    """Two ranks printing the same step are one step."""
    assert track(timeline([train([1, 1, 2, 2], [3.0] * 4)]), "train_loss").times.tolist() == [3.0, 3.0, 6.0, 6.0]
