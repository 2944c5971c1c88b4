"""The forecast of the final loss: on curves with a known end, and where it must keep silent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from curves import annealed_loss, cosine, stable_then_decay
from raw_logs import SHARED, read_case, shared

from diagnosis.forecast import Forecast, assumed_rates, forecast, spanning
from diagnosis.schedule import schedule_of
from diagnosis.series import Series

FOUNDING = "corpus/nanogpt/seed_run_fineweb_40.56M_rtx4070_with_header.log"
FRACTIONS = (0.25, 0.5, 0.725, 0.9)
PUBLISHED = (0.013, 0.012, 0.010, 0.009)
"""Mean error that leave-one-family-out gave on such curves, nats."""
STEPS = np.arange(0, 20_001, 250)


def cosine_rate(steps: Any) -> Any:
    return cosine(steps, total=20_000)


def seen(until: int, sd: float = 0.003, **law: float) -> Series:
    values = annealed_loss(STEPS, cosine_rate, **law) + np.random.default_rng(3).normal(0, sd, len(STEPS))
    return Series("val_loss", STEPS, values).until(until)


def test_the_founding_run_cut_at_14500() -> None:
    """The band for val at step 20,000 holds the 3.5228 that came, and is no wider than 0.10."""
    case = read_case(shared(FOUNDING), until=14_500)
    ahead = forecast(
        case.metric("val_loss"),
        target_step=20_000,
        learning_rate=schedule_of(case.facts),
        eval_standard_error=0.0075,
        warmup_steps=500,
    )
    assert ahead is not None
    assert ahead.low < 3.5228 < ahead.high
    assert ahead.high - ahead.low <= 0.10
    assert (ahead.step, ahead.metric) == (20_000, "val_loss")


def curve(path: Any) -> tuple[Series, Any]:
    """A loss of the Multi-Power-Law curves and its learning rate, whose warm-up of 2,160 steps is not in the file."""
    steps, rate, loss = np.genfromtxt(path, delimiter=",", skip_header=1).T

    def learning_rate(at: Any) -> Any:
        return np.where(at < 2160, at / 2160 * rate[0], np.interp(at, steps, rate))

    return Series("val_loss", steps.astype(np.int64), loss), learning_rate


def test_the_error_on_published_curves_is_as_small_as_the_best_method_gave() -> None:
    """Mean error on 18 curves (cosine, constant, WSD) within .013 .012 .010 .009; 9 of 10 bands hold the truth."""
    paths = sorted((SHARED / "corpus/loss-curves").glob("*.csv"))
    if not paths:
        pytest.skip("no loss curves")
    for fraction, limit in zip(FRACTIONS, PUBLISHED, strict=True):
        errors, held, naive = [], [], []
        for path in paths:
            series, rate = curve(path)
            end, truth = int(series.steps[-1]), float(series.values[-1])
            known = series.until(fraction * end)
            ahead = forecast(known, target_step=end, learning_rate=rate, warmup_steps=2160)
            if ahead is not None:
                errors.append(abs(ahead.value - truth))
                naive.append(abs(float(known.values[-1]) - truth))
                held.append(ahead.low <= truth <= ahead.high)
        assert len(errors) >= 12
        assert np.mean(errors) <= limit
        assert np.mean(errors) < np.mean(naive) / 3
        assert np.mean(held) >= 0.9


@pytest.mark.parametrize("name", ["log_bigger", "log_half_dataset", "log_shuffled", "log_group_weight_g2"])
def test_the_band_holds_on_runs_that_calibrated_nothing(name: str) -> None:
    """Four GPT-2 runs on FineWeb-Edu, cut at 4 places: the band holds the end each time."""
    val = read_case(shared(f"corpus/build-nanogpt/{name}.log.txt"), "build-nanogpt").metric("val_loss")
    for fraction in FRACTIONS:
        ahead = forecast(
            val.until(fraction * 19_073),
            target_step=19_072,
            learning_rate=lambda s: cosine(s, total=19_073, warmup=715),
            eval_standard_error=0.003,
            warmup_steps=715,
        )
        assert ahead is not None
        assert ahead.low < float(val.values[-1]) < ahead.high


def test_before_the_decay_it_sees_the_drop_that_a_power_law_misses() -> None:
    """A WSD run at 70 %, still at its peak: the end is some 0.1 below what a constant rate would reach."""
    rate = stable_then_decay
    values = annealed_loss(STEPS, lambda s: rate(s, total=20_000))
    known = Series("val_loss", STEPS, values).until(14_000)
    ahead = forecast(known, target_step=20_000, learning_rate=lambda s: rate(s, total=20_000), warmup_steps=500)
    constant = forecast(known, target_step=20_000, learning_rate=np.ones_like, warmup_steps=500)
    assert ahead is not None
    assert constant is not None
    assert ahead.value == pytest.approx(values[-1], abs=0.03)
    assert constant.value - ahead.value > 0.08


def test_only_the_shape_of_the_learning_rate_matters() -> None:
    """In 1/s or as a share of the peak, the forecast is the same."""
    whole = forecast(seen(12_000), target_step=20_000, learning_rate=cosine_rate, warmup_steps=500)
    scaled = forecast(seen(12_000), target_step=20_000, learning_rate=lambda s: 3e-4 * cosine_rate(s), warmup_steps=500)
    assert whole is not None
    assert scaled is not None
    assert scaled.value == pytest.approx(whole.value)


def test_the_band_narrows_as_the_run_goes_on() -> None:
    """A quarter, a half and nine tenths of the run: each time less is open."""
    bands = []
    for until in (5000, 10_000, 18_000):
        ahead = forecast(seen(until), target_step=20_000, learning_rate=cosine_rate, warmup_steps=500)
        assert ahead is not None
        bands.append(ahead.high - ahead.low)
    assert bands == sorted(bands, reverse=True)


def test_what_is_unsure_doubles_the_band() -> None:
    """A guessed schedule and a training loss: each is twice as wide."""

    def width(name: str = "val_loss", **options: Any) -> float:
        known = Series(name, seen(15_000).steps, seen(15_000).values)
        options = {"learning_rate": cosine_rate, "warmup_steps": 500, **options}
        ahead = forecast(known, target_step=20_000, **options)
        assert ahead is not None
        assert ahead.known_schedule is options.get("known_schedule", True)
        return ahead.high - ahead.low

    assert width(known_schedule=False) == pytest.approx(2 * width())
    assert width("train_loss") == pytest.approx(2 * width())


def test_a_short_run_is_forecast_late_and_wide() -> None:
    """Of 4,000 planned steps nothing is said before 60 %, and then with more than twice the band of 6,000."""

    def ahead(total: int, share: float) -> Forecast | None:
        steps = np.arange(0, total, 100)

        def rate(at: Any) -> Any:
            return cosine(at, total=total, warmup=100)

        known = Series("val_loss", steps, annealed_loss(steps, rate)).until(share * total)
        return forecast(known, target_step=total, learning_rate=rate, warmup_steps=100)

    assert ahead(4000, 0.55) is None
    short, long = ahead(4000, 0.7), ahead(6000, 0.7)
    assert short is not None
    assert long is not None
    assert short.high - short.low > 2 * (long.high - long.low)


def test_the_error_of_an_eval_widens_the_band() -> None:
    """In quadrature: the eval that will be printed has its own noise."""
    options: dict[str, Any] = {"target_step": 20_000, "learning_rate": cosine_rate, "warmup_steps": 500}
    plain, noisy = forecast(seen(15_000), **options), forecast(seen(15_000), eval_standard_error=0.02, **options)
    assert plain is not None
    assert noisy is not None
    assert noisy.high - noisy.value > max(plain.high - plain.value, 1.645 * 0.02)


def test_a_loss_that_rises_has_no_forecast() -> None:
    """Overfitting follows another law: a validation loss that climbs is not extrapolated."""
    values = seen(15_000).values + np.maximum(0, seen(15_000).steps - 2000) * 1e-4
    rising = Series("val_loss", seen(15_000).steps, values)
    options: dict[str, Any] = {"target_step": 20_000, "learning_rate": cosine_rate, "warmup_steps": 500}
    assert forecast(seen(15_000), **options) is not None
    assert forecast(rising, **options) is None


def logged(until: int) -> Series:
    steps = np.arange(0, until + 1, 100)
    return Series("learning_rate", steps, 3e-4 * np.minimum(1, (steps + 1) / 501))


def test_an_unknown_schedule_is_spanned_from_as_now_to_decayed() -> None:
    """A constant learning rate so far: the band holds the end of staying there and the end of a decay to zero."""
    decayed = annealed_loss(STEPS, lambda s: np.clip((20_000 - s) / 10_000, 0, 1))
    steady = annealed_loss(STEPS, np.ones_like)
    known = Series("val_loss", STEPS, steady).until(10_000)
    rates = assumed_rates(logged(10_000), 10_000, 20_000)
    ahead = spanning([forecast(known, target_step=20_000, learning_rate=rate, warmup_steps=500) for rate in rates])

    assert ahead is not None
    assert not ahead.known_schedule
    assert "unknown" in ahead.method
    assert ahead.low < decayed[-1] < steady[-1] < ahead.high


def test_the_rates_that_are_assumed_are_the_logged_ones_so_far() -> None:
    """Both go through what the log says, in its unit; then one stays and one ends at zero."""
    stays, falls = assumed_rates(logged(10_000), 10_000, 20_000)
    past, end = np.array([100.0, 5000.0, 10_000.0]), np.array([20_000.0])

    assert stays(past) == pytest.approx(logged(10_000).at(past.astype(np.int64)))
    assert falls(past) == pytest.approx(stays(past))
    assert stays(end)[0] == pytest.approx(3e-4)
    assert falls(end)[0] == 0


def test_without_a_logged_rate_it_may_also_have_fallen_all_along() -> None:
    """Three schedules: constant, constant until now, a line from the warm-up on."""
    rates = assumed_rates(Series("learning_rate", np.empty(0, np.int64), np.empty(0)), 10_000, 20_000, 500)
    now = [float(rate(np.array([10_000.0]))[0]) for rate in rates]
    end = [float(rate(np.array([20_000.0]))[0]) for rate in rates]

    assert now == pytest.approx([1.0, 1.0, 0.5128], abs=1e-3)
    assert end == pytest.approx([1.0, 0.0, 0.0])


def test_one_schedule_without_a_forecast_leaves_none() -> None:
    """A span that one end is missing of would be too narrow."""
    ahead = forecast(seen(15_000), target_step=20_000, learning_rate=cosine_rate, warmup_steps=500)
    assert ahead is not None
    assert spanning([ahead, None]) is None
    assert spanning([]) is None
    far = replace(ahead, value=ahead.value + 1, low=ahead.low + 1, high=ahead.high + 1)
    assert spanning([ahead, far]) is None


@pytest.mark.parametrize(
    ("known", "options"),
    [
        (seen(1750), {"warmup_steps": 500}),
        (seen(20_000), {}),
        (seen(15_000), {"learning_rate": None}),
        (seen(15_000), {"learning_rate": np.zeros_like}),
        (seen(15_000, sd=0.3), {"eval_standard_error": 0.01}),
        (Series("val_loss", np.empty(0, np.int64), np.empty(0)), {}),
        (Series("val_loss", STEPS[:60], np.full(60, np.nan)), {}),
    ],
    ids=["four evals", "finished", "no schedule", "learning rate 0", "does not fit", "empty", "all NaN"],
)
def test_it_keeps_silent_where_it_knows_nothing(known: Series, options: dict[str, Any]) -> None:
    """No number rather than a guess."""
    given = {"learning_rate": cosine_rate, "warmup_steps": 500, **options}
    assert forecast(known, target_step=20_000, **given) is None


def test_a_run_that_jumped_has_no_forecast() -> None:
    """A loss that left its curve half-way fits no annealing law."""
    broken = seen(15_000)
    values = broken.values + np.where(broken.steps > 9000, 0.8, 0.0)
    jumped = Series("val_loss", broken.steps, values)
    assert forecast(jumped, target_step=20_000, learning_rate=cosine_rate, warmup_steps=500) is None


def test_a_hundred_thousand_rows_are_binned_to_the_same_answer() -> None:
    """A row per step, with its noise, gives what the clean curve gives, within the misfit."""
    steps = np.arange(1, 15_001)
    clean = annealed_loss(steps, cosine_rate)
    rows = clean + np.random.default_rng(1).normal(0, 0.05, len(steps))
    dense = forecast(Series("val_loss", steps, rows), target_step=20_000, learning_rate=cosine_rate, warmup_steps=500)
    truth = float(annealed_loss(np.array([20_000]), cosine_rate)[0])
    assert dense is not None
    assert dense.value == pytest.approx(truth, abs=0.03)
