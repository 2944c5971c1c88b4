"""Puts what a block of lines gave into the order of the log, and finds where a run began anew."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from parsers.records import Ints, Record, Restart
from parsers.rows.tables import Table, sequence

At = tuple[int, Record]
"""A record and the line of the block on which it stands."""


class Segments:
    """Remembers, from block to block, where the run is.

    `strict`: the rows of one step are always printed in the order of their turns, so that a row out of turn shows that
    the step came again.
    """

    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict
        self._last: int | None = None
        """The place of the last row, see `sequence`."""
        self._start: str | None = None
        """A start that came after rows and that no row has followed yet: other ranks print one too when they die."""

    def arrange(self, tables: Sequence[Table], events: Sequence[At], starts: Sequence[tuple[int, str]]) -> list[Record]:
        """The records of a block, with a Restart before each stretch of lines that is a new segment.

        `tables` has one table for each kind of row; `starts` says on which lines a run started, and in what words.
        """
        lines, places = sequence(tables)
        restarts = self._restarts(lines, places, starts)
        if len(places):
            self._last = int(places[-1])
        events = sorted(events, key=_line_of)
        end = 1 + max([*lines[-1:].tolist(), *map(_line_of, events[-1:])], default=0)
        edges = [0, *(line for line, _ in restarts), end]
        records: list[Record] = []
        for restart, (first, stop) in zip([None, *(r for _, r in restarts)], pairwise(edges), strict=True):
            if restart is not None:
                records.append(restart)
            records += _stretch(tables, lines, events, first, stop)
        return records

    def _restarts(self, lines: Ints, places: Ints, starts: Sequence[tuple[int, str]]) -> list[tuple[int, Restart]]:
        """Where segments begin: where rows go back, and at a start that has rows before and after it."""
        first = places[:1] if self._last is None else np.array([self._last])
        before = np.concatenate((first, places))[: len(places)]
        found: dict[int, tuple[int, Restart]] = {}
        back = places < before if self._strict else places // 2 < before // 2
        for row in np.flatnonzero(back).tolist():
            now, last = int(places[row]) // 2, int(before[row]) // 2
            why = f"step {now} came again" if now == last else f"the steps went back from {last} to {now}"
            found[row] = (int(lines[row]), Restart(now, why))
        for row, (line, why) in self._started(lines, starts).items():
            found[row] = (line, Restart(int(places[row]) // 2, why))
        return [found[row] for row in sorted(found)]

    def _started(self, lines: Ints, starts: Sequence[tuple[int, str]]) -> dict[int, tuple[int, str]]:
        """The first row after each start that has rows before it -> the start's line and words."""
        found: dict[int, tuple[int, str]] = {}
        known = [] if self._start is None else [(0, self._start)]
        self._start = None
        for line, why in (*known, *starts):
            row = int(np.searchsorted(lines, line))
            if row == 0 and self._last is None:
                continue
            if row == len(lines):
                self._start = why if self._start is None or _tells_more(why) else self._start
            elif row not in found:
                found[row] = (line, why)
            elif _tells_more(why):
                found[row] = (found[row][0], why)
        return found


def _line_of(event: At) -> int:
    return event[0]


def _tells_more(why: str) -> bool:
    return why.startswith("Resuming")


def _stretch(tables: Sequence[Table], lines: Ints, events: Sequence[At], first: int, stop: int) -> list[Record]:
    """What stands on these lines before the first row, one block for each kind of row, and the rest."""
    row = int(np.searchsorted(lines, first))
    first_row = int(lines[row]) if row < len(lines) else stop
    low, middle, high = (bisect_left(events, line, key=_line_of) for line in (first, min(first_row + 1, stop), stop))
    blocks = [points for table in tables if (points := table.points(first, stop)) is not None]
    return [*(r for _, r in events[low:middle]), *blocks, *(r for _, r in events[middle:high])]
