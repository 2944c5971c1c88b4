"""`traintop [PATH...]`: watch one run live, or several."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from tui.console import named
from tui.errors import UserError
from tui.options import Options, add_common, read_options

if TYPE_CHECKING:
    from tui.opening import Opened

NEARLY = 0.75
"""How alike a word must be to a command to be taken for it: "diagnos" is, "plan.log" is not."""
THEMES = ("terminal", "light", "colour-blind")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The logs, the common options, and how to draw."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        type=named,
        help='a log, a directory (its newest run), "-" for standard input, or nothing; of several, r shows the next',
    )
    add_common(parser)
    add_drawing(parser)


def add_drawing(parser: argparse.ArgumentParser) -> None:
    """The options of a screen."""
    parser.add_argument("--theme", choices=THEMES, default=THEMES[0], help="colours (terminal: your own)")
    parser.add_argument("--ascii", action="store_true", help="draw without braille and box lines")


def run(args: argparse.Namespace) -> int:
    """Follows the runs on the screen until the user quits; without a terminal prints one frame of the first."""
    from tui.opening import open_log
    from tui.terminal import has_screen, keys_from_terminal

    options = read_options(args)
    if "-" in args.paths and len(args.paths) > 1:
        raise UserError("-: standard input is watched alone; name files to watch several runs")
    _refuse_a_slip(args.paths)
    screen, descriptor = has_screen(), 0
    if args.paths == ["-"] and screen:
        log = keys_from_terminal()
        screen, descriptor = log is not None, log or 0
    opened = [open_log(p, options, may_wait=True, descriptor=descriptor) for p in args.paths or [None]]
    for one in opened:
        if one.why:
            print(f"traintop: {one.path}: {one.why}", file=sys.stderr)
    return _watch(opened, options, args) if screen else _print(opened, options, args)


def _refuse_a_slip(paths: Sequence[str]) -> None:
    """Raises UserError for a mistyped command, which would else be waited for as a file."""
    from tui.cli import COMMANDS

    word = paths[0] if paths else ""
    near = get_close_matches(word, COMMANDS, n=1, cutoff=NEARLY)
    if near and not Path(word).exists():
        raise UserError(f"{word}: there is no such file; did you mean traintop {near[0]}? (or wait for ./{word})")


def _watch(opened: Sequence[Opened], options: Options, args: argparse.Namespace) -> int:
    from tui.hardware import Hardware
    from tui.opening import refuse_what_stays_unknown
    from tui.reading import Reading
    from tui.session import show, show_several
    from tui.several import Seat

    for one in opened:
        if one.log is not None:
            refuse_what_stays_unknown(one.log, options)
    seats = [Seat(Reading(o.source, options, o.path), Hardware(options, log=o.log), o.log) for o in opened]
    if len(seats) > 1:
        return show_several(seats, args, interval=options.interval)
    return show(seats[0].reading, seats[0].hardware, args, interval=options.interval, wake_for=seats[0].wake_for)


def _print(opened: Sequence[Opened], options: Options, args: argparse.Namespace) -> int:
    from tui.hardware import Hardware
    from tui.opening import whole
    from tui.reading import Reading
    from tui.session import print_frame

    first = opened[0]
    reading = Reading(first.source, options, first.path)
    for block in whole(first):
        reading.apply(block)
    return print_frame(reading, Hardware(options, log=first.log), args, _hint(args.paths))


def _hint(paths: Sequence[str]) -> str:
    from tui.terminal import program

    what = "one frame" if len(paths) < 2 else f"one frame of {paths[0]}"
    if sys.stdout.isatty() and not sys.stderr.isatty():
        live = "The screen is drawn on standard error: watch it live without 2>, by "
    else:
        live = f"This is {what}. Watch it live in a terminal: "
    asked = " ".join(paths)
    compare = "Or compare them" if len(paths) > 1 else "Or ask for a reading"
    lines = (
        f"{live}{program()} {asked}".rstrip(),
        f"{compare}: {program()} diagnose {asked or 'PATH'}",
    )
    return "\n".join(lines)
