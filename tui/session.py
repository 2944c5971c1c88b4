"""One sitting before a screen, live or replayed; or one frame of it where there is no screen."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tui.hardware import Hardware
from tui.look import Look
from tui.monitor import LiveControls, Monitor
from tui.reading import Reading
from tui.several import Seat, Several
from tui.snapshot import Snapshot
from tui.terminal import speaks_unicode
from tui.theme import PALETTES, TEXTUAL_THEMES

FRAME_SIZE = (120, 36)


def look_of(args: argparse.Namespace, *, replaying: bool, encoding: str | None) -> Look:
    """How to draw, by the user's word and by what the terminal can show."""
    return Look(
        palette=PALETTES[args.theme],
        ascii=args.ascii or not speaks_unicode(encoding),
        replaying=replaying,
    )


def show(
    reading: Reading,
    hardware: Hardware,
    args: argparse.Namespace,
    *,
    interval: float,
    controls_of: Callable[[Monitor], LiveControls] = LiveControls,
    wake_for: Path | None = None,
) -> int:
    """Runs the screen until the user quits; gives the exit code."""
    from tui.app import TraintopApp

    def publish(snapshot: Snapshot) -> None:
        app.publish(snapshot)

    monitor = Monitor(reading, hardware, publish, interval=interval, wake_for=wake_for)
    app = TraintopApp(
        _look_on_screen(args, replaying=not reading.alive),
        controls_of(monitor),
        theme=TEXTUAL_THEMES[args.theme],
        when_shown=monitor.start,
    )
    try:
        return app.show_until_quit()
    finally:
        monitor.stop()


def show_several(seats: Sequence[Seat], args: argparse.Namespace, *, interval: float) -> int:
    """Runs the screen on several runs, the first one shown, until the user quits; gives the exit code."""
    from tui.app import TraintopApp

    def publish(snapshot: Snapshot) -> None:
        app.publish(snapshot)

    several = Several(seats, publish, interval=interval)
    app = TraintopApp(
        _look_on_screen(args, replaying=False),
        theme=TEXTUAL_THEMES[args.theme],
        when_shown=several.start,
        switch_run=several.switch,
    )
    try:
        return app.show_until_quit()
    finally:
        several.stop()


def _look_on_screen(args: argparse.Namespace, *, replaying: bool) -> Look:
    return look_of(args, replaying=replaying, encoding=sys.__stderr__.encoding if sys.__stderr__ else None)


def print_frame(reading: Reading, hardware: Hardware, args: argparse.Namespace, hint: str) -> int:
    """Prints what the screen would show now, and how to watch it; exit code 0."""
    from tui.frame import frame

    shown: list[Snapshot] = []
    Monitor(reading, hardware, shown.append).tick()
    look = look_of(args, replaying=False, encoding=sys.stdout.encoding)
    width, height = shutil.get_terminal_size(FRAME_SIZE) if sys.stdout.isatty() else FRAME_SIZE
    print("\n".join(frame(shown[-1], width, height, look)))
    print(f"\n{hint}")
    return 0
