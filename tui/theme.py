"""The colours and signs. A state always has a word and a sign too: colour is never the only carrier."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from rich.style import Style

from diagnosis.case import State
from diagnosis.finding import Severity


@dataclass(frozen=True, slots=True)
class Palette:
    """One style for each role. The terminal's own background and text colour show through everywhere."""

    text: Style
    strong: Style
    dim: Style
    title: Style
    border: Style
    focus: Style
    train: Style
    raw: Style
    val: Style
    forecast: Style
    good: Style
    info: Style
    warning: Style
    critical: Style
    bar: Style
    chosen: Style


def _style(words: str) -> Style:
    return Style.parse(words)


TERMINAL = Palette(
    text=_style("none"),
    strong=_style("bold"),
    dim=_style("dim"),
    title=_style("bold"),
    border=_style("dim"),
    focus=_style("cyan"),
    train=_style("blue"),
    raw=_style("dim blue"),
    val=_style("bold yellow"),
    forecast=_style("magenta"),
    good=_style("green"),
    info=_style("cyan"),
    warning=_style("yellow"),
    critical=_style("bold red"),
    bar=_style("cyan"),
    chosen=_style("bold reverse"),
)
"""The sixteen colours that the user chose for the terminal, so that it fits whatever the background is."""

LIGHT = replace(
    TERMINAL,
    focus=_style("blue"),
    train=_style("#0550ae"),
    raw=_style("#8fb4e0"),
    val=_style("bold #b35900"),
    forecast=_style("#8250df"),
    good=_style("#116329"),
    info=_style("#0969da"),
    warning=_style("#8a4600"),
    critical=_style("bold #a40e26"),
    bar=_style("#0969da"),
)
"""For a light background: every colour dark enough to be read on white."""

COLOUR_BLIND = replace(
    TERMINAL,
    focus=_style("#56b4e9"),
    train=_style("#56b4e9"),
    raw=_style("dim #56b4e9"),
    val=_style("bold #e69f00"),
    forecast=_style("#cc79a7"),
    good=_style("#56b4e9"),
    info=_style("#56b4e9"),
    warning=_style("#e69f00"),
    critical=_style("bold #d55e00"),
    bar=_style("#56b4e9"),
)
"""Okabe and Ito's colours (2008), which the common kinds of colour blindness keep apart."""

PALETTES = {"terminal": TERMINAL, "light": LIGHT, "colour-blind": COLOUR_BLIND}
TEXTUAL_THEMES = {"terminal": "ansi-dark", "light": "ansi-light", "colour-blind": "ansi-dark"}


def without_colour(palette: Palette) -> Palette:
    """The same with bold, dim and reverse only."""
    return Palette(**{field.name: getattr(palette, field.name).without_color for field in fields(palette)})


SEVERITY_SIGNS: dict[Severity, str] = {"info": "●", "warning": "▲", "critical": "✖"}
STATE_SIGNS: dict[State, str] = {
    "waiting": "○",
    "running": "●",
    "stalled": "▲",
    "finished": "●",
    "stopped": "▲",
    "crashed": "✖",
    "diverged": "✖",
}


def severity_style(palette: Palette, severity: Severity) -> Style:
    """The style of a finding of that severity."""
    return {"info": palette.info, "warning": palette.warning, "critical": palette.critical}[severity]


def state_style(palette: Palette, state: State) -> Style:
    """The style of a run's state: its sign says the same."""
    sign = STATE_SIGNS[state]
    return {"●": palette.good, "▲": palette.warning, "✖": palette.critical}.get(sign, palette.dim)
