"""Tables of text that are cut into blocks where they are wider than the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.text import cut, foreign, pad

INDENT = 2
GAP = 2
WIDEST_NAME = 30
WIDEST_CELL = 16


@dataclass(frozen=True, slots=True)
class Column:
    """Its heads, one a line, the last one nearest to the cells; and a cell for each row."""

    heads: tuple[str, ...]
    cells: tuple[str, ...]
    widest: int = WIDEST_CELL

    @property
    def width(self) -> int:
        """The cells it takes, with the gap before it."""
        return GAP + min(self.widest, max(map(cell_len, (*self.heads, *self.cells)), default=0))


def table(title: str, names: Sequence[str], columns: Sequence[Column], width: int) -> list[str]:
    """The title above the names of the rows, then the columns that fit; the others in further blocks below.

    No line is wider than `width`; what is too wide for it is cut.
    """
    lines: list[str] = []
    first = min(WIDEST_NAME, max(map(cell_len, [title[: WIDEST_NAME - 1], *(f"  {name}" for name in names)])))
    first = max(0, min(first, width - min(width, max((c.width for c in columns), default=0))))
    for block in _blocks(columns, width - first):
        lines += _block(title, names, block, first, width)
    return lines


def _blocks(columns: Sequence[Column], room: int) -> list[list[Column]]:
    blocks: list[list[Column]] = []
    left = 0
    for column in columns:
        if not blocks or column.width > left:
            blocks.append([])
            left = room
        blocks[-1].append(column)
        left -= column.width
    return blocks


def _block(title: str, names: Sequence[str], columns: Sequence[Column], first: int, width: int) -> list[str]:
    deep = max(len(column.heads) for column in columns)
    lines = []
    for level in range(deep):
        heads = [(("",) * (deep - len(c.heads)) + c.heads)[level] for c in columns]
        lines.append(_line(title if level == deep - 1 else "", heads, columns, first, width))
    for at, name in enumerate(names):
        lines.append(_line(" " * INDENT + foreign(name), [c.cells[at] for c in columns], columns, first, width))
    return lines


def _line(name: str, texts: Sequence[str], columns: Sequence[Column], first: int, width: int) -> str:
    cells = "".join(
        pad(cut(text, column.width - GAP), column.width, right=True)
        for text, column in zip(texts, columns, strict=True)
    )
    return cut(pad(name, first) + cells, width).rstrip()
