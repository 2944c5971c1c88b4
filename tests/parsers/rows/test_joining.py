"""Rows over several lines: what is joined, and what must not be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tiny_format import Tiny

from parsers.rows.joining import Joined, Reader, join
from parsers.rows.page import Page
from parsers.rows.text import find_rows

LONG = b"2026-05-18 16:04:46,338 INFO at 10 a=1.5e-04 b=12 m=33.5"
"""A row of fields, 56 columns wide."""


def reader() -> Reader:
    return Reader(lambda line: find_rows(line, Tiny.rows), lambda line: any(row.begins(line) for row in Tiny.rows))


def joined(text: bytes, at: int = 0, free: Callable[[int], bool] = lambda _: True) -> Joined:
    return join(Page(text), at, reader(), free)


def names(found: Joined) -> list[str]:
    return [span.name for row in found.rows for span in row.values]


@pytest.mark.parametrize("width", range(41, 56))
def test_a_row_of_fields_is_whole_again_wherever_it_broke(width: int) -> None:
    """Between fields, within a name, within a number."""
    pieces = [LONG[at : at + width] for at in range(0, len(LONG), width)]
    found = joined(b"\n".join(pieces * 3) + b"\n")
    assert names(found) == ["learning_rate", "tokens", "mfu"]
    assert found.text == LONG
    assert found.lines == 2


def test_a_whole_row_takes_nothing_from_the_line_below() -> None:
    """Other rows, other text, and digits alone, though the row fills the page."""
    for below in (b"at 11 a=1.5e-04", b"hello", b"33", b"eval 2.5", b""):
        found = joined(LONG + b"\n" + below + b"\n")
        assert found.lines == 1


def test_a_short_row_is_not_joined_at_all() -> None:
    """It ends before the margin, so nothing broke it."""
    found = joined(b"at 10 a=1.5e-04\n b=12\n" + b"x" * 90 + b"\n")
    assert names(found) == ["learning_rate"]


def test_a_line_that_is_a_row_already_is_not_taken() -> None:
    """`free` says so."""
    found = joined(LONG[:45] + b"\n" + LONG[45:] + b"\n", free=lambda _: False)
    assert found.lines == 1


def test_a_row_at_the_end_of_the_block_waits_for_its_rest() -> None:
    """Its head alone is no row."""
    found = joined(b"2026-05-18 16:04:46,338 INFO it 10/99 loss\n")
    assert found.open
    assert found.rows == []


def test_blanks_that_a_capture_dropped_at_the_margin_come_back() -> None:
    """The line is one or two columns short, the row needs the blanks."""
    text = b"2026-05-18 16:04:46,338 - trainer - INFO - it 10/99 loss"
    found = joined(b"x" * (len(text) + 1) + b"\n" + text + b"\n3.25 dt 12.00ms\n", at=1)
    assert names(found) == ["train_loss", "step_seconds"]
