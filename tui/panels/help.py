"""What the keys and signs are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from textual.strip import Strip

from tui import text
from tui.keys import KEYS
from tui.look import Look
from tui.row import Part, box, row
from tui.snapshot import Snapshot
from tui.version import VERSION

KEY_CELLS = 12
TWO_COLUMNS = 140
"""Cells inside the frame from which two columns fit."""
SIGNS = (
    ("●", "running, finished, or a note"),
    ("▲", "a warning, or a run that is stalled or stopped"),
    ("✖", "critical, or a NaN in its column of the chart"),
    ("–", "unknown; never 0 or a guess"),
    ("± =", "the eval's own error; = is a change that it explains"),
    ("┿", "the compute-optimal number of tokens on the bar"),
    ("◆", "the best eval, once later ones are worse"),
    ("┊", "a restart"),
)


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """Two columns where they fit, else one that scrolls."""
    title: list[Part] = [(f"traintop {VERSION}", look.palette.title)]
    return scrolled(title, _strips(snapshot, width, look), width, height, look)


def length(snapshot: Snapshot, width: int, look: Look) -> int:
    """How many lines the page has at this width."""
    return len(_strips(snapshot, width, look))


def _strips(snapshot: Snapshot, width: int, look: Look) -> list[Strip]:
    inner = max(0, width - 4)
    lines = _lines(snapshot, look)
    if inner < TWO_COLUMNS:
        return [row(line, inner, look) for line in lines]
    half, left = (len(lines) + 1) // 2, inner // 2
    pairs = zip_longest(lines[:half], lines[half:], fillvalue=())
    return [Strip.join([row(a, left, look), row(b, inner - left, look)]) for a, b in pairs]


def scrolled(title: Sequence[Part], strips: Sequence[Strip], width: int, height: int, look: Look) -> list[Strip]:
    """A page in a frame, from its scrolled line on, saying how much is below."""
    room = max(1, height - 2)
    first = max(0, min(look.scroll, len(strips) - room))
    below = len(strips) - first - room
    note: list[Part] = [(f"↓ {below} more", look.palette.dim)] if below > 0 else []
    return box(title, strips[first:], (width, height), look, note=note)


def _lines(snapshot: Snapshot, look: Look) -> list[list[Part]]:
    palette = look.palette
    replay = look.replaying or snapshot.replay is not None
    keys = [key for key in KEYS if key.shown and (not key.replay or replay)]
    lines = [[(text.pad(f" {key.shown}", KEY_CELLS), palette.strong), (key.about, palette.text)] for key in keys]
    lines.append([])
    lines += [[(text.pad(f" {sign}", KEY_CELLS), palette.strong), (about, palette.text)] for sign, about in SIGNS]
    explained = snapshot.case.traits.explanations if snapshot.case is not None else None
    if explained:
        lines.append([])
        lines += [[(text.foreign(about), palette.dim)] for about in explained.values()]
    return lines
