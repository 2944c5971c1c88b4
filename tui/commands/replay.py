"""`traintop replay`: a finished log on its own clock. Nothing is shown before it was known."""

from __future__ import annotations

import argparse
import sys

from tui.commands.watch import add_drawing
from tui.console import named, step, within
from tui.errors import UserError
from tui.options import add_common, read_options

INTERVAL_SECONDS = 0.25
"""A replay has no job beside it to be kind to."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The log, the clock, the common options, and how to draw."""
    parser.add_argument(
        "path", metavar="PATH", type=named, help='the finished log, a directory (its newest run), or "-"'
    )
    parser.add_argument(
        "--speed", type=within(0.01, 1e6, "60"), default=60.0, metavar="X", help="seconds of the run in one second (60)"
    )
    parser.add_argument("--from", dest="start", type=step, metavar="STEP", help="begin where the log reached this step")
    parser.add_argument("--paused", action="store_true", help="begin paused")
    add_common(parser)
    add_drawing(parser)


def run(args: argparse.Namespace) -> int:
    """Plays the log on the screen; without a terminal prints its last frame."""
    from parsers.replay import Replay
    from tui.hardware import Hardware
    from tui.monitor import ReplayControls
    from tui.opening import open_log, whole
    from tui.reading import ReplayReading
    from tui.session import print_frame, show
    from tui.terminal import has_screen, keys_from_terminal

    options = read_options(args)
    screen, descriptor = has_screen(), 0
    if args.path == "-" and screen:
        log = keys_from_terminal()
        screen, descriptor = log is not None, log or 0
    opened = open_log(args.path, options, may_wait=False, descriptor=descriptor)
    if opened.why:
        print(f"traintop: {opened.path}: {opened.why}", file=sys.stderr)
    records = [record for block in whole(opened) for record in block]
    replay = Replay(records, speed=args.speed, label=opened.source.label)
    if replay.duration_seconds <= 0:
        raise UserError(f"{args.path}: has no steps to replay yet; watch it with traintop {args.path}")
    replay.paused = args.paused
    if args.start is not None:
        replay.seek_step(args.start)
    reading = ReplayReading(replay, options, opened.path)
    hardware = Hardware(options, ask_nvml=False)
    if not screen:
        replay.seek(replay.duration_seconds)
        return print_frame(reading, hardware, args, _hint(args.path))
    return show(
        reading,
        hardware,
        args,
        interval=INTERVAL_SECONDS,
        controls_of=lambda monitor: ReplayControls(monitor, replay),
    )


def _hint(path: str) -> str:
    from tui.terminal import program

    return f"This is the last frame. Play it in a terminal: {program()} replay {path}"
