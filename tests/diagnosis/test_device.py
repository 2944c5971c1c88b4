"""Which GPU is the run's."""

from __future__ import annotations

from cases import make_case

from diagnosis.device import gpu_name, on_cpu, run_gpu
from gpu.sample import GpuProcess, GpuSample

ONE = GpuSample(0, "NVIDIA GeForce RTX 4070")
TWO = GpuSample(1, "NVIDIA H100 80GB HBM3", processes=(GpuProcess(9, None, None, this_run=True),))


def test_the_only_one() -> None:
    """One GPU is the run's, whether on this machine or only named."""
    assert run_gpu(make_case(gpus=(ONE,))) is ONE
    assert gpu_name(make_case(gpus=(GpuSample(None, "RTX 4070"),))) == "RTX 4070"


def test_the_marked_one() -> None:
    """A process of the run marks its GPU among others."""
    assert run_gpu(make_case(gpus=(ONE, TWO))) is TWO
    assert gpu_name(make_case(gpus=(ONE, TWO))) == "NVIDIA H100 80GB HBM3"


def test_unmarked_ones() -> None:
    """Of several unmarked GPUs none is the run's; one kind of them still has a name."""
    assert run_gpu(make_case(gpus=(ONE, ONE))) is None
    assert gpu_name(make_case(gpus=(ONE, ONE))) == ONE.name
    assert gpu_name(make_case(gpus=(ONE, GpuSample(1, "other")))) is None
    assert gpu_name(make_case()) is None


def test_a_cpu_run_has_no_gpu() -> None:
    """The machine's GPU is not the run's when that says cpu."""
    case = make_case(facts={"device": "cpu"}, gpus=(ONE,))

    assert on_cpu(case)
    assert gpu_name(case) is None
    assert not on_cpu(make_case(facts={"device": "cuda:0"}))
    assert not on_cpu(make_case())
