"""Statistics of the runs, and results of a child that cannot be trusted."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu.bench_plan import Case
from gpu.bench_result import BenchResult, Load, measurement, quantile, rate

CASE = Case("bf16", (1000, 1000, 1000))
GOOD: dict[str, Any] = {
    "seconds": [3e-3, 1e-3, 2e-3],
    "launches_per_run": 1,
    "settled": True,
    "deviation": 0.0,
    "flags": {},
}


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=50))
def test_the_median_is_the_median(times: list[float]) -> None:
    """quantile(0.5) agrees with the standard library."""
    assert quantile(sorted(times), 0.5) == pytest.approx(statistics.median(times))


def test_quantiles_lie_between_neighbours() -> None:
    """p10 of 0..10 is 1, p90 is 9, and between two values it is linear."""
    values = [float(i) for i in range(11)]
    assert (quantile(values, 0.1), quantile(values, 0.9), quantile([1.0, 2.0], 0.25)) == (1.0, 9.0, 1.25)


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=50))
def test_rates_are_ordered(times: list[float]) -> None:
    """p10 <= median <= p90 <= best: p10 is the rate of the slow runs."""
    found = rate(1e9, sorted(times))
    assert found.p10 <= found.median <= found.p90 <= found.best


def test_flops_are_the_flop_by_the_median_time() -> None:
    """2 M N K / median seconds, whatever the order in which the runs came; best is the shortest."""
    found = measurement(CASE, GOOD, cold_cache=True)
    assert (found.rate.median, found.rate.best, found.runs) == (CASE.flop / 2e-3, CASE.flop / 1e-3, 3)


@pytest.mark.parametrize(
    "broken",
    [
        {"seconds": []},
        {"seconds": None},
        {"seconds": ["soon"]},
        {"seconds": [float("nan")]},
        {"seconds": [0.0]},
        {"seconds": [-1.0]},
        {"launches_per_run": 0},
        {"launches_per_run": "many"},
        {"flags": 3},
        {"deviation": None},
    ],
)
def test_a_result_without_sense_is_no_result(broken: dict[str, Any]) -> None:
    """Times that are none, not finite or not positive are refused, not shown."""
    with pytest.raises(ValueError, match="no result"):
        measurement(CASE, {**GOOD, **broken}, cold_cache=True)


def test_the_peak_is_the_best_median_of_each_type() -> None:
    """Not the best burst: a run of 1 ms among slow ones does not make a peak."""
    steady = measurement(CASE, {**GOOD, "seconds": [2e-3] * 5}, cold_cache=True)
    burst = measurement(CASE, {**GOOD, "seconds": [1e-3, 3e-3, 3e-3]}, cold_cache=True)
    other = measurement(Case("fp16", (8, 8, 8)), GOOD, cold_cache=True)
    peak = BenchResult("done", measurements=(burst, steady, other)).peak
    assert peak == {"bf16": steady, "fp16": other}


@pytest.mark.parametrize(
    ("load", "contended"),
    [
        (Load(ours=0.99, others=0.10), False),
        (Load(ours=0.99, others=0.11), True),
        (Load(ours=0.95, others=None), False),
        (Load(ours=0.85, others=None), True),
        (Load(ours=0.50, others=0.01), False),
    ],
)
def test_a_cpu_is_contended_when_others_take_a_tenth(load: Load, contended: bool) -> None:
    """Judged by what others took; only where that is unknown by what we missed."""
    assert load.contended is contended
