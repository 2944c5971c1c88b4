"""The whole screen as one pure function: which panel draws where, and what it draws."""

from __future__ import annotations

from typing import Protocol

from textual.strip import Strip

from tui.layout import Needs, Placement, place, right_width
from tui.look import PANELS, Look, Panel
from tui.panels import details, diagnosis, footer, gpu, help, loss, run, speed, status, tokens  # noqa: A004  a page
from tui.snapshot import Snapshot


class Draw(Protocol):
    """What every panel is: exactly `height` strips of exactly `width` cells, for any snapshot and size."""

    def __call__(self, snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]: ...


DRAW: dict[str, Draw] = {
    "status": status.draw,
    "loss": loss.draw,
    "tokens": tokens.draw,
    "speed": speed.draw,
    "run": run.draw,
    "gpu": gpu.draw,
    "diagnosis": diagnosis.draw,
    "help": help.draw,
    "details": details.draw,
    "footer": footer.draw,
}


def placements(snapshot: Snapshot, width: int, height: int, look: Look) -> tuple[Placement, ...]:
    """Where the panels of this snapshot stand."""
    lines = gpu.wanted_lines(snapshot) if snapshot.gpus else 0
    shown = diagnosis.matching(snapshot.findings, look.filter)
    # While a filter is typed the panel keeps its size: a screen that jumps at each letter cannot be read.
    findings = len(snapshot.findings) if look.filter else len(shown)
    column = right_width(width)
    needs = Needs(
        gpu_lines=lines,
        findings=max(findings, 1) + len(diagnosis.notes(snapshot)),
        tokens_lines=tokens.wanted_lines(snapshot, column, look),
        speed_lines=speed.wanted_lines(snapshot, column, look),
    )
    return place(width, height, look, needs)


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[tuple[Placement, list[Strip]]]:
    """Every panel with its lines."""
    return [(p, DRAW[p.name](snapshot, p.width, p.height, look)) for p in placements(snapshot, width, height, look)]


def focusable(shown: tuple[Placement, ...]) -> tuple[Panel, ...]:
    """The numbered panels among those that are shown."""
    names = {p.name for p in shown}
    return tuple(panel for panel in PANELS if panel in names)


def most_scroll(snapshot: Snapshot, width: int, height: int, look: Look) -> int:
    """How far the page that is open can be scrolled, in lines."""
    lengths = {"help": help.length, "details": details.length, "gpu": gpu.length}
    name = look.page or look.full
    if name not in lengths:
        return 0
    shown = next((p.height for p in placements(snapshot, width, height, look) if p.name == name), height)
    return max(0, lengths[name](snapshot, width, look) - max(1, shown - 2))
