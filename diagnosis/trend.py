"""Where the loss is heading: a slope with its interval and a verdict that noise cannot make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import exp, isfinite, sqrt
from typing import Literal

import numpy as np

from diagnosis.budget import BESIROGLU
from diagnosis.series import Series
from diagnosis.statistics import (
    autocorrelation,
    block_medians,
    mann_kendall,
    median_of,
    noise_sd,
    robust_sd,
    theil_sen,
    two_sided,
)
from parsers.records import Floats

Verdict = Literal["warming-up", "improving", "slowing", "plateau", "rising", "unknown"]

WATCHED = ("val_loss", "eval_train_loss", "train_loss")
"""The losses that show progress, the best recent first."""
FEWEST = 5
"""Points after the warm-up before a trend can be told at all: Mann-Kendall's p of 5 falling points is .03."""
ENOUGH = 8
ENOUGH_WITHOUT_LAW = 12
"""A plateau needs 8 points, and 12 where the expected slope is the run's own and not a law's."""
WINDOW = 0.3
"""The trend is that of the last 30 % of the tokens, or of the last 8 points where that holds fewer."""
COVERED = 0.5
"""A log that begins in the middle must cover half of that window before it can be called a plateau or rising."""
POINTS = 60
"""A denser series is first thinned to block medians."""
NOISE_ROWS = 100
"""The newest, of which the noise of a point is told."""
RISING_Z = 2.3
"""One-sided p = .01 of Mann-Kendall."""
CHANGE_P = 0.1
"""Two-sided p of Mann-Kendall up to which a fall is one."""
PLATEAU_SHARE = 0.25
SLOWING_SHARE = 0.5
"""A plateau declines by less than a quarter of the expected slope, at the 90 % upper bound; slowing is less than
half of it. A healthy 41M run measured 0.8 of the law at 72 % of its cosine."""
CONFIRMED = 1 / 3
"""By how much of its window earlier a plateau must have been one: noise alone makes one for a moment."""
OWN_EXPONENT = 0.5
"""A run's own tail flattens as step^-0.5 (the data exponent fitted to 19 curves is .38 to .60)."""
LAW_PARAMETERS = 5e6
LAW_TOKENS = 1e8
"""Below this size or number of tokens the fitted law is extrapolated too far to judge by it."""


@dataclass(frozen=True, slots=True)
class Trend:
    """The recent slope of one loss, in nats per 1,000 steps, with its 90 % interval (low <= slope <= high)."""

    verdict: Verdict
    metric: str
    slope: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    """Two-sided Mann-Kendall."""
    expected_slope: float | None = None
    """What the power-law tail gives here, in nats per 1,000 steps: the fitted law's where the size is known and
    within its range, else the run's own; None where neither can be had."""
    window: tuple[int, int] | None = None
    """First and last step of the evidence."""
    points: int = 0
    perplexity: float | None = None
    noise: float | None = None
    """Robust standard deviation of one point about the trend, nats."""


@dataclass(frozen=True, slots=True)
class _Recent:
    """The window of the series that the verdict rests on, thinned; steps as floats."""

    steps: Floats
    values: Floats
    window: tuple[int, int]
    points: int


def evidence_of(series: Mapping[str, Series], warmup_steps: float | None = None) -> tuple[Series, float | None]:
    """The loss whose trend matters, and the noise of one of its points in nats.

    The first of WATCHED with enough points after the warm-up, else the first with any; an empty val_loss where
    there is none. The noise is None where it cannot be told.
    """
    there = [series[name].finite for name in WATCHED if name in series and len(series[name].finite)]
    enough = [s for s in there if len(s.since(_after(warmup_steps))) >= FEWEST]
    best = next(iter(enough + there), Series("val_loss", np.empty(0, np.int64), np.empty(0)))
    return best, noise_sd(best.values[-NOISE_ROWS:])


def eval_standard_error(*evals: Series) -> float | None:
    """The sampling error of one eval in nats, from how the evals scatter about their own smooth course.

    The root mean square of the second differences over sqrt 6, over all series given (both splits of one trainer),
    after the first tenth of the steps and without outliers beyond 4 robust deviations. None for fewer than 6 evals.
    For evals on fixed data it is what can be told apart, not the error of the level.
    """
    found = []
    for series in evals:
        known = series.finite
        if len(known) < 6:
            continue
        bends = np.diff(known.since(0.1 * known.steps[-1]).values, 2)
        limit = 4 * (robust_sd(bends) or 0.0)
        found.append(bends[np.abs(bends) <= limit] if limit else bends)
    joined = np.concatenate(found) if found else np.empty(0)
    with np.errstate(over="ignore"):
        error = float(np.sqrt(np.mean(joined**2) / 6)) if len(joined) >= 3 else None
    return error if error is not None and isfinite(error) else None


def trend_of(
    series: Series,
    *,
    tokens_per_step: float | None = None,
    parameters: float | None = None,
    warmup_steps: float | None = None,
    learning_rate_at: Callable[[Floats], Floats] | None = None,
    eval_standard_error: float | None = None,
) -> Trend:
    """The trend of a loss over the last 30 % of its tokens, or over its last 8 points where that holds fewer.

    Slope and interval are Theil-Sen's, the test is Mann-Kendall's, both weakened where neighbours move together.
    "warming-up" is said within the warm-up and before there are 5 points after it, "plateau" only where the 90 % upper
    bound of the decline is below a quarter of what the tail of a power law would give, and was a third of the window
    before; "unknown" where the noise hides what the trend is. `eval_standard_error` is the known noise of one point.
    """
    judge = partial(
        _judged,
        tokens_per_step=tokens_per_step,
        parameters=parameters,
        warmup_steps=warmup_steps,
        learning_rate_at=learning_rate_at,
        eval_standard_error=eval_standard_error,
    )
    trend = judge(series.finite)
    if trend.verdict != "plateau" or trend.window is None:
        return trend
    first, last = trend.window
    earlier = judge(series.finite.until(last - CONFIRMED * (last - first)))
    return trend if earlier.verdict == "plateau" else replace(trend, verdict="unknown")


def _judged(
    known: Series,
    *,
    tokens_per_step: float | None,
    parameters: float | None,
    warmup_steps: float | None,
    learning_rate_at: Callable[[Floats], Floats] | None,
    eval_standard_error: float | None,
) -> Trend:
    """The trend by one look at finite points."""
    if not len(known):
        return Trend("unknown", known.name)
    level = _perplexity(known)
    last = int(known.steps[-1])
    settled = known.since(_after(warmup_steps))
    if len(settled) < FEWEST or _still_rising(learning_rate_at, last):
        return Trend("warming-up", known.name, points=len(settled), perplexity=level)
    recent = _recent(settled, last)
    slopes = theil_sen(recent.steps / 1000, recent.values)
    if slopes is None:
        return Trend("unknown", known.name, points=recent.points, perplexity=level)
    law = _law_slope(recent, tokens_per_step, parameters)
    expected = law if law is not None else _own_slope(settled, recent)
    correlation = autocorrelation(recent.values)
    widened = sqrt((1 + correlation) / (1 - correlation))
    slope = slopes[0]
    low, high = (slope + (bound - slope) * widened for bound in slopes[1:])
    z = mann_kendall(recent.values)[0] / widened
    noise = robust_sd(recent.values - slope * recent.steps / 1000)
    if expected is not None:
        flat = recent.points >= (ENOUGH if law is not None else ENOUGH_WITHOUT_LAW) and low > PLATEAU_SHARE * expected
    else:
        single = eval_standard_error if recent.points <= POINTS else None
        flat = _below_noise(recent, max(abs(low), abs(high)), max(noise or 0.0, single or 0.0))
    whole = recent.window[1] - recent.window[0] >= COVERED * WINDOW * last
    return Trend(
        _verdict(z, (low, high), expected, flat=flat and whole, whole=whole),
        known.name,
        slope,
        low,
        high,
        two_sided(z),
        expected,
        recent.window,
        recent.points,
        level,
        noise,
    )


def _verdict(z: float, interval: tuple[float, float], expected: float | None, *, flat: bool, whole: bool) -> Verdict:
    low, high = interval
    if z > RISING_Z and low > 0:
        return "rising" if whole else "unknown"
    if z < 0 and two_sided(z) <= CHANGE_P and high < 0:
        slower = expected is not None and low > SLOWING_SHARE * expected
        return "slowing" if slower else "improving"
    return "plateau" if flat and (z > 0 or two_sided(z) > CHANGE_P) else "unknown"


def _below_noise(recent: _Recent, steepest: float, noise: float) -> bool:
    """Whether even the steepest slope of the interval moves the loss over the window by less than one point's noise."""
    span = (recent.window[1] - recent.window[0]) / 1000
    return recent.points >= ENOUGH_WITHOUT_LAW and steepest * span < noise


def _after(warmup_steps: float | None) -> float:
    """The first step that counts: the loss of an untrained model is no evidence of a trend."""
    return max(1.0, (warmup_steps or 0.0) + 1)


def _still_rising(learning_rate_at: Callable[[Floats], Floats] | None, last: int) -> bool:
    if learning_rate_at is None or last < 1:
        return False
    now, before = learning_rate_at(np.array([last, 0.95 * last]))
    return bool(now > before)


def _recent(settled: Series, last: int) -> _Recent:
    recent = settled.since((1 - WINDOW) * last)
    if len(recent) < ENOUGH:
        recent = Series(settled.name, settled.steps[-ENOUGH:], settled.values[-ENOUGH:])
    steps = block_medians(recent.steps.astype(float), POINTS)
    window = (int(recent.steps[0]), int(recent.steps[-1]))
    return _Recent(steps, block_medians(recent.values, POINTS), window, len(recent))


def _law_slope(recent: _Recent, tokens_per_step: float | None, parameters: float | None) -> float | None:
    """The mean slope of the data term over the window, nats per 1,000 steps. Source: Besiroglu 2024."""
    first, last = recent.window
    if not tokens_per_step or not parameters or last <= first:
        return None
    if parameters < LAW_PARAMETERS or first * tokens_per_step < LAW_TOKENS:
        return None
    before, now = (BESIROGLU.loss(parameters, step * tokens_per_step) for step in (first, last))
    return (now - before) / (last - first) * 1000


def _own_slope(settled: Series, recent: _Recent) -> float | None:
    """What the run's earlier fall leads one to expect here: its slope per log step, flattened as step^-0.5."""
    first, last = recent.window
    earlier = settled.until(first - 1).since(first / 3)
    if len(earlier) < FEWEST or last <= first:
        return None
    steps = block_medians(earlier.steps.astype(float), POINTS)
    slopes = theil_sen(np.log(steps), block_medians(earlier.values, POINTS))
    if slopes is None or slopes[2] >= 0:
        return None
    middle = float(np.exp(np.mean(np.log(steps))))
    flatter = (middle / np.sqrt(first * last)) ** OWN_EXPONENT
    return float(slopes[0] * flatter * np.log(last / first) / (last - first) * 1000)


def _perplexity(known: Series) -> float | None:
    """By the last eval; by the median of 8 rows of a training loss, whose single values are noise."""
    rows = known.values[-8:] if known.name == "train_loss" else known.values[-1:]
    level = median_of(rows)
    return exp(level) if level < 50 else None
