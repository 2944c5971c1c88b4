"""parsers/intake.py: whose lines these are, and each of them fed once."""

from __future__ import annotations

import random

import pytest
from fake_format import Columns, Rows, know_only_these, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parsers.intake import HELD_BYTES, LOOKS, WINDOW_BYTES, Intake
from parsers.records import Notice, Points, Recognised, Record, Restart


@pytest.fixture(autouse=True)
def fake_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two formats of which everything is known."""
    know_only_these(monkeypatch)


PROSE = b"It was the best of times, it was the worst of times.\n"


def kinds(records: list[Record]) -> list[str]:
    """The names of the records' classes."""
    return [type(record).__name__ for record in records]


def test_recognised_comes_first_with_all_that_was_held_back() -> None:
    """Lines before the first known one are kept and fed once, behind Recognised."""
    intake = Intake()
    assert intake.feed(b"data fineweb\n") == []
    assert not intake.recognised
    records = intake.feed(b"row 1 10\n")
    assert kinds(records) == ["Recognised", "Fact", "Points"]
    assert records[0] == Recognised("rows", "Rows", Rows.traits, "a test")
    assert kinds(intake.feed(b"row 2 20\n")) == ["Points"]


def test_lines_are_cleaned_before_they_are_looked_at() -> None:
    """Colours, NULs and carriage returns are gone when a format sees the lines."""
    records = Intake().feed(b"\x1b[32mrow\x1b[0m 1 10\r\n\0row 2 20\r 5%|#  |\n")
    assert values(records) == [(1, 10.0), (2, 20.0)]


def test_a_named_format_is_not_guessed() -> None:
    """--format decides at once, also where nothing in the log looks like it."""
    records = Intake("rows").feed(b"column 1\n")
    assert records == [Recognised("rows", "Rows", Rows.traits, "--format rows")]


def test_an_unknown_name_is_a_problem_that_says_what_there_is() -> None:
    """--format with a name that nobody has: one line with those that there are."""
    assert Intake("nanogtp").problem == "cannot be read as 'nanogtp'; known formats: rows, columns"


@pytest.mark.parametrize("size", [10, 1 << 20, 20 << 20])
def test_a_log_may_start_with_other_text(size: int) -> None:
    """Behind bytes or tens of megabytes of prose the format is found at its first line, and every row is read."""
    intake = Intake()
    text = PROSE * (size // len(PROSE) + 1)
    for start in range(0, len(text), 1 << 20):
        piece = text[start : start + (1 << 20)]
        intake.feed(piece if piece.endswith(b"\n") else piece + b"\n")
    records = intake.feed(b"row 1 10\n")
    assert values(records) == [(1, 10.0)]


def test_rows_between_megabytes_of_prose_are_found() -> None:
    """Rows in the middle of one block of 4 MiB are found, and all of them are read."""
    rows = b"".join(b"row %d 7\n" % step for step in range(130_000))
    records = Intake().feed(PROSE * 30_000 + rows + PROSE * 20_000)
    assert values(records) == [(step, 7.0) for step in range(130_000)]


def test_one_block_costs_a_few_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 4 MiB that nobody knows at most a few windows are looked at, the first and the newest among them."""
    looked: list[bytes] = []
    monkeypatch.setattr("parsers.intake.recognise", looked.append)
    first, last = b"the first line\n", b"the last line\n"
    Intake().feed(first + PROSE * 79_000 + last)
    assert 2 <= len(looked) <= LOOKS + 1
    assert looked[0].startswith(first)
    assert looked[-1].endswith(last)
    assert all(len(window) <= WINDOW_BYTES for window in looked)


def test_what_is_held_back_is_bounded() -> None:
    """Gigabytes of unknown lines are not kept: the first window and the newest megabytes are."""
    intake = Intake()
    for _ in range(30):
        intake.feed(PROSE * 20_000)
        assert len(intake._held) <= 2 * WINDOW_BYTES + 2 * HELD_BYTES
    assert intake._held.startswith(PROSE)
    assert bytes(intake._held) == PROSE * (len(intake._held) // len(PROSE))


def test_looks_cost_little_for_a_log_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line, what is looked at in all stays a small multiple of what came."""
    looked = 0

    def count(head: bytes) -> None:
        nonlocal looked
        looked += len(head)

    monkeypatch.setattr("parsers.intake.recognise", count)
    intake = Intake()
    for _ in range(20):
        intake.feed(PROSE * 500)
    assert looked < 20 * 20 * 500 * len(PROSE)
    few = looked
    for _ in range(100):
        intake.feed(PROSE)
    assert looked - few < 100 * 10_000 + 2 * WINDOW_BYTES


def test_nothing_known_is_said_at_the_end() -> None:
    """While more may come it is only a doubt; after finish() it is a problem, with the mend."""
    intake = Intake()
    intake.feed(PROSE)
    assert intake.problem is None
    assert intake.doubt is not None
    assert intake.finish(b"the end") == []
    assert intake.problem is not None
    assert "rows, columns" in intake.problem
    assert "--format" in intake.problem


def test_an_empty_log_is_no_problem() -> None:
    """Nothing came, or only blank lines: nothing is wrong with that."""
    intake = Intake()
    intake.feed(b"\n \n")
    intake.finish(b"")
    assert intake.problem is None


def test_the_end_gives_the_half_line_and_what_the_format_held() -> None:
    r"""finish() reads a last line without \n and closes the format, once."""
    intake = Intake()
    intake.feed(b"row 1 10\nnote held\n")
    records = intake.finish(b"row 2 20")
    assert values(records) == [(2, 20.0)]
    assert records[-1] == Notice("warning", "held")
    assert intake.finish(b"row 2 20") == []


def test_a_half_line_may_be_the_only_one() -> None:
    r"""A log of one line without \n is recognised at its end."""
    assert kinds(Intake().finish(b"row 1 10")) == ["Recognised", "Points"]


def test_a_restart_begins_afresh_with_the_same_format() -> None:
    """What the old log held back comes before the Restart; Recognised is not said twice."""
    intake = Intake()
    intake.feed(b"row 1 10\nnote held\n")
    assert intake.restart("the log was replaced") == [
        Notice("warning", "held"),
        Restart(None, "the log was replaced"),
    ]
    assert kinds(intake.feed(b"row 1 11\n")) == ["Points"]
    assert intake.finish(b"") == []


def test_a_restart_may_bring_another_trainer() -> None:
    """latest.log pointed at another trainer's log: it is recognised as what it is."""
    intake = Intake()
    intake.feed(b"row 1 10\n")
    intake.restart("the log was replaced")
    records = intake.feed(b"column 5\n")
    assert records == [Recognised("columns", "Columns", Columns.traits, "a test")]


def test_after_a_restart_a_weak_sign_of_the_same_trainer_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """What alone would not be recognised is believed of a log that was this trainer's before."""
    intake = Intake()
    intake.feed(b"row 1 10\n")
    intake.restart("the log was truncated")
    monkeypatch.setattr("parsers.intake.recognise", lambda _: None)
    assert kinds(intake.feed(b"row 2 20\n")) == ["Points"]


def test_a_fault_in_a_format_is_seen_and_not_raised() -> None:
    """A format that fails costs its block of lines; a notice says so and reading goes on."""
    intake = Intake("rows")
    intake.feed(b"row 1 10\n")
    (notice,) = intake.feed(b"fail\n")
    assert isinstance(notice, Notice)
    assert notice.kind == "reader"
    assert "too large" in notice.text
    assert values(intake.feed(b"row 2 20\n")) == [(2, 20.0)]


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=200)), st.integers(0, 5))
def test_no_bytes_raise(pieces: list[bytes], seed: int) -> None:
    """Random lines among rows raise nothing, and the rows are read."""
    lines = [piece.replace(b"\n", b"").rstrip(b"\r").replace(b"\r", b"") for piece in pieces] + [b"row 1 10"]
    random.Random(seed).shuffle(lines)
    intake = Intake()
    records = [record for line in lines for record in intake.feed(line + b"\n")]
    assert (1, 10.0) in values(records)


def test_rows_are_fed_once_however_they_come() -> None:
    """Points of one run are the same whether the log comes whole or line by line."""
    log = PROSE * 100 + b"".join(b"row %d %d\n" % (step, step) for step in range(500))
    whole = values(Intake().feed(log))
    intake = Intake()
    by_line = [record for line in log.splitlines(keepends=True) for record in intake.feed(line)]
    assert values(by_line) == whole == [(step, float(step)) for step in range(500)]
    assert all(isinstance(record, Points | Recognised) for record in by_line)
