"""Which GPU is the run's."""

from __future__ import annotations

from dataclasses import replace

from cases import make_case
from watched import MINE, WORKING, watch_all

from diagnosis.device import fills_no_gpu, gpu_name, on_cpu, past_of, run_gpu, run_gpus
from diagnosis.model import size_of
from diagnosis.shape import Shape
from gpu.sample import GpuProcess, GpuSample

ONE = GpuSample(0, "NVIDIA GeForce RTX 4070")
TWO = GpuSample(1, "NVIDIA H100 80GB HBM3", processes=(GpuProcess(9, None, None, this_run=True),))


def test_tiny_models_fill_no_gpu() -> None:
    """Narrower than 256 or below 5M parameters, as far as either is known."""
    width = {n: make_case(size=size_of(Shape(12, 12, n, 50304, 1024))) for n in (252, 264)}
    count = {n: make_case(size=size_of(Shape(), flag_params=n)) for n in (4.9e6, 5.1e6)}

    assert [fills_no_gpu(case) for case in (*width.values(), *count.values())] == [True, False, True, False]
    assert not fills_no_gpu(make_case())


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


def test_the_gpus_of_a_run_have_its_process_or_are_alone() -> None:
    """Two that train it of three; an only one; none of several that nobody knows, and none that is only named."""
    marked = [replace(WORKING, index=i, uuid=str(i), processes=(MINE,) if i < 2 else ()) for i in range(3)]
    unknown = [replace(gpu, processes=None) for gpu in marked]
    named = GpuSample(None, "NVIDIA GeForce RTX 4070")

    assert run_gpus(make_case(gpus=tuple(marked))) == tuple(marked[:2])
    assert run_gpus(make_case(gpus=(unknown[0],))) == (unknown[0],)
    assert [run_gpus(make_case(gpus=gpus)) for gpus in (tuple(unknown), (named,), ())] == [(), (), ()]
    assert run_gpus(make_case(facts={"device": "cpu"}, gpus=(WORKING,))) == ()


def test_a_gpus_past_is_found_by_its_uuid() -> None:
    """One that is not watched has none."""
    other = replace(WORKING, index=1, uuid="GPU-2")
    case = make_case(gpus=(WORKING, other), gpu_past=watch_all((WORKING, other), 3))
    found = past_of(case, other)

    assert found is not None
    assert found.gpu == "GPU-2"
    assert past_of(case, replace(WORKING, uuid="GPU-3")) is None
