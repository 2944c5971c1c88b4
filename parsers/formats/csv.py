"""Tables of metrics as comma separated values: Keras's CSVLogger, litgpt, pandas, loops that people write."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, pairwise
from typing import ClassVar

import numpy as np

from parsers.columns import Bools, Frame, Rows, numbers, steps_of, told, wall_seconds
from parsers.format import Format
from parsers.formats.csv_header import HINTS, LONGEST, Counts, Header, cells_of, header_of
from parsers.formats.csv_margin import unbroken
from parsers.formats.csv_rewritten import GivenRows, from_line
from parsers.names import unit_told
from parsers.records import Floats, Recognised, Record, Traits
from parsers.rows.foreign import Hinted, words
from parsers.rows.segments import At
from parsers.rows.tables import Table, merged

ROWS_TOLD = 3
"""As many rows after a header leave no doubt."""
HEADER_ALONE = 0.1

Cells = list[bytes]


class Csv(Format):
    """A table of metrics with a header row; comma, semicolon or tab between the cells.

    What the numbers mean the header tells, by parsers/names.py. The steps are those of a column that counts steps;
    without one the epochs (Keras 3.15 CSVLogger: from 0), else the rows, from 1. An empty cell, NA and null are
    absent, nan is a NaN. A row with more or fewer cells than the header is no row, unless a terminal's margin broke it.
    A header that comes again opens new columns. A file that is written anew with the same rows and more is the same
    run. What the losses are measured in is unknown unless other columns tell of a language model.
    """

    name: ClassVar[str] = "csv"
    title: ClassVar[str] = "CSV"
    about: ClassVar[str] = "tables of metrics with a header row: step,loss,... (comma, semicolon or tab)"
    example: ClassVar[str] = "step,loss,lr"
    traits: ClassVar[Traits] = Traits(updates_at_train_row=0, updates_at_eval_row=0, loss_unit="unknown")
    written_anew: ClassVar[bool] = True

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1: a header that names metrics, and rows that fit it."""
        header, rows = table_in(window)
        if header is None or not rows:
            return 0.0 if header is None else HEADER_ALONE
        return 0.4 + 0.1 * min(len(rows), ROWS_TOLD)

    def __init__(self) -> None:
        self._header: Header | None = None
        self._next: Header | None = None
        """A header that no row of its own has followed yet."""
        self._counts: Counts = "updates"
        self._rows = Rows()
        self._counted = 0
        """Rows so far, where they count themselves."""
        self._traits = self.traits
        self.given = GivenRows()
        """For the reader of the same file when it is written anew."""

    def goes_on_from(self, before: Format, why: str) -> bool:
        """Whether the table was read by this class or one of its kind, so that its rows are known."""
        return isinstance(before, Csv) and self.given.begin_anew(before.given, why)

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines. A line that is no row of the table gives none."""
        texts = unbroken(lines.split(b"\n"), self._header)
        edges = sorted(at for at in Hinted(texts).lines(HINTS) if header_of(texts[at]) is not None)
        tables: list[Table] = []
        events: list[At] = []
        starts: list[tuple[int, str]] = []
        for first, end in pairwise([-1, *edges, len(texts)]):
            if first >= 0:
                self._next = header_of(texts[first])
            came_before = self._header is not None
            begin = self._begin(texts, first + 1, end)
            if begin is not None and self._header is not None:
                events += [(begin, record) for record in self._announce(self._header)]
                if self._counts == "rows" and came_before:
                    starts.append((begin, "the header came again"))
                    self._counted = 0
                if self.given.begin(self._header):
                    starts.append((begin, self.given.why))
            tables += self._read(texts, first + 1 if begin is None else begin, end, starts)
        return self.given.segments.arrange(merged(tables), events, starts)

    def finish(self, half: bytes) -> list[Record]:
        """The records of a last line without an end, whose last number may have been cut."""
        header = self._next or self._header
        if header is None:
            return []
        before, delimiter, _ = half.rpartition(header.delimiter)
        return self.feed(before + delimiter + b"\n") if before else []

    def _begin(self, texts: Sequence[bytes], first: int, end: int) -> int | None:
        """The line on which the first row of a new header stands, which then is the header; None where none begins."""
        fresh, header = self._next, self._header
        if fresh is None:
            return None
        for at in range(first, end):
            row = _split(texts[at], fresh.delimiter)
            if fresh.fits(row):
                self._header, self._next = fresh, None
                self._counts = _counts(fresh, row)
                return at
            if header is not None and header.fits(_split(texts[at], header.delimiter)):
                self._next = None
                return None
        return None

    def _read(self, texts: Sequence[bytes], first: int, end: int, starts: list[tuple[int, str]]) -> list[Table]:
        """The tables of the rows on these lines that were not given before; where another run begins goes to starts."""
        if self._header is None:
            return []
        lines, cells = _rows(texts, first, end, self._header)
        if not lines:
            return []
        frame = self._frame(self._header, lines, cells)
        given, differs = self.given.take(frame)
        tables = self._rows.tables(frame)
        if differs:
            starts.append((lines[given], self.given.why))
        if given == len(lines):
            return []
        return [from_line(table, lines[given]) for table in tables] if given else tables

    def _announce(self, header: Header) -> list[Record]:
        """That the log is recognised, once more, where its header tells more than the format."""
        taken = {header.names[place]: meaning for place, meaning in header.taken.items()}
        traits = told(self.traits, taken, unit_told(header.names), self._counts)
        if traits == self._traits:
            return []
        self._traits = traits
        shown = ", ".join(words(name.encode()) for name in taken)
        return [Recognised(self.name, self.title, traits, f"its columns are {shown}")]

    def _frame(self, header: Header, lines: Sequence[int], rows: Sequence[Cells]) -> Frame:
        columns, present = {}, {}
        for place, meaning in header.taken.items():
            values, there = numbers([row[place] for row in rows])
            columns[meaning.metric] = values if meaning.scale == 1 else values * meaning.scale
            present[meaning.metric] = there
        clock = None if header.clock is None else wall_seconds([row[header.clock] for row in rows])
        steps = self._steps(header, rows, np.any(list(present.values()), axis=0))
        return Frame(np.array(lines, np.int64), steps, columns, present, clock)

    def _steps(self, header: Header, rows: Sequence[Cells], counted: Bools) -> Floats:
        if self._counts == "rows":
            steps: Floats = self._counted + np.cumsum(counted).astype(np.float64)
            self._counted = int(steps[-1])
            return steps
        place = header.epoch if header.step is None else header.step
        steps = steps_of([row[place or 0] for row in rows])
        return np.where(np.isnan(steps), -1.0, steps)


def table_in(window: bytes) -> tuple[Header | None, list[Cells]]:
    """The last header among some lines and the rows that fit it, ROWS_TOLD at least where there are as many."""
    if not any(hint in window.lower() for hint in HINTS):
        return None, []
    texts = unbroken(window.split(b"\n"), None)
    found: Header | None = None
    for at in sorted(Hinted(texts).lines(HINTS), reverse=True):
        header = header_of(texts[at])
        if header is None:
            continue
        rows = [row for row in _rows(texts, at + 1, len(texts), header)[1] if header.fits(row)]
        if rows:
            return header, rows
        found = header
    return found, []


def _rows(texts: Sequence[bytes], first: int, end: int, header: Header) -> tuple[list[int], list[Cells]]:
    """The lines with as many cells as the header has, and their cells."""
    width, delimiter = len(header.names), header.delimiter
    texts = texts[first:end]
    if max(map(len, texts), default=0) > LONGEST or b'"' in b"".join(texts):
        rows = [_split(text, delimiter) for text in texts]
    else:
        rows = [text.split(delimiter) for text in texts]
    fits = [len(row) == width for row in rows]
    return list(compress(range(first, end), fits)), list(compress(rows, fits))


def _split(text: bytes, delimiter: bytes) -> Cells:
    return [] if len(text) > LONGEST else cells_of(text, delimiter)


def _counts(header: Header, row: Cells) -> Counts:
    """What the rows are counted by. An epoch with decimals is a share of the data, many to an epoch."""
    if header.step is not None:
        return "updates"
    if header.epoch is not None and row[header.epoch].strip(b'" ').isdigit():
        return "epochs"
    return "rows"
