"""parsers/clean.py: what is meant for a terminal goes, what a trainer said stays."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.clean import clean, printable

SPICE = [
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\x1b[31m",
    b"\x1b]0;title\x07",
    b"\x1b]8;;x\x1b\\",
    b"\x1b[",
    b"\x1b",
    b"\x08",
    b"\t",
]
PIECES = st.lists(st.sampled_from([*SPICE, b"iter 1", b"\xe2\x94\x82", b"\xff"]) | st.binary(max_size=4)).map(b"".join)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"iter 0: loss 10.9\n", b"iter 0: loss 10.9\n"),
        (b"a\tb\n\nc\n", b"a\tb\n\nc\n"),
        (b"a\0\0b\n", b"ab\n"),
        (b"\x1b[31mstep:  1  \x1b[38;2;180;0;0mloss: 3.2\x1b[0m\n", b"step:  1  loss: 3.2\n"),
        (b"\x1b]0;python train.py\x07iter 1\n", b"iter 1\n"),
        (b"\x1b]8;;http://x\x1b\\iter 1\x1b]8;;\x1b\\\n", b"iter 1\n"),
        (b"\x1b(B\x0fiter 1\x1b=\x1b>\n", b"iter 1\n"),
        (b"\x1bP1$r0m\x1b\\iter 1\n", b"iter 1\n"),
        (b"it\x08er\x7f 1\x1b\n", b"iter 1\n"),
    ],
)
def test_terminal_bytes_go(raw: bytes, text: bytes) -> None:
    """NULs, escape sequences of every kind and C0 controls go; text, tabs and line ends stay."""
    assert clean(raw) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a,b\r\n1,2\r\n", b"a,b\n1,2\n"),
        (b"  5%|#   | 5/100\r 10%|##  | 10/100\n", b"  5%|#   | 5/100\n 10%|##  | 10/100\n"),
        (b"\r  5%|#   |\r{'loss': 1.6}\n", b"  5%|#   |\n{'loss': 1.6}\n"),
        (b"{'loss': 1.6}\r  5%|#   |\n", b"{'loss': 1.6}\n  5%|#   |\n"),
        (b"a\r\r\rb\n", b"a\nb\n"),
        (b"\r", b""),
    ],
)
def test_a_return_ends_a_line(raw: bytes, text: bytes) -> None:
    r"""\r\n is one line end; a record before or after a progress bar gets a line of its own; empty pieces give none."""
    assert clean(raw) == text


def test_an_open_sequence_swallows_no_record() -> None:
    """An escape sequence without an end takes only its first two bytes, never the record behind it."""
    assert clean(b"\x1b]0;no end iter 5: loss 3.1\n") == b"0;no end iter 5: loss 3.1\n"
    assert clean(b"\x1b[12\niter 5\n") == b"12\niter 5\n"


def test_a_clean_block_is_not_copied() -> None:
    """A block without anything to take out is the very object that came in."""
    block = b"iter 0: loss 10.9, time 3917.80ms, mfu 12.87%\n" * 1000
    assert clean(block) is block


@settings(deadline=None)
@given(PIECES)
def test_nothing_unwanted_is_left(raw: bytes) -> None:
    r"""Whatever comes in: no control but \n and \t goes out, nothing grows, and cleaning twice changes nothing."""
    text = clean(raw)
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", text)
    assert len(text) <= len(raw)
    assert clean(text) == text


@settings(deadline=None)
@given(st.lists(PIECES))
def test_lines_are_cleaned_each_by_itself(pieces: list[bytes]) -> None:
    """Cleaning whole lines one by one gives the same bytes as cleaning them all at once."""
    lines = [piece.replace(b"\n", b"").rstrip(b"\r") + b"\n" for piece in pieces]
    assert b"".join(map(clean, lines)) == clean(b"".join(lines))


def test_cost_is_linear_in_hostile_input() -> None:
    """A megabyte of open sequences is done in one pass: this test would hang if it were not."""
    assert clean(b"\x1b]" * 500_000 + b"\n") == b"\n"
    assert clean(b"\x1b[" + b"1;" * 500_000 + b"\n") == b"1;" * 500_000 + b"\n"
    assert clean(b"a" + b"\r" * 1_000_000 + b"\n") == b"a\n\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("iter 0: loss 10.9 │ ⣿ é 字", "iter 0: loss 10.9 │ ⣿ é 字"),
        ("\x1b[2Jred\x1b[0m \x9b31mx", "red x"),
        ("\x1b]0;owned\x07name", "name"),
        ("a\nb\tc\r\nd\u2028e\x85f", "a b c  d e f"),
        ("safe\u202egol.exe\u2066\u200b\ufeff\U000e0041", "safegol.exe"),
        ("run\udcff", "run\ufffd"),
        ("a\xa0b", "a b"),
    ],
)
def test_shown_text_is_one_harmless_line(text: str, shown: str) -> None:
    """Foreign text is shown without escape sequences, bidi overrides, invisible characters and line ends."""
    assert printable(text) == shown


@settings(deadline=None)
@given(st.text() | PIECES.map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_shown_text_holds_no_control(text: str) -> None:
    """Whatever comes in, what goes out can be encoded, stays on its line and moves nothing."""
    shown = printable(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(shown.encode("utf-8").splitlines()) <= 1
