"""`traintop [PATH]`: watch a log live."""

from __future__ import annotations

import argparse
import sys

from tui.options import add_common, read_options

THEMES = ("terminal", "light", "colour-blind")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The log, the common options, and how to draw."""
    parser.add_argument("path", metavar="PATH", nargs="?", help='the log, "-" for standard input, or nothing')
    add_common(parser)
    add_drawing(parser)


def add_drawing(parser: argparse.ArgumentParser) -> None:
    """The options of a screen."""
    parser.add_argument("--theme", choices=THEMES, default=THEMES[0], help="colours (terminal: your own)")
    parser.add_argument("--ascii", action="store_true", help="draw without braille and box lines")


def run(args: argparse.Namespace) -> int:
    """Follows the log on the screen until the user quits; without a terminal prints one frame."""
    from tui.hardware import Hardware
    from tui.opening import open_log, refuse_what_stays_unknown, whole
    from tui.reading import Reading
    from tui.session import print_frame, show
    from tui.terminal import has_screen, keys_from_terminal

    options = read_options(args)
    screen = has_screen()
    descriptor = 0
    if args.path == "-" and screen:
        log = keys_from_terminal()
        screen, descriptor = log is not None, log or 0
    opened = open_log(args.path, options, may_wait=True, descriptor=descriptor)
    if opened.why:
        print(f"traintop: {opened.path}: {opened.why}", file=sys.stderr)
    reading = Reading(opened.source, options, opened.path)
    hardware = Hardware(options, log=opened.path)
    if not screen:
        for block in whole(opened):
            reading.apply(block)
        return print_frame(reading, hardware, args, _hint(args.path))
    if opened.path is not None:
        refuse_what_stays_unknown(opened.path, options)
    return show(reading, hardware, args, interval=options.interval, wake_for=opened.path)


def _hint(path: str | None) -> str:
    from tui.terminal import program

    if sys.stdout.isatty() and not sys.stderr.isatty():
        live = "The screen is drawn on standard error: watch it live without 2>, by "
    else:
        live = "This is one frame. Watch it live in a terminal: "
    lines = (
        f"{live}{program()} {path or ''}".rstrip(),
        f"Or ask for a reading: {program()} diagnose {path or 'PATH'}",
    )
    return "\n".join(lines)
