"""The verdict on a loss: what noise must not make, and what it must not hide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from curves import annealed_loss, cosine, healthy_run
from raw_logs import read_case, shared

from diagnosis.schedule import schedule_of
from diagnosis.series import Series
from diagnosis.trend import Trend, eval_standard_error, evidence_of, trend_of

FOUNDING = "corpus/nanogpt/seed_run_fineweb_40.56M_rtx4070_with_header.log"
STEPS = np.arange(0, 20_001, 250)


def series(values: Any, steps: Any = STEPS, name: str = "val_loss") -> Series:
    return Series(name, np.asarray(steps, np.int64), np.asarray(values, float))


def noisy(values: Any, sd: float, seed: int = 0) -> Any:
    return values + np.random.default_rng(seed).normal(0, sd, len(values))


def healthy(sd: float, seed: int = 0) -> Series:
    return series(noisy(annealed_loss(STEPS, lambda s: cosine(s, total=20_000)), sd, seed))


def stopped(sd: float, seed: int = 0) -> Series:
    """A run whose learning rate fell to 0 at step 8,000."""
    return series(
        noisy(annealed_loss(STEPS, lambda s: np.where(s < 8000, np.minimum(1, (s + 1) / 501), 0.0)), sd, seed)
    )


def test_the_founding_run_at_step_14500_is_improving() -> None:
    """People called it saturated; val then fell by another 0.047. Its slope is most of what the fitted law gives."""
    case = read_case(shared(FOUNDING), until=14_500)
    trend = trend_of(
        case.metric("val_loss"),
        tokens_per_step=524_288,
        parameters=40.56e6,
        warmup_steps=500,
        learning_rate_at=schedule_of(case.facts),
    )
    assert trend.verdict == "improving"
    assert trend.window == (10_500, 14_500)
    assert trend.slope is not None
    assert trend.expected_slope is not None
    assert 0.5 < trend.slope / trend.expected_slope < 1.2
    assert trend.perplexity == pytest.approx(np.exp(3.5696))


def test_the_founding_run_is_never_on_a_plateau() -> None:
    """At none of its 41 evals is the verdict plateau or rising; from the sixth on it says improving or slowing."""
    case = read_case(shared(FOUNDING))
    for step in range(500, 20_001, 500):
        known = {name: s.until(step) for name, s in case.series.items()}
        evidence, _ = evidence_of(known, 500)
        verdict = trend_of(evidence, tokens_per_step=524_288, parameters=40.56e6, warmup_steps=500).verdict
        assert verdict in (("improving", "slowing") if step >= 3000 else ("warming-up", "improving", "unknown"))


@pytest.mark.parametrize("seed", range(10))
def test_a_healthy_tail_is_improving_and_its_slope_lies_in_the_interval(seed: int) -> None:
    """With eval noise as in real logs the verdict is improving, and the clean curve's own slope is near."""
    trend = trend_of(healthy(0.008, seed), tokens_per_step=524_288, parameters=124e6, warmup_steps=500)
    clean = annealed_loss(np.array([14_000, 20_000]), lambda s: cosine(s, total=20_000))
    assert trend.verdict == "improving"
    assert trend.slope == pytest.approx((clean[1] - clean[0]) / 6, abs=0.003)


def test_a_run_that_stopped_learning_is_on_a_plateau_by_the_law_and_by_its_own_past() -> None:
    """Once the learning rate is 0 nothing falls; said in 8 of 10 runs at least, with and without a known size."""
    for tokens, size in ((524_288, 124e6), (None, None)):
        runs = [stopped(0.004, seed) for seed in range(10)]
        verdicts = [trend_of(r, warmup_steps=500, tokens_per_step=tokens, parameters=size).verdict for r in runs]
        assert verdicts.count("plateau") >= 8
        assert "improving" not in verdicts


def test_a_plateau_of_a_moment_is_not_called_one() -> None:
    """A healthy run whose last third of the window happens to be flat: a third of the window before, it still fell."""
    values = healthy(0.002).values.copy()
    values[-5:] = values[-5] + 0.04 * np.array([0, 1, 2, 3, 4])
    assert trend_of(series(values), tokens_per_step=524_288, parameters=124e6, warmup_steps=500).verdict != "plateau"


@pytest.mark.parametrize("seed", range(10))
def test_noise_that_hides_the_tail_is_called_unknown_and_not_a_plateau(seed: int) -> None:
    """Eval noise of 0.15 nats on a healthy run: one cannot tell, and the program says so."""
    assert trend_of(healthy(0.15, seed), tokens_per_step=524_288, parameters=124e6).verdict in ("unknown", "improving")


def test_a_rise_is_called_rising_and_a_mere_streak_is_not() -> None:
    """A validation loss that turned up; and 5 of the last 8 evals above their neighbour, as noise makes them."""
    turned = healthy(0.004).values + np.maximum(0, STEPS - 14_000) * 2e-5
    assert trend_of(series(turned)).verdict == "rising"
    streak = np.tile([3.60, 3.61, 3.59, 3.60], 20)
    assert trend_of(series(streak, STEPS[:80])).verdict != "rising"


def test_a_tail_flatter_than_half_the_law_is_slowing() -> None:
    """It falls for sure, and for sure by less than half of what the law gives."""
    flat = 3.5 - 1e-6 * STEPS
    trend = trend_of(series(noisy(flat, 0.0005)), tokens_per_step=524_288, parameters=124e6)
    assert trend.verdict == "slowing"


def test_the_warm_up_is_no_evidence() -> None:
    """Within the warm-up, with fewer than 5 points after it, and while the learning rate still climbs."""
    early = series(np.linspace(10.8, 6, 9), np.arange(9) * 100)
    assert trend_of(early, warmup_steps=1000).verdict == "warming-up"
    assert trend_of(early, warmup_steps=500).verdict == "warming-up"
    assert trend_of(early, learning_rate_at=lambda s: s).verdict == "warming-up"
    assert trend_of(early, warmup_steps=200).verdict == "improving"


def test_nothing_is_known_of_nothing() -> None:
    """An empty series and one of NaN have no verdict, no slope and no perplexity."""
    for empty in (series([], []), series([np.nan] * 3, [1, 2, 3])):
        assert trend_of(empty) == Trend("unknown", "val_loss")


def test_a_log_cut_out_of_the_middle_covers_too_little_to_be_flat() -> None:
    """1,000 of 87,000 steps, without visible fall: too short a stretch for a plateau, or for rising."""
    steps = np.arange(86_000, 87_000)
    for slope in (0.0, 5e-5):
        noise = np.random.default_rng(1).normal(0, 0.02, 1000)
        trend = trend_of(series(2.75 + slope * (steps - 86_000) + noise, steps, "train_loss"))
        assert trend.verdict == "unknown"


def test_a_running_average_is_no_hundred_independent_points() -> None:
    """An EMA of pure noise wanders; taken as independent it would be called rising or falling half of the time."""
    wrong = 0
    for seed in range(40):
        values = np.random.default_rng(seed).normal(3, 0.05, 2000)
        for i in range(1, 2000):
            values[i] = 0.99 * values[i - 1] + 0.01 * values[i]
        wrong += trend_of(series(values, np.arange(2000), "train_loss")).verdict in ("rising", "improving", "slowing")
    assert wrong <= 12


def test_the_evidence_is_the_best_loss_with_enough_points() -> None:
    """Evals where there are 5 after the warm-up, else the training rows; an empty series where there is nothing."""
    run = healthy_run(1, total=5000, interval=100, eval_interval=500)
    rows, evals = series(run.train[1], run.train[0], "train_loss"), series(run.val[1], run.val[0])
    few = {"train_loss": rows.until(2000), "val_loss": evals.until(2000)}
    assert evidence_of(few, 500)[0].name == "train_loss"
    assert evidence_of({"train_loss": rows, "val_loss": evals}, 500)[0].name == "val_loss"
    best, noise = evidence_of({})
    assert len(best) == 0
    assert noise is None


@pytest.mark.parametrize("sd", [0.002, 0.01, 0.1])
def test_the_error_of_an_eval_is_found_from_the_evals_alone(sd: float) -> None:
    """Within a third of the truth from both splits of 40 evals, on a falling curve."""
    clean = annealed_loss(STEPS[::2], lambda s: cosine(s, total=20_000))
    splits = [series(noisy(clean, sd, seed), STEPS[::2]) for seed in (1, 2)]
    assert eval_standard_error(*splits) == pytest.approx(sd, rel=0.33)


def test_the_error_of_the_founding_runs_evals() -> None:
    """A sequence has sigma .38: over sqrt(200 x 16) that gives .0067; the scatter of the evals says .006 to .009."""
    case = read_case(shared(FOUNDING))
    error = eval_standard_error(case.metric("val_loss"), case.metric("eval_train_loss"))
    assert error is not None
    assert 0.006 < error < 0.009


def test_five_evals_have_no_error_bar() -> None:
    """Fewer than 6 evals say nothing about their scatter."""
    assert eval_standard_error(series([3.5, 3.4, 3.3, 3.25, 3.2], range(0, 2500, 500))) is None
