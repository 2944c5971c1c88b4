from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
from cases import make_case
from hypothesis import given
from hypothesis import strategies as st

from diagnosis.finding import Finding
from diagnosis.forecast import Forecast
from diagnosis.outlook import Outlook, Path
from tui.report_json import document, tidy

KEYS = {
    "run": {"format", "state", "model", "step", "tokens_per_step", "tokens_seen", "segments", "series"},
    "budget": {
        "optimal_tokens",
        "ratio",
        "unique_tokens",
        "epochs",
        "expected_loss",
        "loss_gain_doubling_tokens",
    },
    "trend": {
        "verdict",
        "metric",
        "slope_per_1000_steps",
        "low",
        "high",
        "perplexity",
        "forecast",
        "if_annealed_now",
        "at_double_tokens",
        "reaches",
    },
    "efficiency": {
        "seconds_per_step",
        "tokens_per_second",
        "flops_per_token",
        "tflops",
        "mfu",
        "peak_tflops",
        "peak_source",
        "mfu_logged",
        "mfu_logged_peak_tflops",
    },
}


def test_every_key_of_the_contract_is_there_though_nothing_is_known() -> None:
    """Unknown is null, never absent."""
    tree = document(make_case(), [])

    assert set(tree) == {"schema", "traintop", "path", "run", "budget", "trend", "efficiency", "gpu", "findings"}
    for part, keys in KEYS.items():
        assert set(tree[part]) == keys
    assert tree["budget"]["ratio"] is None
    assert tree["run"]["series"] == {}


def test_a_series_says_its_count_its_last_and_its_best() -> None:
    """NaN is no last value."""
    losses = np.array([3.0, 2.0, 2.5, np.nan])

    tree = document(make_case({"val_loss": ([0, 10, 20, 30], losses)}), [])

    assert tree["run"]["series"]["val_loss"] == {"n": 4, "last": 2.5, "best": 2, "best_step": 10}


def test_what_is_not_planned_stands_beside_the_forecast() -> None:
    """Annealed now, at double tokens, and when a loss is reached; null where it was not asked for."""
    soon = Forecast(12_000, "val_loss", 3.5, 3.48, 3.52, "a test")
    twice = replace(soon, step=40_000, value=3.4, known_schedule=False)
    path = Path(np.array([11_000.0, 20_000.0]), np.array([3.6, 3.4]), np.array([0.05, 0.05]))
    case = make_case(outlook=Outlook(soon, twice, path))

    trend = document(case, [], target=3.45)["trend"]

    assert trend["if_annealed_now"]["value"] == 3.5
    assert trend["at_double_tokens"] == {
        "step": 40_000,
        "metric": "val_loss",
        "value": 3.4,
        "low": 3.48,
        "high": 3.52,
        "known_schedule": False,
    }
    assert trend["reaches"] == {"loss": 3.45, "step": 20_000, "low": 20_000, "high": 20_000, "in_this_run": True}
    assert not document(case, [], target=3.3)["trend"]["reaches"]["in_this_run"]
    assert document(case, [])["trend"]["reaches"] is None


def test_a_finding_is_given_whole() -> None:
    """As the contract names its keys."""
    finding = Finding("slowdown", "warning", 0.85, "slow", ("a",), ("b",), 5, 9)

    assert document(make_case(), [finding])["findings"] == [
        {
            "id": "slowdown",
            "severity": "warning",
            "confidence": 0.85,
            "title": "slow",
            "evidence": ["a"],
            "advice": ["b"],
            "patch": [],
            "first_step": 5,
            "step": 9,
            "caused_by": None,
        }
    ]


def test_a_findings_settings_are_lines_to_paste() -> None:
    """As the run's trainer has them."""
    finding = Finding("x", "info", 0.5, "x", (), ("Set it.",), settings=(("warmup_steps", 700), ("min_lr", 6e-5)))

    assert document(make_case(), [finding])["findings"][0]["patch"] == ["warmup_iters = 700", "min_lr = 6.0e-05"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(values)
def test_whatever_goes_in_comes_out_as_strict_json(value: Any) -> None:
    """No NaN, no infinity."""
    text = json.dumps(tidy(value), allow_nan=False)

    assert isinstance(json.loads(text), type(tidy(value)))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_six_significant_digits_are_kept(value: float) -> None:
    """Enough for every figure that the laws give."""
    assert math.isclose(tidy(value), value, rel_tol=1e-5)
