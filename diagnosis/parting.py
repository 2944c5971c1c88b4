"""Where training and validation part: the training data changed, and validation is still of the old."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.reference import medians_until
from diagnosis.series import Series
from diagnosis.shifts import data_shifts
from diagnosis.spikes import FULL_BATCH_FLOOR, MICRO_BATCH_FLOOR, find_spikes
from diagnosis.trend import eval_standard_error
from parsers.records import Floats, Ints

PARTED, PARTED_BLIND, ERRORS = 0.3, 0.5, 8.0
"""Nats by which validation must leave training: at least, and where too few evals came before to know their error."""
EVALS_NEEDED = 2
"""In a row: one may be a bad draw."""
ROWS_OF_LEVEL = 16
"""Their median is the training loss at an eval where its split has none."""


@dataclass(frozen=True, slots=True)
class Parting:
    """The training loss jumped and came back, validation stayed up. Losses in nats."""

    jump_step: int
    seen_step: int
    eval_steps: tuple[int, int]
    """Of the last eval before the jump and of the second one after it."""
    val: tuple[float, float]
    train: tuple[float, float]


def onset(case: Case) -> int | None:
    """The step at which the data first changed, in level or by a parting; the evidence is complete only later."""
    steps = [shift.first_step for shift in data_shifts(case)]
    parting = parting_of(case)
    return min(steps + ([] if parting is None else [parting.jump_step]), default=None)


def parting_of(case: Case) -> Parting | None:
    """The first jump of the training loss after which validation and training went apart."""
    val, train = case.metric("val_loss").finite, case.metric("train_loss").finite
    if len(val) < EVALS_NEEDED + 1 or len(train) < ROWS_OF_LEVEL:
        return None
    floor = MICRO_BATCH_FLOOR if case.traits.train_loss == "micro-batch" else FULL_BATCH_FLOOR
    for spike in find_spikes(train, floor):
        after = int(np.searchsorted(val.steps, spike.seen_step, side="left"))
        before = int(np.searchsorted(val.steps, spike.first_step, side="left")) - 1
        last = after + EVALS_NEEDED - 1
        if before < 0 or last >= len(val) or min(val.values[after : last + 1]) - val.values[before] <= PARTED:
            continue
        at = np.array([before, *range(after, last + 1)])
        own = _own_level(case, train, val.steps[at])
        if _parts(case, val.until(float(val.steps[before])), val.values[at], own):
            steps = (int(val.steps[before]), int(val.steps[last]))
            levels = ((float(values[0]), float(values[-1])) for values in (val.values[at], own))
            return Parting(spike.first_step, steps[1], steps, *levels)
    return None


def _own_level(case: Case, train: Series, steps: Ints) -> Floats:
    """The training loss at these evals: that of its train split, else the median of 16 rows."""
    own = case.metric("eval_train_loss").at(steps)
    return own if np.isfinite(own).all() else medians_until(train, steps, ROWS_OF_LEVEL)


def _parts(case: Case, known: Series, val: Floats, own: Floats) -> bool:
    """Whether validation rose from the first to all other evals, by so much more than training did.

    `known` are the evals up to the first: what one of them is worth.
    """
    rise, fell_behind = val[1:] - val[0], own[1:] - own[0]
    least = min(rise.min(), (rise - fell_behind).min())
    if not least > PARTED or fell_behind[-1] >= rise[-1] / 2:
        return False
    error = eval_standard_error(known, case.metric("eval_train_loss").until(float(known.steps[-1])))
    return bool(least > (PARTED_BLIND if error is None else max(PARTED, ERRORS * error)))
