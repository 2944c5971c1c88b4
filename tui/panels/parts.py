"""What several panels share."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from diagnosis.case import Case
from tui.look import PANELS, Look, Panel
from tui.row import Part, box, fill, lay

Group = Sequence[Part]


def framed(
    panel: Panel, title: Group, strips: Sequence[Strip], size: tuple[int, int], look: Look, *, note: Group = ()
) -> list[Strip]:
    """The lines in the panel's frame; its number stands in the title once the focus is used."""
    numbered = [(f"{PANELS.index(panel) + 1} ", look.palette.dim), *title] if look.focus is not None else title
    return box(numbered, strips, size, look, focused=look.focus == panel, note=note)


def one_line(name: str, groups: Sequence[Group], width: int, height: int, look: Look) -> list[Strip]:
    """A panel without a frame: its name and the first groups that fit, on one line."""
    style = look.palette.focus if look.focus == name else look.palette.dim
    shown = {"gpu": "GPU"}.get(name, name.capitalize())
    head: Group = ((f" {shown:<7}", style),)
    first = [*head, (" ", look.palette.text), *groups[0]] if groups else [*head]
    return fill([lay([first, *groups[1:]], width, look)], width, height, look)


def article(name: str) -> str:
    """The name with "a" or "an" as it is spoken: letters and numbers such as A100 or RTX are spelt."""
    spelt = len(name) > 1 and (name[1].isdigit() or name[1].isupper() or not name[1].isalpha())
    vowels = "AEFHILMNORSX" if spelt else "AEIOU"
    return f"{'an' if name[:1].upper() in vowels else 'a'} {name}"


def on_cpu(case: Case) -> bool:
    """Whether the log says that the run computes on a CPU."""
    return (case.text("device") or "").lower().startswith("cpu")


def short_name(name: str) -> str:
    """A GPU's name without its maker: NVIDIA GeForce RTX 4070 -> RTX 4070."""
    return name.removeprefix("NVIDIA ").removeprefix("GeForce ")
