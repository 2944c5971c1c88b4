"""The child's protocol, and a child that crashes, hangs or talks rubbish."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_child import answering, interpreter

from gpu import bench_child
from gpu.bench_child import Child, ChildError, environment

DEVICE = frozenset({"device"})


def ask(python: str, timeout_seconds: float = 30.0) -> list[str]:
    """The names of the events that answer the first job."""
    with Child(python, environment(None)) as child:
        return [event["event"] for event in child.ask({"device": "cuda"}, DEVICE, timeout_seconds)]


def fault(python: str, timeout_seconds: float = 30.0) -> ChildError:
    """The error instead of an answer."""
    with pytest.raises(ChildError) as caught:
        ask(python, timeout_seconds)
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


def test_jobs_are_answered_in_turn(tmp_path: Path) -> None:
    """One child answers the device and then each case, up to its last event and no further."""
    with Child(answering(tmp_path), environment(None)) as child:
        first = list(child.ask({"device": "cuda"}, DEVICE, 30))
        then = list(child.ask({"dtype": "bf16"}, frozenset({"result"}), 30))
    assert [event["event"] for event in (*first, *then)] == ["device", "measuring", "result"]


def test_rubbish_between_events_is_passed_over(tmp_path: Path) -> None:
    """A site package that prints on start, half a line of JSON, binary, a list: none is an event."""
    rubbish = 'os.write(1, b"Welcome!\\n{\\n[1]\\n{\\"event\\": 3}\\n\\xff\\xfe\\x00\\n")\n'
    assert ask(interpreter(tmp_path, rubbish + 'emit("device", kind="cpu")')) == ["device"]


def test_rubbish_alone_is_an_error_that_quotes_it(tmp_path: Path) -> None:
    """A program that is no Python says so itself; control characters do not come through."""
    error = fault(interpreter(tmp_path, 'print("\\x1b[31mnot\\x07 a Python")'))
    assert "[31mnot a Python" in str(error)
    assert "\x1b" not in str(error)


def test_a_traceback_becomes_its_last_line(tmp_path: Path) -> None:
    """What the child says last on standard error is the reason."""
    error = fault(interpreter(tmp_path, 'raise RuntimeError("no such thing")'))
    assert error.kind == "crashed"
    assert str(error).endswith("exit code 1: RuntimeError: no such thing")


@pytest.mark.parametrize(("signal", "word"), [("SIGKILL", "want of memory"), ("SIGSEGV", "SIGSEGV")])
def test_a_killed_child_names_the_signal(tmp_path: Path, signal: str, word: str) -> None:
    """The kernel's out-of-memory killer and a crash of the driver are told apart."""
    error = fault(interpreter(tmp_path, f"os.kill(os.getpid(), signal.{signal})"))
    assert error.kind == "crashed"
    assert word in str(error)


def test_a_child_that_ctrl_c_ended_interrupts_us_too(tmp_path: Path) -> None:
    """The terminal sends it to both; whoever hears it first, it is an interruption and no crash."""
    with pytest.raises(KeyboardInterrupt):
        ask(interpreter(tmp_path, "signal.signal(signal.SIGINT, signal.SIG_DFL)\nos.kill(os.getpid(), signal.SIGINT)"))


def test_a_silent_child_times_out_and_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets SIGTERM, and SIGKILL where it does not listen; no process is left behind."""
    monkeypatch.setattr(bench_child, "GRACE_SECONDS", 0.3)
    pid_file = tmp_path / "pid"
    body = f'signal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen({str(pid_file)!r}, "w").write(str(os.getpid()))\n'
    error = fault(interpreter(tmp_path, body + "while True: time.sleep(60)"), timeout_seconds=1.0)
    assert error.kind == "timeout"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_an_error_event_ends_the_answer(tmp_path: Path) -> None:
    """Its kind decides the mend, its message is one line."""
    error = fault(interpreter(tmp_path, 'emit("error", kind="no-torch", message="no\\ntorch\\x1b[0m")'))
    assert (error.kind, str(error)) == ("no-torch", "no torch [0m")


@pytest.mark.parametrize("what", ["missing", "folder", "plain file"])
def test_an_interpreter_that_cannot_run_is_said(tmp_path: Path, what: str) -> None:
    """A path that is not there, a directory (a virtual environment's) and a file without the right to run."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain file").write_text("x")
    error = fault(str(tmp_path / what))
    assert error.kind == "no-torch"
    assert what in str(error)


def test_the_child_sees_one_gpu_by_the_drivers_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA's own order is by speed; NVML's is that of the bus. What would bend TF32 is taken away."""
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    variables = environment("GPU-1234")
    assert (variables["CUDA_VISIBLE_DEVICES"], variables["CUDA_DEVICE_ORDER"]) == ("GPU-1234", "PCI_BUS_ID")
    assert "NVIDIA_TF32_OVERRIDE" not in variables
    assert environment("")["CUDA_VISIBLE_DEVICES"] == ""


def test_without_nvml_the_users_choice_of_gpus_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """None leaves CUDA_VISIBLE_DEVICES as the user has set it."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert environment(None)["CUDA_VISIBLE_DEVICES"] == "3"
