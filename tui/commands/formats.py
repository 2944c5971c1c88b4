"""`traintop formats`: what it reads."""

from __future__ import annotations

import argparse
import shutil
import sys

from tui.console import print_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""
    del parser


def run(args: argparse.Namespace) -> int:
    """Prints a line for each format and each store, with a line or file name of it; a terminal's width of it."""
    del args
    from parsers.format import Format
    from parsers.formats import FORMATS, STORES
    from parsers.stores.store import Store
    from tui.text import cut

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    known: tuple[type[Format | Store], ...] = (*FORMATS, *STORES)
    names, abouts = max(len(kind.name) for kind in known), max(len(kind.about) for kind in known)
    for kind in known:
        example = getattr(kind, "example", "")
        line = f"{kind.name:<{names}}  {kind.about:<{abouts}}  {example}".rstrip()
        print_text(line if width is None else cut(line, width))
    return 0
