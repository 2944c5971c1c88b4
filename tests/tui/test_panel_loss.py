"""What the loss panel says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cases import make_case
from said import LOOK, says
from snapshots import NOW, broken, founding, founding_case, waiting

from diagnosis.trend import Trend, Verdict
from tui.panels.loss import curves_of
from tui.snapshot import Snapshot


def test_the_loss_panel_gives_the_last_values() -> None:
    """Train and val of the same eval, its error, perplexity and the best."""
    shown = says("loss", founding(), 81, 24)
    assert "train 3.625   val 3.555 ± 0.007 =" in shown
    assert "ppl 35.5   best 3.555 @ 14,500" in shown
    assert "● improving −0.007 per 1,000 steps [−0.011, −0.004]" in shown


def test_a_change_within_the_eval_noise_is_no_change() -> None:
    """Below 2 sqrt(2) standard errors "=", above it an arrow."""

    def case(last: float) -> Snapshot:
        found = make_case({"val_loss": ([0, 500], [3.60, last])}, eval_standard_error=0.01)
        return Snapshot(NOW, "train.log", found)

    assert "val 3.580 ± 0.010 =" in says("loss", case(3.58))
    assert "val 3.560 ± 0.010 ↓" in says("loss", case(3.56))
    assert "val 3.640 ± 0.010 ↑" in says("loss", case(3.64))


def test_nan_is_said_in_words() -> None:
    """The newest value is the newest value, also when it is none."""
    assert "train NaN   val NaN" in says("loss", broken(), 81, 24)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("slowing", "● slowing +0.001"),
        ("plateau", "▲ plateau +0.001"),
        ("rising", "▲ rising +0.001"),
        ("unknown", "trend hidden by noise: +0.001"),
    ],
)
def test_each_verdict_has_a_sign_and_a_word(verdict: Verdict, words: str) -> None:
    """Not only a colour."""
    assert words in says("loss", founding(case=founding_case(trend=Trend(verdict, "val_loss", 0.001))), 81, 24)


@pytest.mark.parametrize(
    ("step", "points", "words"),
    [
        (600, 2, "no trend yet: 2 evaluations after the warm-up, 5 are needed"),
        (600, 1, "no trend yet: 1 evaluation after"),
        (400, 0, "warming up: too early for a trend"),
        (14_500, 25, "warming up: too early for a trend"),
    ],
)
def test_too_early_for_a_trend_says_why(step: int, points: int, words: str) -> None:
    """The learning rate still rises, or too few evaluations have come since it did."""
    trend = Trend("warming-up", "val_loss", points=points)
    case = make_case({"train_loss": ([0, step], [9.0, 5.0])}, {"warmup_steps": 500}, trend=trend)
    assert words in says("loss", Snapshot(NOW, "x", case), 81, 24)


def test_a_falling_training_loss_is_no_good_news_by_itself() -> None:
    """Evaluations too few for a trend, the newest above the best: said beside the training loss, without a sign."""
    case = make_case(
        {"train_loss": (np.arange(50), np.linspace(4, 1, 50)), "val_loss": ([0, 20, 40], [4.0, 3.7, 3.9])},
        trend=Trend("improving", "train_loss", -60.0, -66.0, -55.0, points=15),
    )
    shown = says("loss", Snapshot(NOW, "x", case), 100, 24)
    assert "train: improving −60.000 per 1,000 steps [−66.000, −55.000]   val +0.200 above its best" in shown
    assert "●" not in shown


def test_an_evaluation_within_the_noise_of_the_best_equals_it() -> None:
    """Two sqrt(2) standard errors of one evaluation are two of a difference."""

    def shown(error: float | None) -> str:
        case = make_case(
            {"train_loss": (np.arange(50), np.linspace(4, 1, 50)), "val_loss": ([0, 20, 40], [4.0, 3.7, 3.72])},
            trend=Trend("improving", "train_loss", -60.0, -66.0, -55.0, points=15),
            eval_standard_error=error,
        )
        return says("loss", Snapshot(NOW, "x", case), 110, 24)

    assert "val = its best" in shown(0.0072)
    assert "val +0.020 above its best" in shown(0.0070)
    assert "val +0.020 above its best" in shown(None)


def test_a_loss_that_is_no_number_has_no_trend() -> None:
    """What fell before the NaN is not what happens now."""
    broke = broken().case
    assert broke is not None
    case = replace(broke, trend=Trend("improving", "val_loss", -0.8, -1.0, -0.6, points=9))
    shown = says("loss", Snapshot(NOW, "x", case), 81, 24)
    assert "✖ no trend: the newest loss is no number" in shown
    assert "improving" not in shown


def test_a_forecast_without_room_in_the_chart_is_said_below_it() -> None:
    """Zoomed elsewhere it stands beside the trend."""
    look = replace(LOOK, zoom=8.0, centre=2_000.0)
    assert "forecast 3.53 ± 0.03 at 20,000" in says("loss", founding(), 100, 24, look)


def test_without_a_training_loss_the_evaluated_split_is_drawn() -> None:
    """A log with eval lines only still has two curves."""
    case = make_case(
        {"eval_train_loss": ([0, 100, 200], [9.0, 6.0, 5.0]), "val_loss": ([0, 100, 200], [9.1, 6.2, 5.3])}
    )
    assert "train 5.000   val 5.300" in says("loss", Snapshot(NOW, "x", case), 81, 24)


def test_the_cursor_reads_the_values_at_its_step() -> None:
    """Logged, smoothed, and the eval nearest by."""
    shown = says("loss", founding(), 100, 24, replace(LOOK, cursor=6_400.0, x_kind="tokens"))
    assert "│ step 6,400  3.36 B" in shown
    assert "(logged 3." in shown
    assert "@ 6,500" in shown


def test_a_log_that_is_waited_for_says_why() -> None:
    """Nothing is left blank without a reason."""
    assert "○ waiting: train.log does not exist yet" in says("loss", waiting(), 80, 12)
    assert "no NVIDIA driver on this machine" in says("gpu", waiting(), 80, 3)


def test_the_newest_smoothed_value_is_finite_between_nans() -> None:
    """A single NaN earlier does not make the newest value unknown."""
    values = np.linspace(6, 4, 50)
    values[48] = np.nan
    case = make_case({"train_loss": (np.arange(50), values)})
    assert "train 4." in says("loss", Snapshot(NOW, "x", case), 81, 24)


def test_only_restarts_that_the_curve_still_shows_are_marked() -> None:
    """A run that began anew at 0 has drawn over the resume at 800 and over its own beginning."""
    case = make_case({"train_loss": (np.arange(1_000), np.linspace(5, 3, 1_000))})
    assert curves_of(replace(case, segments=(0, 800)), LOOK).restarts == (800,)
    assert curves_of(replace(case, segments=(0, 800, 0)), LOOK).restarts == ()
    assert curves_of(replace(case, segments=(0, 500, 800, 600)), LOOK).restarts == (500, 600)
