"""Reads texts with NanoGPT and sums up what came out, so that two readings can be compared."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from parsers.formats.nanogpt import NanoGPT
from parsers.records import Fact, Notice, NoticeKind, Points, Record, Restart, Value

Rows = list[dict[tuple[str, ...], list[tuple[float | str, ...]]]]
"""For each segment: metrics -> rows of (step, *values); nan is the string "nan", so that rows compare equal."""


def read(text: str | bytes, sizes: Iterable[int] = ()) -> list[Record]:
    """The records of a text, fed in pieces of so many lines each, the rest in one piece, then closed."""
    lines = (text.encode() if isinstance(text, str) else text).splitlines(keepends=True)
    reader = NanoGPT()
    records: list[Record] = []
    for size in sizes:
        piece, lines = lines[:size], lines[size:]
        records += reader.feed(b"".join(piece))
    if lines:
        records += reader.feed(b"".join(lines))
    return records + reader.close()


def rows(records: Iterable[Record]) -> Rows:
    """All points, segment by segment; segments without rows are left out."""
    segments: Rows = [{}]
    for record in records:
        if isinstance(record, Restart):
            segments.append({})
        elif isinstance(record, Points):
            table = segments[-1].setdefault(tuple(record.columns), [])
            for values in np.stack([record.steps, *record.columns.values()]).T.tolist():
                table.append(tuple("nan" if v != v else v for v in values))  # noqa: PLR0124  only NaN differs from itself
    return [segment for segment in segments if segment]


def facts(records: Iterable[Record]) -> dict[str, Value]:
    """The last value that was said of each fact, whatever its origin."""
    return {record.name: record.value for record in records if isinstance(record, Fact)}


def fact(records: Iterable[Record], name: str) -> Fact:
    """The last fact of that name."""
    return [record for record in records if isinstance(record, Fact) and record.name == name][-1]


def notices(records: Iterable[Record], kind: NoticeKind) -> list[Notice]:
    """All notices of a kind."""
    return [record for record in records if isinstance(record, Notice) and record.kind == kind]


def restarts(records: Iterable[Record]) -> list[Restart]:
    """All restarts."""
    return [record for record in records if isinstance(record, Restart)]
