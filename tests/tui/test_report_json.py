from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from cases import make_case
from hypothesis import given
from hypothesis import strategies as st

from diagnosis.finding import Finding
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
    "trend": {"verdict", "metric", "slope_per_1000_steps", "low", "high", "perplexity", "forecast"},
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
            "first_step": 5,
            "step": 9,
            "caused_by": None,
        }
    ]


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
