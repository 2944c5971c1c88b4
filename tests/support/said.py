"""A panel as text."""

from __future__ import annotations

from tui import board
from tui.look import Look
from tui.snapshot import Snapshot

LOOK = Look(utc=True)


def says(panel: str, snapshot: Snapshot, width: int = 120, height: int = 1, look: Look = LOOK) -> str:
    """A panel as text."""
    return "\n".join(strip.text for strip in board.DRAW[panel](snapshot, width, height, look))
