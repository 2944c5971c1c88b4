"""A format of one's own for tests of what stands around formats: `row STEP VALUE` and `note TEXT` are its lines."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pytest

from parsers.format import Format
from parsers.records import Fact, Notice, Points, Record, Traits

ROW = re.compile(rb"^row (\d+) (\d+)$", re.MULTILINE)


class Rows(Format):
    """Keeps what it was fed, holds notes back until it is closed, and fails on a line `fail`."""

    name: ClassVar[str] = "rows"
    title: ClassVar[str] = "Rows"
    about: ClassVar[str] = "lines `row STEP VALUE`"
    traits: ClassVar[Traits] = Traits()
    line: ClassVar[bytes] = b"row "

    def __init__(self) -> None:
        self.held: list[Record] = []

    @classmethod
    def sniff(cls, head: bytes) -> float:
        return 1.0 if any(line.startswith(cls.line) for line in head.split(b"\n")) else 0.0

    def feed(self, lines: bytes) -> list[Record]:
        assert lines.endswith(b"\n"), lines[-100:]
        if lines.startswith(b"fail"):
            raise OverflowError("Python int too large to convert to C long")
        self.held += [Notice("warning", n.decode()) for n in re.findall(rb"^note (.*)$", lines, re.MULTILINE)]
        rows = [(int(step), float(value)) for step, value in ROW.findall(lines)]
        facts = [Fact("dataset", n.decode(), "log", "a line") for n in re.findall(rb"^data (.*)$", lines, re.MULTILINE)]
        steps, values = np.array([s for s, _ in rows], np.int64), np.array([v for _, v in rows])
        return [*facts, *([Points(steps, {"train_loss": values})] if rows else [])]

    def close(self) -> list[Record]:
        held, self.held = self.held, []
        return held


class Columns(Rows):
    """Another trainer."""

    name: ClassVar[str] = "columns"
    title: ClassVar[str] = "Columns"
    line: ClassVar[bytes] = b"column "


KINDS: tuple[type[Rows], ...] = (Rows, Columns)


def recognise(head: bytes) -> tuple[type[Format], str] | None:
    """As parsers.formats.recognise, over the two formats here."""
    return next(((kind, "a test") for kind in KINDS if kind.sniff(head)), None)


def by_name(name: str) -> type[Format] | None:
    """As parsers.formats.by_name, over the two formats here."""
    return next((kind for kind in KINDS if kind.name == name), None)


def know_only_these(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the formats of this file are known."""
    monkeypatch.setattr("parsers.intake.FORMATS", KINDS)
    monkeypatch.setattr("parsers.intake.recognise", recognise)
    monkeypatch.setattr("parsers.intake.by_name", by_name)


def values(records: list[Record]) -> list[tuple[int, float]]:
    """All rows of all Points, as (step, first metric)."""
    points = [record for record in records if isinstance(record, Points)]
    return [row for p in points for row in zip(p.steps.tolist(), next(iter(p.columns.values())).tolist(), strict=True)]


def rows(first: int, end: int) -> bytes:
    """The lines of steps first to end, each with its step as value."""
    return b"".join(b"row %d %d\n" % (step, step) for step in range(first, end))
