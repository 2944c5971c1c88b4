"""A log of each text format, as its trainer prints it; the modules logs_<format>.py make them."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from parsers.format import Format
from parsers.formats import FORMATS


@cache
def sample(kind: type[Format], rows: int = 60) -> bytes:
    """A log of that format with so many training rows and whatever goes with them."""
    made: bytes = import_module(f"logs_{kind.name.replace('-', '_')}").log(rows)
    return made


def kinds() -> tuple[type[Format], ...]:
    """All text formats."""
    return FORMATS
