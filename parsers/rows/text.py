"""What all trainers' text logs have in common: a format only says how its rows and its start look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import ClassVar

import numpy as np

from parsers.format import Format
from parsers.records import Fact, Floats, Ints, Notice, Record
from parsers.rows.attaching import Attaching
from parsers.rows.batches import Line, Ranks, batches_of
from parsers.rows.endings import Endings
from parsers.rows.foreign import Hinted, words
from parsers.rows.joining import Reader, join
from parsers.rows.messages import HINTS, Messages
from parsers.rows.numbers import value
from parsers.rows.page import Page
from parsers.rows.row_patterns import Found, RowPattern
from parsers.rows.said import Learned, Said
from parsers.rows.segments import At, Segments
from parsers.rows.skeleton import Batch
from parsers.rows.skeletons import Skeletons
from parsers.rows.tables import Kind, Table, merged, sequence

ROWS_TOLD = 6
"""As many rows leave no doubt."""
ROW_TELLS, START_TELLS = 0.35, 0.25
"""What a row and a line of the start add to how sure a format is."""
MOST_HELD = 16 << 10
"""Bytes of lines that may be the beginning of a row whose rest has not come."""


class TextFormat(Format):
    """Reads rows and facts by patterns; knows launchers, terminals, restarts and tracebacks, so that a format need not.

    A row is found wherever it stands on its line (behind a timestamp, a rank, typed keys), over several lines where a
    margin broke it, and of several processes' rows one is taken.
    """

    rows: ClassVar[tuple[RowPattern, ...]]
    """Where two patterns match at the same place, the first wins."""
    said: ClassVar[tuple[Said, ...]] = ()
    checkpoint: ClassVar[Said | None] = None
    """The line that says that a checkpoint was saved."""
    end: ClassVar[Said | None] = None
    """The line that says that the run is over."""
    sure: ClassVar[float] = 1.0
    """How sure it can be at most; less for a format whose lines other trainers print too."""
    more_hints: ClassVar[tuple[bytes, ...]] = ()
    """Lines with one of these, in small letters, go to `read_line` too."""

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1, that this is the trainer's: some of its rows, or of the lines of its start."""
        small = window.lower()
        if not any(hint in small for hint in _own_hints(cls)):
            return 0.0
        page = Page(window if window.endswith(b"\n") else window + b"\n")
        lines = [page.line(at) for at in range(len(page))]
        hinted = Hinted(lines)
        own = [row for row in cls.rows if row.own]
        reader = _reader(own)
        at_rows = sorted(hinted.lines({row.hint for row in own}))
        found = (row for at in at_rows for row in join(page, at, reader, _anywhere).rows)
        rows = sum(1 for _ in islice(found, ROWS_TOLD))
        starts = [said for said in cls.said if said.own]
        told = {id(s) for at in hinted.lines({s.hint for s in starts}) for s in starts if s.match(lines[at])}
        return cls.sure * min(1.0, ROW_TELLS * rows + START_TELLS * len(told))

    def __init__(self) -> None:
        self._messages = Messages()
        self._segments = Segments(strict=False)
        self._learned = Learned()
        self._reader = _reader(self.rows)
        self._skeletons = Skeletons(self._reader)
        self._ranks = Ranks()
        self._attaching = Attaching()
        self._lines_before = 0
        self._step: int | None = None
        self._held = b""
        self._half = False
        self._endings = Endings()

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines. A row that is cut gives none."""
        return self._feed(Page(self._held + lines), may_hold=True)

    def finish(self, half: bytes) -> list[Record]:
        """The records of a last line that has no end: a row whose last number may be cut is left out."""
        self._half = True
        return self._feed(Page(self._held + half + b"\n"), may_hold=False)

    def close(self) -> list[Record]:
        """What waited for rows that never came."""
        records = self._feed(Page(self._held), may_hold=False) if self._held else []
        tables = [_table(batch) for batch in self._attaching.close()]
        return [
            *records,
            *self._segments.arrange(merged(self.derived(tables)), [], []),
            *self._messages.close(self._step),
        ]

    def read_line(self, number: int, line: bytes) -> list[Record] | None:
        """What a line that is no row says beyond `said`; None where it is none of this trainer's. For subclasses."""
        del number, line
        return None

    @property
    def open(self) -> bool:
        """Whether every line must go to `read_line`, as within a block of settings."""
        return False

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows that count; for subclasses whose rows mean different things. Called before steps are attached."""
        return batches

    def derived(self, tables: list[Table]) -> list[Table]:
        """The tables with what can be computed from them, such as seconds a step from a running total."""
        return tables

    def _feed(self, page: Page, *, may_hold: bool) -> list[Record]:
        with np.errstate(all="ignore"):  # what a log prints may overflow, and numpy would complain on the screen
            return self._read(page, may_hold=may_hold)

    def _read(self, page: Page, *, may_hold: bool) -> list[Record]:
        batches, rest, taught = self._skeletons.read(page)
        self._endings.learn(taught)
        rows, used, end = self._slow(page, rest, may_hold=may_hold)
        self._held = page.text[page.starts[end] :] if end < len(page) else b""
        batches = self._ranks.one(self.chosen([*batches, *batches_of(rows)]))
        facts = [at for batch in batches for at in self._facts_of(batch)]
        tables = merged(_table(b) for b in self._attaching.attach(batches))
        others = [at for at in rest.tolist() if at < end and at not in used]
        events, starts = self._others(page, others, tables)
        tables = merged(self.derived(tables))
        self._lines_before += end
        return self._segments.arrange(tables, [*facts, *self._skew(), *events], starts)

    def _slow(self, page: Page, rest: Ints, *, may_hold: bool) -> tuple[list[Line], set[int], int]:
        """Rows among lines that no skeleton took, the lines that they fill, and where what must wait begins."""
        numbers = rest.tolist()
        free = set(numbers)
        hinted = Hinted([page.line(at) for at in numbers])
        candidates = {numbers[i] for i in hinted.lines({row.hint for row in self.rows})}
        candidates |= {at for at in numbers if page.full(page.line(at))}
        rows: list[Line] = []
        used: set[int] = set()
        for at in sorted(candidates):
            if at in used:
                continue
            joined = join(page, at, self._reader, free.__contains__)
            if joined.open and may_hold and len(page.text) - page.starts[at] <= MOST_HELD:
                return rows, used, at
            lines = [Line(at, joined.text, row) for row in joined.rows]
            cut = self._half and at + joined.lines == len(page)
            rows += [line for line in lines if not cut or self._endings.whole(line)]
            self._endings.learn(lines)
            used |= set(range(at, at + joined.lines)) if joined.rows else set()
        return rows, used, len(page)

    def _facts_of(self, batch: Batch) -> Iterator[At]:
        lines = batch.lines.tolist()
        for name, texts in batch.facts.items():
            before = b""
            for at, text in zip(lines, texts, strict=True):
                if text != before:
                    before = text
                    where = f"line {self._lines_before + at + 1}"
                    yield from ((at, new) for new in self._learned.new([Fact(name, value(text), "log", where)]))

    def _skew(self) -> list[At]:
        return [(0, fact) for fact in self._learned.new(self._ranks.facts())]

    def _others(
        self, page: Page, others: Sequence[int], tables: Sequence[Table]
    ) -> tuple[list[At], list[tuple[int, str]]]:
        """The records of lines that are no rows, and the lines that begin a run."""
        events: list[At] = []
        starts: list[tuple[int, str]] = []
        rows, places = sequence(tables)
        before = np.searchsorted(rows, np.array(others, np.int64)).tolist()
        texts = [page.line(at) for at in others]
        wanted = Hinted(texts).lines(_line_hints(type(self)))
        passed = 0
        for index, at in enumerate(others):
            if before[index] > passed:
                passed = before[index]
                self._step = int(places[passed - 1]) // 2
                self._messages.rows_came()
            if index in wanted or self._messages.open or self.open:
                events += [(at, record) for record in self._other(at, texts[index], starts)]
        if len(places):
            self._step = int(places[-1]) // 2
        return events, starts

    def _other(self, at: int, text: bytes, starts: list[tuple[int, str]]) -> list[Record]:
        number = self._lines_before + at + 1
        records = self.read_line(number, text)
        if records is not None:
            facts = self._learned.new([r for r in records if isinstance(r, Fact)])
            return [*facts, *(r for r in records if not isinstance(r, Fact))]
        for said in self.said:
            if found := said.match(text):
                if said.begins or said.resumes:
                    starts.append((at, words(found[0])))
                notices = [Notice("resume", words(text[found.start() :]), self._step)] if said.resumes else []
                return [*notices, *self._learned.new(said.facts(found, f"line {number}"))]
        for kind, one in (("checkpoint", self.checkpoint), ("end", self.end)):
            if one is not None and one.match(text):
                return [Notice("checkpoint" if kind == "checkpoint" else "end", words(text), self._step)]
        return [*self._messages.read(text, self._step)]


def _anywhere(at: int) -> bool:
    del at
    return True


def find_rows(line: bytes, patterns: Sequence[RowPattern]) -> list[Found]:
    """The rows of some patterns in a line, from left to right; where two overlap, that of the first pattern."""
    small = line.lower()
    found = [row for pattern in patterns if pattern.hint in small for row in pattern.find(line)]
    if len(found) < 2:
        return found
    kept: list[Found] = []
    for row in found:
        if not any(row.start < other.end and other.start < row.end for other in kept):
            kept.append(row)
    return sorted(kept, key=lambda row: row.start)


def _reader(patterns: Sequence[RowPattern]) -> Reader:
    def begins(line: bytes) -> bool:
        small = line.lower()
        return any(row.hint in small and row.begins(line) for row in patterns)

    return Reader(lambda line: find_rows(line, patterns), begins)


def _table(batch: Batch) -> Table:
    kind = Kind(batch.metrics, turn=batch.pattern.turn)
    columns: tuple[Floats, ...] = tuple(batch.columns)
    return Table(kind, batch.lines, batch.steps, columns, batch.seconds)


@cache
def _own_hints(kind: type[TextFormat]) -> tuple[bytes, ...]:
    return tuple({row.hint for row in kind.rows if row.own} | {said.hint for said in kind.said if said.own})


@cache
def _line_hints(kind: type[TextFormat]) -> tuple[bytes, ...]:
    singles = (one.hint for one in (kind.checkpoint, kind.end) if one is not None)
    return tuple({*(s.hint for s in kind.said), *singles, *kind.more_hints, *HINTS})
