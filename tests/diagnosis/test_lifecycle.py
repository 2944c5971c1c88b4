from __future__ import annotations

import numpy as np
import pytest

from diagnosis.case import Steps
from diagnosis.lifecycle import (
    Silence,
    eta_seconds,
    longest_gap_seconds,
    pauses_of,
    silence_limit_seconds,
    state_of,
    steps_of,
)
from diagnosis.run import Run
from parsers.records import Fact, Notice, Points


def run_with(
    last: int, *, interval: int = 1, seconds: float = 0.5, loss: float = 3.0, planned: int | None = 1000
) -> Run:
    run = Run()
    if planned is not None:
        run.apply(Fact("planned_steps", planned, "log", "line 1"))
    steps = np.arange(0, last + 1, interval, dtype=np.int64)
    run.apply(Points(steps, {"train_loss": np.full(len(steps), loss), "step_seconds": np.full(len(steps), seconds)}))
    return run


def state(run: Run, silence: Silence) -> str:
    return state_of(run, steps_of(run), silence)


def test_nothing_read_is_waiting() -> None:
    """An empty log is no error."""
    assert state(Run(), Silence(5.0)) == "waiting"


def test_a_log_that_just_grew_is_running() -> None:
    """Half a second of silence in a run of half-second steps means nothing."""
    assert state(run_with(500), Silence(0.6)) == "running"


@pytest.mark.parametrize(("last", "expected"), [(998, "running"), (999, "finished"), (1000, "finished")])
def test_the_planned_step_ends_a_run_counted_inclusive_or_exclusive(last: int, expected: str) -> None:
    """Trainers end at max_iters or one before."""
    assert state(run_with(last), Silence(0.1)) == expected


def test_a_last_line_within_one_log_interval_of_the_end_is_finished_once_silent() -> None:
    """With a line every 200 steps the end falls between two lines."""
    run = run_with(800, interval=200, planned=950)

    assert state(run, Silence(1.0)) == "running"
    assert state(run, Silence(None, over=True)) == "finished"


@pytest.mark.parametrize(("last", "expected"), [(990, "finished"), (980, "stopped")])
def test_a_last_line_one_interval_before_the_end_is_that_of_an_exclusive_loop(last: int, expected: str) -> None:
    """range(1000) with a line every 10 steps ends at 990."""
    assert state(run_with(last, interval=10, planned=1000), Silence(None, over=True)) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(29.0, "running"), (31.0, "stalled"), (599.0, "stalled"), (601.0, "stopped")]
)
def test_silence_beyond_the_limit_is_a_stall_and_far_beyond_it_the_end(seconds: float, expected: str) -> None:
    """The limit of a fast run is 30 s; twenty times that is over."""
    assert state(run_with(500), Silence(seconds, seen_alive=True)) == expected


def test_an_old_log_that_nobody_was_seen_to_write_is_no_stall() -> None:
    """A finished log from elsewhere is not a job that hangs; one that a process has open is."""
    assert state(run_with(500), Silence(31.0)) == "stopped"
    assert state(run_with(500), Silence(31.0, writers=1)) == "stalled"
    assert state(run_with(500), Silence(3600.0, writers=1)) == "stalled"


def test_a_file_that_nobody_has_open_is_over_soon() -> None:
    """No writer and a silence of a few steps: the process is gone."""
    assert state(run_with(500), Silence(3.0, writers=0)) == "stopped"
    assert state(run_with(500), Silence(3.0, writers=1)) == "running"
    assert state(run_with(500), Silence(3.0, writers=None)) == "running"
    assert state(run_with(500), Silence(1.0, writers=0)) == "running"


def test_the_limit_follows_the_slowest_line_with_its_evaluation() -> None:
    """An evaluation of a minute makes ten minutes of silence normal."""
    run = run_with(500)
    run.apply(Points(np.array([501], np.int64), {"train_loss": np.array([3.0]), "step_seconds": np.array([60.0])}))

    assert longest_gap_seconds(run) == pytest.approx(60.0)
    assert silence_limit_seconds(run, Silence(1.0)) == pytest.approx(600.0)


def test_lines_far_apart_do_not_make_a_hung_job_wait_for_hours() -> None:
    """A line every 13 minutes: two of them and ten minutes of silence are a stall, not ten of them."""
    run = run_with(2000, interval=200, seconds=3.9)

    assert silence_limit_seconds(run, Silence(1.0)) == pytest.approx(2 * 780 + 600)


def test_lines_every_200_steps_have_gaps_of_200_steps() -> None:
    """The gap between lines counts, not the step's own time."""
    assert longest_gap_seconds(run_with(2000, interval=200)) == pytest.approx(100.0)


def test_a_traceback_that_nothing_follows_is_a_crash() -> None:
    """An error before the last step was survived."""
    run = run_with(500)
    run.apply(Notice("traceback", "RuntimeError: boom", 400))
    survived = state(run, Silence(0.1))
    run.apply(Notice("traceback", "RuntimeError: boom", 500))

    assert survived == "running"
    assert state(run, Silence(0.1)) == "crashed"


def test_losses_that_are_nan_to_the_end_are_a_diverged_run() -> None:
    """Three in a row: one may be a skipped step."""
    run = run_with(500)
    run.apply(Points(np.array([501, 502], np.int64), {"train_loss": np.full(2, np.nan)}))
    two = state(run, Silence(0.1))
    run.apply(Points(np.array([503], np.int64), {"train_loss": np.full(1, np.nan)}))

    assert two == "running"
    assert state(run, Silence(0.1)) == "diverged"


def test_the_eta_has_the_evaluations_to_come_in_it() -> None:
    """100 steps of 2 s and two evaluations of 30 s are 260 s."""
    assert eta_seconds(Steps(0, 899, 1000, 900), 2.0, 30.0, 50) == pytest.approx(260.0)
    assert eta_seconds(Steps(0, 899, None, 900), 2.0, 30.0, 50) is None
    assert eta_seconds(Steps(0, 899, 1000, 900), None, None, None) is None


def clocked(seconds: np.ndarray) -> Run:
    """A run with a line a step, each with its time of day."""
    run = Run()
    steps = np.arange(len(seconds), dtype=np.int64)
    run.apply(Points(steps, {"train_loss": np.full(len(steps), 3.0)}, seconds))
    return run


def test_the_eta_has_what_the_clock_shows_of_checkpoints_in_it() -> None:
    """Steps of 2 s with a checkpoint of 20 s every 100: a tenth more, so 100 steps to go are 220 s."""
    clock = np.cumsum(np.where(np.arange(1001) % 100 == 50, 22.0, 2.0))
    pauses = pauses_of(clocked(clock))

    assert pauses == pytest.approx(1.1, abs=0.005)
    assert eta_seconds(Steps(0, 899, 1000, 900), 2.0, None, None, pauses) == pytest.approx(220, abs=1)


def test_a_machine_at_sleep_says_nothing_of_the_pauses_to_come() -> None:
    """One gap of an hour among steps of 2 s is no checkpoint; neither are 10 lines evidence."""
    asleep = np.cumsum(np.where(np.arange(500) == 250, 3600.0, 2.0))
    assert pauses_of(clocked(asleep)) is None
    assert pauses_of(clocked(np.arange(10) * 2.0)) is None
    assert pauses_of(clocked(np.arange(500) * 2.0)) == pytest.approx(1.0)
    assert pauses_of(run_with(500)) is None


def test_a_log_that_ends_within_a_line_may_be_silent_for_a_buffer() -> None:
    """Python holds 8 KiB of lines back: half a second a line makes two minutes of silence normal."""
    assert state(run_with(500), Silence(100.0, writers=1)) == "stalled"
    assert state(run_with(500), Silence(100.0, writers=1, half_line=True)) == "running"
    assert state(run_with(500), Silence(130.0, writers=1, half_line=True)) == "stalled"


def test_before_the_first_step_ten_minutes_are_allowed() -> None:
    """Compiling and a first evaluation may take so long."""
    assert silence_limit_seconds(Run(), Silence(1.0)) == 600.0


@pytest.mark.parametrize(("since", "expected"), [(199, 60.0), (201, 0.5)])
def test_only_the_last_200_lines_tell_what_is_usual(since: int, expected: float) -> None:
    """A checkpoint of a minute, so many lines ago."""
    run = run_with(500)
    run.apply(Points(np.array([501], np.int64), {"train_loss": np.array([3.0]), "step_seconds": np.array([60.0])}))
    steps = np.arange(502, 502 + since - 1, dtype=np.int64)
    run.apply(Points(steps, {"train_loss": np.full(len(steps), 3.0), "step_seconds": np.full(len(steps), 0.5)}))

    assert longest_gap_seconds(run) == pytest.approx(expected)


@pytest.mark.parametrize(("lines", "known"), [(19, False), (20, True)])
def test_twenty_lines_tell_the_pauses(lines: int, known: bool) -> None:
    """From both sides."""
    assert (pauses_of(clocked(np.arange(lines) * 2.0)) is not None) is known


@pytest.mark.parametrize(("lines", "slow"), [(4998, True), (5002, False)])
def test_pauses_long_ago_are_forgotten(lines: int, slow: bool) -> None:
    """A checkpoint of 1,000 s, so many lines of 2 s ago."""
    clock = np.concatenate(([0.0], 1000.0 + 2.0 * np.arange(lines)))
    pauses = pauses_of(clocked(clock))

    assert pauses is not None
    assert (pauses > 1.05) is slow
