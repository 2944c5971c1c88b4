"""The last line: the keys that matter now, a sentence, or the filter that is being typed."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip

from tui import text
from tui.look import Look
from tui.panels.status import at_end
from tui.row import GAP, Part, cells, fill, fitting, lay, row
from tui.snapshot import Snapshot


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """The keys that fit, the most needed first; quit is always among them."""
    palette = look.palette
    if look.typing:
        parts: list[Part] = [(" / ", palette.info), (text.foreign(look.filter), palette.strong), ("▏", palette.info)]
        return fill([row(parts, width, look, right=[("⏎ keep   esc drop ", palette.dim)])], width, height, look)
    if look.said is not None:
        return fill([row([(f" {text.foreign(look.said)}", palette.info)], width, look)], width, height, look)
    quit_key = _key("q", "quit", look)
    keys = [_key(key, about, look) for key, about in _keys(snapshot, look)]
    room = width - cells(quit_key, look) - GAP - 1
    shown = fitting(keys, room, look) if keys and cells(keys[0], look) <= room else []
    line = lay([*shown, quit_key], width - 1, look)
    line = Strip([Segment(" ", palette.text), *line], width) if width > 1 else lay([quit_key], width, look)
    return fill([line], width, height, look)


def _key(key: str, about: str, look: Look) -> list[Part]:
    return [(key, look.palette.strong), (f" {about}", look.palette.dim)]


def _keys(snapshot: Snapshot, look: Look) -> list[tuple[str, str]]:
    """(key, what it does now), most needed first."""
    if look.page == "help":
        return [("esc", "back"), ("↑ ↓", "scroll")]
    if look.page == "details":
        return [("esc", "back"), ("n", "next finding"), ("y", "copy advice"), ("↑ ↓", "scroll")]
    keys = [("?", "help"), ("⏎", _opens(look)), ("/", "filter")]
    if look.full is not None:
        keys = [("esc", "back"), ("?", "help")]
    if snapshot.replay is not None:
        does = "play again" if at_end(snapshot) else "play" if snapshot.replay.paused else "pause"
        keys += [("space", does), ("[ ]", "speed"), ("← →", "seek")]
    elif look.frozen:
        keys.insert(0, ("space", "go on"))
    if look.moving:
        keys += [("← →", "move"), ("+ −", "zoom"), ("0", "reset"), ("v", "cursor")]
    if look.full in (None, "loss"):
        keys += [("g" if look.moving else "l", "log axes"), ("x", "steps/tokens/time"), ("s", "smooth")]
        keys += [] if look.moving else [("v", "cursor"), ("+", "zoom")]
    return keys


def _opens(look: Look) -> str:
    return "details" if look.focus in (None, "diagnosis") else "full screen"
