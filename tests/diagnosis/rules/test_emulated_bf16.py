from __future__ import annotations

from dataclasses import replace

import pytest
from cases import make_case
from runs import founding_efficiency

from diagnosis.case import Case
from diagnosis.rules.emulated_bf16 import rule
from gpu.sample import GpuSample
from parsers.records import Fact


def run(
    gpu: str, dtype: str = "bfloat16", capability: tuple[int, int] | None = None, tflops: float | None = None
) -> Case:
    efficiency = None if tflops is None else founding_efficiency(flops_per_gpu=tflops * 1e12)
    gpus = (GpuSample(None, gpu, compute_capability=capability),)
    return make_case({"train_loss": ([0, 100], [9.0, 5.0])}, {"dtype": dtype}, gpus=gpus, efficiency=efficiency)


def test_bf16_on_a_t4_is_found() -> None:
    """2.4 of 65 TFLOP/s, and what to set."""
    found = rule(run("Tesla T4", tflops=2.4))

    assert found is not None
    assert (found.severity, found.confidence) == ("warning", 0.95)
    assert found.title == "bf16 is emulated on Tesla T4"
    assert found.evidence == (
        "dtype bfloat16 (a test)",
        "compute capability 7.5; bf16 units begin with 8.0",
        "2.4 TFLOP/s reached, 3.7 % of its 65.1 TFLOP/s in fp16",
    )
    assert found.settings == (("dtype", "float16"),)
    assert "gradient scaler" in found.advice[0]
    assert (found.first_step, found.step) == (0, 100)


@pytest.mark.parametrize(
    ("gpu", "fires"),
    [
        ("Tesla V100-SXM2-16GB", True),
        ("NVIDIA GeForce RTX 2080 Ti", True),
        ("Quadro RTX 8000", True),
        ("NVIDIA A100-SXM4-80GB", False),
        ("NVIDIA GeForce RTX 3060", False),
        ("NVIDIA GeForce RTX 4070", False),
        ("NVIDIA H200", False),
        ("AMD Instinct MI300X", False),
        ("Voodoo 2", False),
    ],
)
def test_only_gpus_older_than_ampere_emulate_it(gpu: str, fires: bool) -> None:
    """By the table of GPUs; one that it does not know is not judged."""
    assert (rule(run(gpu)) is not None) is fires


@pytest.mark.parametrize(
    ("capability", "instead"),
    [
        ((5, 2), "float32"),
        ((5, 3), "float16"),
        ((6, 1), "float32"),
        ((6, 2), "float16"),
        ((7, 5), "float16"),
        ((8, 0), None),
        ((12, 0), None),
    ],
)
def test_an_unknown_name_is_judged_by_its_compute_capability(capability: tuple[int, int], instead: str | None) -> None:
    """A GTX 1080 (6.1) computes fp16 at 1/64 of its fp32 rate and a GTX 980 not at all; Jetsons do at twice it."""
    found = rule(run("NVIDIA Something 9", capability=capability))

    assert (None if found is None else found.settings) == (None if instead is None else (("dtype", instead),))


@pytest.mark.parametrize(
    ("dtype", "fires"), [("bf16-mixed", True), ("torch.bfloat16", True), ("float16", False), ("float32", False)]
)
def test_other_precisions_are_silent(dtype: str, fires: bool) -> None:
    """fp16 is what such a GPU is good at."""
    assert (rule(run("Tesla T4", dtype)) is not None) is fires


@pytest.mark.parametrize(("tflops", "fires"), [(12.0, True), (14.0, False)])
def test_a_run_faster_than_emulation_has_another_precision(tflops: float, fires: bool) -> None:
    """A fifth of 65.1 TFLOP/s: the trainer fell back to fp16 whatever its config says."""
    assert (rule(run("Tesla T4", tflops=tflops)) is not None) is fires


def test_a_config_is_trusted_less_than_the_log() -> None:
    """The trainer may do something else."""
    case = run("Tesla T4")
    found = rule(replace(case, facts={"dtype": Fact("dtype", "bfloat16", "config", "train.py")}))

    assert found is not None
    assert found.confidence == 0.8


def test_unknown_is_silent() -> None:
    """Neither the GPU nor the precision is guessed, and a CPU is no GPU."""
    case = run("Tesla T4")

    assert rule(make_case(facts={"dtype": "bfloat16"})) is None
    assert rule(replace(case, facts={})) is None
    assert rule(replace(case, facts={**case.facts, "device": Fact("device", "cpu", "log", "a test")})) is None
