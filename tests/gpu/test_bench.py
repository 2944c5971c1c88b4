"""The benchmark as a whole, with a child that only speaks the protocol and a GPU that only NVML sees."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fake_child import CPU, H200, answering, interpreter

from gpu import bench_session
from gpu.bench import BenchJob, BenchResult, Event, run_bench
from gpu.bench_result import Conditions, Measurement, Progress, Share, Skipped
from gpu.bench_session import _share
from gpu.sample import GpuProcess, GpuSample

IDLE = GpuSample(
    index=0,
    name="NVIDIA H200",
    uuid="GPU-aaaaaaaa-0000",
    utilization=0.0,
    memory_used_bytes=0,
    sm_clock_hz=1.62e9,
    power_watts=698.0,
    temperature_c=64.0,
    throttle=("sw_power_cap",),
    processes=(),
    cuda_cores=132 * 128,
    driver="580.159",
)
BUSY = replace(IDLE, processes=(GpuProcess(4242, 9000 << 20, "python", None),))


class FakeNvml:
    """NVML that always sees the same GPUs."""

    opened = 0

    def __init__(self, samples: Sequence[GpuSample], fault: str | None = None) -> None:
        self.fault = fault
        self._samples = samples

    def __call__(self) -> FakeNvml:
        self.opened += 1
        return self

    def read(self, *, processes: bool) -> Sequence[GpuSample]:
        return self._samples

    def close(self) -> None:
        self.opened -= 1


def bench(job: BenchJob, samples: Sequence[GpuSample] = (IDLE,), events: list[Event] | None = None) -> BenchResult:
    """One call, without the two seconds of looking."""
    nvml = FakeNvml(samples)
    result = run_bench(job, events.append if events is not None else None, nvml, lambda seconds: None)
    assert nvml.opened == 0, "every reader is closed"
    return result


def job(tmp_path: Path, body: str | None = None, **fields: object) -> BenchJob:
    """A short job for a fake interpreter."""
    python = answering(tmp_path) if body is None else interpreter(tmp_path, body)
    return replace(BenchJob(python=python, dtypes=("bf16",), seconds=0.2), **fields)  # type: ignore[arg-type]


def test_every_case_is_measured_in_order(tmp_path: Path) -> None:
    """Three squares and a shape; the events tell phases and results as they come."""
    events: list[Event] = []
    result = bench(job(tmp_path, shapes=((64, 32, 16),)), events=events)
    assert (result.outcome, result.reason, result.torch) == ("done", None, "2.13.0")
    assert [one.case.shape for one in result.measurements] == [(4096,) * 3, (8192,) * 3, (16384,) * 3, (64, 32, 16)]
    assert [type(event) for event in events] == [Progress, Progress, Measurement] * 4
    assert [event.number for event in events if isinstance(event, Progress)] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_rates_and_shares_follow_from_the_times(tmp_path: Path) -> None:
    """Runs of 1, 2 and 4 ms: the median is 2 M N K / 2 ms, and its share of spec is of an H200's 989 TFLOP/s."""
    found = bench(job(tmp_path)).peak["bf16"]
    assert found.rate.median == pytest.approx(2 * 16384**3 / 2e-3)
    assert found.share.of_spec == pytest.approx(found.rate.median / 989e12, rel=1e-3)


def test_the_share_at_the_clock_is_of_what_the_sms_can_do_at_it(tmp_path: Path) -> None:
    """132 SMs x 4096 FLOP per clock x 1.62 GHz; unknown where no clock was read or no peak is published."""
    found = bench(job(tmp_path)).peak["bf16"]
    at_clock = replace(found, conditions=Conditions(sm_clock_hz=1.62e9))
    assert _share(at_clock, "NVIDIA H200", None).at_clock == pytest.approx(found.rate.median / (132 * 4096 * 1.62e9))
    assert _share(replace(found, conditions=Conditions()), "NVIDIA H200", None).at_clock is None
    assert _share(at_clock, "Some GPU", None) == _share(at_clock, None, None) == Share()


def test_the_device_is_named_by_nvml_and_torch(tmp_path: Path) -> None:
    """UUID and driver from NVML, the name from torch."""
    device = bench(job(tmp_path)).device
    assert device is not None
    assert (device.kind, device.name, device.uuid, device.driver) == (
        "cuda",
        "NVIDIA H200",
        "GPU-aaaaaaaa-0000",
        "580.159",
    )


def test_the_child_is_told_which_gpu(tmp_path: Path) -> None:
    """By UUID in CUDA_VISIBLE_DEVICES, so that NVML's index and CUDA's cannot differ."""
    told = tmp_path / "told"
    body = f'open({str(told)!r}, "w").write(os.environ["CUDA_VISIBLE_DEVICES"])\n' + H200
    bench(job(tmp_path, body))
    assert told.read_text() == "GPU-aaaaaaaa-0000"


def test_a_gpu_in_use_is_refused_before_a_child_is_started(tmp_path: Path) -> None:
    """The reason names the process and the way to measure nevertheless; nothing is run."""
    result = bench(job(tmp_path, python=str(tmp_path / "no-such-python")), [BUSY])
    assert result.outcome == "refused"
    assert "4242" in (result.reason or "")
    assert "--force" in (result.reason or "")


def test_with_force_every_number_is_contended(tmp_path: Path) -> None:
    """Measured, and labelled as what was left."""
    result = bench(job(tmp_path, force=True), [BUSY])
    assert (result.outcome, result.contended) == ("done", True)
    assert all(one.contended for one in result.measurements)


def test_a_process_that_is_there_at_the_end_makes_it_contended(tmp_path: Path) -> None:
    """It began while we measured: the list is read anew once the child is gone."""
    looks = {"free": True}

    class Later(FakeNvml):
        def read(self, *, processes: bool) -> Sequence[GpuSample]:
            return [IDLE if looks["free"] else BUSY]

    def on_event(event: Event) -> None:
        looks["free"] = False

    result = run_bench(job(tmp_path), on_event, Later([]), lambda seconds: None)
    assert (result.outcome, result.contended) == ("done", True)


def test_alone_is_not_contended(tmp_path: Path) -> None:
    """An empty process list before, during and after."""
    result = bench(job(tmp_path))
    assert result.contended is False
    assert {one.contended for one in result.measurements} == {False}


def test_without_nvml_contention_is_unknown(tmp_path: Path) -> None:
    """Not False: nobody could tell."""
    result = run_bench(job(tmp_path))
    assert (result.outcome, result.contended) == ("done", None)


def test_where_nvml_sees_no_gpu_the_child_is_asked(tmp_path: Path) -> None:
    """A ROCm or Jetson GPU has no NVML; where torch sees none either, both reasons and the mend stand in one line."""
    assert bench(job(tmp_path), []).outcome == "done"
    body = 'emit("error", kind="no-device", message="torch 2.13.0 sees no CUDA device")'
    nvml = FakeNvml([], fault="the NVIDIA driver was updated under its library: reboot")
    result = run_bench(job(tmp_path, body), None, nvml, lambda seconds: None)
    assert result.outcome == "error"
    for words in ("sees no CUDA device", "reboot", "--device cpu"):
        assert words in (result.reason or "")


def test_a_gpu_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """--device 7 on a machine with one."""
    result = bench(job(tmp_path, device="7"))
    assert result.outcome == "error"
    assert "'7'" in (result.reason or "")


def test_a_missing_torch_names_the_mend(tmp_path: Path) -> None:
    """--python and what to give it."""
    result = bench(job(tmp_path, 'emit("error", kind="no-torch", message="cannot import torch")'))
    assert result.outcome == "error"
    assert "--python" in (result.reason or "")


CRASHES_AT_THE_SECOND = (
    H200
    + """
asked = 0
for job in jobs():
    asked += "dtype" in job
    if asked == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if asked:
        result()
"""
)


def test_a_crash_keeps_what_was_measured(tmp_path: Path) -> None:
    """The first case stays, the reason is one line."""
    result = bench(job(tmp_path, CRASHES_AT_THE_SECOND))
    assert (result.outcome, len(result.measurements)) == ("error", 1)
    assert "was killed" in (result.reason or "")


def test_a_hanging_child_is_left_with_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time it is ended; the first case stays."""
    monkeypatch.setattr(bench_session, "SLACK_SECONDS", 0.5)
    body = CRASHES_AT_THE_SECOND.replace("os.kill(os.getpid(), signal.SIGKILL)", "time.sleep(600)")
    result = bench(job(tmp_path, body))
    assert (result.outcome, len(result.measurements)) == ("error", 1)
    assert "no answer within" in (result.reason or "")


@pytest.mark.parametrize(
    "odd", ["seconds=[]", "seconds=[0]", 'seconds="1"', "launches_per_run=None", "deviation=1e999", 'deviation="?"']
)
def test_a_result_without_sense_is_an_error(tmp_path: Path, odd: str) -> None:
    """Numbers that cannot be are not shown as a measurement."""
    result = bench(job(tmp_path, f'{H200}\nfor job in jobs():\n    if "dtype" in job: result({odd})'))
    assert (result.outcome, result.measurements) == ("error", ())


def test_interruption_keeps_what_was_measured(tmp_path: Path) -> None:
    """Ctrl-C in the second case: the first is there, and no exception comes out."""
    seen: list[Event] = []

    def on_event(event: Event) -> None:
        seen.append(event)
        if len(seen) == 5:
            raise KeyboardInterrupt

    result = run_bench(job(tmp_path), on_event, FakeNvml([IDLE]), lambda seconds: None)
    assert (result.outcome, len(result.measurements)) == ("interrupted", 1)


def test_interruption_while_looking_is_quiet(tmp_path: Path) -> None:
    """Ctrl-C in the two seconds before anything is measured."""

    def pause(seconds: float) -> None:
        raise KeyboardInterrupt

    assert run_bench(job(tmp_path), None, FakeNvml([IDLE]), pause).outcome == "interrupted"


def test_what_the_child_skips_is_listed_with_its_reason(tmp_path: Path) -> None:
    """And a product that took long in a small size is not tried in a larger one."""
    body = H200 + 'for job in jobs():\n    if "dtype" in job: emit("skipped", reason="slow", launch_seconds=5.0)'
    result = bench(job(tmp_path, body))
    assert result.outcome == "done"
    reasons = [one.reason for one in result.skipped]
    assert reasons[0] == "slow"
    assert all("too long for 0.2 s in all" in reason for reason in reasons[1:])


def test_what_the_device_cannot_is_not_asked_of_it(tmp_path: Path) -> None:
    """fp8 with an N that 16 does not divide is refused here; the square sizes are measured."""
    events: list[Event] = []
    result = bench(job(tmp_path, dtypes=("fp8",), shapes=((64, 40, 64),)), events=events)
    assert [one.case.shape for one in result.skipped] == [(64, 40, 64)]
    assert isinstance(events[-1], Skipped)
    assert len(result.measurements) == 3


def test_a_cpu_is_measured_without_a_look_at_nvml(tmp_path: Path) -> None:
    """No GPU is visible to the child, threads are those that this process may use, and no clock is claimed."""
    nvml = FakeNvml([BUSY])
    told = tmp_path / "told"
    body = f"""
for job in jobs():
    if "device" in job:
        open({str(told)!r}, "w").write(json.dumps([job, os.environ["CUDA_VISIBLE_DEVICES"]]))
        {CPU.strip()}
    else:
        result()
"""
    result = run_bench(job(tmp_path, body, device="cpu", dtypes=("fp32",)), None, nvml)
    assert result.outcome == "done"
    asked, visible = json.loads(told.read_text())
    assert (asked["device"], visible) == ("cpu", "")
    assert result.device is not None
    assert asked["threads"] == result.device.threads
    found = result.measurements[0]
    assert found.load is not None
    assert found.load.ours == pytest.approx(1 / asked["threads"])
    assert (found.conditions.sm_clock_hz, found.share.of_spec) == (None, None)


def test_importing_the_benchmark_loads_neither_torch_nor_textual_nor_numpy() -> None:
    """The parent stays light: torch belongs to the child alone."""
    code = """
import sys
import gpu.bench, tui.commands.bench
print([name for name in ("torch", "textual", "numpy", "pynvml") if name in sys.modules])
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
