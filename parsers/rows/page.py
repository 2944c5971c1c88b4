"""The lines of one block, by number, and how a terminal broke them."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from parsers.records import Ints

LEAST_WIDTH = 40
"""No log is read in a narrower terminal."""


class Page:
    r"""Whole lines, each ended by \n. `starts` and `ends` are the offsets of line i, without its \n."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.wrapped: bool | None = None
        """Whether a margin broke its rows; None until it was asked."""
        self.ends: Ints = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
        self.starts: Ints = np.concatenate((np.zeros(1, np.int64), self.ends[:-1] + 1))[: len(self.ends)]

    def __len__(self) -> int:
        return len(self.ends)

    def line(self, at: int) -> bytes:
        """Line `at`, from 0, without its end."""
        return self.text[self.starts[at] : self.ends[at]]

    @cached_property
    def width(self) -> int:
        """Columns of the longest line: a terminal that wraps lines makes many of exactly that length."""
        if self.text.isascii():
            return int((self.ends - self.starts).max(initial=0))
        return max(map(len, self.text.decode("utf-8", "replace").split("\n")))

    def full(self, line: bytes, slack: int = 0) -> bool:
        """Whether a line reaches the right margin; blanks at the margin, `slack` at most, may have been lost."""
        return self.width >= LEAST_WIDTH and columns(line) >= self.width - slack


def columns(line: bytes) -> int:
    """How wide a line is on a terminal, as far as it holds no wide characters."""
    return len(line) if line.isascii() else len(line.decode("utf-8", "replace"))
