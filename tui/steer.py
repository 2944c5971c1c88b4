"""What each key does to the look: pure functions from (look, what is shown) to look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tui.axes import newest, x_axis
from tui.look import PANELS, Look, Panel, next_axes, next_focus, next_smoothing, next_x
from tui.panels.diagnosis import chosen_of, matching
from tui.panels.loss import curves_of, nearest, x_kinds
from tui.snapshot import Snapshot

MOST_ZOOM = 4096.0
COLUMNS_OF_WINDOW = 60
"""The value cursor crosses the window in so many presses."""
SCROLLED_BY_PANEL = ("gpu",)


@dataclass(frozen=True, slots=True)
class Stage:
    """What the keys act on: the newest snapshot, the panels that are shown, how far a page scrolls."""

    snapshot: Snapshot
    shown: tuple[Panel, ...] = PANELS
    most_scroll: int = 0


def help_page(look: Look) -> Look:
    """Help, or back from it."""
    return replace(look, page=None if look.page == "help" else "help", scroll=0)


def back(look: Look) -> Look:
    """One step back: out of the page, the full screen, the filter, the cursor, the zoom, the focus."""
    if look.page is not None:
        return replace(look, page=None, scroll=0)
    if look.full is not None:
        return replace(look, full=None, scroll=0)
    if look.filter:
        return replace(look, filter="")
    if look.cursor is not None:
        return replace(look, cursor=None)
    if look.zoom > 1:
        return reset(look)
    return replace(look, focus=None, selected=None)


def open_chosen(look: Look, stage: Stage) -> Look:
    """A finding to its details; another panel to the full screen, or back from it."""
    if look.page is not None:
        return look
    if look.full is not None and look.full != "diagnosis":
        return replace(look, full=None, scroll=0)
    if look.focus in (None, "diagnosis") or look.full == "diagnosis":
        chosen = chosen_of(matching(stage.snapshot.findings, look.filter), look)
        return replace(look, page="details", selected=chosen.id, scroll=0) if chosen is not None else look
    return replace(look, full=look.focus, scroll=0)


def focus(look: Look, stage: Stage, by: int) -> Look:
    """The next panel; in the full screen the next one there."""
    if look.full is None:
        return replace(next_focus(look, stage.shown, by), page=None)
    moved = next_focus(replace(look, focus=look.full), PANELS, by)
    return replace(moved, full=moved.focus, page=None, scroll=0)


def panel(look: Look, number: int) -> Look:
    """The panel of that number; pressed again it takes the full screen."""
    if not 1 <= number <= len(PANELS):
        return look
    chosen = PANELS[number - 1]
    if look.full is not None or (look.focus == chosen and look.page is None):
        return replace(look, focus=chosen, full=None if look.full == chosen else chosen, page=None, scroll=0)
    return replace(look, focus=chosen, page=None, scroll=0)


def move(look: Look, stage: Stage, by: int) -> Look:
    """Up and down: scrolls a page, else chooses a finding."""
    if look.page is not None or look.full in SCROLLED_BY_PANEL:
        return replace(look, scroll=max(0, min(look.scroll + by, stage.most_scroll)))
    return choose(look, stage, by, wraps=False)


def choose(look: Look, stage: Stage, by: int, *, wraps: bool) -> Look:
    """The finding so many places on."""
    views = matching(stage.snapshot.findings, look.filter)
    if not views:
        return look
    names = [view.finding.id for view in views]
    if look.selected not in names:
        return replace(look, selected=names[0], scroll=0)
    at = names.index(look.selected) + by
    at = at % len(names) if wraps else max(0, min(at, len(names) - 1))
    return replace(look, selected=names[at], scroll=0)


def zoom(look: Look, by: int) -> Look:
    """Twice as near or far: about the cursor, else about the window's middle, else at the newest step."""
    factor = min(MOST_ZOOM, max(1.0, look.zoom * (2.0 if by > 0 else 0.5)))
    if factor <= 1:
        return reset(look)
    centre = look.cursor if look.cursor is not None and by > 0 else look.centre
    return replace(look, zoom=factor, centre=centre)


def reset(look: Look) -> Look:
    """The whole run."""
    return replace(look, zoom=1.0, centre=None)


def cursor(look: Look, stage: Stage) -> Look:
    """The value cursor, at the newest step in the window, or none."""
    case = stage.snapshot.case
    if look.cursor is not None or case is None:
        return replace(look, cursor=None)
    curves = curves_of(case, look)
    last = newest((curves.train, curves.val))
    if last is None:
        return look
    window = x_axis((curves.train, curves.val), curves.planned, look)
    return replace(look, cursor=float(min(max(last, window.low), window.high)))


def sideways(look: Look, stage: Stage, by: int) -> Look:
    """Left and right: the cursor to a point that has a value, else the zoomed window by an eighth."""
    case = stage.snapshot.case
    if case is None or not look.moving:
        return look
    curves = curves_of(case, look)
    window = x_axis((curves.train, curves.val), curves.planned, look)
    if look.cursor is None:
        share = max(-1.0, min(1.0, by / 8))
        return replace(look, centre=window.at(0.5 + share))
    series = curves.train if len(curves.train) else curves.val
    at = nearest(series, look.cursor)
    if at is None:
        return look
    wanted = window.at(window.share(look.cursor) + by / COLUMNS_OF_WINDOW)
    there = nearest(series, wanted)
    if there is None or there == at:
        there = max(0, min(at + (1 if by > 0 else -1), len(series) - 1))
    moved = replace(look, cursor=float(series.steps[there]))
    outside = look.zoom > 1 and not 0 <= window.share(float(series.steps[there])) <= 1
    return replace(moved, centre=moved.cursor) if outside else moved


def x_axis_kind(look: Look, stage: Stage) -> Look:
    """Steps, tokens or time, as far as this run has them."""
    known = x_kinds(stage.snapshot.case)
    if len(known) == 1:
        return replace(look, said="this log has neither tokens per step nor times")
    return next_x(look, known)


def typed(look: Look, key: str, character: str | None) -> Look:
    """The filter after one more key. Enter keeps it, escape drops it."""
    if key == "enter":
        return replace(look, typing=False)
    if key == "escape":
        return replace(look, typing=False, filter="")
    if key == "backspace":
        return replace(look, filter=look.filter[:-1])
    if key in ("ctrl+u", "ctrl+w"):
        kept = look.filter.rstrip().rpartition(" ")[0] if key == "ctrl+w" else ""
        return replace(look, filter=kept)
    if character is not None and character.isprintable():
        return replace(look, filter=look.filter + character)
    return look


Pure = Callable[[Look, Stage, int], Look]
PURE: dict[str, Pure] = {
    "help": lambda look, _stage, _by: help_page(look),
    "back": lambda look, _stage, _by: back(look),
    "focus": focus,
    "panel": lambda look, _stage, by: panel(look, by),
    "move": move,
    "next_finding": lambda look, stage, by: choose(look, stage, by, wraps=True),
    "filter": lambda look, _stage, _by: replace(look, typing=True, page=None),
    "axes": lambda look, _stage, _by: next_axes(look),
    "x_axis": lambda look, stage, _by: x_axis_kind(look, stage),
    "smoothing": lambda look, _stage, _by: next_smoothing(look),
    "cursor": lambda look, stage, _by: cursor(look, stage),
    "zoom": lambda look, _stage, by: zoom(look, by),
    "reset": lambda look, _stage, _by: reset(look),
}
"""The keys that change nothing but the look, by the name of their action."""
