"""Text set to a width: a word is not broken at its hyphens, and a number stays with its unit."""

from __future__ import annotations

import re
import textwrap

UNIT = re.compile(r"(?<=\d) (?=(?:%|[kMBTP]|ms|s|h|min|d|W|°C|GiB|[MGTPE]?FLOP/s)(?![\w/]))|(?<=[±×]) (?=\d)")
"""The blank between a number and its unit, or a sign and its number."""
TIED = "\u00a0"


def wrapped(text: str, width: int, first: str = "", then: str = "") -> list[str]:
    """The lines of a paragraph, of which the first begins with `first` and the others with `then`; one at least."""
    lines = textwrap.wrap(
        UNIT.sub(TIED, text), width, initial_indent=first, subsequent_indent=then, break_on_hyphens=False
    )
    return [line.replace(TIED, " ") for line in lines] or [""]
