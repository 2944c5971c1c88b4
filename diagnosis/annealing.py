"""The learning-rate annealing law, fitted to a loss with priors: what the loss would be under any schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from diagnosis.series import Series
from diagnosis.statistics import MAD_TO_SD, median_of
from parsers.records import Floats

LearningRate = Callable[[Floats], Floats]
"""The learning rate at given steps, in any unit: only its shape matters."""

PROGRESS = 0.6
"""A step makes progress as its learning rate to this power. MultiPowerLaw's curves of 100M and 400M parameters under
9 schedules, one law for each size: rms .0032 nats with .5 to .6, .0049 with Tissue's 1."""
LOST, LOST_SHARE = 500.0, 0.5
"""The first 500 steps do not count, as what is learnt in them, single words, falls by a steeper law; at most half of
the progress that precedes the fit. Without this, forecasts at a half erred by .015 nats and not by .010."""
LAG_STEPS = 300.0
RELAXATION_STEPS, RELAXATION = 150.0, 1.5
"""How the loss follows a fall of the learning rate. Tissue 2024: 1 - lambda^n of it after n steps, lambda = 1 - 1/300.
Luo 2025 (Multi-Power Law): 1 - (1 + n/150)^-1.5, n the learning rate summed since, by the one that it fell to. Both
fitted to the same curves."""
LONG_RUN = 20_000.0
"""Those lags are of runs of 16,000 and more steps; a shorter one follows within the same share of itself."""
MISFIT, MISFIT_REACH = 0.006, 1.0
"""Real curves leave the law by 6e-3 nats (one sd), and stay on their side of it over a factor of e in progress: the
likeliest values over four families of runs, each forecast with priors from the others."""
ALPHAS = np.arange(0.2, 1.0, 0.05)
"""Exponents of the data term that are weighed, from three prior deviations below the prior to four above."""
FEWEST = 5
"""Points: three weights and two to spare."""
BINS = 48
"""A longer series is taken together to so many means."""
GRID = 600
"""Points at which the learning rate is looked up, over all steps."""
TRANSIENT = 0.25
"""The first quarter of what was seen is left out: there the loss is not yet on its power law."""
LEAST_RATE = 1e-3
"""Of the peak, below which a rate to fall by is not divided by."""
NOISE_ROWS = 10_000
"""The newest, of which the noise of a point is told."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What runs had before: the exponent of the data term, and the nats that annealing to zero was worth."""

    alpha: float = 0.50
    alpha_sd: float = 0.10
    gain: float = 0.13
    gain_sd: float = 0.02


PRIOR = Prior()
"""Fitted to 21 decaying and 4 constant curves of 40M to 400M parameters (MultiPowerLaw's, llm.c's, nanoGPT's)."""


@dataclass(frozen=True)
class _Form:
    """One form of the law after the fit: a posterior for each alpha. Arrays by alpha first."""

    lag: str
    weights: Floats
    """(alphas, 3): level, data term at the newest step, gain of annealing."""
    covariance: Floats
    residuals: Floats
    """(alphas, points): whitened."""
    columns: Floats
    """(alphas, points, 3): whitened."""
    evidence: Floats
    """(alphas): the log of the posterior weight, up to one constant for all forms."""
    rms: float


@dataclass(frozen=True)
class Law:
    """L0 + A progress^-alpha - C annealed, in both forms and for each alpha, by how likely the loss makes them."""

    learning_rate: LearningRate
    peak: float
    horizon: float
    lost: float
    progress: Floats
    """Of the points that it was fitted to."""
    whiten: Floats
    forms: tuple[_Form, ...]

    @property
    def rms(self) -> float:
        """How far the points lie from the worse of the forms, nats."""
        return max(form.rms for form in self.forms)

    @property
    def falls(self) -> bool:
        """Whether more steps lower the loss, by the likeliest alpha of each form."""
        return all(form.weights[int(np.argmax(form.evidence)), 1] > 0 for form in self.forms)

    def at(self, steps: Floats, learning_rate: LearningRate | None = None) -> tuple[Floats, Floats]:
        """The loss and its standard deviation, of shape (steps,), under the fitted or another schedule."""
        rate = learning_rate or self.learning_rate
        means, variances, evidence = [], [], []
        for form in self.forms:
            progress, annealed = _terms(rate, steps, self.peak, self.horizon, form.lag)
            mean, variance = self._of_form(form, np.maximum(progress - self.lost, 1.0), annealed)
            means.append(mean)
            variances.append(variance)
            evidence.append(form.evidence)
        share = np.exp(np.concatenate(evidence) - max(e.max() for e in evidence))
        share /= share.sum()
        all_means = np.concatenate(means)
        value = share @ all_means
        variance = share @ (np.concatenate(variances) + (all_means - value) ** 2)
        return value, np.sqrt(np.maximum(variance, 0.0))

    def _of_form(self, form: _Form, progress: Floats, annealed: Floats) -> tuple[Floats, Floats]:
        """(alphas, steps) means and variances: the law, and what is left of the misfit seen last."""
        columns = _columns(progress, annealed, self.progress[-1])
        shared = self.whiten @ _misfit(self.progress, progress)
        mean = columns @ form.weights[:, :, None]
        mean = mean[:, :, 0] + form.residuals @ shared
        loose = columns - np.einsum("gni,nm->gmi", form.columns, shared)
        variance = np.einsum("gmi,gij,gmj->gm", loose, form.covariance, loose)
        return mean, variance + MISFIT**2 - np.sum(shared**2, axis=0)


def fit_law(
    series: Series,
    learning_rate: LearningRate,
    *,
    horizon: float,
    warmup_steps: float | None = None,
    point_error: float | None = None,
    prior: Prior = PRIOR,
) -> Law | None:
    """The law of a loss (nats) of a run planned for `horizon` steps; `point_error` is the known noise of one point.

    Source of the law: Tissue 2024, Luo 2025. Least squares for level, data term and gain, with a Gaussian prior on the
    gain and on alpha; what the law leaves is taken as smooth in the logarithm of the progress.
    None with fewer than 5 points after twice the warm-up, and where the learning rate is never positive.
    """
    last = series.finite.last_step
    if last is None or last <= 0:
        return None
    known = series.finite.since(max(2.0 * (warmup_steps or 0.0), TRANSIENT * last, 1.0))
    if len(known) < FEWEST:
        return None
    steps, losses, sizes = _binned(known)
    rate = learning_rate(np.linspace(0.0, max(horizon, last), GRID + 1))
    if not np.isfinite(rate).all() or rate.max() <= 0:
        return None
    terms = {lag: _terms(learning_rate, steps, float(rate.max()), horizon, lag) for lag in ("tissue", "power")}
    summed = terms["tissue"][0]
    if summed[0] <= 0:
        return None
    lost = min(LOST, LOST_SHARE * float(summed[0]))
    progress = summed - lost
    noise = max(_noise(known.values), point_error or 0.0)
    covariance = _misfit(progress, progress) + np.diag(noise**2 / sizes + 1e-8)
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))
    plain = {lag: _columns(progress, annealed, progress[-1]) for lag, (_, annealed) in terms.items()}
    forms = tuple(_fitted(lag, columns, losses, whiten, prior) for lag, columns in plain.items())
    return Law(learning_rate, float(rate.max()), horizon, lost, progress, whiten, forms)


def _fitted(lag: str, plain: Floats, losses: Floats, whiten: Floats, prior: Prior) -> _Form:
    seen, wanted = whiten @ plain, whiten @ losses
    certainty = np.diag([1e-8, 1e-8, prior.gain_sd**-2])
    covariance: Floats = np.asarray(np.linalg.inv(np.swapaxes(seen, 1, 2) @ seen + certainty), np.float64)
    pull = np.einsum("gni,n->gi", seen, wanted) + certainty @ [0.0, 0.0, prior.gain]
    weights = np.einsum("gij,gj->gi", covariance, pull)
    residuals = wanted - np.einsum("gni,gi->gn", seen, weights)
    cost = np.sum(residuals**2, axis=1) + ((weights[:, 2] - prior.gain) / prior.gain_sd) ** 2
    cost += ((ALPHAS - prior.alpha) / prior.alpha_sd) ** 2
    evidence = (np.linalg.slogdet(covariance)[1] - cost) / 2
    best = int(np.argmax(evidence))
    rms = float(np.sqrt(np.mean((plain[best] @ weights[best] - losses) ** 2)))
    return _Form(lag, weights, covariance, residuals, seen, evidence, rms)


def _columns(progress: Floats, annealed: Floats, newest: float) -> Floats:
    """(alphas, steps, 3): what level, data term and gain are multiplied with."""
    data_term = (progress / newest)[None, :] ** -ALPHAS[:, None]
    return np.stack([np.ones_like(data_term), data_term, -np.broadcast_to(annealed, data_term.shape)], axis=2)


def _misfit(one: Floats, other: Floats) -> Floats:
    apart = np.abs(np.log(one)[:, None] - np.log(other)[None, :])
    return np.asarray(MISFIT**2 * np.exp(-apart / MISFIT_REACH))


def _noise(values: Floats) -> float:
    """The robust noise of one point, from second differences, so that a steady fall is none."""
    return MAD_TO_SD * median_of(np.abs(np.diff(values[-NOISE_ROWS:], 2))) / sqrt(6)


def _binned(series: Series) -> tuple[Floats, Floats, Floats]:
    """At most BINS means of equal width in steps, and how many points each is of."""
    steps, values = series.steps.astype(float), series.values
    if len(steps) <= BINS:
        return steps, values, np.ones(len(steps))
    cuts = np.unique(np.searchsorted(steps, np.linspace(steps[0], steps[-1], BINS + 1)[:-1]))
    sizes = np.diff(np.append(cuts, len(steps))).astype(float)
    return np.add.reduceat(steps, cuts) / sizes, np.add.reduceat(values, cuts) / sizes, sizes


def _terms(rate_at: LearningRate, steps: Floats, peak: float, horizon: float, lag: str) -> tuple[Floats, Floats]:
    """The progress made at `steps`, and the share of the peak that the loss has followed the learning rate down.

    A learning rate that rises again (a warm restart) takes back what its fall gave.
    """
    grid = np.linspace(0.0, float(np.max(steps)), GRID + 1)
    rate = np.clip(rate_at(grid) / peak, 0.0, None)
    progress = np.interp(steps, grid, _summed(rate**PROGRESS, grid[1]))
    fallen = np.concatenate(([0.0], rate[:-1] - rate[1:]))
    fallen[: int(np.argmax(rate)) + 1] = 0.0
    at = np.flatnonzero(fallen)
    if not len(at):
        return progress, np.zeros(len(steps))
    shorter = min(1.0, horizon / LONG_RUN)
    if lag == "tissue":
        since = np.maximum(steps[:, None] - grid[at], 0.0)
        followed = 1 - np.exp(-since / (LAG_STEPS * shorter))
    else:
        summed = _summed(rate, grid[1])
        since = np.maximum(np.interp(steps, grid, summed)[:, None] - summed[at], 0.0) / np.maximum(rate[at], LEAST_RATE)
        followed = 1 - (1 + since / (RELAXATION_STEPS * shorter)) ** -RELAXATION
    return progress, followed @ fallen[at]


def _summed(values: Floats, width: float) -> Floats:
    """The integral over a grid of that width, by trapezia."""
    return np.concatenate(([0.0], np.cumsum((values[1:] + values[:-1]) / 2) * width))
