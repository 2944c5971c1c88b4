"""The one widget: shows ready lines and rewrites only those that changed, which is what matters over SSH."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Cell = tuple[str, Style | None]
BASE = Style.parse("default")
_SINGLE = re.compile("[ -~°±·×–−…─-╿⠀-⣿]*")
"""What a chart and most facts are made of: characters of one cell each."""


class Lines(Widget):
    """Shows strips. They must be as wide as the widget; every segment has a style (NO_COLOR needs one)."""

    DEFAULT_CSS = "Lines { width: auto; height: auto; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  textual's own name
        super().__init__(id=id)
        self._strips: tuple[Strip, ...] = ()

    @property
    def strips(self) -> tuple[Strip, ...]:
        """What is shown."""
        return self._strips

    def show(self, strips: Sequence[Strip]) -> int:
        """Shows these instead; gives how many lines are rewritten. Nothing is written where nothing changed."""
        before, self._strips = self._strips, tuple(strips)
        if len(before) != len(self._strips):
            self.refresh()
            return max(len(before), len(self._strips))
        regions = list(changed(before, self._strips))
        if regions:
            self.refresh(*regions)
        return len(regions)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Textual asks for a part. Ready lines need none of its styling, which costs more than drawing them."""
        empty = Strip.blank(self.size.width, BASE)
        shown = [*self._strips[crop.y : crop.bottom], *[empty] * max(0, crop.bottom - max(crop.y, len(self._strips)))]
        return [strip if strip.cell_length == crop.width else strip.crop(crop.x, crop.right) for strip in shown]


def changed(before: Sequence[Strip], after: Sequence[Strip]) -> Iterator[Region]:
    """For each line that differs, the cells from its first to its last difference."""
    for y, (old, new) in enumerate(zip(before, after, strict=True)):
        if old is new or old == new:
            continue
        span = _span(_cells(old), _cells(new))
        if span is not None:
            yield Region(span[0], y, span[1] - span[0], 1)


def _cells(strip: Strip) -> list[Cell]:
    """One entry a cell; the right half of a wide character is an empty one, a combining character joins its base.

    A blank has no style unless something of it shows.
    """
    cells: list[Cell] = []
    for text, style, _ in strip:
        behind = style if style is not None and (style.bgcolor or style.reverse or style.underline) else None
        if _SINGLE.fullmatch(text):
            cells += [(character, behind if character == " " else style) for character in text]
            continue
        for character in text:
            width = cell_len(character)
            if character == " ":
                cells.append((character, behind))
                continue
            if width == 0 and cells:
                cells[-1] = (cells[-1][0] + character, cells[-1][1])
            cells += [(character, style), ("", style)][:width]
    return cells


def _span(old: Sequence[Cell], new: Sequence[Cell]) -> tuple[int, int] | None:
    if len(old) != len(new):
        return 0, max(len(old), len(new))
    pairs = [a != b for a, b in zip(old, new, strict=True)]
    if True not in pairs:
        return None
    first, last = pairs.index(True), len(pairs) - pairs[::-1].index(True)
    halves = [not a[0] or not b[0] for a, b in zip(old, new, strict=True)]
    while first > 0 and halves[first]:
        first -= 1
    while last < len(new) and halves[last]:
        last += 1
    return first, last
