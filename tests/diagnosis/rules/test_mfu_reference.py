from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cases import NANOGPT, make_case
from runs import FACTS, RTX_4070, founding_case, founding_efficiency

from diagnosis.case import Case
from diagnosis.rules.mfu_reference import rule
from gpu.sample import GpuSample


def printed(value: float, gpu: str | None = None, rows: int = 40, **changes: object) -> Case:
    """A run that prints this MFU, on a GPU whose peak is not known."""
    steps = np.arange(200, 200 * rows + 1, 200)
    efficiency = founding_efficiency(
        **{
            "mfu": None,
            "peak_flops": None,
            "peak_source": None,
            "peak_name": None,
            "mfu_logged": value,
            **changes,
        }
    )
    gpus = () if gpu is None else (GpuSample(0, gpu),)
    return make_case({"mfu": (steps, np.full(rows, value))}, efficiency=efficiency, gpus=gpus)


def test_the_founding_run() -> None:
    """11.4 % of an A100 is 69 % of the RTX 4070 that ran it."""
    found = rule(founding_case())

    assert found is not None
    assert (found.severity, found.confidence) == ("warning", 0.99)
    assert found.title == "The printed MFU is of an A100"
    assert found.evidence[:2] == (
        "printed 11.4 % x 312 TFLOP/s",
        "steady 3.91 s per step = 40.2 TFLOP/s = 69 % of 58.3 (spec)",
    )
    assert "69 %" in found.advice[0]
    assert (found.first_step, found.step) == (200, 20_000)


@pytest.mark.parametrize("name", ["NVIDIA A100-SXM4-80GB", "NVIDIA A100 80GB PCIe", "nvidia a100"])
def test_on_an_a100_it_is_right(name: str) -> None:
    """The healthy look-alike: the GPU is the one that the trainer divides by."""
    assert rule(printed(0.4, name)) is None


def test_a_gpu_with_the_same_peak_is_right() -> None:
    """An A800 has an A100's peak under another name; 1.5 % off is rounding, 2.5 % another peak."""
    assert rule(printed(0.4, "NVIDIA A800-SXM4-80GB", peak_flops=307.5e12, peak_source="spec")) is None
    assert rule(printed(0.4, "NVIDIA A800-SXM4-80GB", peak_flops=311.9e12, peak_source="spec")) is None
    assert rule(printed(0.4, "NVIDIA A800-SXM4-80GB", peak_flops=304e12, peak_source="spec")) is not None


def test_a_measured_peak_says_nothing_about_the_name() -> None:
    """An A100 measured at 265 TFLOP/s is still an A100."""
    assert rule(printed(0.4, "NVIDIA A100-SXM4-80GB", peak_flops=265e12, peak_source="measured")) is None


@pytest.mark.parametrize(("mfu", "fires"), [(0.99, False), (1.01, True), (1.64, True)])
def test_an_unknown_gpu_is_judged_above_100_percent_alone(mfu: float, fires: bool) -> None:
    """Nothing exceeds its own peak, so above 100 % the unit is wrong whatever the GPU."""
    found = rule(printed(mfu))

    assert (found is not None) is fires
    if found is not None:
        assert "--gpu" in found.advice[0]


def test_single_rows_above_are_a_hiccup() -> None:
    """One step timed too short among twenty proves nothing."""
    case = printed(0.9)
    mfu = case.metric("mfu")
    values = mfu.values.copy()
    values[-1] = 1.3
    spiked = make_case({"mfu": (mfu.steps, values)}, efficiency=case.efficiency)

    assert rule(spiked) is None


def test_above_100_percent_on_the_right_gpu_is_another_fault() -> None:
    """Then the title does not blame the A100."""
    found = rule(printed(1.2, "NVIDIA A100-SXM4-80GB"))

    assert found is not None
    assert found.title == "The printed MFU exceeds 100 %"


@pytest.mark.parametrize(("mfu", "fires"), [(1.16, False), (1.25, True)])
def test_a_tables_peak_may_be_beaten_by_a_boost(mfu: float, fires: bool) -> None:
    """GeForce cards reach 116 % of their specification; above 120 % the table is wrong."""
    case = printed(mfu, mfu_logged_peak_flops=None, mfu_logged_peak_name=None)

    assert (rule(replace(case, traits=replace(NANOGPT, mfu_peak_flops=None))) is not None) is fires


def test_a_cpu_is_no_a100() -> None:
    """A CPU run prints a share of an A100 too; the machine's GPU has nothing to do with it."""
    case = replace(printed(0.001), facts=make_case(facts={"device": "cpu"}).facts, gpus=(RTX_4070,))
    found = rule(case)

    assert found is not None
    assert "the run is on the CPU" in found.evidence
    assert "--gpu" not in found.advice[0]


def test_the_users_peak_is_another_peak() -> None:
    """--peak alone tells that it is no A100."""
    assert rule(printed(0.4, peak_flops=58.3e12, peak_source="flag", mfu=2.1)) is not None
    assert rule(printed(0.4, peak_flops=312e12, peak_source="flag")) is None


def test_several_gpus_of_one_kind_are_known() -> None:
    """Eight H100 are no A100; two kinds leave it open which one ran."""
    eight = tuple(GpuSample(i, "NVIDIA H100 80GB HBM3") for i in range(8))
    mixed = (GpuSample(0, "NVIDIA H100 80GB HBM3"), GpuSample(1, "NVIDIA A100-SXM4-80GB"))

    assert rule(replace(printed(0.4), gpus=eight)) is not None
    assert rule(replace(printed(0.4), gpus=mixed)) is None


def test_unknown_is_silent() -> None:
    """No printed MFU, no efficiency, or nothing at all."""
    assert rule(make_case()) is None
    assert rule(founding_case(efficiency=founding_efficiency(mfu_logged=None))) is None
    assert rule(make_case(facts=FACTS, efficiency=founding_efficiency())) is None
