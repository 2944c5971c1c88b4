"""Rows that a terminal's right margin broke over several lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from parsers.rows.page import Page, columns
from parsers.rows.row_patterns import Found

MOST_LINES = 12
"""A row of 400 characters fills five lines of 80."""
MOST_ASKED = 50
"""Rows that are looked at to see whether a page is wrapped."""
LOST_BLANKS = 3
"""A capture drops the blanks at the margin; trainers put two or three between fields."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The text of a row, the rows in it, and over how many lines it went. `open`: the block ended within a row."""

    text: bytes
    rows: list[Found]
    lines: int = 1
    open: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """How rows are known: the rows in a text, and whether one begins in it."""

    find: Callable[[bytes], list[Found]]
    begins: Callable[[bytes], bool]


def join(page: Page, at: int, reader: Reader, free: Callable[[int], bool]) -> Joined:
    """Line `at`, joined to the lines below it as far as that makes a row whole or longer.

    `free(i)` says whether line i is no row of its own already.
    """
    text = page.line(at)
    rows = reader.find(text)
    alone = Joined(text, rows)
    starts_row = bool(rows) or reader.begins(text)
    if rows and not page.full(text, LOST_BLANKS):
        return alone
    if not rows and not starts_row and not page.full(text):
        return alone
    found = _grown(page, at, alone, reader, free)
    return found if found.rows or starts_row else alone


def _grown(page: Page, at: int, alone: Joined, reader: Reader, free: Callable[[int], bool]) -> Joined:
    best, texts = alone, [alone.text]
    last = page.line(at)
    for below in range(at + 1, at + MOST_LINES):
        if below >= len(page):
            return best if best.rows else Joined(best.text, [], open=True)
        piece = page.line(below)
        if not piece or not free(below) or reader.begins(piece):
            break
        texts = [text + blank + piece for text in texts for blank in _blanks(page, last)][:4]
        better = _best(page, texts, best, reader)
        if better is not None:
            best = Joined(better[0], better[1], below - at + 1)
            texts = [better[0]]
        if not page.full(piece, LOST_BLANKS) and (best.rows or page.full(last)):
            break
        last = piece
    return best


def _best(page: Page, texts: Sequence[bytes], before: Joined, reader: Reader) -> tuple[bytes, list[Found]] | None:
    for text in texts:
        rows = reader.find(text)
        if rows and rows[-1].end > len(before.text) > rows[-1].start and _gains(page, before, rows, reader):
            return text, rows
    return None


def _gains(page: Page, before: Joined, rows: list[Found], reader: Reader) -> bool:
    """Whether the joined text says more than what stood before the break did.

    Digits below a row that is whole without them may be keys that somebody typed: only where the page is seen to be
    wrapped are they the rest of its last number.
    """
    if not before.rows:
        return True
    old, new = ({s.name for s in (*r[-1].values, *r[-1].facts)} for r in (before.rows, rows))
    if len(rows) != len(before.rows) or not new >= old:
        return False
    return new > old or (_crosses(rows[-1], len(before.text)) and wraps(page, reader))


def wraps(page: Page, reader: Reader) -> bool:
    """Whether most of the page's widest rows, two at least, go on in a line that begins none."""
    if page.wrapped is None:
        full: list[int] = np.flatnonzero(page.ends - page.starts >= page.width)[:MOST_ASKED].tolist()
        heads = [at for at in full if at + 1 < len(page) and reader.begins(page.line(at))]
        going_on = [at for at in heads if page.line(at + 1) and not reader.begins(page.line(at + 1))]
        page.wrapped = len(heads) > 1 and 2 * len(going_on) > len(heads)
    return page.wrapped


def _crosses(row: Found, joint: int) -> bool:
    return any(s.start < joint < s.end for s in row.values)


def _blanks(page: Page, line: bytes) -> tuple[bytes, ...]:
    """What may have stood at the margin: nothing where the line fills it, else what a capture dropped."""
    if page.full(line):
        return (b"", b" ")
    missing = page.width - columns(line)
    return (b" " * missing,) if missing <= LOST_BLANKS else (b"", b" ")
