"""parsers/open_file.py: holes, huge lines, bounded reads, compression."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path

import pytest
from growing import LINE, append, lines, read_all
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parsers.follow import Reading, Tail
from parsers.lines import LINE_BYTES
from parsers.open_file import POLL_BYTES, OpenFile


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of 10 lines."""
    path = tmp_path / "train.log"
    path.write_bytes(lines(0, 10))
    return path


def test_a_hole_of_nuls_is_no_text(log: Path) -> None:
    """A writer without O_APPEND goes on at its old offset after a truncation: NULs stand before its next line."""
    tail = Tail(log)
    with log.open("r+b") as writer:
        writer.seek(0, os.SEEK_END)
        tail.read()
        os.truncate(log, 0)
        writer.write(lines(10, 11))
        writer.flush()
        assert tail.read() == Reading(lines(10, 11), "truncated")
        writer.write(lines(11, 12))
    assert tail.read() == Reading(lines(11, 12))


def test_a_huge_hole_is_leapt_over(tmp_path: Path) -> None:
    """40 GiB of hole cost a few reads, not 10,000, and the line behind it is whole."""
    log = tmp_path / "train.log"
    log.touch()
    os.truncate(log, 40 << 30)
    append(log, lines(0, 2))
    with log.open("rb") as file:
        if os.lseek(file.fileno(), 0, os.SEEK_DATA) == 0:
            pytest.skip("this file system knows no holes")
    tail = Tail(log)
    readings = [tail.read() for _ in range(20)]
    assert tail.at_end
    assert b"".join(r.lines for r in readings) == lines(0, 2)
    assert [r.anew for r in readings] == [None] * 20
    append(log, lines(2, 3))
    assert tail.read() == Reading(lines(2, 3))


def test_a_huge_line_does_not_grow_memory(tmp_path: Path) -> None:
    """A line of 30 MB: at most 64 KB of it are held, and the line behind it is read."""
    log = tmp_path / "train.log"
    log.write_bytes(b"x" * 30_000_000 + b"\n" + lines(0, 1))
    tail = Tail(log)
    tracemalloc.start()
    try:
        text = b"".join(reading.lines for reading in read_all(tail))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert text == b"x" * LINE_BYTES + b"\n" + lines(0, 1)
    assert peak < 5 * POLL_BYTES


def test_one_read_is_bounded(tmp_path: Path) -> None:
    """A read takes 4 MiB at most, says that there is more, and loses nothing."""
    log = tmp_path / "train.log"
    text = lines(0, 200_000)
    log.write_bytes(text)
    tail = Tail(log)
    first = tail.read()
    assert POLL_BYTES - 100 < len(first.lines) <= POLL_BYTES
    assert not tail.at_end
    assert first.lines + b"".join(reading.lines for reading in read_all(tail)) == text


@pytest.mark.parametrize("name", ["train.log.gz", "train.log"])
def test_a_compressed_log_is_known_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    """Gzip is read whatever the name is, in bounded reads, to its end."""
    log = tmp_path / name
    text = lines(0, 200_000)
    log.write_bytes(gzip.compress(text[:5_000_000]) + gzip.compress(text[5_000_000:] + b"half"))
    tail = Tail(log)
    read = read_all(tail)
    assert b"".join(reading.lines for reading in read) == text
    assert all(len(reading.lines) <= POLL_BYTES + len(LINE) for reading in read)
    assert tail.half == b"half"
    assert tail.file is not None
    assert tail.file.finished
    assert tail.read() == Reading()
    tail.close()


def test_a_name_does_not_make_a_log_compressed(tmp_path: Path) -> None:
    """Plain text in a file called .gz is read as plain text."""
    log = tmp_path / "train.log.gz"
    log.write_bytes(lines(0, 3))
    assert Tail(log).read() == Reading(lines(0, 3))


def test_a_cut_compressed_log_gives_what_it_has(tmp_path: Path) -> None:
    """A .gz that was cut off is normal: every line that it holds is given, and it is finished."""
    log = tmp_path / "train.log.gz"
    text = lines(0, 50_000)
    packed = gzip.compress(text)
    log.write_bytes(packed[: len(packed) // 2])
    tail = Tail(log)
    read = b"".join(reading.lines for reading in read_all(tail))
    assert len(read) > len(text) // 3
    assert text.startswith(read)
    assert tail.reason is None
    tail.close()


def test_a_damaged_compressed_log_says_so(tmp_path: Path) -> None:
    """Wrong bytes in a .gz end the reading with a reason, not with an exception; what was before them is given."""
    log = tmp_path / "train.log.gz"
    log.write_bytes(gzip.compress(lines(0, 100)) + b"rubbish")
    tail = Tail(log)
    assert read_all(tail) == [Reading(lines(0, 100))]
    assert tail.reason is not None
    assert "damaged" in tail.reason
    log.write_bytes(b"\x1f\x8b" + b"\xff" * 100)
    assert read_all(Tail(log)) == []


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_no_bytes_raise(tmp_path: Path, data: bytes) -> None:
    """Random bytes, also behind gzip's magic, are read or refused, never raised."""
    path = tmp_path / "rubbish"
    for rubbish in (data, b"\x1f\x8b" + data, b"\x1f\x8b\x08\0" + data):
        path.write_bytes(rubbish)
        tail = Tail(path)
        read_all(tail)
        tail.close()


def test_an_open_file_tells_when_it_was_written(log: Path) -> None:
    """Size and time of the last write are those of the file at the last pull."""
    os.utime(log, (1000.0, 1000.0))
    file = OpenFile(os.open(log, os.O_RDONLY))
    file.pull()
    assert (file.size, file.modified, file.offset) == (len(lines(0, 10)), 1000.0, len(lines(0, 10)))
    file.close()
