"""What several commands share: how their arguments are read, and how their answers are written."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from collections.abc import Callable, Mapping

from tui.terminal import speaks_unicode

WIDEST = 110
"""Columns of text that the eye still follows."""
PIPED = 100
"""Columns where nobody knows how many there are."""


def named(text: str) -> str:
    """A path as it was typed. An empty one is mostly a variable that the shell did not know."""
    if not text:
        raise argparse.ArgumentTypeError("an empty path names nothing; name a file or a directory")
    return text


def step(text: str) -> int:
    """A step as people write it: 14500, 14,500."""
    digits = text.replace(",", "").replace("_", "")
    if not digits.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no step; write a number such as 14500")
    return int(digits)


def within(least: float, most: float, example: str) -> Callable[[str], float]:
    """Reads a number of a range beyond which there are only slips and wrong units."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            between = f"from {_short(least)} to {_short(most)}"
            raise argparse.ArgumentTypeError(f"{text!r}: write a number {between}, such as {example}")
        return number

    return read


def _short(number: float) -> str:
    return f"{number:,.0f}" if 1 <= number < 1e6 else f"{number:g}".replace("e+0", "e").replace("e+", "e")


def columns() -> int:
    """How wide text may be: as the terminal, but no wider than it can be read."""
    return min(WIDEST, shutil.get_terminal_size((PIPED, 24)).columns)


def ascii_only(asked: bool = False) -> bool:
    """Whether standard output gets no sign beyond ASCII: by the user's word, or as it takes none."""
    return asked or not speaks_unicode(sys.stdout.encoding)


def print_text(text: str) -> None:
    """Writes text that may have signs which standard output does not take."""
    from tui.text import plain

    print(plain(text) if ascii_only() else text)


def print_json(tree: Mapping[str, object]) -> None:
    """Writes one object on one line; what standard output cannot take is escaped."""
    line = json.dumps(tree, ensure_ascii=False, allow_nan=False)
    try:
        line.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        line = json.dumps(tree, allow_nan=False)
    print(line)
