"""The seconds of a plain step, and what evaluations and checkpoints add to theirs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.series import Series
from parsers.records import Ints

Bools = npt.NDArray[np.bool_]

STEADY_ROWS = 50
"""Rows whose median is the steady speed: enough against jitter, few enough to follow a change."""
WARM_UP_ROWS = 5
"""Rows at the start that compile and warm up; a fifth of the rows in a log that has fewer than 25."""
SLOW_ROW = 2.0
"""Where evaluations are not announced, a row of more than this many medians holds one."""
LEAST_EVAL_SHARE = 0.1
"""Below this share of a step what an eval row takes longer is noise: the trainer does not time its evals."""


@dataclass(frozen=True, slots=True)
class EvalCost:
    """What evaluation and checkpoint cost: seconds on top of their step, and the share of the wall time."""

    seconds: float
    share: float | None


def eval_rows(seconds: Series, interval: float | None, eval_steps: Ints | None = None) -> Bools:
    """Which rows of `seconds` timed an evaluation too, bool of shape (n,).

    Those at a multiple of `interval` (steps); where that is unknown those at one of `eval_steps`, and where both are
    unknown those of more than SLOW_ROW medians.
    """
    if interval is not None and interval >= 1:
        return np.asarray(seconds.steps % round(interval) == 0)
    if eval_steps is not None and len(eval_steps):
        return np.isin(seconds.steps, eval_steps)
    known = seconds.finite.values
    if not len(known):
        return np.zeros(len(seconds), np.bool_)
    return np.asarray(seconds.values > SLOW_ROW * np.median(known))


def steady_rows(
    seconds: Series,
    *,
    contain_eval: bool,
    eval_interval: float | None = None,
    eval_steps: Ints | None = None,
    window: int = STEADY_ROWS,
) -> Series:
    """The newest `window` rows that time a plain step: no evaluation or checkpoint, no compilation."""
    start = max(len(seconds) - 4 * window, min(WARM_UP_ROWS, max(1, len(seconds) // 5)))
    tail = Series(seconds.name, seconds.steps[start:], seconds.values[start:])
    plain = np.isfinite(tail.values) & (tail.values > 0)
    if contain_eval:
        plain &= ~eval_rows(tail, eval_interval, eval_steps)
    return Series(seconds.name, tail.steps[plain][-window:], tail.values[plain][-window:])


def steady_step_seconds(
    seconds: Series,
    *,
    contain_eval: bool,
    eval_interval: float | None = None,
    eval_steps: Ints | None = None,
    window: int = STEADY_ROWS,
) -> float | None:
    """Seconds of one plain step, the median of steady_rows; None where there is no such row."""
    rows = steady_rows(
        seconds, contain_eval=contain_eval, eval_interval=eval_interval, eval_steps=eval_steps, window=window
    )
    return float(np.median(rows.values)) if len(rows) else None


def eval_cost(
    seconds: Series, steady: float, eval_interval: float | None, eval_steps: Ints | None = None
) -> EvalCost | None:
    """What the newest evaluations added to their steps, where their rows time them too; None where none is seen."""
    at = _announced(seconds, eval_interval, eval_steps)
    rows = np.searchsorted(seconds.steps, at)
    rows = rows[(rows > 0) & (rows < len(seconds))]
    rows = rows[np.isin(seconds.steps[rows], at)]
    values = seconds.values[rows]
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    extra = float(np.median(values)) - steady
    if extra <= LEAST_EVAL_SHARE * steady:
        return None
    every = eval_interval
    if every is None and eval_steps is not None and len(eval_steps) > 1:
        every = float(np.median(np.diff(eval_steps[-STEADY_ROWS:])))
    return EvalCost(extra, None if not every else extra / (extra + every * steady))


def _announced(seconds: Series, interval: float | None, eval_steps: Ints | None) -> Ints:
    if not len(seconds):
        return np.empty(0, np.int64)
    if interval is not None and interval >= 1:
        every, last = round(interval), int(seconds.steps[-1])
        newest = last // every
        return np.arange(max(1, newest - STEADY_ROWS), newest + 1, dtype=np.int64) * every
    return np.empty(0, np.int64) if eval_steps is None else eval_steps[-STEADY_ROWS:]
