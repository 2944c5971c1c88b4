"""What NVML gives becomes a sample in SI units, through NVIDIA's own binding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fake_nvml import OLD_DRIVER, OLDER_DRIVER, Clock, FakeGpu, FakeNvml

from gpu.nvml import Nvml
from gpu.sample import GpuProcess, GpuSample


def test_every_field_in_its_unit(library: FakeNvml, clock: Clock) -> None:
    """Percent become a share, MiB bytes, milliwatts watts, MHz hertz, bits names, and no field is lacking."""
    assert Nvml(clock).read(processes=True) == [
        GpuSample(
            index=0,
            name="NVIDIA GeForce RTX 4070",
            uuid="GPU-11111111-2222-3333-4444-555555555555",
            utilization=0.97,
            memory_total_bytes=12282 * 2**20,
            memory_used_bytes=9000 * 2**20,
            memory_reserved_bytes=300 * 2**20,
            memory_free_bytes=2982 * 2**20,
            power_watts=186.5,
            power_limit_watts=200.0,
            temperature_c=68.0,
            slowdown_temperature_c=95.0,
            sm_clock_hz=2.61e9,
            sm_clock_max_hz=3.105e9,
            memory_clock_hz=10.501e9,
            throttle=("sw_power_cap",),
            processes=(GpuProcess(4242, 9_000_000_000, None, None),),
            cuda_cores=5888,
            compute_capability=(8, 9),
            driver="580.95.05",
        )
    ]


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (0, ()),
        (0x1, ("gpu_idle",)),
        (0x2, ("application_clocks",)),
        (0x4, ("sw_power_cap",)),
        (0x8, ("hw_slowdown",)),
        (0x10, ("sync_boost",)),
        (0x20, ("sw_thermal",)),
        (0x40, ("hw_thermal",)),
        (0x80, ("hw_power_brake",)),
        (0x100, ("display_clocks",)),
        (0x48, ("hw_slowdown", "hw_thermal")),
        (0x8000_0000_0004, ("sw_power_cap",)),
    ],
)
def test_throttle_bits_by_name(library: FakeNvml, bits: int, names: tuple[str, ...]) -> None:
    """Each bit of nvml.h has its name, no bit is no throttling, and an unknown bit is passed over."""
    library.gpus[0].reasons = bits
    assert Nvml().read()[0].throttle == names


def test_a_process_without_a_memory_figure(library: FakeNvml) -> None:
    """NVML's "not available" (all ones; Windows, WSL) is None, not 18 exabytes."""
    library.gpus[0].processes = [(7, None), (8, 0)]
    listed = Nvml().read(processes=True)[0].processes
    assert listed is not None
    assert [(each.pid, each.memory_bytes) for each in listed] == [(7, None), (8, 0)]


def test_no_processes_are_an_empty_list_and_unasked_ones_unknown(library: FakeNvml) -> None:
    """() says that nothing computes there; None says that nobody asked."""
    library.gpus[0].processes = []
    assert Nvml().read()[0].processes is None
    assert Nvml().read(processes=True)[0].processes == ()


def test_a_process_list_in_another_layout_is_refused(library: FakeNvml) -> None:
    """Driver 535.43 to 535.98 wrote a list that the binding misreads: a pid of 0 gives it away."""
    library.gpus[0].processes = [(7, 5), (0, 2**40)]
    sample = Nvml().read(processes=True)[0]
    assert sample.processes is None
    assert sample.fault("processes") == "an impossible value"


def test_an_old_driver_is_asked_by_the_old_names(library: FakeNvml, clock: Clock) -> None:
    """Without the calls of newer drivers all values still come; used memory then has the reserved part in it."""
    library.missing = OLD_DRIVER
    sample = Nvml(clock).read(processes=True)[0]
    assert (sample.temperature_c, sample.throttle) == (68.0, ("sw_power_cap",))
    assert sample.processes == (GpuProcess(4242, 9_000_000_000, None, None),)
    assert (sample.memory_used_bytes, sample.memory_reserved_bytes) == (9300 * 2**20, None)
    assert sample.faults == (("memory_reserved_bytes", "the driver is too old: it is counted as used"),)


def test_a_driver_without_any_versioned_process_list(library: FakeNvml, clock: Clock) -> None:
    """The binding then raises NVMLLibraryMismatchError, which is no NVMLError: one unknown field, asked once."""
    library.missing = OLDER_DRIVER
    nvml = Nvml(clock)
    for _ in range(3):
        sample = nvml.read(processes=True)[0]
        clock.now += 10
    assert sample.processes is None
    assert sample.fault("processes") == "the driver is too old"
    assert sample.utilization == 0.97


def test_the_call_that_works_is_remembered(library: FakeNvml, clock: Clock) -> None:
    """A driver that refuses the newer call is not asked it again every second."""
    library.fail["nvmlDeviceGetMemoryInfo_v2"] = 25
    nvml = Nvml(clock)
    for _ in range(5):
        nvml.read()
        clock.now += 1
    assert library.calls["nvmlDeviceGetMemoryInfo_v2"] == 1
    assert library.calls["nvmlDeviceGetMemoryInfo"] == 5


def test_a_failure_for_now_does_not_fall_back(library: FakeNvml, clock: Clock) -> None:
    """The older call means another thing by "used": a driver that stumbles once is asked the newer one again."""
    library.fail["nvmlDeviceGetMemoryInfo_v2"] = 999
    nvml = Nvml(clock)
    assert nvml.read()[0].memory_used_bytes is None
    library.fail.clear()
    clock.now += 2
    assert nvml.read()[0].memory_reserved_bytes == 300 * 2**20
    assert "nvmlDeviceGetMemoryInfo" not in library.calls


def test_what_does_not_change_is_asked_once(library: FakeNvml, clock: Clock) -> None:
    """A minute at one reading a second: names and cores once, processes 12 times, the rest each second."""
    nvml = Nvml(clock)
    for _ in range(60):
        nvml.read(processes=True)
        clock.now += 1
    calls = library.calls
    assert {calls[f"nvmlDeviceGet{what}"] for what in ("Name", "UUID", "NumGpuCores", "CudaComputeCapability")} == {1}
    assert calls["nvmlDeviceGetComputeRunningProcesses_v3"] == 2 * 12  # the binding asks for the length first
    assert calls["nvmlDeviceGetTemperatureV"] == 30
    assert calls["nvmlDeviceGetUtilizationRates"] == 60


def test_a_slow_driver_is_asked_less_often(library: FakeNvml, clock: Clock) -> None:
    """A reading of 100 ms is followed by 2 s of rest with the same samples, and its length is told."""

    def slow(symbol: str) -> None:
        clock.now += 0.1 if symbol == "nvmlDeviceGetUtilizationRates" else 0

    library.on_call = slow
    nvml = Nvml(clock)
    first, began = nvml.read(), clock.now - 0.1
    assert nvml.last_read_seconds == pytest.approx(0.1)
    clock.now = began + 1.9
    assert nvml.read() == first
    assert library.calls["nvmlDeviceGetUtilizationRates"] == 1
    clock.now = began + 2.1
    nvml.read()
    assert library.calls["nvmlDeviceGetUtilizationRates"] == 2


def test_several_gpus_in_order(library: FakeNvml) -> None:
    """One sample a GPU, by NVML's index."""
    library.gpus = [FakeGpu(name=f"GPU {i}", celsius=40 + i) for i in range(3)]
    assert [(s.index, s.name, s.temperature_c) for s in Nvml().read()] == [
        (0, "GPU 0", 40.0),
        (1, "GPU 1", 41.0),
        (2, "GPU 2", 42.0),
    ]


def test_a_gpu_in_slices_is_no_whole_gpu(library: FakeNvml) -> None:
    """Under MIG a job has a part of the GPU: utilisation is unknown and the name says MIG, so that no peak is found."""
    library.gpus = [FakeGpu(name="NVIDIA A100-SXM4-80GB", mig=1, fail={"nvmlDeviceGetUtilizationRates": 3})]
    sample = Nvml().read()[0]
    assert sample.name == "NVIDIA A100-SXM4-80GB MIG"
    assert sample.fault("utilization") == "not supported by this GPU or driver"
    library.gpus = [FakeGpu(name="NVIDIA A100-SXM4-80GB", mig=0)]
    assert Nvml().read()[0].name == "NVIDIA A100-SXM4-80GB"


@pytest.mark.parametrize("raw", ["bytes", "not utf-8"])
def test_a_binding_that_gives_bytes(library: FakeNvml, monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    """Bindings before 11.510 give names as bytes, whatever is in them."""
    given = {"bytes": b"Tesla T4", "not utf-8": b"Tesla \xff"}[raw]
    monkeypatch.setattr("pynvml.nvmlDeviceGetName", lambda handle: given)
    assert Nvml().read()[0].name == {"bytes": "Tesla T4", "not utf-8": "Tesla �"}[raw]


def test_a_name_that_the_binding_cannot_decode(library: FakeNvml) -> None:
    """A broken name is an unknown name."""
    library.gpus[0].name = b"\xff\xfe"
    assert Nvml().read()[0].name is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda gpu: setattr(gpu, "utilization", 4294967295), "utilization"),
        (lambda gpu: setattr(gpu, "milliwatts", 4294967295), "power_watts"),
        (lambda gpu: setattr(gpu, "celsius", 255), "temperature_c"),
        (lambda gpu: setattr(gpu, "sm_mhz", 4294967295), "sm_clock_hz"),
        (lambda gpu: setattr(gpu, "total_mib", 0), "memory_used_bytes"),
    ],
)
def test_an_impossible_number_is_unknown(library: FakeNvml, change: Callable[[Any], None], field: str) -> None:
    """All ones, 255 degrees or no memory at all are a driver's way of not knowing."""
    change(library.gpus[0])
    sample = Nvml().read()[0]
    assert getattr(sample, field) is None
    assert sample.fault(field) == "an impossible value"
