"""Reads many rows at once.

The first row of a kind teaches how its line looks, and one regular expression takes all lines that differ from it only
in their numbers. This costs little more than such an expression and float() alone, while what a number means is
decided once, by the trainer's own pattern, for the row that taught it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from parsers.records import Floats, Ints
from parsers.rows.numbers import CLOCK, SUFFIXES, clock_seconds
from parsers.rows.row_patterns import POSITIVE, Found, RowPattern, Span

RANK = re.compile(rb"\s*(?:\[(?:rank|default)?(\d{1,5})\]:|(\d{1,5}): )")
"""What torchrun, Slurm and their like write before a process's lines."""

_GAP = re.compile(rb"( +)|([-+]?\d+)|([^ \d+-]+|[-+])")
_FORM = re.compile(rb"[-+]?\d[\d,]*(\.\d*)?([eE][-+]?\d+)?")


@dataclass
class Batch:
    """Rows of one pattern with the same metrics, in the order of the log. `lines` are numbers of lines of a block."""

    pattern: RowPattern
    metrics: tuple[str, ...]
    lines: Ints
    steps: Ints
    """-1 where the row prints none."""
    columns: list[Floats]
    seconds: Floats | None = None
    """Wall-clock seconds since 1970, where each of the lines has them."""
    ranks: list[bytes] | None = None
    """The process that printed each line, where all have one."""
    facts: dict[str, list[bytes]] = field(default_factory=dict)

    def only(self, keep: Ints) -> Batch:
        """Some of the rows, by place."""
        return Batch(
            self.pattern,
            self.metrics,
            self.lines[keep],
            self.steps[keep],
            [c[keep] for c in self.columns],
            None if self.seconds is None else self.seconds[keep],
            None if self.ranks is None else [self.ranks[i] for i in keep.tolist()],
            {name: [texts[i] for i in keep.tolist()] for name, texts in self.facts.items()},
        )


class Skeleton:
    r"""What a row's line looks like when its numbers are taken out.

    The expression begins with the line end before the row: a fixed text to begin with is found at some 1 GB/s.
    """

    def __init__(self, line: bytes, found: Found) -> None:
        self._pattern = found.pattern
        self._marks = _marks(line, found)
        pieces, place = [rb"\n"], 0
        for mark in self._marks:
            pieces += [_text(line[place : mark.start]), _group(line[mark.start : mark.end], mark)]
            place = mark.end
        at_end = bool(self._marks) and not line[place:].strip()
        pieces[-1] = _exact(line[self._marks[-1].start : self._marks[-1].end], pieces[-1]) if at_end else pieces[-1]
        self.source = b"".join([*pieces, _text(line[place:].rstrip()), rb" *+(?=\n)"])
        self._regex = re.compile(self.source)

    def read(self, text: bytes, ends: Ints) -> Batch | None:
        r"""All such rows of `text`, which begins with a \n; `ends` are the offsets of the line ends without that one.

        None where there are none. Rows with an unknown number among their metrics are left out: they have others.
        """
        found = [(m.start(), m.groups()) for m in self._regex.finditer(text)]
        if not found:
            return None
        lines = np.searchsorted(ends, np.array([start for start, _ in found], np.int64))
        return self._batch(lines, list(zip(*(groups for _, groups in found), strict=True)))

    def _batch(self, lines: Ints, texts: Sequence[Sequence[bytes]]) -> Batch | None:
        batch = Batch(self._pattern, (), lines, np.full(len(lines), -1, np.int64), [])
        names: list[str] = []
        keep = np.ones(len(lines), np.bool_)
        for mark, column in zip(self._marks, texts, strict=True):
            if mark.name == "step":
                batch.steps = np.array(list(map(int, column)), np.int64)
            elif mark.name == "clock":
                batch.seconds = clocks(column)
            elif mark.name == "rank":
                batch.ranks = list(column)
            elif mark.name.startswith("fact:"):
                batch.facts[mark.name[5:]] = list(column)
            else:
                with np.errstate(over="ignore"):
                    values = _floats(column) * mark.scale
                names.append(mark.name)
                batch.columns.append(values)
                if mark.name in POSITIVE:
                    keep &= np.isfinite(values) & (values > 0)
        batch.metrics = tuple(names)
        places = np.flatnonzero(keep)
        return None if not len(places) else batch if len(places) == len(lines) else batch.only(places)


def clocks(texts: Iterable[bytes]) -> Floats | None:
    """Seconds since 1970 of texts that CLOCK matches; None where one is no day."""
    found = [clock_seconds(m) if (m := CLOCK.match(t)) else None for t in texts]
    return None if None in found else np.array(found, np.float64)


def surroundings(line: bytes, start: int) -> tuple[Span | None, Span | None]:
    """The clock and the rank in what stands before a row that starts at `start`."""
    clock = CLOCK.search(line, 0, start)
    rank = RANK.match(line, 0, start)
    number = None if rank is None else rank.span(1) if rank[1] is not None else rank.span(2)
    return (
        None if clock is None else Span("clock", *clock.span(), 1.0),
        None if number is None else Span("rank", *number, 1.0),
    )


def _marks(line: bytes, found: Found) -> list[Span]:
    facts = (Span("fact:" + s.name, s.start, s.end, 1.0) for s in found.facts)
    around = (s for s in surroundings(line, found.start) if s is not None)
    marks = [*around, *facts, *found.values, *([found.step] if found.step else [])]
    return sorted(marks, key=lambda s: s.start)


def _text(literal: bytes) -> bytes:
    """Fixed text, in which numbers are any numbers and gaps of any width.

    Possessive, so that no line can make the search go back and forth.
    """
    pieces = []
    for blanks, digits, other in _GAP.findall(literal):
        pieces.append(rb" ++" if blanks else rb"[-+]?\d++" if digits else re.escape(other))
    return b"".join(pieces)


def _group(text: bytes, mark: Span) -> bytes:
    """A group for numbers of the same form as this one."""
    if mark.name == "clock":
        return b"(" + re.sub(rb"\d+", rb"\\d++", text.replace(b".", rb"\.")) + b")"
    form = _FORM.match(text)
    if form is None:
        return b"(" + re.escape(text) + b")"
    suffix = text[form.end() :]
    whole = rb"[-+]?\d[\d,]*+" if b"," in text else rb"[-+]?\d++"
    if mark.name in ("step", "rank"):
        whole = rb"\d{1,15}+"
    decimals = rb"\.\d*+" if form[1] else b""
    exponent = rb"[eE][-+]?\d++" if form[2] else b""
    return b"(" + whole + decimals + exponent + (re.escape(suffix)) + b")"


def _exact(text: bytes, group: bytes) -> bytes:
    """For the number that ends a line: with as many decimals, since one with fewer may be cut."""
    form = _FORM.match(text)
    if form is None or not form[1] or form[2]:
        return group
    return group.replace(rb"\.\d*+", rb"\.\d{%d}" % (len(form[1]) - 1))


def _floats(texts: Sequence[bytes]) -> Floats:
    last = texts[0][-1:]
    if last in SUFFIXES:
        return _floats([t[:-1] for t in texts]) * SUFFIXES[last]
    try:
        return np.array(list(map(float, texts)))
    except ValueError:  # thousands commas
        return np.array([float(t.replace(b",", b"")) for t in texts])
