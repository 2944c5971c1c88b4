"""The child: its checks, its protocol, and a real CPU run where torch is installed."""

from __future__ import annotations

import ast
import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gpu import matmul
from gpu.bench import BenchJob, run_bench
from gpu.matmul import Case, Skip, deviation, precision, trusted

SCRIPT = Path(matmul.__file__)
PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
Said = tuple[int, list[dict[str, Any]]]
"""The exit code and the events of the script."""
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")


@pytest.mark.parametrize(
    ("dtype", "value", "right"),
    [
        ("bf16", 0.01, True),
        ("bf16", 0.06, False),
        ("fp32", 2e-6, True),
        ("fp32", 1e-3, False),
        ("tf32", 1e-3, True),
        ("tf32", 1e-6, False),
        ("fp8", float("nan"), False),
        ("fp16", float("inf"), False),
    ],
)
def test_a_product_of_another_precision_cannot_win(dtype: str, value: float, right: bool) -> None:
    """A wrong kernel, TF32 in the place of fp32 and fp32 in the place of TF32 are left out with the reason."""
    case = Case(dtype, 64, 64, 64)
    if right:
        assert trusted(case, value) == value
    else:
        with pytest.raises(Skip):
            trusted(case, value)


@needs_torch
class TestWithTorch:
    """The parts that compute."""

    @pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp16", "fp8"])
    @pytest.mark.parametrize("shape", [(32, 48, 64), (1, 16, 16), (5, 32, 16)])
    def test_a_right_product_passes_its_check(self, dtype: str, shape: tuple[int, int, int]) -> None:
        """Every type's product on a CPU, fp8 too, lies within its tolerance."""
        import torch

        case = Case(dtype, *shape)
        a, b, d = matmul.operands(torch, case, torch.device("cpu"))
        got = matmul.product(torch, case, a, b, d)()
        assert (a.shape, b.shape, got.shape) == ((case.m, case.k), (case.k, case.n), (case.m, case.n))
        assert got.data_ptr() == d.data_ptr(), "written into what was allocated before"
        trusted(case, deviation(torch, case, a, b, got))

    def test_a_wrong_product_does_not_pass(self) -> None:
        """The last row alone being wrong is seen."""
        import torch

        case = Case("fp32", 64, 64, 64)
        a, b, _ = matmul.operands(torch, case, torch.device("cpu"))
        d = a @ b
        d[-1] += 0.5
        assert deviation(torch, case, a, b, d) == pytest.approx(0.5 / 8, rel=1e-3)

    def test_operands_are_random(self) -> None:
        """Zeros would draw less power and measure too fast."""
        import torch

        a, b, _ = matmul.operands(torch, Case("bf16", 128, 128, 128), torch.device("cpu"))
        for one in (a.float(), b.float()):
            assert 0.9 < float(one.std()) < 1.1

    def test_tf32_is_on_for_tf32_alone(self) -> None:
        """And fp16 never accumulates in fp16; the bf16 reduction is left as torch has it, and reported."""
        import torch

        for dtype, allowed in (("fp32", False), ("tf32", True), ("bf16", False), ("fp16", False)):
            said = precision(torch, Case(dtype, 8, 8, 8))
            assert said["allow_tf32"] is torch.backends.cuda.matmul.allow_tf32 is allowed
            assert said["allow_fp16_accumulation"] is torch.backends.cuda.matmul.allow_fp16_accumulation is False
        assert precision(torch, Case("bf16", 8, 8, 8))["allow_bf16_reduced_precision_reduction"] is True

    def test_torch_2_4_gives_a_pair_for_fp8(self) -> None:
        """There `_scaled_mm` gives (D, amax) and takes no single out=; the product is D all the same."""
        import torch

        old = SimpleNamespace(**{name: getattr(torch, name) for name in ("ones", "float32", "bfloat16")})

        def scaled_mm(a: Any, b: Any, **how: Any) -> Any:
            if "out" in how:
                raise TypeError("argument 'out' must be tuple of Tensors, not Tensor")
            return torch._scaled_mm(a, b, **how), torch.zeros(())

        old._scaled_mm = scaled_mm
        case = Case("fp8", 32, 32, 32)
        a, b, d = matmul.operands(torch, case, torch.device("cpu"))
        trusted(case, deviation(torch, case, a, b, matmul.product(old, case, a, b, d)()))


OPEN = {"device": "cpu", "threads": 1}
SMALL = {"dtype": "fp32", "shape": [64, 48, 32], "seconds": 0.2, "warm_seconds": 0.0, "sets": 3, "flush_bytes": 0}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Answers jobs in this process, so that torch is imported once for all tests."""

    def serve(*jobs: dict[str, Any]) -> Said:
        import torch

        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(json.dumps(job) + "\n" for job in jobs)))
        threads = torch.get_num_threads()
        code = matmul.serve(torch)
        torch.set_num_threads(threads)
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return serve


@needs_torch
def test_a_session_of_the_child(served: Callable[..., Said]) -> None:
    """A device, a product, one too large for any memory, one too slow for its time, and the end of input."""
    huge = {**SMALL, "shape": [1 << 20, 1 << 20, 1 << 20]}
    slow = {**SMALL, "shape": [1024, 1024, 1024], "seconds": 0.0}
    code, said = served(OPEN, SMALL, huge, slow)
    assert (code, [event["event"] for event in said]) == (0, ["device", "measuring", "result", "skipped", "skipped"])
    assert said[0]["kind"] == "cpu"
    assert len(said[2]["seconds"]) >= matmul.MIN_RUNS
    assert "memory" in said[3]["reason"]
    assert said[4]["launch_seconds"] > 0


@needs_torch
def test_a_job_that_is_none_is_one_line_of_error(served: Callable[..., Said]) -> None:
    """No traceback, exit code 1."""
    code, said = served(OPEN, {**SMALL, "dtype": "int3"})
    assert (code, said[-1]["event"], said[-1]["kind"]) == (1, "error", "failed")


@needs_torch
def test_without_cuda_the_child_says_so(served: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind tells the parent which mend to name."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, said = served({"device": "cuda"})
    assert (code, said[-1]["kind"]) == (1, "no-device")


def test_without_torch_the_child_says_so() -> None:
    """-S hides the installed packages: what is left is the bare interpreter."""
    done = subprocess.run([sys.executable, "-S", "-E", str(SCRIPT)], capture_output=True, text=True, check=False)
    said = json.loads(done.stdout)
    assert (done.returncode, said["kind"]) == (1, "no-torch")
    assert sys.executable in said["message"]


@needs_torch
def test_a_signal_ends_the_child_quietly() -> None:
    """What it printed is there, nothing is said on standard error, and it ends by the signal itself."""
    signals = (signal.SIGINT, signal.SIGTERM)
    children = [subprocess.Popen([sys.executable, str(SCRIPT)], **PIPES) for _ in signals]
    for child, number in zip(children, signals, strict=True):
        with child:
            assert child.stdin is not None
            assert child.stdout is not None
            assert child.stderr is not None
            child.stdin.write(json.dumps(OPEN) + "\n" + json.dumps({**SMALL, "seconds": 600.0}) + "\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["event"] == "device"
            child.send_signal(number)
            assert child.wait(60) == -number
            assert child.stderr.read() == ""


def test_the_script_is_python_3_9() -> None:
    """The training's interpreter may be older than ours; and nothing of this project is imported in it."""
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert "torch" in imported
    assert not [name for name in imported if name.split(".")[0] in ("gpu", "tui", "parsers", "diagnosis")]


@needs_torch
def test_a_real_run_is_consistent_with_itself() -> None:
    """On this machine's CPU: the rate is 2 M N K / median time, rates are ordered, the product was checked."""
    result = run_bench(BenchJob(device="cpu", dtypes=("fp32",), shapes=((128, 64, 32),), seconds=1.0))
    assert result.outcome == "done"
    assert result.measurements
    for one in result.measurements:
        assert one.rate.median == pytest.approx(one.case.flop / one.median_seconds)
        assert one.rate.p10 <= one.rate.median <= one.rate.p90 <= one.rate.best
        assert one.runs >= matmul.MIN_RUNS
        assert one.deviation < matmul.TOLERANCE["fp32"]
        assert one.flags["allow_tf32"] is False
        assert one.load is not None
        assert one.load.ours > 0
    assert {s.case.shape for s in result.skipped} | {m.case.shape for m in result.measurements} >= {(128, 64, 32)}
