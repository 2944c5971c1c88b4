"""A GPU that falls off the bus, and comes back."""

from __future__ import annotations

import pytest
from fake_nvml import GPU_IS_LOST, UNINITIALIZED, UNKNOWN, Clock, FakeGpu, FakeNvml, installed
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu.nvml import Nvml
from gpu.nvml_queries import QUERIES
from gpu.sample import GpuSample

EVERYTHING = [name for query in QUERIES for name, _ in query.calls if query.of_gpu] + ["nvmlDeviceGetMemoryInfo_v2"]


@pytest.mark.parametrize("code", [GPU_IS_LOST, UNINITIALIZED, 16, 28])
def test_a_lost_gpu_is_never_asked_again_until_nvml_is_opened_anew(library: FakeNvml, clock: Clock, code: int) -> None:
    """A GPU off the bus keeps its name, has one reason for all, and its handle is used no more."""
    nvml = Nvml(clock)
    nvml.read()
    library.fail["nvmlDeviceGetUtilizationRates"] = code
    clock.now = 1.0
    sample = nvml.read(processes=True)[0]
    assert (sample.name, sample.index) == ("NVIDIA GeForce RTX 4070", 0)
    assert [name for name, _ in sample.faults] == ["gpu"]
    assert (sample.utilization, sample.memory_used_bytes, sample.processes) == (None, None, None)
    asked = sum(library.calls.values())
    clock.now = 5.9
    nvml.read(processes=True)
    assert sum(library.calls.values()) == asked


def test_a_gpu_that_comes_back(library: FakeNvml, clock: Clock) -> None:
    """NVML is shut down and opened after 5, 10, 20, ... s; no stale handle is used; then all is as before."""
    library.gpus = [FakeGpu(uuid="GPU-a"), FakeGpu(uuid="GPU-b")]
    nvml = Nvml(clock)
    nvml.read()
    library.gpus[1].lost = True
    for _ in range(40):
        clock.now += 1
        whole, lost = nvml.read(processes=True)
        assert (whole.uuid, whole.utilization, whole.faults) == ("GPU-a", 0.97, ())
        assert (lost.uuid, lost.utilization) == ("GPU-b", None)
        assert lost.fault("gpu") is not None
        assert library.references == 1
    assert library.generation == 4
    library.gpus[1].lost = False
    clock.now += 40
    assert [sample.faults for sample in nvml.read(processes=True)] == [(), ()]
    assert library.bad_handles == []


def test_a_gpu_that_answers_nothing_is_taken_for_lost(library: FakeNvml, clock: Clock) -> None:
    """A driver may answer everything about a lost GPU with "unknown error": its handle is dropped as well."""
    nvml = Nvml(clock)
    nvml.read()
    library.gpus[0].fail = dict.fromkeys(EVERYTHING, UNKNOWN)
    clock.now = 1.0
    assert nvml.read()[0].faults == (("gpu", "unknown driver error"),)
    library.gpus[0].fail = {}
    clock.now = 7.0
    assert nvml.read()[0].faults == ()


def test_a_gpu_lost_from_the_start_hides_no_other(library: FakeNvml) -> None:
    """A handle that NVML refuses is one GPU without values, named by its index."""
    library.gpus = [FakeGpu(lost=True), FakeGpu(uuid="GPU-b")]
    lost, whole = Nvml().read()
    assert (lost.index, lost.name, whole.uuid) == (0, None, "GPU-b")
    assert lost.fault("gpu") is not None
    assert whole.faults == ()


def test_an_nvml_that_does_not_open_again(library: FakeNvml, clock: Clock) -> None:
    """Where reopening for a lost GPU fails, the fault says why, and opening is tried on."""
    nvml = Nvml(clock)
    nvml.read()
    library.gpus[0].lost = True
    clock.now = 1.0
    nvml.read()
    library.fail["nvmlInitWithFlags"] = UNKNOWN
    clock.now = 7.0
    assert nvml.read() == []
    assert nvml.fault is not None
    library.fail.clear()
    library.gpus[0].lost = False
    clock.now = 400.0
    assert [sample.faults for sample in nvml.read()] == [()]
    assert nvml.fault is None


SYMBOLS = [*EVERYTHING, "nvmlInitWithFlags", "nvmlShutdown", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2"]
CODES = [1, 2, 3, 4, 6, 7, 10, 13, 15, 16, 18, 25, 28, 42, 999]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.dictionaries(st.sampled_from(SYMBOLS), st.sampled_from(CODES)), st.booleans()), max_size=8)
)
def test_no_sequence_of_errors_raises(steps: list[tuple[dict[str, int], bool]]) -> None:
    """Whatever fails when: samples with a reason for each unknown value, or none and a fault; no bad handle is used."""
    clock = Clock()
    with installed(FakeNvml(FakeGpu(), FakeGpu(uuid="GPU-b"))) as library:
        nvml = Nvml(clock)
        for fail, lost in steps:
            library.fail, library.gpus[1].lost = fail, lost
            clock.now += 7
            samples = nvml.read(processes=True)
            assert samples or nvml.fault
            assert all(sample.faults or _complete(sample) for sample in samples)
        nvml.close()
        assert library.bad_handles == []


def _complete(sample: GpuSample) -> bool:
    return all(getattr(sample, name) is not None for name in sample.__dataclass_fields__)
