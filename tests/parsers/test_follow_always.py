"""parsers/follow.py: whatever is done to a log, each line is read exactly once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from growing import append, read_all, replace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parsers.follow import Tail


class Writer:
    """Does to a log what can be done to it, and knows which lines a reader must give and may not repeat.

    Every line is different. Lines that were destroyed before a read are not owed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self.owed: list[bytes] = []
        self.half = b""

    def line(self) -> bytes:
        """A line that was never there."""
        self.number += 1
        return b"line %06d of a log whose lines are all different\n" % self.number

    def append(self) -> None:
        """Writes the rest of a half line, if any, and two whole ones."""
        new = [self.line(), self.line()]
        rest = b"\n" if self.half else b""
        append(self.path, rest + b"".join(new))
        self.owed += ([self.half + rest] if self.half else []) + new
        self.half = b""

    def append_half(self) -> None:
        """Writes a part of a line."""
        piece = b"half %d " % self.number
        append(self.path, piece)
        self.half += piece

    def truncate(self) -> None:
        """Wipes the file: what was not read is gone."""
        os.truncate(self.path, 0)
        self.owed, self.half = [], b""
        self.append()

    def replace(self) -> None:
        """Moves another file over it; the old lines are still owed, by the open descriptor."""
        new = [self.line() for _ in range(3)]
        replace(self.path, b"".join(new))
        self.owed += new
        self.half = b""

    def rotate(self) -> None:
        """Moves the file away and makes another."""
        self.path.rename(self.path.with_name("rotated"))
        new = [self.line()]
        self.path.write_bytes(b"".join(new))
        self.owed += new
        self.half = b""


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(
        st.sampled_from([Writer.append, Writer.append_half, Writer.truncate, Writer.replace, Writer.rotate, None]),
        max_size=25,
    )
)
def test_whatever_happens_no_line_is_lost_or_repeated(
    tmp_path: Path, acts: list[Callable[[Writer], None] | None]
) -> None:
    """Appends, halves, truncations, replacements and rotations in any order, read (None) at any point.

    Each line that still existed when it was next looked for comes exactly once, in order. Several replacements
    between two reads may hide the files between, which no reader can see: after each the reader looks once.
    """
    path = tmp_path / "train.log"
    path.write_bytes(b"")
    writer, tail = Writer(path), Tail(path)
    read: list[bytes] = []
    owed: list[bytes] = []

    def look() -> None:
        read.extend(b"".join(reading.lines for reading in read_all(tail)).splitlines(keepends=True))
        owed.extend(writer.owed)
        writer.owed = []

    look()
    for act in acts:
        if act is None:
            look()
        else:
            act(writer)
            if act in (Writer.replace, Writer.rotate, Writer.truncate):
                look()
    look()
    assert read == owed
    tail.close()
    path.unlink()
