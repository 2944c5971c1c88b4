"""The child on a real CUDA device; skipped where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from gpu import matmul
from gpu.bench import BenchJob, run_bench
from gpu.bench_plan import DTYPES, Case, Device, refusal
from gpu.peaks import find, peak_flops


def cuda() -> Any:
    """Torch, where it is installed and sees a GPU; else the test is skipped."""
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    return torch


def answers(*jobs: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of one child for these jobs, which must end it well."""
    text = "".join(json.dumps(job) + "\n" for job in ({"device": "cuda"}, *jobs))
    command = [sys.executable, str(matmul.__file__)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def case(dtype: str, shape: tuple[int, int, int], **change: Any) -> dict[str, Any]:
    """A short measurement with three operand sets."""
    plain = {"dtype": dtype, "shape": shape, "seconds": 0.5, "warm_seconds": 0.1, "sets": 3, "flush_bytes": 0}
    return {**plain, **change}


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_is_right_on_every_path(dtype: str) -> None:
    """A graph of short launches, grouped launches, one long launch, and a flushed cache: each product was checked.

    No rate lies above 1.3 x the published peak, where there is one: an event that misses the work would show there.
    """
    torch = cuda()
    name, capability = torch.cuda.get_device_name(0), torch.cuda.get_device_capability(0)
    if why := refusal(Device("cuda", name, None, torch.version.cuda, capability, 0, None), Case(dtype, (256,) * 3)):
        pytest.skip(why)
    shapes = [(256, 256, 256), (2048, 2048, 2048), (4096, 4096, 4096)]
    jobs = [*(case(dtype, shape) for shape in shapes), case(dtype, shapes[1], sets=1, flush_bytes=1 << 28)]
    said = answers(*jobs)
    assert [event["event"] for event in said] == ["device", *["measuring", "result"] * 4], said
    spec = find(name)
    peak = (peak_flops(spec, dtype) if spec else None) or float("inf")
    for job, found in zip(jobs, said[2::2], strict=True):
        assert found["flags"]["allow_tf32"] is (dtype == "tf32")
        rate = Case(dtype, job["shape"]).flop / min(found["seconds"])
        assert rate < 1.3 * peak
    assert said[2]["launches_per_run"] % 3 == 0
    assert said[8]["launches_per_run"] == 1


def test_a_product_beyond_the_memory_is_skipped_and_the_next_measured() -> None:
    """Out of memory is a reason, not an end."""
    cuda()
    said = answers(case("fp32", (1 << 19,) * 3), case("fp32", (256, 256, 256)))
    assert [event["event"] for event in said] == ["device", "skipped", "measuring", "result"]
    assert "memory" in said[1]["reason"]


def test_a_whole_run_measures_the_first_gpu() -> None:
    """Through the parent, without NVML: squares as far as 3 s reach, and the shape."""
    torch = cuda()
    result = run_bench(BenchJob(dtypes=("fp32",), shapes=((512, 512, 512),), seconds=3.0))
    assert (result.outcome, result.contended) == ("done", None)
    assert (512, 512, 512) in [one.case.shape for one in result.measurements]
    assert result.device is not None
    assert result.device.name == torch.cuda.get_device_name(0)
