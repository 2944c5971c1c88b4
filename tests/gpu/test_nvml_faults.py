"""Whatever NVML does, a reading is samples and reasons, never an exception."""

from __future__ import annotations

import sys
import threading
import types

import pytest
from fake_nvml import (
    DRIVER_NOT_LOADED,
    FUNCTION_NOT_FOUND,
    INVALID_ARGUMENT,
    LIB_RM_VERSION_MISMATCH,
    NO_PERMISSION,
    NOT_SUPPORTED,
    UNKNOWN,
    Clock,
    FakeNvml,
    without_library,
)

from gpu.nvml import Nvml

FIELDS = {
    "nvmlDeviceGetName": ("name",),
    "nvmlDeviceGetUUID": ("uuid",),
    "nvmlSystemGetDriverVersion": ("driver",),
    "nvmlDeviceGetNumGpuCores": ("cuda_cores",),
    "nvmlDeviceGetCudaComputeCapability": ("compute_capability",),
    "nvmlDeviceGetTemperatureThreshold": ("slowdown_temperature_c",),
    "nvmlDeviceGetMaxClockInfo": ("sm_clock_max_hz",),
    "nvmlDeviceGetUtilizationRates": ("utilization",),
    "nvmlDeviceGetMemoryInfo": (
        "memory_total_bytes",
        "memory_used_bytes",
        "memory_reserved_bytes",
        "memory_free_bytes",
    ),
    "nvmlDeviceGetPowerUsage": ("power_watts",),
    "nvmlDeviceGetEnforcedPowerLimit": ("power_limit_watts",),
    "nvmlDeviceGetTemperature": ("temperature_c",),
    "nvmlDeviceGetClockInfo": ("sm_clock_hz", "memory_clock_hz"),
    "nvmlDeviceGetCurrentClocksThrottleReasons": ("throttle",),
    "nvmlDeviceGetComputeRunningProcesses_v2": ("processes",),
}
NEWER = {
    "nvmlDeviceGetMemoryInfo": "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetTemperature": "nvmlDeviceGetTemperatureV",
    "nvmlDeviceGetCurrentClocksThrottleReasons": "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetComputeRunningProcesses_v2": "nvmlDeviceGetComputeRunningProcesses_v3",
}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (DRIVER_NOT_LOADED, "not loaded: modprobe nvidia"),
        (LIB_RM_VERSION_MISMATCH, "updated under its library: reboot"),
        (NO_PERMISSION, "no permission"),
        (UNKNOWN, "in a container, restart the container"),
        (FUNCTION_NOT_FOUND, "too old"),
        (20, "the driver is out of memory"),
        (77, "NVML error 77"),
    ],
)
def test_each_error_of_initialising_has_its_reason(library: FakeNvml, code: int, words: str) -> None:
    """A driver that is not loaded, was updated in place, or is closed to us: no samples, and the mend in words."""
    library.fail["nvmlInitWithFlags"] = code
    nvml = Nvml()
    assert nvml.read(processes=True) == []
    assert nvml.fault is not None
    assert words in nvml.fault


def test_a_machine_without_the_driver() -> None:
    """No library to load is no GPU panel, and nothing more."""
    with without_library():
        nvml = Nvml()
        assert nvml.read() == []
        assert nvml.fault == "no NVIDIA driver here"
        nvml.close()


def test_a_machine_with_a_driver_and_no_gpu(library: FakeNvml) -> None:
    """A driver that lists no GPU says so."""
    library.gpus = []
    nvml = Nvml()
    assert nvml.read() == []
    assert nvml.fault == "no NVIDIA GPU here"


def test_an_nvml_that_cannot_count(library: FakeNvml) -> None:
    """An error after initialising is a fault too, and NVML is given back."""
    library.fail["nvmlDeviceGetCount_v2"] = UNKNOWN
    nvml = Nvml()
    assert nvml.read() == []
    assert nvml.fault is not None
    assert library.references == 0


def test_the_binding_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without nvidia-ml-py is told how to get it."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    nvml = Nvml()
    assert nvml.read() == []
    assert nvml.fault is not None
    assert "pip install nvidia-ml-py" in nvml.fault


def test_another_package_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module pynvml that is not NVIDIA's is named as such."""
    monkeypatch.setitem(sys.modules, "pynvml", types.ModuleType("pynvml"))
    nvml = Nvml()
    assert nvml.read() == []
    assert nvml.fault == "pynvml is not NVIDIA's binding: pip install nvidia-ml-py"


def test_a_driver_that_comes_later_is_found(library: FakeNvml, clock: Clock) -> None:
    """Opening is tried again after 5 s, then after 10, not every second."""
    library.fail["nvmlInitWithFlags"] = DRIVER_NOT_LOADED
    nvml = Nvml(clock)
    for _ in range(15):
        nvml.read()
        clock.now += 1
    assert library.calls["nvmlInitWithFlags"] == 2
    library.fail.clear()
    clock.now = 15.0
    assert [sample.utilization for sample in nvml.read()] == [0.97]
    assert nvml.fault is None


@pytest.mark.parametrize("code", [NOT_SUPPORTED, NO_PERMISSION, UNKNOWN, INVALID_ARGUMENT, 10, 77])
@pytest.mark.parametrize("symbol", FIELDS)
def test_each_query_fails_alone(library: FakeNvml, symbol: str, code: int) -> None:
    """One refused query leaves its own fields unknown with a reason, and every other value is there."""
    library.fail = {symbol: code, NEWER.get(symbol, symbol): code}
    sample = Nvml().read(processes=True)[0]
    unknown = {name for name in sample.__dataclass_fields__ if getattr(sample, name) is None}
    assert unknown == set(FIELDS[symbol])
    assert {name for name, _ in sample.faults} == set(FIELDS[symbol])
    assert all(reason for _, reason in sample.faults)


def test_a_query_that_is_not_supported_is_not_asked_again(library: FakeNvml, clock: Clock) -> None:
    """NOT_SUPPORTED and a missing function hold for good."""
    library.fail["nvmlDeviceGetPowerUsage"] = NOT_SUPPORTED
    library.missing = frozenset({"nvmlDeviceGetEnforcedPowerLimit"})
    nvml = Nvml(clock)
    for _ in range(200):
        sample = nvml.read()[0]
        clock.now += 1
    assert library.calls["nvmlDeviceGetPowerUsage"] == 1
    assert "nvmlDeviceGetEnforcedPowerLimit" not in library.calls
    assert sample.fault("power_watts") == "not supported by this GPU or driver"
    assert sample.fault("power_limit_watts") == "the driver is too old"


def test_a_query_that_fails_for_now_is_tried_again_ever_less_often(library: FakeNvml, clock: Clock) -> None:
    """After 1, 2, 4, 8, ... s, at most 60: six tries in the first minute, and the value when it is there again."""
    library.fail["nvmlDeviceGetPowerUsage"] = UNKNOWN
    nvml = Nvml(clock)
    for _ in range(61):
        nvml.read()
        clock.now += 1
    assert library.calls["nvmlDeviceGetPowerUsage"] == 6
    library.fail.clear()
    clock.now = 123.0
    sample = nvml.read()[0]
    assert (sample.power_watts, sample.faults) == (186.5, ())


def test_an_old_binding_lacks_functions(library: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    """A binding without a function, or without its argument, loses that field or takes the older form."""
    monkeypatch.delattr("pynvml.nvmlDeviceGetNumGpuCores")
    monkeypatch.delattr("pynvml.nvmlDeviceGetTemperatureV")
    sample = Nvml().read()[0]
    assert sample.fault("cuda_cores") == "the NVML binding is too old"
    assert sample.temperature_c == 68.0


def test_closing_gives_nvml_back_once(library: FakeNvml) -> None:
    """After close nothing is read any more, and a second close does nothing."""
    nvml = Nvml()
    nvml.read()
    nvml.close()
    nvml.close()
    assert library.references == 0
    assert nvml.read() == []
    assert library.calls["nvmlShutdown"] == 1


def test_closing_before_opening(library: FakeNvml) -> None:
    """A monitor that never read closes without a word, and does not open NVML afterwards."""
    nvml = Nvml()
    nvml.close()
    assert nvml.read() == []
    assert library.calls == {}


def test_closing_does_not_wait_for_a_driver_that_hangs(library: FakeNvml) -> None:
    """A shutdown that does not return is left to its daemon thread."""
    forever, entered = threading.Event(), threading.Event()

    def hang(symbol: str) -> None:
        if symbol == "nvmlShutdown":
            entered.set()
            forever.wait(60)

    nvml = Nvml()
    nvml.read()
    library.on_call = hang
    nvml.close()
    assert entered.is_set()
    assert library.references == 1
    forever.set()


def test_closing_an_nvml_that_refuses(library: FakeNvml) -> None:
    """An error of nvmlShutdown is nobody's business any more."""
    nvml = Nvml()
    nvml.read()
    library.fail["nvmlShutdown"] = UNKNOWN
    nvml.close()
    assert nvml.read() == []
