"""parsers/sources.py: however a log is written, each row is read exactly once, and nothing raises."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fake_format import know_only_these, rows, values
from growing import append, poll_all
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_logs import shared

from parsers.records import Points, Recognised, Record
from parsers.sources import LogFile


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=st.lists(st.integers(1, 40)), ends=st.sampled_from([b"\n", b"\r\n", b"\r", b"\x1b[0m\n"]))
def test_however_it_is_written_each_row_comes_once(tmp_path: Path, writes: list[int], ends: bytes) -> None:
    """A log written in pieces of any size, read after each piece, gives every row exactly once."""
    log = tmp_path / "train.log"
    text = rows(0, 30).replace(b"\n", ends)
    log.write_bytes(b"")
    with pytest.MonkeyPatch.context() as patch:
        know_only_these(patch)
        source = LogFile(log)
        read: list[Record] = []
        at = 0
        for size in writes:
            append(log, text[at : at + size])
            at += size
            read += poll_all(source)
        append(log, text[at:])
        read += poll_all(source) + source.finish()
    assert values(read) == [(step, float(step)) for step in range(30)]
    source.close()


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=2000))
def test_no_bytes_raise(tmp_path: Path, data: bytes) -> None:
    """Random bytes as a file, with the real formats, named or not: records or a problem, never an exception."""
    path = tmp_path / "rubbish"
    for text in (data, b"iter 0: loss 10.9, time 3.00ms, mfu 1.00%\n" + data):
        path.write_bytes(text)
        for name in (None, "nanogpt"):
            source = LogFile(path, name)
            poll_all(source)
            source.finish()
            source.close()


@pytest.mark.parametrize(
    "name", ["seed_run_fineweb_40.56M_rtx4070_with_header.log", "mi300x_760M_tmux_raw_escapes.log"]
)
def test_a_real_log_is_the_same_live_and_afterwards(tmp_path: Path, name: str) -> None:
    """A real log, written in pieces of odd sizes and followed, gives the rows of one reading."""
    found = shared(f"corpus/nanogpt/{name}")
    text = found.read_bytes()
    whole = LogFile(found)
    expected = sorted(values(poll_all(whole) + whole.finish()))
    log = tmp_path / "train.log"
    log.touch()
    source, read, at, sizes = LogFile(log), [], 0, random.Random(3)
    while at < len(text):
        size = sizes.randrange(1, 3000)
        append(log, text[at : at + size])
        at += size
        read += poll_all(source)
    read += source.finish()
    assert len(expected) > 80
    assert sorted(values(read)) == expected
    assert isinstance(read[0], Recognised)
    assert not any(isinstance(r, Points) for r in read[:1])
