"""Rows of a log on their way to Points: of which metrics they are, and on which lines they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from parsers.records import Floats, Ints, Points


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows that a trainer prints with one format string."""

    metrics: tuple[str, ...]
    turn: int = 0
    """0 for a row that is printed before the other rows of its step, 1 for one that is printed after them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, its values in the order of its metrics, in SI units."""

    kind: Kind
    step: int
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one kind in the order of the log; `lines` says on which line of the block each stands."""

    kind: Kind
    lines: Ints
    steps: Ints
    columns: tuple[Floats, ...]
    seconds: Floats | None = None
    """Wall-clock seconds since 1970 of each row, where all rows have them."""

    def points(self, first_line: int, end_line: int) -> Points | None:
        """The rows on these lines; None where there are none, or where they carry nothing but their steps."""
        start, end = np.searchsorted(self.lines, (first_line, end_line))
        if start == end or not self.columns:
            return None
        columns = {name: column[start:end] for name, column in zip(self.kind.metrics, self.columns, strict=True)}
        return Points(self.steps[start:end], columns, None if self.seconds is None else self.seconds[start:end])


def tables_of(rows: Iterable[tuple[int, Row]]) -> list[Table]:
    """Rows that were read one by one, as (line, row), a table for each kind."""
    by_kind: dict[Kind, list[tuple[int, Row]]] = {}
    for line, row in rows:
        by_kind.setdefault(row.kind, []).append((line, row))
    return [
        Table(
            kind,
            np.array([line for line, _ in found], np.int64),
            np.array([row.step for _, row in found], np.int64),
            tuple(np.array([row.values for _, row in found], np.float64).T),
        )
        for kind, found in by_kind.items()
    ]


def merged(tables: Iterable[Table]) -> list[Table]:
    """One table for each kind, the one first whose rows begin first."""
    by_kind: dict[Kind, list[Table]] = {}
    for table in tables:
        by_kind.setdefault(table.kind, []).append(table)
    joined = (same[0] if len(same) == 1 else _joined(same) for same in by_kind.values())
    return sorted(joined, key=lambda table: int(table.lines[0]) if len(table.lines) else 0)


def _joined(tables: Sequence[Table]) -> Table:
    lines = np.concatenate([t.lines for t in tables])
    order = np.argsort(lines, kind="stable")
    steps = np.concatenate([t.steps for t in tables])[order]
    columns = tuple(np.concatenate(c)[order] for c in zip(*(t.columns for t in tables), strict=True))
    clocks = [t.seconds for t in tables if t.seconds is not None]
    seconds = np.concatenate(clocks)[order] if len(clocks) == len(tables) else None
    return Table(tables[0].kind, lines[order], steps, columns, seconds)


def sequence(tables: Sequence[Table]) -> tuple[Ints, Ints]:
    """All rows in the order of the log: their lines, and their places (2 x step + turn), which rise in a run."""
    if not tables:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    lines = np.concatenate([t.lines for t in tables])
    places = np.concatenate([2 * t.steps + t.kind.turn for t in tables])
    order = np.lexsort((places, lines))
    return lines[order], places[order]
