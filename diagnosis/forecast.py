"""What the loss will be at the planned end, by the learning-rate annealing law, with an honest band."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diagnosis.series import Series
from diagnosis.statistics import noise_sd
from parsers.records import Floats

LearningRate = Callable[[Floats], Floats]
"""The learning rate at given steps, in any unit: only its shape matters."""

ALPHA, ALPHA_SD = 0.50, 0.08
ANNEALING, ANNEALING_SD = 0.135, 0.03
"""Exponent of the data term, and the nats that annealing to the floor is worth. Fitted to 19 decaying curves of
25M to 400M parameters (MultiPowerLaw's, llm.c's and nanoGPT's): alpha .38 to .60, C .10 to .18."""
LAG_STEPS, LAG_SHARE = 1000.0, 0.05
"""How long the loss takes to follow a fall of the learning rate: Tissue 2024 has lambda = .999 a step, that is
1,000 steps, in runs of 20,000 and more; shorter runs follow within the same share."""
MISFIT = 0.004
"""Nats by which real curves leave the law (fits to clean curves had rms .0005 to .004)."""
MISFIT_POINTS = 20
"""As many points are taken as independent of each other: the misfit is smooth along a curve."""
ALPHAS = np.arange(0.2, 0.85, 0.025)
POWER_ALPHAS = np.arange(0.1, 1.2, 0.05)
BINS = 48
GRID = 2000
FEWEST = 5
BLEND_FROM = 0.7
TRANSIENT = 0.1
"""The first tenth of what was seen is left out: there the loss is not yet on its power law."""
SHORT_RUN = 5000
"""Runs planned for fewer steps are outside of what the band was calibrated on (6,000 to 72,000 steps)."""
WIDEST = 0.25
"""A forecast less sure than this, in nats to either side, is none."""
BAND_FRACTIONS, BANDS = (0.1, 0.25, 0.5, 0.725), (0.09, 0.045, 0.03, 0.02)
"""Half of the 90 % band by the share of the run that is done; leave-one-family-out on the 19 curves."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The loss at a step to come, nats per token, with the interval that should hold it 9 times in 10."""

    step: int
    metric: str
    value: float
    low: float
    high: float
    method: str


@dataclass(frozen=True, slots=True)
class _Fit:
    value: float
    variance: float
    rms: float


def forecast(
    series: Series,
    *,
    target_step: int,
    learning_rate: LearningRate | None,
    known_schedule: bool = True,
    eval_standard_error: float | None = None,
    warmup_steps: float | None = None,
) -> Forecast | None:
    """The loss at `target_step`, or None where nothing honest can be said.

    The mean of two forms of the annealing law of Tissue et al. 2024, L = L0 + A S1^-alpha - C S2 (S1 the summed
    learning rate, S2 its fall, once with the lag of momentum and once without), with priors on alpha and C; past
    70 % of a schedule that decays all along, half of it is a power law in the steps, which is as good there.
    `known_schedule` is False where `learning_rate` is a guess: the band is then twice as wide, as it is within
    the decay of a warm-up-stable-decay run, in runs of under 5,000 steps, and for a training loss.

    None without a learning rate, with fewer than 5 points after twice the warm-up, at or past the target, where
    the law does not fit (rms over three standard errors of an eval), and where the band says nothing.
    """
    last = series.finite.last_step
    if learning_rate is None or last is None or not 0 < last < target_step:
        return None
    known = series.finite.since(max(2.0 * (warmup_steps or 0.0), TRANSIENT * last, 1.0))
    if len(known) < FEWEST:
        return None
    steps, losses = _binned(known)
    terms = _terms(learning_rate, steps, target_step)
    if terms is None:
        return None
    fits = [_fit(*pair, losses) for pair in terms]
    if max(fit.rms for fit in fits) > 3 * max(eval_standard_error or 0.0, 0.01):
        return None
    done = last / target_step
    value = float(np.mean([fit.value for fit in fits]))
    blended = done > BLEND_FROM and _decays_all_along(learning_rate, last)
    if blended:
        value = (value + _power_law(steps, losses, target_step)) / 2
    half = _half_band(done, fits)
    # An eval set stays the same; the training data do not, and move the loss with their order.
    doubtful = not known_schedule or target_step < SHORT_RUN or series.name == "train_loss"
    doubtful = doubtful or _within_late_decay(learning_rate, last)
    half = half * (2 if doubtful else 1) + 1.645 * (eval_standard_error or 0.0)
    if half > WIDEST:
        return None
    method = "annealing law with a power law" if blended else "annealing law"
    return Forecast(target_step, series.name, value, value - half, value + half, method)


def _half_band(done: float, fits: list[_Fit]) -> float:
    """What past errors say at this share of the run, or more where the fit itself is less sure."""
    spread = (fits[0].value - fits[1].value) / 2
    usual = float(np.interp(done, BAND_FRACTIONS, BANDS))
    return max(usual, 1.645 * float(np.sqrt(max(fit.variance for fit in fits) + spread**2)))


def _binned(series: Series) -> tuple[Floats, Floats]:
    """At most BINS means of equal width in steps."""
    steps, values = series.steps.astype(float), series.values
    if len(steps) <= BINS:
        return steps, values
    cuts = np.unique(np.searchsorted(steps, np.linspace(steps[0], steps[-1], BINS + 1)[:-1]))
    sizes = np.diff(np.append(cuts, len(steps)))
    return np.add.reduceat(steps, cuts) / sizes, np.add.reduceat(values, cuts) / sizes


def _terms(learning_rate: LearningRate, steps: Floats, target: int) -> list[tuple[Floats, Floats]] | None:
    """(S1, S2) at the steps and, last, at the target: S2 with the lag of momentum, then without it.

    None where the learning rate is not positive.
    """
    grid = np.linspace(0.0, target, GRID + 1)
    rate = learning_rate(grid)
    if not (np.isfinite(rate).all() and rate[grid <= steps[0]].max() > 0):
        return None
    rate = rate / rate.max()
    peak = int(np.argmax(rate))
    where = np.append(steps, target)
    summed = np.concatenate(([0.0], np.cumsum((rate[1:] + rate[:-1]) / 2) * grid[1]))
    fallen = np.concatenate(([0.0], rate[:-1] - rate[1:]))
    fallen[: peak + 1] = 0.0
    lag = min(LAG_STEPS, LAG_SHARE * target)
    followed = 1 - np.exp(-np.maximum(0.0, where[:, None] - grid[None, :]) / lag)
    total = np.interp(where, grid, summed)
    return [(total, followed @ fallen), (total, np.interp(where, grid, np.cumsum(fallen)))]


def _fit(total: Floats, annealed: Floats, losses: Floats) -> _Fit:
    """Least squares with priors for each alpha, averaged over alpha by its posterior weight."""
    noise = noise_sd(losses) or 0.0
    sigma = float(np.hypot(noise, MISFIT * np.sqrt(len(losses) / MISFIT_POINTS)))
    data_term = (total / total[-1])[None, :] ** -ALPHAS[:, None]
    columns = np.stack([np.ones_like(data_term), data_term, -np.broadcast_to(annealed, data_term.shape)], axis=2)
    seen, ahead = columns[:, :-1], columns[:, -1]
    prior = np.diag([1e-9, 1e-9, (sigma / ANNEALING_SD) ** 2])
    inverse = np.linalg.inv(np.einsum("gni,gnj->gij", seen, seen) + prior)
    pull = np.einsum("gni,n->gi", seen, losses) + prior @ [0.0, 0.0, ANNEALING]
    weights = np.einsum("gij,gj->gi", inverse, pull)
    residuals = np.einsum("gni,gi->gn", seen, weights) - losses
    cost = np.sum(residuals**2, axis=1) / sigma**2
    cost += ((weights[:, 2] - ANNEALING) / ANNEALING_SD) ** 2 + ((ALPHAS - ALPHA) / ALPHA_SD) ** 2
    share = np.exp(-(cost - cost.min()) / 2)
    share /= share.sum()
    values = np.einsum("gi,gi->g", ahead, weights)
    value = float(share @ values)
    own = sigma**2 * np.einsum("gi,gij,gj->g", ahead, inverse, ahead)
    variance = float(share @ (own + (values - value) ** 2))
    return _Fit(value, variance, float(np.sqrt(np.mean(residuals[int(np.argmin(cost))] ** 2))))


def _power_law(steps: Floats, losses: Floats, target: int) -> float:
    """L0 + A step^-alpha at the target, by least squares."""
    columns = [np.stack([np.ones(len(steps)), (steps / target) ** -alpha], axis=1) for alpha in POWER_ALPHAS]
    weights = [np.linalg.lstsq(column, losses, rcond=None)[0] for column in columns]
    errors = [float(np.sum((column @ w - losses) ** 2)) for column, w in zip(columns, weights, strict=True)]
    return float(weights[int(np.argmin(errors))].sum())


def _relative(learning_rate: LearningRate, last: float) -> tuple[float, float]:
    """The learning rate now and half-way to now, as shares of the highest so far."""
    rate = learning_rate(np.linspace(0.0, last, GRID + 1))
    return float(rate[-1] / rate.max()), float(rate[GRID // 2] / rate.max())


def _decays_all_along(learning_rate: LearningRate, last: float) -> bool:
    return _relative(learning_rate, last)[1] < 0.95


def _within_late_decay(learning_rate: LearningRate, last: float) -> bool:
    now, before = _relative(learning_rate, last)
    return now < 0.98 <= before
