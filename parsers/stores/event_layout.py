"""Where in a record a scalar stands, so that all records of that layout are read at once, as columns.

A writer makes its scalar records with one function, so those of one length differ in the time, the step, the tag and
the value alone; all other bytes, the keys and lengths of the fields among them, are literally the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from parsers.records import Floats, Ints
from parsers.stores.crc32c import Bytes

VARINT, FIXED64, MESSAGE, FIXED32 = 0, 1, 2, 5
"""Wire types (protobuf.dev/programming-guides/encoding)."""
MOST_VARINT_BYTES = 10

Span = tuple[int, int]
"""Where something begins and ends in a record, in bytes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a scalar's record stand. `step` is empty where it is not written, which says 0."""

    time: Span
    step: Span
    tag: Span
    value: Span
    literals: Ints
    """All other bytes: their places."""
    expected: Bytes
    """The bytes there."""

    def fits(self, rows: Bytes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which rows, uint8 of shape (n, length), have this layout; bool of shape (n,)."""
        fits = (rows[:, self.literals] == self.expected).all(axis=1)
        begin, end = self.step
        if end > begin:
            more = rows[:, begin:end] >= 0x80
            fits &= more[:, :-1].all(axis=1) & ~more[:, -1]
        return np.asarray(fits)

    def tags(self, rows: Bytes) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        """The tag of each row as one item, shape (n,): two are equal where all their bytes are."""
        begin, end = self.tag
        return np.ascontiguousarray(rows[:, begin:end]).view(f"V{end - begin}").ravel()

    def columns(self, rows: Bytes) -> tuple[Ints, Floats, Floats]:
        """The steps, the times in seconds since 1970, and the values of the rows, each of shape (n,)."""
        begin, end = self.step
        steps = np.zeros(len(rows), np.uint64)
        for place in range(begin, end):
            steps |= (rows[:, place] & 0x7F).astype(np.uint64) << np.uint64(7 * (place - begin))
        return steps.view(np.int64), _floats(rows, self.time), _floats(rows, self.value)


def layout_of(record: bytes) -> Layout | None:
    """The layout of a record that holds one scalar and nothing else to read; None for all others."""
    parts: dict[str, list[Span]] = {"time": [], "step": [], "tag": [], "value": []}
    try:
        _find(record, parts)
    except ValueError:
        return None
    if not parts["step"]:
        parts["step"] = [(0, 0)]
    if any(len(spans) != 1 for spans in parts.values()):
        return None
    time, step, tag, value = (parts[name][0] for name in ("time", "step", "tag", "value"))
    if tag[0] == tag[1]:
        return None
    free = np.zeros(len(record), np.bool_)
    for begin, end in (time, step, tag, value):
        free[begin:end] = True
    literals: Ints = np.flatnonzero(~free)
    return Layout(time, step, tag, value, literals, np.frombuffer(record, np.uint8)[literals])


def _find(record: bytes, parts: dict[str, list[Span]]) -> None:
    """Fills in where the parts of an Event are; ValueError for what is no plain scalar."""
    for number, wire, span in _fields(record, (0, len(record))):
        match number, wire:
            case 1, 1:
                parts["time"].append(span)
            case 2, 0:
                parts["step"].append(span)
            case 5, 2:
                for inner, kind, value in _fields(record, span):
                    if (inner, kind) == (1, MESSAGE):
                        _find_value(record, value, parts)
            case _:
                raise ValueError(number)


def _find_value(record: bytes, span: Span, parts: dict[str, list[Span]]) -> None:
    """Summary.Value: its tag, and a simple_value or a tensor; node name (7) and metadata (9) are literal."""
    for number, wire, inner in _fields(record, span):
        match number, wire:
            case 1, 2:
                parts["tag"].append(inner)
            case 2, 5:
                parts["value"].append(inner)
            case 8, 2:
                parts["value"].append(_in_tensor(record, inner))
            case ((7 | 9), 2):
                pass
            case _:
                raise ValueError(number)


def _in_tensor(record: bytes, span: Span) -> Span:
    """Where a tensor of one float or double keeps it."""
    found, dtype = [], b""
    for number, wire, inner in _fields(record, span):
        match number, wire:
            case 1, 0:
                dtype = record[slice(*inner)]
            case ((4 | 5 | 6), (1 | 2 | 5)):
                found.append(inner)
            case 2, 2 if record[slice(*inner)].replace(b"\x12\x02\x08\x01", b"") == b"":  # every dimension is 1
                pass
            case _:
                raise ValueError(number)
    if len(found) != 1 or found[0][1] - found[0][0] != {b"\x01": 4, b"\x02": 8}.get(dtype):
        raise ValueError(dtype)
    return found[0]


def _fields(record: bytes, span: Span) -> Iterator[tuple[int, int, Span]]:
    """Number, wire type and contents of each field of a message; ValueError where it is none."""
    at, end = span
    while at < end:
        key, at = _varint(record, at, end)
        wire, begin = key & 7, at
        if wire == VARINT:
            _, at = _varint(record, at, end)
        elif wire == FIXED64:
            at += 8
        elif wire == FIXED32:
            at += 4
        elif wire == MESSAGE:
            length, begin = _varint(record, at, end)
            at = begin + length
        else:
            raise ValueError(wire)
        if at > end:
            raise ValueError(at)
        yield key >> 3, wire, (begin, at)


def _varint(record: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for place in range(at, min(end, at + MOST_VARINT_BYTES)):
        value |= (record[place] & 0x7F) << 7 * (place - at)
        if record[place] < 0x80:
            return value, place + 1
    raise ValueError(at)


def _floats(rows: Bytes, span: Span) -> Floats:
    begin, end = span
    values = np.ascontiguousarray(rows[:, begin:end]).view(f"<f{end - begin}").ravel()
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
        return np.asarray(values, np.float64)
