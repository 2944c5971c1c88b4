"""tqdm's bars among the lines of a Trainer's log, and the log without them."""

from __future__ import annotations

import re
from itertools import repeat
from typing import NamedTuple

import numpy as np

from parsers.records import Floats, Ints
from parsers.rows.page import Page

BAR = re.compile(
    rb"((?:^|(?<=[\]}]))(?:\[rank\d{1,5}\]: ?|\d{1,5}: )? *\d{1,3}%\|[^|\n]{0,1500}\| *"
    rb"(\d{1,12})/(\d{1,12}) \[(?:((?:\d{1,5}:)?\d{1,2}:\d\d)<)?[^\]\n]*\])",
    re.MULTILINE,
)
"""A bar without a description: those of training and of evaluation have none, those of data sets and weights do."""
GROUPS = 5
"""Pieces that `split` gives for each bar: the text before it and its groups."""
BEFORE, AFTER = -0.25, 0.25


class Bar(NamedTuple):
    """One drawing of a bar. `line` has a fraction where a row may stand on the same line: before or after it."""

    line: float
    done: int
    total: int
    redrawn: bool
    """Whether the bar had been cleared just before, as it is around each row; False where nobody asked."""
    clock: bytes | None = None
    """Since the bar was made, as it is printed: 1:02:03."""

    @property
    def seconds(self) -> int | None:
        """The clock, which is cut to whole seconds."""
        if self.clock is None:
            return None
        hours, minutes, seconds = (b"0:" * (2 - self.clock.count(b":")) + self.clock).split(b":")
        return (int(hours) * 60 + int(minutes)) * 60 + int(seconds)


class Bars:
    """Takes the bars out of a log that comes in pieces of whole lines."""

    def __init__(self) -> None:
        self._blank_above = False

    def without(self, lines: bytes, first_line: int, *, ask_redrawn: bool) -> tuple[bytes, list[Bar]]:
        """The same lines with nothing in the place of the bars, and the bars; `first_line` is the first's number."""
        page = Page(lines)
        pieces = BAR.split(lines) if b"%|" in lines else [lines]
        texts = pieces[::GROUPS]
        bars = self._bars(page, pieces, first_line, ask_redrawn=ask_redrawn) if len(texts) > 1 else []
        self._blank_above = _blank(page.line(len(page) - 1)) if len(page) else self._blank_above
        return b"".join(texts), bars

    def _bars(self, page: Page, pieces: list[bytes], first_line: int, *, ask_redrawn: bool) -> list[Bar]:
        lines = np.searchsorted(page.ends, _starts(pieces))
        redrawn = [self._redrawn(page, line) for line in lines.tolist()] if ask_redrawn else repeat(False)
        places = first_line + lines + _sides(pieces)
        numbers = zip(map(int, pieces[2::GROUPS]), map(int, pieces[3::GROUPS]), strict=True)
        clocks = pieces[4::GROUPS]
        return [
            Bar(place, done, total, again, clock)
            for place, (done, total), again, clock in zip(places.tolist(), numbers, redrawn, clocks, strict=False)
        ]

    def _redrawn(self, page: Page, line: int) -> bool:
        return _blank(page.line(line - 1)) if line else self._blank_above


def _starts(pieces: list[bytes]) -> Ints:
    """Where each bar begins in the text that was split."""
    texts = np.fromiter(map(len, pieces[:-1:GROUPS]), np.int64)
    bars = np.fromiter(map(len, pieces[1::GROUPS]), np.int64)
    ends = np.cumsum(texts + bars)
    return np.asarray(ends - bars)


def _sides(pieces: list[bytes]) -> Floats:
    """BEFORE for a bar that a row follows on its line, else AFTER."""
    rows = [not text.startswith(b"\n") and b"{" in text.partition(b"\n")[0] for text in pieces[GROUPS::GROUPS]]
    return np.where(rows, BEFORE, AFTER)


def _blank(line: bytes) -> bool:
    """Whether a line is one that was cleared: blanks and nothing else."""
    return bool(line) and not line.strip(b" ")
