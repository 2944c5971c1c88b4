"""Whether a run lives: its state, how long it may be silent, and when it will be done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.case import State, Steps
from diagnosis.run import WALL_SECONDS, Run
from diagnosis.series import Series

SHORTEST_LIMIT_SECONDS = 30.0
"""Judgement: file systems, containers and SSH hold lines back for seconds."""
LIMIT_BEFORE_STEPS_SECONDS = 600.0
"""Compiling, loading data and a first evaluation may take minutes."""
GAPS_OF_SILENCE = 10.0
"""Times the longest gap so far: judgement. A checkpoint or an evaluation that none of the lines has shown yet."""
LONG_GAPS, LONG_GAP_SECONDS = 2.0, 600.0
"""Where lines are minutes apart, ten gaps would be hours of a hung GPU: two and ten minutes are enough."""
STALLS_END = 20.0
"""Silence of so many limits is the end, where no process is seen to have the log open."""
LINES_OF_A_BUFFER = 250
"""Python writes to a file in blocks of 8 KiB, some 140 lines of a short step line, unless told to flush."""
ROWS_SEEN = 200
"""The newest lines, whose gaps are what is usual now."""
PLANS = {"updates": "planned_steps", "epochs": "planned_epochs"}
"""What the steps number -> the fact that says how many there will be. Of rows and micro-batches nobody plans."""
NON_FINITE_ROWS = 3
"""One or two may be steps that float16's scaler skipped."""
ROWS_OF_PAUSES, FEWEST_ROWS = 5000, 20
"""Enough lines that checkpoints, thousands of steps apart, are among them."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What is known of the log's silence when it was looked at. Seconds; None is unknown."""

    seconds: float | None
    over: bool = False
    """Nothing can come any more: the end of a pipe, of a compressed file, of what the user asked for."""
    writers: int | None = None
    """How many processes on this machine have the log open for writing."""
    half_line: bool = False
    """The log ends within a line: its writer holds lines back until a block is full."""
    seen_alive: bool = False
    """The log grew while it was watched: only then, or while a process has it open, can silence be a stall."""


def steps_of(run: Run) -> Steps:
    """Where the run is, in steps as printed and in optimiser steps done."""
    done = [s.last_step + n for s, n in _update_marks(run) if s.last_step is not None]
    counts = run.traits.steps_count
    planned = run.facts.get(PLANS.get(counts, ""))
    whole = planned is not None and isinstance(planned.value, int | float) and not isinstance(planned.value, bool)
    return Steps(
        first=run.first_step,
        last=run.last_step,
        planned=int(planned.value) if planned is not None and whole else None,
        updates=max(done, default=None) if counts == "updates" else None,
    )


def _update_marks(run: Run) -> list[tuple[Series, int]]:
    traits = run.traits
    return [
        (run.series("train_loss"), traits.updates_at_train_row),
        (run.series("step_seconds"), traits.updates_at_train_row),
        (run.series("val_loss"), traits.updates_at_eval_row),
    ]


def longest_gap_seconds(run: Run) -> float | None:
    """The longest time between two lines that the run has shown lately, evaluations included; None if unknown."""
    wall = run.series(WALL_SECONDS).values[-ROWS_SEEN:]
    if len(wall) > 1:
        return float(np.diff(wall).max())
    rows = run.series("step_seconds").finite
    if len(rows) < 2:
        return None
    steps, seconds = rows.steps[-ROWS_SEEN:], rows.values[-ROWS_SEEN:]
    plain = float(np.median(seconds))
    return float((seconds[1:] + plain * np.maximum(np.diff(steps) - 1, 0)).max())


def silence_limit_seconds(run: Run, silence: Silence) -> float:
    """Silence longer than this is not explained by evaluations, checkpoints, slow steps or a writer's buffer."""
    gap = longest_gap_seconds(run)
    if gap is None:
        return LIMIT_BEFORE_STEPS_SECONDS
    buffered = LINES_OF_A_BUFFER * (typical_gap_seconds(run) or gap) if silence.half_line else 0.0
    patience = min(GAPS_OF_SILENCE * gap, LONG_GAPS * gap + LONG_GAP_SECONDS)
    return max(SHORTEST_LIMIT_SECONDS, patience, buffered)


def typical_gap_seconds(run: Run) -> float | None:
    """The usual time between two lines."""
    rows = run.series("step_seconds").finite
    if len(rows) < 2:
        return None
    return float(np.median(rows.values[-ROWS_SEEN:]) * np.median(np.diff(rows.steps[-ROWS_SEEN:])))


def state_of(run: Run, steps: Steps, silence: Silence) -> State:
    """The run's state as the contract names it."""
    if _crashed(run):
        return "crashed"
    if steps.last is None:
        over = any(n.kind == "end" for n in run.notices)
        return "finished" if over else "stopped" if silence.over and run.facts else "waiting"
    if _non_finite_to_the_end(run):
        return "diverged"
    if _said_end(run):
        return "finished"
    if steps.planned is not None and steps.planned - steps.last <= 1:
        return "finished"
    state = _by_silence(run, silence)
    if state == "stopped" and steps.planned is not None and steps.planned - steps.last <= _log_interval(run):
        return "finished"
    return state


def _by_silence(run: Run, silence: Silence) -> State:
    if silence.over:
        return "stopped"
    if silence.seconds is None:
        return "running"
    gap, limit = longest_gap_seconds(run), silence_limit_seconds(run, silence)
    # A file that nobody here has open is over, unless its writer sits elsewhere or opens it anew for each line.
    if silence.writers == 0 and gap is not None and silence.seconds > max(2.0, 3 * gap):
        return "stopped"
    if silence.seconds <= limit:
        return "running"
    if silence.writers:
        return "stalled"
    # An old log that nobody was seen to write is a run that ended, not one that hangs.
    return "stalled" if silence.seen_alive and silence.seconds <= STALLS_END * limit else "stopped"


def _crashed(run: Run) -> bool:
    """Whether the last that the log tells is an error: no step follows it."""
    last = run.last_step
    return any(
        n.kind in ("traceback", "out-of-memory") and (last is None or (n.step is not None and n.step >= last))
        for n in run.notices
    )


def _said_end(run: Run) -> bool:
    """Whether the trainer said that it is done, and no step follows."""
    last = run.last_step
    return any(n.kind == "end" and n.step is not None and last is not None and n.step >= last for n in run.notices)


def _non_finite_to_the_end(run: Run) -> bool:
    tail = run.series("train_loss").values[-NON_FINITE_ROWS:]
    return len(tail) == NON_FINITE_ROWS and not np.isfinite(tail).any()


def _log_interval(run: Run) -> int:
    steps = run.series("train_loss").steps[-20:]
    return int(np.median(np.diff(steps))) if len(steps) > 1 else 1


def eta_seconds(
    steps: Steps,
    seconds_per_step: float | None,
    eval_seconds: float | None,
    eval_interval: float | None,
    pauses: float | None = None,
) -> float | None:
    """Seconds to the planned end, evaluations and checkpoints to come included; None where plan or speed is unknown.

    `pauses` is `pauses_of` the run, where its lines carry the time of day; else the evaluations are counted.
    """
    if steps.planned is None or steps.updates is None or seconds_per_step is None:
        return None
    left = max(0, steps.planned - steps.updates)
    if pauses is not None:
        return left * seconds_per_step * pauses
    evals = (steps.planned // eval_interval - steps.updates // eval_interval) if eval_interval else 0
    return left * seconds_per_step + evals * (eval_seconds or 0.0)


def pauses_of(run: Run) -> float | None:
    """How much longer the run takes than its plain steps: 1.1 where evaluations and checkpoints take a tenth more.

    By the wall clock of the newest lines of the last segment. None where the lines carry none, where there are fewer
    than 20, and where one gap is half of the time: that was a machine at sleep, and says nothing of what will come.
    """
    wall = run.series(WALL_SECONDS).finite
    starts = [s.first_step for s in run.segments if s.first_step is not None]
    wall = wall.since(starts[-1]) if starts else wall
    steps, seconds = wall.steps[-ROWS_OF_PAUSES:], wall.values[-ROWS_OF_PAUSES:]
    if len(steps) < FEWEST_ROWS:
        return None
    gaps, whole = np.diff(seconds), float(seconds[-1] - seconds[0])
    timed = run.series("step_seconds").finite.since(int(steps[0])).values
    if not len(timed) or gaps.min() < 0 or gaps.max() > whole / 2 or not (plain := float(np.median(timed))) > 0:
        return None
    return max(1.0, whole / (plain * float(steps[-1] - steps[0])))
