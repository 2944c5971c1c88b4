"""Lines of exactly the asked width: the one place where text meets the edge of a panel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui import text
from tui.look import Look

Part = tuple[str, Style]
GAP = 3
"""Blank cells between two groups of facts on one line."""
ROUND = ("╭", "╮", "╰", "╯", "─", "│")
SHARP = ("+", "+", "+", "+", "-", "|")


def row(parts: Iterable[Part], width: int, look: Look, right: Sequence[Part] = ()) -> Strip:
    """`parts` from the left and `right` at the right edge; the left is cut first, and shows that it was."""
    tail, used = _fit(right, width, look) if right else ([], 0)
    head, begun = _fit(parts, max(0, width - used - (1 if used else 0)), look)
    blanks = width - used - begun
    filler = [Segment(" " * blanks, look.palette.text)] if blanks > 0 else []
    return Strip([*head, *filler, *tail], width)


def blank(width: int, look: Look) -> Strip:
    """An empty line."""
    return Strip.blank(width, look.palette.text)


def lay(groups: Sequence[Sequence[Part]], width: int, look: Look, gap: int = GAP) -> Strip:
    """As many of the groups, the first first, as fit whole on one line."""
    line: list[Part] = []
    for group in fitting(groups, width, look, gap):
        line += [(" " * gap, look.palette.text)] * bool(line) + list(group)
    return row(line, width, look)


def fitting(groups: Sequence[Sequence[Part]], width: int, look: Look, gap: int = GAP) -> list[Sequence[Part]]:
    """The first groups that fit on one line with `gap` cells between them; always the first one."""
    taken: list[Sequence[Part]] = []
    used = -gap
    for group in groups:
        used += gap + cells(group, look)
        if taken and used > width:
            break
        taken.append(group)
    return taken


def cells(parts: Iterable[Part], look: Look) -> int:
    """The width of the parts as they will be shown."""
    return sum(cell_len(text.plain(words) if look.ascii else words) for words, _ in parts)


def fill(strips: Sequence[Strip], width: int, height: int, look: Look) -> list[Strip]:
    """Exactly `height` lines: the first ones, or blank lines at the end."""
    kept = list(strips[:height])
    return kept + [blank(width, look)] * (height - len(kept))


def box(
    title: Sequence[Part],
    strips: Sequence[Strip],
    size: tuple[int, int],
    look: Look,
    *,
    focused: bool = False,
    note: Sequence[Part] = (),
) -> list[Strip]:
    """`strips`, each width - 4 cells, in a frame with a title and a note in its upper edge."""
    width, height = size
    if width < 6 or height < 3:
        return fill([row([(" ", look.palette.text)], width, look)], width, height, look)
    inside = fill(strips, width - 4, height - 2, look)
    style = look.palette.focus if focused else look.palette.border
    left, right = Segment(_corner("│", look) + " ", style), Segment(" " + _corner("│", look), style)
    walls = [Strip(_walled(left, list(strip), right), width) for strip in inside]
    top = _edge(title, note, width, look, style)
    below = Segment(_corner("╰", look) + _corner("─", look) * (width - 2) + _corner("╯", look), style)
    return [top, *walls, Strip([below], width)]


def _walled(left: Segment, line: list[Segment], right: Segment) -> list[Segment]:
    """A line between its walls; neighbours of one style are joined, which saves bytes."""
    if line and line[0].style is left.style:
        left = Segment(left.text + line.pop(0).text, left.style)
    if line and line[-1].style is right.style:
        right = Segment(line.pop().text + right.text, right.style)
    return [left, *line, right]


def bar(share: float | None, width: int, look: Look, style: Style | None = None) -> list[Part]:
    """A bar that is filled to `share` (0 to 1), to half a cell; all rest where the share is unknown."""
    halves = 0 if share is None or share != share else round(min(max(share, 0.0), 1.0) * width * 2)  # noqa: PLR0124
    full, half = divmod(halves, 2)
    done = "━" * full + "╸" * half
    parts = [(done, style or look.palette.bar)] if done else []
    rest = "─" * (width - full - half)
    return [*parts, (rest, look.palette.dim)] if rest else parts


def _edge(title: Sequence[Part], note: Sequence[Part], width: int, look: Look, style: Style) -> Strip:
    line = _corner("─", look)
    head, used = _fit([(" ", style), *title, (" ", style)], width - 3, look) if title else ([], 0)
    room = width - 3 - used
    spaced = [(" ", style), *note, (" ", style)]
    tail, used = _fit(spaced, room, look) if note and cells(spaced, look) < room else ([], 0)
    ends = Segment(_corner("╭", look), style), Segment(line + _corner("╮", look), style)
    return Strip([ends[0], *head, Segment(line * (room - used), style), *tail, ends[1]], width)


def _corner(sign: str, look: Look) -> str:
    return SHARP[ROUND.index(sign)] if look.ascii else sign


def _fit(parts: Iterable[Part], width: int, look: Look) -> tuple[list[Segment], int]:
    """The parts as segments cut to `width` cells, and the cells they take. Neighbours of one style are joined."""
    fitted: list[Segment] = []
    left = width
    for words, style in parts:
        shown = text.plain(words) if look.ascii else words
        size = cell_len(shown)
        too_long = size > left
        if too_long:
            shown = text.cut(shown, left, "~" if look.ascii else "…")
            size = cell_len(shown)
        if shown and fitted and fitted[-1].style is style:
            fitted[-1] = Segment(fitted[-1].text + shown, style)
        elif shown:
            fitted.append(Segment(shown, style))
        left -= size
        if too_long or left <= 0:
            break
    return fitted, width - left
