"""The annealing law: fitted to curves that are made of it, and what it then says under other schedules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from curves import cosine, stable_then_decay
from law_curves import law_loss

from diagnosis.annealing import MISFIT, Law, Prior, fit_law
from diagnosis.series import Series

TOTAL = 20_000
STEPS = np.arange(0, TOTAL + 1, 250)


def cosine_rate(steps: Any) -> Any:
    return cosine(steps, total=TOTAL)


def wsd_rate(steps: Any) -> Any:
    return stable_then_decay(steps, total=TOTAL)


def linear_rate(steps: Any) -> Any:
    return np.minimum(np.minimum(1, (steps + 1) / 501), np.clip((TOTAL - steps) / (TOTAL - 500), 0, 1))


def restarting_rate(steps: Any) -> Any:
    """Two cosines, each to a tenth."""
    within = np.where(steps < TOTAL / 2, steps, steps - TOTAL / 2)
    return cosine(within, total=TOTAL / 2)


def law_of(rate: Any, until: int = TOTAL, *, fit_rate: Any = None, **options: Any) -> Law:
    curve = Series("val_loss", STEPS, law_loss(STEPS, rate)).until(until)
    law = fit_law(curve, fit_rate or rate, horizon=TOTAL, warmup_steps=500, **options)
    assert law is not None
    return law


@pytest.mark.parametrize(
    "rate", [cosine_rate, wsd_rate, linear_rate, np.ones_like], ids=["cosine", "wsd", "linear", "constant"]
)
def test_each_schedule_is_forecast_from_its_half(rate: Any) -> None:
    """The end, 10,000 steps ahead, within two of its own standard deviations and .02 nats."""
    value, sd = law_of(rate, 10_000).at(np.array([float(TOTAL)]))
    truth = law_loss(STEPS, rate)[-1]

    assert value[0] == pytest.approx(truth, abs=0.02)
    assert abs(value[0] - truth) < 2 * sd[0]


def test_a_warm_restart_takes_back_what_the_decay_gave() -> None:
    """The loss of a run with restarts goes up at 10,000; the law that saw it to 14,000 says the end."""
    law = law_of(restarting_rate, 14_000)
    value, sd = law.at(np.array([10_000.0, 11_000.0, float(TOTAL)]))
    truth = np.interp([10_000, 11_000, TOTAL], STEPS, law_loss(STEPS, restarting_rate))

    assert truth[1] > truth[0]
    assert value[1] > value[0]
    assert value[2] == pytest.approx(truth[2], abs=0.04)
    assert abs(value[2] - truth[2]) < 2 * sd[2]


def test_what_was_learnt_under_one_schedule_is_told_of_another() -> None:
    """A constant learning rate until 16,000: the law foresees what a decay from there to zero gives."""
    law = law_of(np.ones_like, 16_000)

    def decayed(steps: Any) -> Any:
        return np.clip((TOTAL - steps) / 4000, 0, 1)

    stays, anneals = (float(law.at(np.array([float(TOTAL)]), rate)[0][0]) for rate in (None, decayed))
    assert anneals == pytest.approx(law_loss(STEPS, decayed)[-1], abs=0.02)
    assert stays - anneals == pytest.approx(0.13, abs=0.03)


def test_the_farther_ahead_the_less_it_is_sure() -> None:
    """One standard deviation grows with the distance and is at least some of the misfit next to the last point."""
    _, sd = law_of(cosine_rate, 10_000).at(np.array([10_250.0, 12_500.0, 20_000.0, 40_000.0]))
    assert list(sd) == sorted(sd)
    assert 0 < sd[0] < MISFIT


def test_the_prior_stands_where_nothing_was_annealed() -> None:
    """Before any decay the curve does not know the gain, so that what one puts in comes out."""
    ends = [
        law_of(wsd_rate, 14_000, prior=Prior(gain=gain)).at(np.array([float(TOTAL)]))[0][0] for gain in (0.05, 0.15)
    ]
    assert ends[0] - ends[1] == pytest.approx(0.1, abs=0.01)


def test_after_the_decay_the_curve_outweighs_the_prior() -> None:
    """At 19,500 of a run that decayed from 16,000 a prior .1 nats apart moves the end by less than .01."""
    ends = [
        law_of(wsd_rate, 19_500, prior=Prior(gain=gain)).at(np.array([float(TOTAL)]))[0][0] for gain in (0.05, 0.15)
    ]
    assert abs(ends[0] - ends[1]) < 0.01


def test_the_unit_of_the_learning_rate_does_not_matter() -> None:
    """As a share of the peak, or in 1/s."""
    plain = law_of(cosine_rate, 12_000).at(np.array([float(TOTAL)]))
    scaled = law_of(cosine_rate, 12_000, fit_rate=lambda s: 3e-4 * cosine_rate(s)).at(np.array([float(TOTAL)]))
    assert scaled[0] == pytest.approx(plain[0])
    assert scaled[1] == pytest.approx(plain[1])


def test_a_rising_loss_is_seen() -> None:
    """A loss that climbs has a data term below zero."""
    climbs = Series("val_loss", STEPS, np.asarray(3 + STEPS * 1e-5, np.float64))
    law = fit_law(climbs, np.ones_like, horizon=TOTAL)
    assert law is not None
    assert not law.falls
    assert law_of(cosine_rate, 12_000).falls


@pytest.mark.parametrize("rate", [np.zeros_like, lambda s: np.full_like(s, np.nan)], ids=["zero", "NaN"])
def test_no_learning_rate_no_law(rate: Any) -> None:
    """A schedule that is never positive says nothing of the progress."""
    curve = Series("val_loss", STEPS, law_loss(STEPS, cosine_rate))
    assert fit_law(curve, rate, horizon=TOTAL) is None


def test_four_points_are_no_curve() -> None:
    """Five after twice the warm-up are."""
    curve = Series("val_loss", STEPS, law_loss(STEPS, cosine_rate))
    assert fit_law(curve.until(1750), cosine_rate, horizon=TOTAL, warmup_steps=500) is None
    assert fit_law(curve.until(2000), cosine_rate, horizon=TOTAL, warmup_steps=500) is not None
