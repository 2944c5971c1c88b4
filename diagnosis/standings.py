"""Who is ahead at equal steps, tokens, time and FLOPs, and whether the noise allows to say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from diagnosis.case import Case
from diagnosis.compared_axes import AXES, Axis, Places, places_of
from diagnosis.compared_levels import Curve, difference_error, eval_curve, level_at, share_for
from diagnosis.line_end import Level
from diagnosis.series import Series

RESOLVED = 2.0
"""A difference of two runs below two of its standard errors is none: noise alone makes a larger one in 5 % of cases."""
CHANCE = 0.05
"""Of calling one of several equal runs ahead."""
FARTHER = 1.1
"""Runs that go on by more than a tenth beyond the others are compared there, too."""
TRAIN = "train_loss"


@dataclass(frozen=True, slots=True)
class Standing:
    """One loss of all runs at one place of an axis; every tuple has one item a run, None where it is unknown."""

    axis: Axis
    place: float
    how: str | None
    values: tuple[float | None, ...]
    errors: tuple[float | None, ...]
    """The standard error of each value."""
    best: int
    """The run of the lowest value."""
    behind: tuple[float | None, ...]
    """By how much each value is above the best."""
    behind_errors: tuple[float | None, ...]
    """The standard error of that difference; None where the noise is unknown."""
    learning_rates: tuple[float | None, ...]
    """The learning rate there as a share of its peak."""

    @property
    def resolved(self) -> float:
        """Standard errors from which a difference is one; of more runs more, as the best of many is lucky.

        Source: Bonferroni's bound over all pairs, so that noise alone makes one ahead in 5 % of the comparisons.
        """
        runs = sum(value is not None for value in self.values)
        pairs = max(1, runs * (runs - 1) // 2)
        return max(RESOLVED, NormalDist().inv_cdf(1 - CHANCE / 2 / pairs))

    def level(self, run: int) -> bool | None:
        """Whether the run's difference to the best is below what the noise lets one tell; None where that is open."""
        behind, error = self.behind[run], self.behind_errors[run]
        if behind is None:
            return None
        if run == self.best:
            return True
        return None if error is None else behind <= self.resolved * error


def standings_of(name: str, cases: Sequence[Case]) -> tuple[Standing, ...]:
    """All places at which two runs or more can be compared by this loss, by axis.

    On each axis that is the last place that most runs hold, and the last that two hold where it lies farther; on
    epochs only where no two runs count steps.
    """
    series = [case.metric(name).finite for case in cases]
    found: list[Standing] = []
    for axis in AXES:
        if axis == "epoch" and found:
            continue
        places = places_of(axis, cases, series)
        curves = [_curve(case, one, column) for case, one, column in zip(cases, series, places.columns, strict=True)]
        found += [_standing(place, places, curves, cases, series) for place in _common(curves)]
    return tuple(found)


def _curve(case: Case, series: Series, places: object) -> Curve | None:
    if not isinstance(places, np.ndarray) or not len(places):
        return None
    if series.name != TRAIN:
        halves = {"val_loss": "eval_train_loss", "eval_train_loss": "val_loss"}
        others = [case.metric(halves[series.name]).finite] if series.name in halves else []
        return eval_curve(places, series, *others)
    # Neighbours of a running average hold the same batches: they do not show how noisy it is.
    return Curve(places, series.values, noisy=case.traits.train_loss != "average")


def _common(curves: Sequence[Curve | None]) -> list[float]:
    """The last place that most runs hold, and the last that two hold where that is well beyond it."""
    known = [curve for curve in curves if curve is not None]
    # At the start all stand where they were initialised.
    ends = sorted({float(curve.places[-1]) for curve in known} - {0.0})
    held = [(sum(curve.holds(end) for curve in known), end) for end in ends]
    shared = [(count, end) for count, end in held if count > 1]
    if not shared:
        return []
    most, farthest = max(shared)[1], max(end for _, end in shared)
    return [most, farthest] if farthest > FARTHER * most else [most]


def _standing(
    place: float, places: Places, curves: Sequence[Curve | None], cases: Sequence[Case], series: Sequence[Series]
) -> Standing:
    share = share_for([curve for curve in curves if curve is not None and curve.holds(place)], place)
    levels = [None if curve is None else level_at(curve, place, share) for curve in curves]
    value, best = min((level.value, at) for at, level in enumerate(levels) if level is not None)
    return Standing(
        axis=places.axis,
        place=place,
        how=places.how,
        values=tuple(None if level is None else level.value for level in levels),
        errors=tuple(None if level is None else level.error for level in levels),
        best=best,
        behind=tuple(None if level is None else level.value - value for level in levels),
        behind_errors=tuple(_error(at, best, curves, levels, place=place, share=share) for at in range(len(curves))),
        learning_rates=tuple(
            None if curve is None or not curve.holds(place) else _rate(case, _step_at(place, curve, one))
            for case, curve, one in zip(cases, curves, series, strict=True)
        ),
    )


def _error(
    at: int,
    best: int,
    curves: Sequence[Curve | None],
    levels: Sequence[Level | None],
    *,
    place: float,
    share: float,
) -> float | None:
    """The standard error of a run's difference to the best; the best has none to itself."""
    one, other, level, lowest = curves[at], curves[best], levels[at], levels[best]
    if at == best:
        return 0.0
    if one is None or other is None or level is None or lowest is None:
        return None
    return difference_error(one, other, (level, lowest), place, share)


def _step_at(place: float, curve: Curve, series: Series) -> float:
    return float(np.interp(place, curve.places, series.steps))


def _rate(case: Case, step: float) -> float | None:
    """The learning rate at a step as a share of its peak so far, as logged, else as the schedule has it.

    None within the warm-up, where a small share is no annealing.
    """
    warmup = case.number("warmup_steps")
    if warmup is not None and step < warmup:
        return None
    logged = case.metric("learning_rate").finite.until(step)
    if len(logged) and float(logged.values.max()) > 0:
        return float(logged.values[-1] / logged.values.max())
    return None if case.schedule is None else float(case.schedule(np.array([step]))[0])
