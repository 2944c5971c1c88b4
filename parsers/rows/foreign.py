"""Finds a trainer's lines among others: which are worth reading, and what may stand around a record on its line."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

RANK = re.compile(rb"(?:\[(?:rank|default)?\d+\]:|\d+:) ?")
CODE = re.compile(rb"[#\"'`]|\bprint\b|\bf?\.write\b")
PROSE = re.compile(rb"[a-z][,;.)]? +$")
MOST_CHARACTERS = 2000


def credible(before: bytes) -> bool:
    """Whether a record may begin after this text: nothing, keys typed over it (33iter), a timestamp, a rank."""
    return not (CODE.search(before) or PROSE.search(before))


def without_rank(line: bytes) -> bytes:
    """The line without a launcher's "[rank0]: " or "0: "."""
    found = RANK.match(line)
    return line[found.end() :] if found else line


def words(line: bytes) -> str:
    """Foreign bytes as text of bounded length, for a notice or a fact."""
    return line[: 4 * MOST_CHARACTERS].decode("utf-8", "replace").strip()[:MOST_CHARACTERS]


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
