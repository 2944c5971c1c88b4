"""The log formats that are read, one file each, and how a log's format is recognised."""

from __future__ import annotations

from parsers.foreign import words
from parsers.format import Format
from parsers.formats.nanogpt import NanoGPT

FORMATS: tuple[type[Format], ...] = (NanoGPT,)
"""All formats, in the order in which `traintop formats` lists them."""

LEAST = 0.3
"""How sure a format must be of itself."""
MARGIN = 0.1
"""By how much it must be surer than the next one."""
SHOWN = 60


def recognise(window: bytes) -> tuple[type[Format], str] | None:
    """The format of a log that holds the lines in `window`, and why, in one sentence for people.

    None where none is sure, or two are about as sure: it may still become clear as the log grows.
    """
    sure = sorted(((kind.sniff(window), at) for at, kind in enumerate(FORMATS)), reverse=True)
    best, at = sure[0]
    if best < LEAST or (len(sure) > 1 and best - sure[1][0] < MARGIN):
        return None
    return FORMATS[at], _why(FORMATS[at], window)


def by_name(name: str) -> type[Format] | None:
    """The format with that id, else None."""
    return next((kind for kind in FORMATS if kind.name == name), None)


def _why(kind: type[Format], window: bytes) -> str:
    for line in window.split(b"\n"):
        if kind.sniff(line) > 0:
            shown = "".join(c for c in words(line) if c.isprintable())
            cut = shown if len(shown) <= SHOWN else shown[:SHOWN] + "..."
            return f'{kind.title} prints "{cut}"'
    return f"its lines are {kind.title}'s"
