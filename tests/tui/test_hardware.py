from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_nvml import FakeGpu, FakeNvml, installed, without_library

from gpu.bench_store import store_path
from gpu.sample import GpuSample
from parsers.records import Fact
from tui.errors import UserError
from tui.hardware import Hardware, dtype_of, peak_of
from tui.options import Options

RTX_4070 = GpuSample(0, "NVIDIA GeForce RTX 4070", uuid="GPU-4070")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def facts(**values: str) -> dict[str, Fact]:
    return {name: Fact(name, value, "log", "a test") for name, value in values.items()}


def test_a_gpu_that_is_named_needs_no_driver() -> None:
    """For a log from another machine: its name, its memory, and no reading."""
    with without_library():
        (sample,) = Hardware(Options(gpu="RTX 4070")).sample()

    assert (sample.index, sample.name) == (None, "NVIDIA GeForce RTX 4070")
    assert sample.memory_total_bytes == 12282 * 2**20
    assert sample.memory_used_bytes is None


@pytest.mark.parametrize(("name", "hint"), [("h100", "may be one of NVIDIA H100"), ("Voodoo 2", "give its peak")])
def test_a_name_that_is_unclear_or_unknown_is_refused_with_the_mend(name: str, hint: str) -> None:
    """Never a silent guess."""
    with pytest.raises(UserError, match=hint):
        Hardware(Options(gpu=name))


def test_an_unknown_name_with_a_peak_is_taken() -> None:
    """The user knows what the tables do not."""
    (sample,) = Hardware(Options(gpu="Voodoo 2", peak_flops=1e12)).sample()

    assert sample.name == "Voodoo 2"


def test_a_gpu_at_hand_is_chosen_by_its_index() -> None:
    """Of several, the one that is asked for."""
    with installed(FakeNvml(FakeGpu(name="NVIDIA A10"), FakeGpu(name="NVIDIA L4"))):
        assert [s.name for s in Hardware(Options(gpu="1")).sample()] == ["NVIDIA L4"]
        assert len(Hardware(Options()).sample()) == 2


def test_a_name_of_a_gpu_at_hand_gives_its_readings() -> None:
    """And the table's entry where the GPU is elsewhere, or the log is played."""
    with installed(FakeNvml(FakeGpu(), FakeGpu(name="NVIDIA L4"))):
        (here,) = Hardware(Options(gpu="RTX 4070")).sample()
        (elsewhere,) = Hardware(Options(gpu="RTX 4090")).sample()
        (played,) = Hardware(Options(gpu="RTX 4070"), ask_nvml=False).sample()

    assert here.memory_used_bytes is not None
    assert (elsewhere.index, elsewhere.memory_used_bytes) == (None, None)
    assert (played.index, played.memory_used_bytes) == (None, None)


def test_no_driver_is_no_gpu_and_a_reason() -> None:
    """The screen says why there is no panel."""
    hardware = Hardware(Options())
    with without_library():
        assert hardware.sample() == ()

    assert hardware.fault


def test_an_index_that_is_not_there_is_refused_for_a_report() -> None:
    """Live it is a reason on the screen; asked once it is an error."""
    with without_library(), pytest.raises(UserError, match="--gpu 3"):
        Hardware(Options(gpu="3")).sample_once(ask_nvml=False)


def test_a_finished_log_does_not_take_this_machines_gpu() -> None:
    """The log may be from anywhere."""
    with installed(FakeNvml(FakeGpu(name="NVIDIA A10"))):
        assert Hardware(Options()).sample_once(ask_nvml=False) == ()
        assert [s.name for s in Hardware(Options()).sample_once(ask_nvml=True)] == ["NVIDIA A10"]


def test_the_peak_is_the_users_then_the_measured_then_the_published() -> None:
    """And it says which."""
    published = peak_of(Options(), (RTX_4070,), {})
    path = store_path("GPU-4070")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"schema": 1, "peak": {"bf16": {"tflops": 61.0}}}))
    measured = peak_of(Options(), (RTX_4070,), {})
    given = peak_of(Options(peak_flops=60e12), (RTX_4070,), {})

    assert published is not None
    assert published.flops == pytest.approx(58.3e12)
    assert published.source == "spec"
    assert measured is not None
    assert measured.flops == pytest.approx(61e12)
    assert measured.source == "measured"
    assert given is not None
    assert given.flops == pytest.approx(60e12)
    assert given.source == "flag"


@pytest.mark.parametrize(
    ("dtype", "short"), [(None, "bf16"), ("bfloat16", "bf16"), ("torch.float16", "fp16"), ("float32", "tf32")]
)
def test_the_peak_is_of_the_runs_own_type(dtype: str | None, short: str) -> None:
    """TF32 where trainers write float32, since they allow it."""
    assert dtype_of(facts(dtype=dtype) if dtype else {}) == short


def test_where_bf16_is_emulated_the_fp16_peak_counts() -> None:
    """A T4 has no bf16 units; trainers fall back to fp16."""
    peak = peak_of(Options(), (GpuSample(0, "Tesla T4"),), {})

    assert peak is not None
    assert peak.flops == pytest.approx(65.1e12, rel=0.01)


@pytest.mark.parametrize(
    ("gpus", "known"),
    [
        ((), {}),
        ((RTX_4070,), facts(device="cpu")),
        ((RTX_4070, GpuSample(1, "NVIDIA A10")), {}),
        ((GpuSample(0, "NVIDIA GeForce RTX 4070 Laptop GPU"),), {}),
        ((GpuSample(0, None),), {}),
    ],
    ids=["none", "a run on the CPU", "two kinds", "a laptop's", "without a name"],
)
def test_without_one_known_gpu_there_is_no_peak(gpus: tuple[GpuSample, ...], known: dict[str, Fact]) -> None:
    """Never another GPU's."""
    assert peak_of(Options(), gpus, known) is None


def test_a_gpu_outside_the_tables_is_derived_where_its_rate_is_known() -> None:
    """SMs x clock x rate: 84 SMs of Ampere's professional kind at 1.8 GHz."""
    sample = GpuSample(0, "NVIDIA RTX A9999", cuda_cores=84 * 128, compute_capability=(8, 6), sm_clock_max_hz=1.8e9)

    peak = peak_of(Options(), (sample,), {})

    assert peak is not None
    assert peak.flops == pytest.approx(84 * 1.8e9 * 1024)
    assert peak.source == "clock"


@pytest.mark.parametrize(("busy", "known"), [(0.97, True), (0.1, False)])
def test_the_peak_at_the_clock_is_known_under_load_only(busy: float, known: bool) -> None:
    """46 SMs x 512 FLOP a clock x 2.61 GHz; an idle GPU's clock says nothing."""
    sample = GpuSample(0, "NVIDIA GeForce RTX 4070", utilization=busy, sm_clock_hz=2.61e9)

    peak = peak_of(Options(), (sample,), {})

    assert peak is not None
    assert peak.flops == pytest.approx(58.3e12)
    assert peak.at_clock == (pytest.approx(46 * 512 * 2.61e9) if known else None)
