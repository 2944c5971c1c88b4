"""What several runs can be laid side by side by: steps, tokens, time and FLOPs, each only where it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from diagnosis.case import Case
from diagnosis.model import flops_per_token
from diagnosis.run import WALL_SECONDS
from diagnosis.series import Series
from diagnosis.statistics import begins_at_start
from diagnosis.steady import WARM_UP_ROWS, eval_rows
from parsers.records import Floats

Axis = Literal["step", "epoch", "tokens", "seconds", "flops"]
AXES: tuple[Axis, ...] = ("step", "epoch", "tokens", "seconds", "flops")
FEWEST_TIMES = 20
"""Logged seconds from which their sum is better than the steady speed."""
MOST_OVERHEAD = 0.9
"""An evaluation share above this is a misreading, and dividing by what is left would blow it up."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the rows of one metric stand on an axis: one column a run, None where the run's are unknown."""

    axis: Axis
    columns: tuple[Floats | None, ...]
    how: str | None = None
    """For people: what the axis is counted from, where that is not the log's own number."""


def places_of(axis: Axis, cases: Sequence[Case], series: Sequence[Series]) -> Places:
    """The places of finite series on one axis, counted alike for all runs.

    Epochs are there for logs that print no steps: of the same data they are the same amount of it.
    Tokens are those logged, else updates x tokens of one. Seconds since the start are those of the logs' clocks where
    every run has one unbroken, else the sum of the steps' seconds, evaluations spread over them. FLOPs are tokens x
    6N + 12 L H Q T where every shape is known, else x 6N.
    """
    pairs = list(zip(cases, series, strict=True))
    if axis == "step":
        return Places(axis, tuple(_steps(case, one) for case, one in pairs))
    if axis == "epoch":
        return Places(axis, tuple(_epochs(case, one) for case, one in pairs))
    if axis == "tokens":
        return Places(axis, tuple(_tokens(case, one) for case, one in pairs))
    if axis == "flops":
        return _flops(pairs)
    clocks = [_by_clock(case, one) for case, one in pairs]
    if all(clock is not None for clock, (_, one) in zip(clocks, pairs, strict=True) if len(one)):
        return Places(axis, tuple(clocks), "by the clock of the logs")
    return Places(
        axis, tuple(_by_speed(case, one) for case, one in pairs), "counted as the sum of the steps' seconds, no pauses"
    )


def _steps(case: Case, series: Series) -> Floats | None:
    """The optimiser steps of the rows; None where the trainer's steps are something else."""
    return series.steps.astype(np.float64) if len(series) and case.traits.steps_count == "updates" else None


def _epochs(case: Case, series: Series) -> Floats | None:
    if not len(series):
        return None
    if case.traits.steps_count == "epochs":
        return series.steps.astype(np.float64)
    return _of_column(case, "epoch", series)


def _of_column(case: Case, name: str, series: Series) -> Floats | None:
    """What the log counts in a column of its own, at the rows of a series."""
    column = case.metric(name).finite
    return np.asarray(np.interp(series.steps, column.steps, column.values), np.float64) if len(column) else None


def _tokens(case: Case, series: Series) -> Floats | None:
    if not len(series):
        return None
    logged = _of_column(case, "tokens", series)
    if logged is not None:
        return logged
    if case.tokens_per_step is None or case.traits.steps_count != "updates":
        return None
    traits = case.traits
    ahead = traits.updates_at_train_row if series.name == "train_loss" else traits.updates_at_eval_row
    return np.asarray((series.steps + ahead) * float(case.tokens_per_step), np.float64)


def _flops(pairs: Sequence[tuple[Case, Series]]) -> Places:
    exact = [_work(case, exact=True) for case, _ in pairs]
    rough = [_work(case, exact=False) for case, _ in pairs]
    alike = all(e is not None for e, r in zip(exact, rough, strict=True) if r is not None)
    columns = []
    for (case, one), work in zip(pairs, exact if alike else rough, strict=True):
        tokens = _tokens(case, one)
        columns.append(None if work is None or tokens is None else tokens * work)
    return Places("flops", tuple(columns), "counted as 6N + attention" if alike else "counted as 6N, without attention")


def _work(case: Case, *, exact: bool) -> float | None:
    """FLOPs of one token; None where the size, or for the exact number the shape, is unknown."""
    size = case.size
    if size is None or size.parameters is None:
        return None
    return flops_per_token(size.parameters, size.shape) if exact else 6.0 * size.parameters


def _by_clock(case: Case, series: Series) -> Floats | None:
    """Seconds since the start by the log's clock; None where it was set back or stood still between two segments."""
    wall = case.metric(WALL_SECONDS).finite
    if len(wall) < 2 or not len(series) or len(case.segments) > 1 or bool(np.any(np.diff(wall.values) < 0)):
        return None
    if series.steps[0] < wall.steps[0] or series.steps[-1] > wall.steps[-1]:
        return None
    before = 0.0
    if not begins_at_start(wall.steps):
        speed = _seconds_per_step(case)
        if speed is None:
            return None
        before = float(wall.steps[0]) * speed
    return np.asarray(np.interp(series.steps, wall.steps, wall.values) - wall.values[0] + before, np.float64)


def _by_speed(case: Case, series: Series) -> Floats | None:
    """The sum of the logged seconds of plain steps, else steps x the steady seconds; evaluations spread over all."""
    steps, speed = _steps(case, series), _seconds_per_step(case)
    if steps is None or speed is None or case.efficiency is None or case.efficiency.seconds_per_step is None:
        return None
    seconds = case.metric("step_seconds").finite
    plain = seconds.values > 0
    if case.traits.step_seconds_contain_eval:
        plain &= ~eval_rows(seconds, case.number("eval_interval"), case.metric("val_loss").steps)
    # The first rows compile: they count once, not for all the steps up to the next row.
    plain[: min(WARM_UP_ROWS, max(1, len(seconds) // 5))] = False
    if plain.sum() < FEWEST_TIMES:
        return steps * speed
    at, each = seconds.steps[plain].astype(np.float64), seconds.values[plain]
    summed = np.cumsum(each * np.diff(at, prepend=0.0))
    spread = speed / case.efficiency.seconds_per_step
    return np.asarray(_straight_on(steps, at, summed, each[-1]) * spread, np.float64)


def _straight_on(steps: Floats, at: Floats, summed: Floats, last: float) -> Floats:
    """The sums at other steps: from 0 at step 0, and on at the last speed beyond the last one."""
    inside = np.interp(steps, np.append(0.0, at), np.append(0.0, summed))
    return np.asarray(inside + np.maximum(0.0, steps - at[-1]) * last, np.float64)


def _seconds_per_step(case: Case) -> float | None:
    """Of a steady step, evaluations and checkpoints spread over all."""
    speed = case.efficiency
    if speed is None or speed.seconds_per_step is None or case.traits.steps_count != "updates":
        return None
    return speed.seconds_per_step / (1 - min(speed.overhead or 0.0, MOST_OVERHEAD))
