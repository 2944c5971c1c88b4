"""Rule plateau: says what the trend says, by the learning rate that is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.finding import Finding
from diagnosis.rules.plateau import rule
from diagnosis.trend import Trend, Verdict
from parsers.records import Value

COSINE: dict[str, Value] = {"learning_rate": 1e-3, "min_lr": 1e-4, "warmup_steps": 500, "decay_steps": 20_000}
EVALS = ([0, 10_000, 20_000], [10.8, 3.5, 3.5])


def trend(verdict: Verdict = "plateau", expected: float | None = -0.01) -> Trend:
    return Trend(verdict, "val_loss", -0.0004, -0.0011, 0.0003, 0.41, expected, (14_000, 20_000), 13, 33.0, 0.005)


def find(facts: dict[str, Value] | None = None, series: Any = None, **more: Any) -> Finding | None:
    return rule(make_case({"val_loss": EVALS, **(series or {})}, facts, **{"trend": trend(), **more}))


def test_a_plateau_with_a_spent_learning_rate_asks_for_a_new_schedule() -> None:
    """Slope, interval, p and the expected slope are the evidence; the advice is a longer schedule."""
    found = find(COSINE)
    assert found is not None
    assert found.severity == "warning"
    assert "-0.0004 nats per 1,000 steps [-0.0011, +0.0003] over 13 points, Mann-Kendall p = 0.41" in found.evidence
    assert "learning rate at 10% of its peak" in found.evidence
    assert "longer schedule" in found.advice[0]


@pytest.mark.parametrize("verdict", ["improving", "slowing", "rising", "unknown", "warming-up"])
def test_any_other_trend_is_silent(verdict: Verdict) -> None:
    """Slow is not stuck, and noise that hides the trend is no plateau."""
    assert find(trend=trend(verdict)) is None


def test_no_trend_is_silent() -> None:
    """Nothing known, nothing said."""
    assert find(trend=None) is None


@pytest.mark.parametrize(("rate", "severity"), [(0.31, "info"), (0.29, "warning")])
def test_the_stable_phase_of_a_schedule_is_flat_by_design(rate: float, severity: str) -> None:
    """Above 0.3 of the peak, annealing is still worth 0.13: a note, not a warning."""
    logged = {"learning_rate": ([0, 10_000, 20_000], np.array([0.1, 1.0, rate]) * 3e-4)}
    found = find(series=logged)
    assert found is not None
    assert found.severity == severity
    assert ("0.13" in found.advice[0]) is (severity == "info")


@pytest.mark.parametrize(("rate", "word"), [(0.10, "spent"), (0.12, "larger model")])
def test_a_rate_at_a_tenth_of_its_peak_is_spent(rate: float, word: str) -> None:
    """Where cosines end a new schedule is needed; a little above, the model or the data are the limit."""
    found = find(series={"learning_rate": ([0, 10_000, 20_000], np.array([0.1, 1.0, rate]) * 3e-4)})
    assert found is not None
    assert word in found.advice[0]


def test_without_an_expectation_it_is_a_note() -> None:
    """A fine-tune of unknown size may be flat by nature."""
    found = find(trend=trend(expected=None))
    assert found is not None
    assert found.severity == "info"


def test_an_unknown_schedule_still_gives_advice() -> None:
    """Neither a config nor a logged learning rate: the limit may be the model or the data."""
    found = find()
    assert found is not None
    assert "model" in found.advice[0]
