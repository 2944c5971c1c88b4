"""Finds, among many lines, the few that hold a word worth reading them for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate


class Hinted:
    """Searches all lines at once: a line without any of the words costs next to nothing."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.count = len(lines)
        self._text = b"\n".join(lines).lower()
        self._starts = list(accumulate((len(line) + 1 for line in lines), initial=0))

    def lines(self, words: Iterable[bytes]) -> set[int]:
        """The numbers of the lines, from 0, that hold one of the words, which are given in small letters."""
        found: set[int] = set()
        for word in words:
            at = self._text.find(word)
            while at >= 0:
                line = bisect_right(self._starts, at) - 1
                found.add(line)
                at = self._text.find(word, self._starts[line + 1])
        return found
