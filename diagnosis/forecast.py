"""What the loss will be at the planned end, by the learning-rate annealing law, with an honest band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np

from diagnosis.annealing import PRIOR, Law, LearningRate, Prior, fit_law
from diagnosis.series import Series
from parsers.records import Floats

SHORT_RUN, SHORT_DONE, SHORT_WIDENING = 5000, 0.6, 3.0
"""Runs planned for fewer steps are outside of what the band was calibrated on (6,000 to 72,000 steps): models of 0.5M
parameters fell by .1 to .3 nats more than forecast at a quarter and a half of 900 to 1,800 steps. Nothing is said
before 60 % of them, and three times the band after."""
WIDEST = 0.25
"""A forecast less sure than this, in nats to either side, is none."""
NINE_TENTHS = 1.645
"""Standard deviations to either side that hold nine tenths of a normal distribution."""
LEAST_SD = 0.004
"""Nats that a run's end is off the law by at the least; where 90 % are done the law alone is surer than it is right."""
DOUBTFUL = 2.0
"""Times the band, where one of the calibration's conditions does not hold."""
METHOD = "annealing law"
LARGEST_RMS = 0.01
"""Nats; a loss that leaves the law by three times this, or by three standard errors of an eval, follows another."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The loss at a step to come, nats per token, with the interval that should hold it 9 times in 10."""

    step: int
    metric: str
    value: float
    low: float
    high: float
    method: str
    known_schedule: bool = True
    """False where the learning rate to come is assumed: the band spans what was assumed."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A law with what its band must allow for beside it."""

    law: Law
    metric: str
    widening: float
    eval_error: float
    known_schedule: bool = True

    def band(self, steps: Floats, learning_rate: LearningRate | None = None) -> tuple[Floats, Floats]:
        """The loss at `steps` under this or another schedule, and half of its 90 % interval."""
        value, sd = self.law.at(steps, learning_rate)
        return value, NINE_TENTHS * self.widening * np.hypot(sd, hypot(LEAST_SD, self.eval_error))

    def at(self, step: float, learning_rate: LearningRate | None = None, method: str = METHOD) -> Forecast | None:
        """The forecast for one step; None where its band says nothing."""
        values, halves = self.band(np.array([float(step)]), learning_rate)
        value, half = float(values[0]), float(halves[0])
        if not np.isfinite(value) or not half <= WIDEST:
            return None
        return Forecast(round(step), self.metric, value, value - half, value + half, method, self.known_schedule)


def fitted(
    series: Series,
    *,
    horizon: float,
    learning_rate: LearningRate | None,
    known_schedule: bool = True,
    eval_standard_error: float | None = None,
    warmup_steps: float | None = None,
    prior: Prior = PRIOR,
) -> Fitted | None:
    """The law of a loss, or None where it does not carry a forecast.

    That is without a learning rate, with fewer than 5 points after twice the warm-up, before 60 % of a run of under
    5,000 steps, where the law does not fit (rms over three standard errors of an eval, and over .03 nats), and where
    by it the loss does not fall.
    """
    if learning_rate is None:
        return None
    short = horizon < SHORT_RUN
    if short and (series.finite.last_step or 0) < SHORT_DONE * horizon:
        return None
    law = fit_law(
        series,
        learning_rate,
        horizon=horizon,
        warmup_steps=warmup_steps,
        point_error=eval_standard_error,
        prior=prior,
    )
    error = eval_standard_error or 0.0
    if law is None or not law.falls or law.rms > 3 * max(error, LARGEST_RMS):
        return None
    # An eval set stays the same; the training data do not, and move the loss with their order.
    doubtful = not known_schedule or series.name == "train_loss"
    widening = max(SHORT_WIDENING if short else 1.0, DOUBTFUL if doubtful else 1.0)
    return Fitted(law, series.name, widening, error, known_schedule)


def forecast(
    series: Series,
    *,
    target_step: int,
    learning_rate: LearningRate | None,
    known_schedule: bool = True,
    eval_standard_error: float | None = None,
    warmup_steps: float | None = None,
    prior: Prior = PRIOR,
) -> Forecast | None:
    """The loss at `target_step`, or None where nothing honest can be said.

    `known_schedule` is False where `learning_rate` is a guess: the band is then twice as wide, as it is for a training
    loss; in runs of under 5,000 steps three times. None also at or past the target and where the band says nothing.
    """
    last = series.finite.last_step
    if last is None or not 0 < last < target_step:
        return None
    found = fitted(
        series,
        horizon=target_step,
        learning_rate=learning_rate,
        known_schedule=known_schedule,
        eval_standard_error=eval_standard_error,
        warmup_steps=warmup_steps,
        prior=prior,
    )
    return None if found is None else found.at(target_step)


def spanning(each: Sequence[Forecast | None]) -> Forecast | None:
    """One forecast that spans those under each schedule that may come; None where one of them cannot be had."""
    found = [one for one in each if one is not None]
    if not found or len(found) < len(each):
        return None
    low, high = min(one.low for one in found), max(one.high for one in found)
    if high - low > 2 * WIDEST:
        return None
    step, metric = found[0].step, found[0].metric
    return Forecast(step, metric, (low + high) / 2, low, high, f"{METHOD}, schedule unknown", known_schedule=False)


def assumed_rates(
    logged: Series, last: float, target_step: float, warmup_steps: float | None = None
) -> tuple[LearningRate, ...]:
    """What an unknown schedule may do until `target_step`: the ends of it, so that the others lie between.

    Stay as it is now, or fall in a line to zero from now on. What was is as logged; where nothing is logged, a constant
    after the warm-up, and then it may also have fallen in a line all along.
    """
    known = logged.finite
    if len(known) and float(known.values.max()) > 0:
        return _from_now(known.steps.astype(float), known.values, target_step)
    warm = max(1.0, warmup_steps or 0.0)
    all_along = (np.array([0.0, warm, max(target_step, warm + 1)]), np.array([1 / warm, 1.0, 0.0]))
    steps, values = np.array([0.0, warm, max(last, warm + 1)]), np.array([1 / warm, 1.0, 1.0])
    return (*_from_now(steps, values, target_step), lambda at: np.interp(at, *all_along))


def _from_now(steps: Floats, values: Floats, target_step: float) -> tuple[LearningRate, LearningRate]:
    end = max(float(target_step), steps[-1] + 1)
    return (
        lambda at: np.interp(at, steps, values),
        lambda at: np.interp(at, np.append(steps, end), np.append(values, 0.0)),
    )
