"""parsers/follow.py: what cannot be read is a reason, never an exception, and is tried again."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from growing import append, lines, read_all

from parsers.follow import Reading, Tail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of 10 lines."""
    path = tmp_path / "train.log"
    path.write_bytes(lines(0, 10))
    return path


def test_a_missing_file_is_waited_for(tmp_path: Path) -> None:
    """No file, no folder: nothing is raised, the reason is said, and it is read once it is there."""
    log = tmp_path / "out" / "train.log"
    tail = Tail(log)
    assert tail.read() == Reading()
    assert tail.at_end
    assert not tail.refused
    assert tail.reason == f"{log} does not exist yet"
    log.parent.mkdir()
    assert tail.read() == Reading()
    log.write_bytes(lines(0, 1))
    assert tail.read() == Reading(lines(0, 1))
    assert tail.reason is None


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """A directory is no log: said at once, with what to do."""
    tail = Tail(tmp_path)
    assert tail.read() == Reading()
    assert tail.refused
    assert tail.reason == f"{tmp_path} is a directory; name a log file in it"


def test_a_pipe_is_refused_without_being_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To open a pipe and leave it would break its writer: it is only looked at, and the mend is said."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(os, "open", lambda *a, **k: pytest.fail("it was opened"))
    tail = Tail(pipe)
    assert tail.read() == Reading()
    assert tail.refused
    assert tail.reason is not None
    assert "traintop -" in tail.reason


def test_links_that_lead_to_each_other_are_a_reason(tmp_path: Path) -> None:
    """A loop of symbolic links is said, and the log that takes its place later is read."""
    log, other = tmp_path / "train.log", tmp_path / "other.log"
    log.symlink_to(other)
    other.symlink_to(log)
    tail = Tail(log)
    assert tail.read() == Reading()
    assert tail.reason is not None
    assert os.strerror(errno.ELOOP) in tail.reason
    log.unlink()
    log.write_bytes(lines(0, 1))
    assert tail.read() == Reading(lines(0, 1))


def test_a_folder_that_vanishes_is_waited_for(tmp_path: Path) -> None:
    """A run's folder is removed while its log is followed, and made again: a reason between, then the new log."""
    log = tmp_path / "out" / "train.log"
    log.parent.mkdir()
    log.write_bytes(lines(0, 10))
    tail = Tail(log)
    tail.read()
    log.unlink()
    log.parent.rmdir()
    assert tail.read() == Reading()
    assert tail.reason == f"{log} was removed"
    log.parent.mkdir()
    log.write_bytes(lines(50, 51))
    assert read_all(tail) == [Reading(lines(50, 51), "replaced")]


def test_a_path_that_cannot_be_is_refused() -> None:
    """A NUL in the path is an error of its own kind; it is a reason too."""
    tail = Tail("a\0b")
    assert tail.read() == Reading()
    assert tail.refused
    assert tail.reason is not None


def test_no_permission_is_said_and_tried_again(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without permission nothing is raised; once it is given the log is read."""

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    tail = Tail(log)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert tail.read() == Reading()
        assert tail.refused
        assert tail.reason is not None
        assert "permission denied" in tail.reason
    assert tail.read() == Reading(lines(0, 10))
    assert not tail.refused


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.ETIMEDOUT])
@pytest.mark.parametrize("call", ["pread", "fstat", "open"])
def test_a_failing_file_system_is_tried_again(
    log: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    """A stale handle or a failing disk is a reason, never raised; then reading goes on where it was, no restart."""

    def fail(*_: object) -> bytes:
        raise OSError(number, os.strerror(number))

    tail = Tail(log)
    first = Tail(log).read() if call == "open" else tail.read()
    assert first == Reading(lines(0, 10))
    append(log, lines(10, 11))
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        for _ in range(3):
            assert tail.read() == Reading()
            assert tail.at_end
            assert tail.reason is not None
            assert os.strerror(number) in tail.reason
    expected = lines(0, 11) if call == "open" else lines(10, 11)
    assert tail.read() == Reading(expected)
    assert tail.reason is None


def test_a_stale_handle_is_opened_anew(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A descriptor that a file server has forgotten stays dead: the path is opened again, and nothing repeats."""
    opened: list[object] = []
    really_open, really_read = os.open, os.pread

    def count(*args: Any) -> int:
        opened.append(args)
        return really_open(*args)

    def read_if_new(*args: Any) -> bytes:
        if not opened:
            raise OSError(errno.ESTALE, "Stale file handle")
        return really_read(*args)

    tail = Tail(log)
    tail.read()
    append(log, lines(10, 11))
    monkeypatch.setattr(os, "open", count)
    monkeypatch.setattr(os, "pread", read_if_new)
    assert tail.read() == Reading()
    assert tail.read() == Reading(lines(10, 11))


def test_a_replacement_that_cannot_be_opened_leaves_the_old_file(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file is still followed while the new one may not be read, without asking to be called at once."""

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    tail = Tail(log)
    tail.read()
    log.rename(log.with_name("old"))
    log.write_bytes(lines(50, 51))
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert read_all(tail) == []
        append(log.with_name("old"), lines(10, 11))
        assert read_all(tail) == [Reading(lines(10, 11))]
        assert tail.reason is not None
    assert read_all(tail) == [Reading(lines(50, 51), "replaced")]
