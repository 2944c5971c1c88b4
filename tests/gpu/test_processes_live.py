"""From a log to the processes of its run, with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpu.processes import in_host_pid_namespace, this_run_pids, writers

pytestmark = pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="needs Linux's /proc")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "train.log"
    path.write_text("step 0: train loss 10.9, val loss 10.9\n")
    return path


def test_a_real_writer_is_found_while_it_lives(log: Path) -> None:
    """The child that has the log open is found; once it is gone, it is not."""
    code = f"f = open({str(log)!r}, 'a'); print('ready', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert writers(log) == [child.pid]
        run = this_run_pids(log)
        child.communicate(b"\n")
    assert run is None or child.pid in run
    assert child.pid not in (writers(log) or [])


def test_a_real_pipe_is_one_run(log: Path) -> None:
    """In a real shell job the process before `tee` is found through tee."""
    code = "import os; print(os.getpid(), flush=True); input()"
    with subprocess.Popen(
        ["/bin/sh", "-c", f'exec 3<&0; "{sys.executable}" -c "{code}" <&3 | tee "{log}"'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as shell:
        assert shell.stdout is not None
        python = int(shell.stdout.readline())
        run = this_run_pids(log)
        shell.communicate(b"\n")
    if in_host_pid_namespace():
        assert run is not None
        assert {python, shell.pid} <= run
        assert os.getpid() not in run
    else:
        assert run is None


def test_looking_changes_nothing(log: Path) -> None:
    """A look at /proc leaves the log's times and content as they were."""
    before, text = log.stat(), log.read_text()
    writers(log)
    this_run_pids(log)
    assert log.stat().st_mtime_ns == before.st_mtime_ns
    assert log.read_text() == text
