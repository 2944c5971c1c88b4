"""Tables whose first line names the columns: their rows are spelled out, so that each says what its numbers are."""

from __future__ import annotations

import re

from parsers.names import meaning_of, step_of

BARS = re.compile(rb"[|\xe2\x94\x82]+")
COLUMN = re.compile(rb"\S+(?: \S+)*")
ROW = re.compile(rb"^\s*(?:[|\xe2\x94\x82]+\s*)?\d")
FIELD = re.compile(rb"[:=]|\d")
"""What no line of names has."""
MOST_COLUMNS = 40
LONGEST = 1000


class Tables:
    """Remembers the last line of names."""

    def __init__(self) -> None:
        self._names: list[bytes] = []
        self._bars = False

    def spelled_out(self, lines: bytes) -> bytes:
        r"""The lines, with `| 10 | 3.2 |` below `| step | loss |` as `step: 10 | loss: 3.2`."""
        if not self._names and b"loss" not in lines.lower():
            return lines
        return b"\n".join(map(self._line, lines.split(b"\n")))

    def _line(self, line: bytes) -> bytes:
        if len(line) > LONGEST:
            return line
        if self._names and ROW.match(line):
            cells = _cells(line, bars=self._bars)
            if len(cells) == len(self._names):
                return b" | ".join(name + b": " + cell for name, cell in zip(self._names, cells, strict=True) if cell)
        elif not FIELD.search(line) and b"loss" in line.lower() and (names := _header(line)):
            self._names, self._bars = names, b"|" in line or b"\xe2\x94\x82" in line
        return line


def _cells(line: bytes, *, bars: bool) -> list[bytes]:
    if bars:
        return [cell.strip() for cell in BARS.split(line.strip().strip(b"|\xe2\x94\x82"))]
    return line.split()


def _header(line: bytes) -> list[bytes]:
    """The names in a line that has nothing else: a count or an epoch, and a loss; none in any other line."""
    bars = b"|" in line or b"\xe2\x94\x82" in line
    names = _cells(line, bars=True) if bars else line.split() if b"  " in line.strip() else []
    if not 2 <= len(names) <= MOST_COLUMNS or not all(re.fullmatch(rb"[A-Za-z_][\w ./%()@-]{0,40}", n) for n in names):
        return []
    printed = [name.decode() for name in names]
    meanings = [meaning.metric for name in printed if (meaning := meaning_of(name)) is not None]
    counted = step_of(printed) is not None or "epoch" in meanings
    return names if counted and any("loss" in metric for metric in meanings) else []
