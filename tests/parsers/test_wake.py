"""parsers/wake.py: wakes early where it can, and is silent about where it cannot."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers.api import BaseObserver

from parsers.wake import Wake

LONG = 20.0
"""Seconds; an event takes a millisecond, and nothing here waits that long unless it fails."""
SHORT = 0.2


@pytest.fixture
def event() -> threading.Event:
    """What a poller waits on."""
    return threading.Event()


@pytest.fixture
def started(tmp_path: Path, event: threading.Event) -> Iterator[Wake]:
    """A wake on train.log, which does not exist yet."""
    wake = Wake(tmp_path / "train.log", event)
    if not wake.start():
        pytest.skip(f"no notifications here: {wake.fault}")
    yield wake
    wake.stop()


def append(path: Path) -> None:
    """Writes a line."""
    with path.open("a") as file:
        file.write("iter 0\n")


def replace(path: Path) -> None:
    """Moves another file over it."""
    other = path.with_name("other")
    other.write_text("iter 0\n")
    other.rename(path)


@pytest.mark.parametrize("act", [append, replace, Path.unlink])
def test_what_happens_to_the_log_wakes(
    tmp_path: Path, started: Wake, event: threading.Event, act: Callable[[Path], None]
) -> None:
    """Made, written, replaced and removed: the event is set each time."""
    log = tmp_path / "train.log"
    append(log)
    assert event.wait(LONG)
    event.clear()
    act(log)
    assert event.wait(LONG)


def test_reading_and_other_files_do_not_wake(tmp_path: Path, started: Wake, event: threading.Event) -> None:
    """Our own open and read, and a checkpoint written beside the log, leave the event alone."""
    append(tmp_path / "train.log")
    assert event.wait(LONG)
    while event.wait(SHORT):
        event.clear()
    (tmp_path / "train.log").read_text()
    append(tmp_path / "ckpt.pt")
    assert not event.wait(SHORT)


def test_a_symbolic_link_is_resolved(tmp_path: Path, event: threading.Event) -> None:
    """latest.log -> a log in another folder: writing that log wakes."""
    (tmp_path / "run").mkdir()
    log, link = tmp_path / "run" / "train.log", tmp_path / "latest.log"
    append(log)
    link.symlink_to(log)
    wake = Wake(link, event)
    if not wake.start():
        pytest.skip(f"no notifications here: {wake.fault}")
    append(log)
    assert event.wait(LONG)
    wake.stop()


@pytest.mark.parametrize("call", ["schedule", "start"])
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, "inotify instance limit reached"),
        OSError(errno.ENOSPC, "inotify watch limit reached"),
        RuntimeError("can't start new thread"),
    ],
)
def test_limits_leave_polling_alone(
    tmp_path: Path, event: threading.Event, monkeypatch: pytest.MonkeyPatch, call: str, error: Exception
) -> None:
    """No inotify instances, watches or threads left: start() says so, raises nothing, and stop() is harmless."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(BaseObserver, call, fail)
    wake = Wake(tmp_path / "train.log", event)
    assert not wake.start()
    assert wake.fault
    wake.stop()


def test_a_missing_folder_leaves_polling_alone(tmp_path: Path, event: threading.Event) -> None:
    """A folder that does not exist yet cannot be watched; nothing is raised."""
    wake = Wake(tmp_path / "out" / "train.log", event)
    assert not wake.start()
    assert wake.fault is not None
    wake.stop()


def test_stop_ends_it(tmp_path: Path, started: Wake, event: threading.Event) -> None:
    """After stop(), which may be called twice, nothing wakes any more."""
    started.stop()
    started.stop()
    event.clear()
    append(tmp_path / "train.log")
    assert not event.wait(SHORT)


def test_nothing_else_loads_watchdog() -> None:
    """Reading a log, as diagnose does, does not import watchdog: it costs 65 ms."""
    code = "import sys, parsers.sources, parsers.replay; sys.exit('watchdog' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
