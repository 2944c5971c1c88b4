"""`traintop formats`: what it reads."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""
    del parser


def run(args: argparse.Namespace) -> int:
    """Prints one line a format."""
    del args
    from parsers.formats import FORMATS

    width = max(len(f.name) for f in FORMATS)
    for known in FORMATS:
        print(f"{known.name:<{width}}  {known.about}")
    return 0
