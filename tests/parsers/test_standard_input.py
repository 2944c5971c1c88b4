"""parsers/sources.py: standard input as a source of records."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from clock import Clock
from fake_format import know_only_these, rows, values

from parsers.records import Notice
from parsers.sources import StandardInput


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


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe: to read, to write."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_a_pipe_is_read_without_waiting(pipe: tuple[int, int]) -> None:
    """What is there is given; an open pipe without anything new gives [] at once and is not done."""
    read_end, write_end = pipe
    steady = Clock(100.0)
    source = StandardInput(descriptor=read_end, monotonic=steady)
    assert source.poll() == []
    assert source.waiting_for == "nothing came from standard input yet"
    assert not source.wait(0.0)
    os.write(write_end, rows(0, 2) + b"row 2")
    assert source.wait(10.0)
    assert values(source.poll()) == [(0, 0.0), (1, 1.0)]
    assert source.poll() == []
    assert not source.done
    steady.now += 4.0
    assert source.silence_seconds == 4.0


def test_the_end_of_a_pipe_gives_the_rest(pipe: tuple[int, int]) -> None:
    """At the end the half line is read, the format closed, and it is done."""
    read_end, write_end = pipe
    source = StandardInput(descriptor=read_end)
    os.write(write_end, rows(0, 1) + b"note held\nrow 1 1")
    os.close(write_end)
    records = source.poll()
    assert values(records) == [(0, 0.0), (1, 1.0)]
    assert records[-1] == Notice("warning", "held")
    assert source.done
    assert source.caught_up
    assert source.wait(0.0)
    assert source.poll() == []
    assert source.finish() == []
    source.close()


def test_a_pipe_of_prose_is_a_problem_at_its_end(pipe: tuple[int, int]) -> None:
    """Until the end it may become a log."""
    read_end, write_end = pipe
    source = StandardInput(descriptor=read_end)
    os.write(write_end, b"It was the best of times\n")
    source.poll()
    assert source.problem is None
    assert "no training log" in (source.waiting_for or "")
    os.close(write_end)
    source.poll()
    assert "no training log" in (source.problem or "")


def test_a_compressed_pipe_is_a_problem(pipe: tuple[int, int]) -> None:
    """The command that unpacks it is said."""
    read_end, write_end = pipe
    source = StandardInput(descriptor=read_end)
    os.write(write_end, gzip.compress(rows(0, 5)))
    assert source.poll() == []
    assert "gzip -dc" in (source.problem or "")


def test_a_closed_standard_input_is_a_problem(pipe: tuple[int, int]) -> None:
    """`traintop - <&-` says so and is done; nothing is raised."""
    read_end, _ = pipe
    os.close(read_end)
    source = StandardInput(descriptor=read_end)
    assert source.poll() == []
    assert source.done
    assert "cannot be read" in (source.problem or "")


def test_a_file_as_standard_input_is_read_to_its_end(log: Path) -> None:
    """`traintop - < train.log`: in bounded polls, then done."""
    log.write_bytes(rows(0, 250_000))
    with log.open("rb") as file:
        source = StandardInput(descriptor=file.fileno())
        read, polls = [], 0
        while not source.done:
            read += values(source.poll())
            polls += 1
    assert [step for step, _ in read] == list(range(250_000))
    assert polls >= 3
