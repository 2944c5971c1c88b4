"""parsers/follow.py: a log that grows, is cut, replaced, removed."""

from __future__ import annotations

from pathlib import Path

import pytest
from growing import LINE, append, lines, read_all, replace

from parsers.follow import Reading, Tail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of 10 lines."""
    path = tmp_path / "train.log"
    path.write_bytes(lines(0, 10))
    return path


def test_new_lines_are_read_once(log: Path) -> None:
    """What was appended since the last read is given, and nothing twice."""
    tail = Tail(log)
    assert tail.read() == Reading(lines(0, 10))
    assert tail.read() == Reading()
    append(log, lines(10, 12) + b"iter 12: lo")
    assert tail.read() == Reading(lines(10, 12))
    append(log, b"ss 1\n")
    assert tail.read() == Reading(b"iter 12: loss 1\n")


def test_a_replaced_file_is_drained_first(log: Path) -> None:
    """What the old file still had comes before the new file, and the change is told once."""
    tail = Tail(log)
    tail.read()
    append(log, lines(10, 11) + b"half")
    replace(log, lines(100, 102))
    assert read_all(tail) == [Reading(lines(10, 11)), Reading(lines(100, 102), "replaced")]
    append(log, lines(102, 103))
    assert tail.read() == Reading(lines(102, 103))


def test_a_deleted_file_is_read_on_until_a_new_one_stands_there(log: Path) -> None:
    """A writer that goes on after rm or mv is still read, the reason is said, and the new file is seen."""
    tail = Tail(log)
    tail.read()
    log.rename(log.with_name("train.log.1"))
    append(log.with_name("train.log.1"), lines(10, 11))
    assert tail.read() == Reading(lines(10, 11))
    assert tail.reason is not None
    assert "was removed" in tail.reason
    log.write_bytes(lines(50, 52))
    assert read_all(tail) == [Reading(lines(50, 52), "replaced")]
    assert tail.reason is None


def test_an_inode_that_is_used_again_is_another_file(log: Path) -> None:
    """Deleted and made again between two reads: seen each time, since the open descriptor keeps the old inode."""
    tail = Tail(log)
    tail.read()
    for number in range(100, 2000, 100):
        log.unlink()
        log.write_bytes(lines(number, number + 12))
        assert read_all(tail) == [Reading(lines(number, number + 12), "replaced")]


def test_an_empty_new_file_does_not_end_the_old_one(log: Path) -> None:
    """Rotated by logrotate, the trainer still writes to the old file, and the new one stays empty."""
    tail = Tail(log)
    tail.read()
    log.rename(log.with_name("train.log.1"))
    log.touch()
    append(log.with_name("train.log.1"), lines(10, 12))
    assert tail.read() == Reading(lines(10, 12))
    append(log.with_name("train.log.1"), lines(12, 13))
    assert tail.read() == Reading(lines(12, 13))
    append(log, lines(13, 14))
    assert read_all(tail) == [Reading(lines(13, 14), "replaced")]


def test_a_longer_copy_goes_on(log: Path) -> None:
    """A log that is synchronised from another machine is a new file each time, and no restart."""
    tail = Tail(log)
    tail.read()
    replace(log, lines(0, 15))
    assert read_all(tail) == [Reading(lines(10, 15))]
    replace(log, lines(0, 14).replace(b"iter 0:", b"iter 9:") + lines(14, 16))
    assert read_all(tail) == [Reading(lines(0, 14).replace(b"iter 0:", b"iter 9:") + lines(14, 16), "replaced")]


def test_a_link_that_is_pointed_elsewhere_is_replaced(log: Path) -> None:
    """latest.log -> another run's log: the old one is drained, then the other begins."""
    link, other = log.with_name("latest.log"), log.with_name("second.log")
    link.symlink_to(log)
    tail = Tail(link)
    assert tail.read() == Reading(lines(0, 10))
    append(log, lines(10, 11))
    other.write_bytes(lines(70, 71))
    link.unlink()
    link.symlink_to(other)
    assert read_all(tail) == [Reading(lines(10, 11)), Reading(lines(70, 71), "replaced")]


def test_a_shorter_file_was_truncated(log: Path) -> None:
    """Smaller than what was read: it is read from its start, and the half line of the old text is forgotten."""
    append(log, b"half a li")
    tail = Tail(log)
    tail.read()
    log.write_bytes(lines(0, 2))
    assert tail.read() == Reading(lines(0, 2), "truncated")
    assert tail.half == b""


@pytest.mark.parametrize("count", [10, 11, 500])
def test_a_file_that_grew_again_past_the_offset_was_truncated(log: Path, count: int) -> None:
    """As long or longer than before, with the same first line: the bytes before the offset tell."""
    tail = Tail(log)
    tail.read()
    rewritten = LINE % 0 + lines(1000, 1000 + count)
    with log.open("r+b") as file:
        file.truncate(0)
        file.write(rewritten)
    assert tail.read() == Reading(rewritten, "truncated")


def test_a_file_truncated_before_any_line_is_no_restart(tmp_path: Path) -> None:
    """Where no line was given yet, there is nothing to begin anew from."""
    log = tmp_path / "train.log"
    log.write_bytes(b"Overr")
    tail = Tail(log)
    tail.read()
    log.write_bytes(b"")
    assert tail.read() == Reading()
    append(log, lines(0, 1))
    assert tail.read() == Reading(lines(0, 1))


def test_a_closed_tail_goes_on_where_it_was(log: Path) -> None:
    """close() gives the descriptor back, twice without harm; a later read repeats nothing."""
    tail = Tail(log)
    tail.read()
    tail.close()
    tail.close()
    append(log, lines(10, 11))
    assert tail.read() == Reading(lines(10, 11))


def open_descriptors() -> int:
    """How many this process holds."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc here")
def test_no_descriptor_is_lost(log: Path) -> None:
    """A hundred replacements leave one descriptor open, and close() none."""
    before = open_descriptors()
    tail = Tail(log)
    for number in range(100, 10_000, 100):
        replace(log, lines(number, number + 3))
        read_all(tail)
    assert open_descriptors() == before + 1
    tail.close()
    assert open_descriptors() == before
