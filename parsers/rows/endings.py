"""Tells a number that the end of a file cut from one that is whole."""

from __future__ import annotations

from collections.abc import Iterable

from parsers.rows.batches import Line
from parsers.rows.row_patterns import RowPattern, Span


class Endings:
    """With how many decimals the last number of a line was printed, to tell one that is cut."""

    def __init__(self) -> None:
        self._decimals: dict[tuple[RowPattern, str], int] = {}

    def learn(self, lines: Iterable[Line]) -> None:
        """Takes rows in that are whole."""
        for line in lines:
            if (last := _last_number(line)) is not None:
                self._decimals[line.found.pattern, last.name] = _decimals(line.text[last.start : last.end])

    def whole(self, line: Line) -> bool:
        """Whether a row whose line has no end is whole for all that is known."""
        last = _last_number(line)
        if last is None:
            return True
        decimals = self._decimals.get((line.found.pattern, last.name), 0)
        return 0 < decimals == _decimals(line.text[last.start : last.end])


def _last_number(line: Line) -> Span | None:
    """The number that the line ends with; None where anything follows the row's numbers."""
    row = line.found
    last = max((*row.values, *row.facts, *([row.step] if row.step else [])), key=lambda s: s.end, default=None)
    return last if last is not None and not line.text[last.end :].strip(b" ,.eE+-") else None


def _decimals(text: bytes) -> int:
    return len(text.partition(b".")[2])
