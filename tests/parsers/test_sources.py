"""parsers/sources.py: a followed file as a source of records."""

from __future__ import annotations

import errno
import gzip
import os
import random
from pathlib import Path

import pytest
from clock import Clock
from fake_format import know_only_these, rows, values
from growing import append, poll_all

from parsers.records import Notice, Recognised, Restart
from parsers.source import Source
from parsers.sources import LogFile, StandardInput


@pytest.fixture(autouse=True)
def fake_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two formats of which everything is known."""
    know_only_these(monkeypatch)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of ten rows."""
    path = tmp_path / "train.log"
    path.write_bytes(rows(0, 10))
    return path


def test_both_are_sources(log: Path) -> None:
    """LogFile and StandardInput are what everything above takes for a Source."""
    sources: list[Source] = [LogFile(log), StandardInput()]
    assert [source.label for source in sources] == [str(log), "standard input"]
    assert [source.done for source in sources] == [False, False]


def test_a_log_is_followed(log: Path) -> None:
    """Recognised first, then rows, each once, as they are written."""
    source = LogFile(log)
    first = source.poll()
    assert isinstance(first[0], Recognised)
    assert values(first) == [(step, float(step)) for step in range(10)]
    assert source.poll() == []
    append(log, b"row 10 10\nrow 11")
    assert values(source.poll()) == [(10, 10.0)]
    append(log, b" 11\n")
    assert values(source.poll()) == [(11, 11.0)]
    assert source.waiting_for is None
    source.close()
    source.close()


@pytest.mark.parametrize("why", ["truncated", "replaced"])
def test_a_log_that_begins_anew_opens_a_segment(log: Path, why: str) -> None:
    """Truncated or replaced: a Restart stands between the old rows and the new ones."""
    source = LogFile(log)
    source.poll()
    if why == "truncated":
        log.write_bytes(rows(100, 102))
    else:
        log.unlink()
        log.write_bytes(rows(100, 120))
    records = poll_all(source)
    assert records[0] == Restart(None, f"the log was {why}")
    assert values(records[1:])[0] == (100, 100.0)
    assert not any(isinstance(record, Recognised) for record in records)


def test_a_missing_log_is_waited_for(tmp_path: Path) -> None:
    """The job has not started: said, no problem, nothing to catch up on, and read when it comes."""
    log = tmp_path / "train.log"
    source = LogFile(log)
    assert source.waiting_for is None
    assert source.poll() == []
    assert source.waiting_for == f"{log} does not exist yet"
    assert source.problem is None
    assert source.caught_up
    log.touch()
    source.poll()
    assert source.waiting_for == f"{log} is empty so far"
    append(log, b"It was the best of times\n")
    source.poll()
    assert "no training log that is known" in (source.waiting_for or "")
    assert source.problem is None
    append(log, rows(0, 1))
    assert values(source.poll()) == [(0, 0.0)]
    assert source.waiting_for is None


def test_prose_is_a_problem_when_no_more_comes(log: Path) -> None:
    """For whoever reads once, a log without one known line is a problem with its mend."""
    log.write_bytes(b"It was the best of times\n" * 100)
    source = LogFile(log)
    poll_all(source)
    assert source.problem is None
    assert source.finish() == []
    assert source.problem is not None
    assert source.problem.startswith(f"{log} is no training log")
    assert "--format" in source.problem


def test_a_directory_is_a_problem(tmp_path: Path) -> None:
    """At once, in one line, with the mend."""
    source = LogFile(tmp_path)
    assert source.poll() == []
    assert source.problem == f"{tmp_path} is a directory; name a log file in it"
    assert source.caught_up


def test_no_permission_is_a_problem(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, with the mend."""

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    source = LogFile(log)
    assert source.poll() == []
    assert "chmod +r" in (source.problem or "")


@pytest.mark.parametrize("format_name", [None, "rows"])
def test_a_binary_file_is_a_problem_at_once(log: Path, format_name: str | None) -> None:
    """A checkpoint or a token file is not fed to any format, also where one was named."""
    log.write_bytes(random.Random(1).randbytes(5_000_000))
    source = LogFile(log, format_name)
    assert source.poll() == []
    assert "is binary" in (source.problem or "")
    assert source.finish() == []


def test_an_unknown_format_is_a_problem(log: Path) -> None:
    """A wrong --format is named, with those that there are."""
    assert "known formats: rows, columns" in (LogFile(log, "nope").problem or "")


def test_a_hostile_name_is_shown_harmlessly(tmp_path: Path) -> None:
    """The label and the messages carry no escape sequence of a file's name."""
    source = LogFile(tmp_path / "\x1b[2Jtrain\n.log")
    source.poll()
    assert source.label == str(tmp_path / "train .log")
    assert "\x1b" not in (source.waiting_for or "")


def test_an_old_log_shows_how_far_it_is_read(log: Path) -> None:
    """While megabytes are to be read, the share rises; at the end it is None and all is caught up."""
    log.write_bytes(rows(0, 250_000))
    source = LogFile(log)
    shares, read = [], values(source.poll())
    while not source.caught_up:
        shares.append(source.progress)
        read += values(source.poll())
    assert len(shares) >= 2
    assert shares == sorted(share for share in shares if share is not None)
    assert source.progress is None
    assert [step for step, _ in read] == list(range(250_000))


def test_a_compressed_log_ends(tmp_path: Path) -> None:
    r"""A .gz is read to its end, the last line without \n and what the format held included; then it is done."""
    log = tmp_path / "train.log.gz"
    log.write_bytes(gzip.compress(b"row 1 10\nnote held\nrow 2 20"))
    source = LogFile(log)
    records = source.poll()
    assert source.done
    assert values(records) == [(1, 10.0), (2, 20.0)]
    assert records[-1] == Notice("warning", "held")
    assert source.poll() == []
    assert source.finish() == []
    assert source.silence_seconds is None
    source.close()


def test_a_plain_log_may_always_grow(log: Path) -> None:
    """It is never done, also after an end line: somebody may resume the run."""
    source = LogFile(log)
    poll_all(source)
    assert not source.done


def test_silence_is_counted_from_the_last_write(log: Path) -> None:
    """By the file's mtime for an old log, by what arrived while we looked, whichever is newer."""
    wall, steady = Clock(10_000.0), Clock(500.0)
    os.utime(log, (9_000.0, 9_000.0))
    source = LogFile(log, clock=wall, monotonic=steady)
    assert source.silence_seconds is None
    source.poll()
    assert source.silence_seconds == 1000.0
    append(log, rows(10, 11))
    os.utime(log, (9_500.0, 9_500.0))
    source.poll()
    assert source.silence_seconds == 0.0
    steady.now += 7.0
    wall.now += 7.0
    source.poll()
    assert source.silence_seconds == 7.0


def test_a_clock_ahead_says_nothing(log: Path) -> None:
    """A file server an hour ahead gives no age; what arrives does."""
    wall, steady = Clock(10_000.0), Clock(500.0)
    source = LogFile(log, clock=wall, monotonic=steady)
    os.utime(log, (13_600.0, 13_600.0))
    source.poll()
    assert source.silence_seconds is None
    append(log, rows(10, 11))
    os.utime(log, (13_605.0, 13_605.0))
    source.poll()
    steady.now += 3.0
    assert source.silence_seconds == 3.0
