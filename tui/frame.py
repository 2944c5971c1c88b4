"""One picture of the screen without a terminal: plain text, or SVG for a page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace

from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.strip import Strip

from tui import board
from tui.look import Look
from tui.snapshot import Snapshot
from tui.theme import without_colour

PAPER = TerminalTheme(
    (22, 24, 29),
    (214, 218, 224),
    [
        (40, 44, 52),
        (224, 108, 117),
        (126, 190, 120),
        (224, 185, 90),
        (97, 160, 230),
        (190, 130, 215),
        (86, 182, 194),
        (214, 218, 224),
    ],
    [
        (92, 99, 112),
        (240, 130, 140),
        (150, 210, 140),
        (240, 205, 120),
        (130, 185, 245),
        (210, 150, 235),
        (110, 205, 215),
        (255, 255, 255),
    ],
)
"""A dark terminal's sixteen colours, so that the picture looks like most people's screens."""


def strips(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """The screen's lines: exactly `height` of exactly `width` cells."""
    rows: list[list[tuple[int, Strip]]] = [[] for _ in range(height)]
    for placed, drawn in board.draw(snapshot, width, height, look):
        for y, strip in enumerate(drawn, placed.y):
            rows[y].append((placed.x, strip))
    return [Strip.join([strip for _, strip in sorted(row, key=lambda pair: pair[0])]) for row in rows]


def frame(snapshot: Snapshot, width: int, height: int, look: Look | None = None) -> list[str]:
    """The screen as plain text, without colours, so the curves differ by their signs. Nothing pads the right edge."""
    look = look if look is not None else Look()
    plain = replace(look, colour=False, palette=without_colour(look.palette))
    return [strip.text.rstrip() for strip in strips(snapshot, width, height, plain)]


def svg(snapshot: Snapshot, width: int, height: int, look: Look | None = None, title: str = "traintop") -> str:
    """The screen as an SVG picture. The same snapshot gives the same bytes: times are in UTC, ids are fixed."""
    look = replace(look if look is not None else Look(), utc=True)
    console = Console(
        record=True, width=width, height=height, file=io.StringIO(), color_system="truecolor", force_terminal=True,
        legacy_windows=False, _environ={},
    )  # fmt: skip
    plain = Style()
    for strip in strips(snapshot, width, height, look):
        console.print(Segments([*_words(strip), Segment("\n", plain)]), end="")
    return console.export_svg(title=title, theme=PAPER, unique_id="traintop")


def _words(strip: Strip) -> Iterator[Segment]:
    """The strip in pieces that every reader of SVG puts in their places.

    Some drop the blanks that a text begins with, and fonts disagree on the width of braille.
    """
    for words, style, _ in strip:
        for piece in re.split("(  +|^ | $|[⠀-⣿])", words):
            if piece:
                yield Segment(piece, style)
