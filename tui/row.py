"""Lines of exactly the asked width: the one place where text meets the edge of a panel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

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
KEPT = 512
"""Lines that are kept; a screen has some hundred."""
_WALLED: dict[tuple[int, Segment, Segment], tuple[Strip, Strip]] = {}


def row(parts: Iterable[Part], width: int, look: Look, right: Sequence[Part] = ()) -> Strip:
    """`parts` from the left and `right` at the right edge; the left is cut first, and shows that it was.

    The same words give the same strip: most lines are the same from tick to tick.
    """
    return _row(tuple(parts), tuple(right), width, look.ascii, look.palette.text)


@lru_cache(maxsize=KEPT)
def _row(parts: tuple[Part, ...], right: tuple[Part, ...], width: int, ascii_only: bool, base: Style) -> Strip:
    tail, used = _fit(right, width, ascii_only) if right else ([], 0)
    head, begun = _fit(parts, max(0, width - used - (1 if used else 0)), ascii_only)
    blanks = width - used - begun
    filler = [Segment(" " * blanks, base)] if blanks > 0 else []
    return Strip([*head, *filler, *tail], width)


def blank(width: int, look: Look) -> Strip:
    """An empty line."""
    return row((), width, look)


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
    return _cells(parts, look.ascii)


def _cells(parts: Iterable[Part], ascii_only: bool) -> int:
    return sum(cell_len(text.plain(words) if ascii_only else words) for words, _ in parts)


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
    wall = _corner("│", look.ascii)
    left, right = Segment(wall + " ", style), Segment(" " + wall, style)
    walls = [_walled(left, strip, right, width) for strip in inside]
    top = _edge(tuple(title), tuple(note), width, look.ascii, style)
    below = (_corner("╰", look.ascii) + _corner("─", look.ascii) * (width - 2) + _corner("╯", look.ascii), style)
    return [top, *walls, row([below], width, look)]


def _walled(left: Segment, strip: Strip, right: Segment, width: int) -> Strip:
    """A line between its walls, kept as long as the line is."""
    key = (id(strip), left, right)
    known = _WALLED.get(key)
    # The strip is kept with its answer: while it lives, no other one has its id.
    if known is not None and known[0] is strip:
        return known[1]
    if len(_WALLED) >= KEPT:
        _WALLED.clear()
    walled = Strip(_joined(left, list(strip), right), width)
    _WALLED[key] = (strip, walled)
    return walled


def _joined(left: Segment, line: list[Segment], right: Segment) -> list[Segment]:
    """Neighbours of one style are joined, which saves bytes."""
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


@lru_cache(maxsize=KEPT)
def _edge(title: tuple[Part, ...], note: tuple[Part, ...], width: int, ascii_only: bool, style: Style) -> Strip:
    line = _corner("─", ascii_only)
    head, used = _fit([(" ", style), *title, (" ", style)], width - 3, ascii_only) if title else ([], 0)
    room = width - 3 - used
    spaced = [(" ", style), *note, (" ", style)]
    tail, used = _fit(spaced, room, ascii_only) if note and _cells(spaced, ascii_only) < room else ([], 0)
    ends = Segment(_corner("╭", ascii_only), style), Segment(line + _corner("╮", ascii_only), style)
    return Strip([ends[0], *head, Segment(line * (room - used), style), *tail, ends[1]], width)


def _corner(sign: str, ascii_only: bool) -> str:
    return SHARP[ROUND.index(sign)] if ascii_only else sign


def _fit(parts: Iterable[Part], width: int, ascii_only: bool) -> tuple[list[Segment], int]:
    """The parts as segments cut to `width` cells, and the cells they take. Neighbours of one style are joined."""
    fitted: list[Segment] = []
    left = width
    for words, style in parts:
        shown = text.plain(words) if ascii_only else words
        size = cell_len(shown)
        too_long = size > left
        if too_long:
            shown = text.cut(shown, left, "~" if ascii_only else "…")
            size = cell_len(shown)
        if shown and fitted and fitted[-1].style is style:
            fitted[-1] = Segment(fitted[-1].text + shown, style)
        elif shown:
            fitted.append(Segment(shown, style))
        left -= size
        if too_long or left <= 0:
            break
    return fitted, width - left
