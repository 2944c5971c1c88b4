"""tqdm's bars among the lines of a Trainer's log, and the log without them."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from parsers.rows.page import Page

BAR = re.compile(
    rb"(?:^|(?<=[\]}]))(?:\[rank\d{1,5}\]: ?|\d{1,5}: )? *\d{1,3}%\|[^|\n]{0,1500}\| *"
    rb"(\d{1,12})/(\d{1,12}) \[(?:(?:(\d{1,5}):)?(\d{1,2}):(\d\d)<)?[^\]\n]*\]",
    re.MULTILINE,
)
"""A bar without a description: those of training and of evaluation have none, those of data sets and weights do."""
BEFORE, AFTER = -0.25, 0.25


class Bar(NamedTuple):
    """One drawing of a bar. `line` has a fraction where a row may stand on the same line: before or after it."""

    line: float
    done: int
    total: int
    redrawn: bool
    """Whether the bar had been cleared just before, as it is around each row."""
    seconds: int | None = None
    """Since the bar was made, cut to whole seconds."""


class Bars:
    """Takes the bars out of a log that comes in pieces of whole lines."""

    def __init__(self) -> None:
        self._blank_above = False

    def without(self, lines: bytes, first_line: int) -> tuple[bytes, list[Bar]]:
        """The same lines with nothing in the place of the bars, and the bars; `first_line` is the first's number."""
        page = Page(lines)
        found = list(BAR.finditer(lines)) if b"%|" in lines else []
        numbers = np.searchsorted(page.ends, [m.start() for m in found]).tolist()
        bars = [self._bar(page, match, line, first_line) for match, line in zip(found, numbers, strict=True)]
        self._blank_above = _blank(page.line(len(page) - 1)) if len(page) else self._blank_above
        return BAR.sub(b"", lines) if found else lines, bars

    def _bar(self, page: Page, match: re.Match[bytes], line: int, first_line: int) -> Bar:
        end = int(page.ends[line]) if line < len(page) else len(page.text)
        before_row = page.text.find(b"{", match.end(), end) >= 0
        redrawn = _blank(page.line(line - 1)) if line else self._blank_above
        return Bar(
            first_line + line + (BEFORE if before_row else AFTER),
            int(match[1]),
            int(match[2]),
            redrawn,
            _seconds(match),
        )


def _seconds(match: re.Match[bytes]) -> int | None:
    hours, minutes, seconds = match[3], match[4], match[5]
    return None if minutes is None else (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)


def _blank(line: bytes) -> bool:
    """Whether a line is one that was cleared: blanks and nothing else."""
    return bool(line) and not line.strip(b" ")
