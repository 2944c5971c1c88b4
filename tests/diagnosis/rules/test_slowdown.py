from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.rules.slowdown import rule
from gpu.sample import GpuProcess, GpuSample


def run(seconds: np.ndarray, **fields: Any) -> Case:
    facts = {"eval_interval": 100}
    return make_case({"step_seconds": (np.arange(len(seconds)), seconds)}, facts, **fields)


def steady(count: int, seconds: float = 1.0, wander: float = 0.03) -> np.ndarray:
    return np.asarray(seconds * np.exp(np.random.default_rng(5).normal(0, wander, count)))


def slower_from(at: int, factor: float, count: int = 900) -> np.ndarray:
    return np.asarray(np.where(np.arange(count) < at, 1.0, factor) * steady(count))


def test_a_lasting_slowdown_is_found_with_its_step() -> None:
    """A third slower from step 500 on."""
    found = rule(run(slower_from(500, 1.33)))

    assert found is not None
    assert found.severity == "warning"
    assert "33%" in found.title
    assert found.first_step is not None
    assert 480 <= found.first_step <= 560


@pytest.mark.parametrize(("factor", "fires"), [(1.12, False), (1.19, True)])
def test_fifteen_per_cent_are_the_threshold(factor: float, fires: bool) -> None:
    """Less is wander."""
    assert (rule(run(slower_from(500, factor))) is not None) is fires


def test_steady_steps_are_silent() -> None:
    """The healthy run, with its compilation and its evaluations."""
    seconds = steady(900)
    seconds[0] = 30.0
    seconds[::100] += 5.0

    assert rule(run(seconds)) is None


def test_a_slow_stretch_that_has_passed_is_silent() -> None:
    """It did not stay so."""
    seconds = steady(900)
    seconds[400:500] *= 1.5

    assert rule(run(seconds)) is None


def test_single_slow_steps_are_not_a_slowdown() -> None:
    """A data loader that hiccups at every tenth step is another finding."""
    seconds = steady(900)
    seconds[5::10] *= 8

    assert rule(run(seconds)) is None


def test_drift_of_a_shared_cpu_is_silent() -> None:
    """Ten per cent up and down over the run are the machine's."""
    assert rule(run(steady(900) * (1 + 0.1 * np.sin(np.arange(900) / 70)))) is None


def test_the_gpus_own_reasons_are_joined() -> None:
    """Thermal throttling and a second process stand in the evidence."""
    sample = GpuSample(
        index=0,
        name="GPU",
        temperature_c=94.0,
        throttle=("hw_thermal",),
        processes=(GpuProcess(7, None, "other", this_run=False),),
    )

    found = rule(run(slower_from(500, 1.4), gpus=(sample,)))

    assert found is not None
    assert "throttled (hw_thermal) at 94 °C" in " ".join(found.evidence)
    assert "1 other process computes on GPU 0" in found.advice[0]


def test_few_rows_are_silent() -> None:
    """Two blocks before and two after are the least."""
    assert rule(run(slower_from(40, 2.0, count=70))) is None
