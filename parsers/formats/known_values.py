"""Puts a column that was computed into a table; rows for which it is not known do without it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from parsers.records import Floats
from parsers.rows.tables import Kind, Table


def with_known(table: Table, name: str, values: Floats, *, instead_of: str | None = None) -> list[Table]:
    """The rows of the table with `values` of shape (n,) as their metric `name`, those where it is NaN without it.

    `instead_of` names the column that goes; a column that is called `name` goes too.
    """
    gone = {name, instead_of}
    kept = [at for at, metric in enumerate(table.kind.metrics) if metric not in gone]
    names = tuple(table.kind.metrics[at] for at in kept)
    columns = tuple(table.columns[at] for at in kept)
    known = ~np.isnan(values)
    seconds = table.seconds
    rest = Table(Kind(names, table.kind.turn), table.lines, table.steps, columns, seconds)
    full = Table(Kind((*names, name), table.kind.turn), table.lines, table.steps, (*columns, values), seconds)
    return [_rows(part, keep) for part, keep in ((full, known), (rest, ~known)) if keep.any()]


def without_where(table: Table, name: str, unknown: npt.NDArray[np.bool_]) -> list[Table]:
    """The rows of the table, those that are `unknown` (bool of shape (n,)) without their metric `name`."""
    kept = [at for at, metric in enumerate(table.kind.metrics) if metric != name]
    names = tuple(table.kind.metrics[at] for at in kept)
    columns = tuple(table.columns[at] for at in kept)
    rest = Table(Kind(names, table.kind.turn), table.lines, table.steps, columns, table.seconds)
    return [_rows(part, keep) for part, keep in ((table, ~unknown), (rest, unknown)) if keep.any()]


def _rows(table: Table, keep: npt.NDArray[np.bool_]) -> Table:
    if keep.all():
        return table
    seconds = None if table.seconds is None else table.seconds[keep]
    columns = tuple(column[keep] for column in table.columns)
    return Table(table.kind, table.lines[keep], table.steps[keep], columns, seconds)
