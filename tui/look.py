"""How the user looks at the run: every choice made with keys or flags, frozen. Drawing is a function of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tui.theme import TERMINAL, Palette

Panel = Literal["loss", "tokens", "speed", "gpu", "diagnosis"]
PANELS: tuple[Panel, ...] = ("loss", "tokens", "speed", "gpu", "diagnosis")
Page = Literal["help", "details"]
XKind = Literal["steps", "tokens", "time"]
X_KINDS: tuple[XKind, ...] = ("steps", "tokens", "time")
SMOOTHINGS = (0.6, 0.9, 0.99, 0.0)
"""Shares of the old value in the running mean, in the order that the key goes through; TensorBoard starts at 0.6."""
AXES = ((False, False), (False, True), (True, False), (True, True))
"""(log x, log y) in the order that the key goes through."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is shown and how. `cursor` and `centre` are steps; `centre` None follows the newest."""

    palette: Palette = TERMINAL
    ascii: bool = False
    colour: bool = True
    """False where styles are lost (plain text, NO_COLOR): the curves then differ by their signs."""
    utc: bool = False
    x_kind: XKind = "steps"
    log_x: bool = False
    log_y: bool = False
    smoothing: float = SMOOTHINGS[0]
    zoom: float = 1.0
    centre: float | None = None
    cursor: float | None = None
    focus: Panel | None = None
    full: Panel | None = None
    page: Page | None = None
    selected: str | None = None
    """The id of the chosen finding."""
    filter: str = ""
    typing: bool = False
    """Whether the filter is being typed."""
    scroll: int = 0
    frozen: bool = False
    """A live screen that the user holds still."""
    replaying: bool = False
    """Whether a finished log is played, also before its first snapshot came."""
    said: str | None = None
    """One sentence for the footer, until the next key."""

    @property
    def moving(self) -> bool:
        """Whether left and right move something on the chart: the value cursor or the window."""
        return self.page is None and self.full in (None, "loss") and (self.cursor is not None or self.zoom > 1)


def next_axes(look: Look) -> Look:
    """The next of linear, log y, log x and log-log."""
    at = AXES.index((look.log_x, look.log_y))
    log_x, log_y = AXES[(at + 1) % len(AXES)]
    return replace(look, log_x=log_x, log_y=log_y)


def next_smoothing(look: Look) -> Look:
    """The next strength of smoothing; the last is none."""
    at = SMOOTHINGS.index(look.smoothing) if look.smoothing in SMOOTHINGS else -1
    return replace(look, smoothing=SMOOTHINGS[(at + 1) % len(SMOOTHINGS)])


def next_x(look: Look, known: tuple[XKind, ...]) -> Look:
    """The next kind of x axis among those that this run can show."""
    at = known.index(look.x_kind) if look.x_kind in known else -1
    return replace(look, x_kind=known[(at + 1) % len(known)])


def next_focus(look: Look, shown: tuple[Panel, ...], by: int = 1) -> Look:
    """The focus on the next of the panels that are shown."""
    if not shown:
        return look
    at = shown.index(look.focus) if look.focus in shown else -1 if by > 0 else 0
    return replace(look, focus=shown[(at + by) % len(shown)])
