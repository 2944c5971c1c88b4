"""Tables that are written anew as they go on: which of their rows were given before.

Lightning's CSVLogger and many loops of csv.DictWriter write the whole file again when a new column comes. What stood
in it comes back as it was, with empty cells in the new column.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from parsers.columns import Frame
from parsers.formats.csv_header import Header
from parsers.records import Floats
from parsers.rows.segments import Segments
from parsers.rows.tables import Table

MOST_ROWS = 1 << 20
"""Remembered, of eight bytes each. A longer table that is written anew is a new run."""
SPREAD = 0x9E3779B97F4A7C15
"""The golden ratio's bits, which spread small differences over a word (Knuth, TAOCP 3, 6.4)."""

Codes = npt.NDArray[np.uint64]


class GivenRows:
    """The rows of a table as far as they were given, and whether a file that is written anew begins with them."""

    def __init__(self) -> None:
        self.segments = Segments()
        self.header: Header | None = None
        """The newest."""
        self.why = ""
        """In what words a restart is told if the file that was written anew holds other rows."""
        self._codes: list[Codes] = []
        self._count = 0
        self._before: Codes = np.empty(0, np.uint64)
        """The rows of the file as it was, as far as they have not come again."""
        self._header_before: Header | None = None
        """That of the file as it was, until the new file's is known."""
        self._tables = 0
        """Headers so far. What was appended under a second one is not told again."""

    def begin_anew(self, before: GivenRows, why: str) -> bool:
        """The file that gave `before` is written anew; whether its rows can be told again."""
        header = before.header or before._header_before
        if header is None or before._count > MOST_ROWS or before._tables > 1:
            return False
        self._header_before, self.why, self.segments = header, why, before.segments
        self._before = np.concatenate([*before._codes, before._before])
        return True

    def begin(self, header: Header) -> bool:
        """Takes the header of the rows to come; whether it says other things of the same columns than that before."""
        self.header = header
        self._tables += 1
        before, self._header_before = self._header_before, None
        if before is None or means_the_same(header, before):
            return False
        self._before = self._before[:0]
        return True

    def take(self, frame: Frame) -> tuple[int, bool]:
        """How many of the frame's first rows were given before, and whether a row differs from what stood there."""
        codes = codes_of(frame)
        self._count += len(codes)
        if self._count <= MOST_ROWS:
            self._codes.append(codes)
        else:
            self._codes.clear()
        both = min(len(codes), len(self._before))
        unlike = np.flatnonzero(codes[:both] != self._before[:both])
        if len(unlike):
            self._before = self._before[:0]
            return int(unlike[0]), True
        self._before = self._before[both:]
        return both, False


def codes_of(frame: Frame) -> Codes:
    """A number for each row, made of its step, its time and the metrics in it; an empty cell counts for nothing."""
    codes = _mixed("step", frame.steps)
    if frame.seconds is not None:
        codes += _mixed("seconds", frame.seconds)
    for metric, values in frame.columns.items():
        codes += np.where(frame.present[metric], _mixed(metric, values), np.uint64(0))
    return codes


def _mixed(name: str, values: Floats) -> Codes:
    key = np.uint64(2 * zlib.crc32(name.encode()) + 1)
    bits = np.ascontiguousarray(values).view(np.uint64) * np.uint64(SPREAD)
    mixed: Codes = (bits ^ (bits >> np.uint64(29)) ^ key) * key
    return mixed


def means_the_same(now: Header, before: Header) -> bool:
    """Whether the columns that both have mean in both the same, and the same column counts the rows."""
    names = set(before.names)
    taken = {name: meaning for name, meaning in _taken(now).items() if name in names}
    return taken == _taken(before) and _counting(now) == _counting(before)


def from_line(table: Table, line: int) -> Table:
    """The rows of a table from a line on."""
    first = int(np.searchsorted(table.lines, line))
    seconds = None if table.seconds is None else table.seconds[first:]
    columns = tuple(column[first:] for column in table.columns)
    return Table(table.kind, table.lines[first:], table.steps[first:], columns, seconds)


def _taken(header: Header) -> dict[str, object]:
    return {header.names[place]: meaning for place, meaning in header.taken.items()}


def _counting(header: Header) -> list[str | None]:
    return [None if place is None else header.names[place] for place in (header.step, header.epoch, header.clock)]
