"""`traintop bench` at the command line: options, exit codes, what is kept, and how it ends."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from bench_results import H200_RUN, RESULT
from fake_child import CPU, answering, interpreter

from gpu.bench_plan import Case
from gpu.bench_result import BenchResult, Outcome, Progress, Skipped
from gpu.sample import GpuSample
from tui.commands import bench
from tui.errors import UserError

ROOT = Path(__file__).parents[2]


def options(*arguments: str) -> argparse.Namespace:
    """The parsed options."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    bench.add_arguments(parser)
    return parser.parse_args(arguments)


START = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the test runner has switched off
signal.signal(signal.SIGHUP, signal.{hup})
from tui.cli import main
sys.exit(main(["bench", *sys.argv[1:]]))
"""


def traintop(*arguments: str, cache: Path, code: int = 0, hup: str = "SIG_DFL") -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does, without a terminal, and checks its exit code."""
    command = [sys.executable, "-c", START.format(hup=hup), *arguments]
    variables = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_options_of_the_contract() -> None:
    """Types by comma, shapes repeated, and what holds when nothing is said."""
    args = options("--dtype", "BF16, fp32,bf16", "--shape", "16,32,64", "--shape", "8x4x2", "--device", "1")
    assert args.dtype == ("bf16", "fp32")
    assert args.shape == [(16, 32, 64), (8, 4, 2)]
    plain = options()
    assert (plain.dtype, plain.shape, plain.device, plain.seconds) == (None, [], None, 30.0)
    assert (plain.python, plain.force, plain.json, plain.no_save) == (sys.executable, False, False, False)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--dtype", "int8"),
        ("--dtype", ","),
        ("--shape", "16,32"),
        ("--shape", "a,b,c"),
        ("--shape", "0,1,1"),
        ("--shape", "1,1,99999999"),
        ("--seconds", "0"),
        ("--seconds", "nan"),
        ("--seconds", "inf"),
    ],
)
def test_wrong_options_are_refused(wrong: tuple[str, str]) -> None:
    """A type that there is not, a shape that is none, no time at all."""
    with pytest.raises(argparse.ArgumentError, match=wrong[0]):
        options(*wrong)


def test_fp16_on_a_cpu_is_wrong_usage() -> None:
    """Not offered there; the mend names what is."""
    with pytest.raises(UserError, match="--dtype fp32,bf16"):
        bench.run(options("--device", "CPU", "--dtype", "fp16"))


@pytest.mark.parametrize(("outcome", "code"), [("done", 0), ("refused", 1), ("error", 2), ("interrupted", 130)])
@pytest.mark.parametrize("as_json", [False, True])
def test_the_exit_code_tells_how_it_ended(
    outcome: Outcome, code: int, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Partial results are shown whatever ended it; the reason is one line on standard error."""
    reason = None if outcome in ("done", "interrupted") else "why and the mend"
    result = replace(RESULT, outcome=outcome, reason=reason)
    assert bench.answer(result, None, None, as_json=as_json) == code
    said = capsys.readouterr()
    assert "8192" in said.out
    assert said.err == (f"traintop: bench: {reason}\n" if reason else "")


def test_where_nothing_could_be_measured_the_reasons_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """All cases skipped: exit code 2 with why."""
    skipped = (Skipped(Case("bf16", (8,) * 3), "needs 9 GiB"), Skipped(Case("bf16", (9,) * 3), "needs 9 GiB"))
    assert bench.answer(BenchResult("done", skipped=skipped), None, None, as_json=False) == 2
    assert capsys.readouterr().err == "traintop: bench: nothing could be measured: needs 9 GiB\n"


class Terminal(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_line_that_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each phase takes the place of the one before, and the end leaves nothing; a dumb terminal gets nothing."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    line = bench.Line()
    line.show(Progress(Case("bf16", (8, 4, 2)), 2, 9, "measuring"))
    line.show(H200_RUN)
    line.clear()
    assert screen.getvalue() == "\r\x1b[Kbench 2/9  bf16 8 x 4 x 2  measuring\r\x1b[K"
    monkeypatch.setenv("TERM", "dumb")
    bench.Line().show(Progress(Case("bf16", (8, 4, 2)), 2, 9, "measuring"))
    assert screen.getvalue().count("bench 2/9") == 1


class NoGpu:
    """NVML on a machine without a GPU of NVIDIA's."""

    fault = "no NVIDIA driver here"

    def read(self, *, processes: bool) -> list[GpuSample]:
        return []

    def close(self) -> None:
        pass


@pytest.fixture
def without_nvml(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever GPU this machine has, and how busy it is, does not matter; the cache directory is the test's."""
    monkeypatch.setattr("gpu.nvml.Nvml", NoGpu)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.usefixtures("without_nvml")
def test_a_whole_call_measures_prints_and_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table, the file that was written, and no line of progress without a terminal."""
    assert bench.run(options("--python", answering(tmp_path), "--dtype", "bf16", "--seconds", "0.2")) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "peak bf16" in said.out
    (kept,) = (tmp_path / "traintop" / "bench").iterdir()
    assert str(kept) in said.out


@pytest.mark.usefixtures("without_nvml")
def test_a_directory_that_cannot_be_written_loses_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file stands where the cache directory should be: the numbers are shown, and why they are not kept."""
    (tmp_path / "traintop").write_text("in the way")
    assert bench.run(options("--python", answering(tmp_path), "--dtype", "bf16", "--seconds", "0.2")) == 0
    said = capsys.readouterr().out
    assert "peak bf16" in said
    assert "Not kept" in said


def test_no_save_writes_nothing(tmp_path: Path) -> None:
    """And says nothing of a file."""
    python = answering(tmp_path, CPU)
    done = traintop("--device", "cpu", "--python", python, "--seconds", "0.2", "--no-save", "--json", cache=tmp_path)
    assert json.loads(done.stdout)["saved"] is None
    assert not (tmp_path / "traintop").exists()


def test_an_interpreter_without_torch_is_one_line(tmp_path: Path) -> None:
    """Exit code 2 and the mend; JSON still gives an object that says so."""
    python = interpreter(tmp_path, 'emit("error", kind="no-torch", message="cannot import torch")')
    done = traintop("--device", "cpu", "--python", python, "--json", cache=tmp_path, code=2)
    assert json.loads(done.stdout)["outcome"] == "error"
    assert len(done.stderr.splitlines()) == 1
    assert "--python PATH" in done.stderr


def test_wrong_usage_is_one_line(tmp_path: Path) -> None:
    """Exit code 2."""
    done = traintop("--dtype", "int8", cache=tmp_path, code=2)
    assert len(done.stderr.splitlines()) == 1


INTERRUPTS_ITS_PARENT = (
    CPU
    + """
signal.signal(signal.SIGTERM, signal.SIG_DFL)
asked = 0
for job in jobs():
    asked += "dtype" in job
    if asked == 1:
        result()
    elif asked == 2:
        os.kill(os.getppid(), signal.SIG{name})
        time.sleep(600)
"""
)


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
def test_an_interrupted_call_prints_what_it_has(tmp_path: Path, name: str) -> None:
    """Ctrl-C, SIGTERM and a closed terminal: the first case in the table, exit code 130, nothing kept."""
    python = interpreter(tmp_path, INTERRUPTS_ITS_PARENT.replace("{name}", name))
    done = traintop("--device", "cpu", "--python", python, "--seconds", "0.2", cache=tmp_path, code=130)
    assert "512 x 512 x 512" in done.stdout
    assert "Not kept for later runs: it was interrupted" in done.stdout
    assert done.stderr == ""


def test_under_nohup_a_closed_terminal_does_not_end_it(tmp_path: Path) -> None:
    """A SIGHUP that was switched off stays so: the larger sizes are measured too."""
    body = INTERRUPTS_ITS_PARENT.replace("{name}", "HUP").replace("time.sleep(600)", "result()")
    python = interpreter(tmp_path, body.replace("asked == 1", "asked not in (0, 2)"))
    done = traintop(
        "--device", "cpu", "--python", python, "--dtype", "fp32", "--seconds", "0.2", cache=tmp_path, hup="SIG_IGN"
    )
    assert "1024 x 1024 x 1024" in done.stdout


def test_help_loads_neither_torch_nor_numpy_nor_textual(tmp_path: Path) -> None:
    """`bench --help` answers at once."""
    code = """
import sys
from tui.cli import main
try:
    main(["bench", "--help"])
except SystemExit:
    pass
print([name for name in ("torch", "numpy", "textual", "pynvml") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--no-save" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
