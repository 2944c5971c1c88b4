"""The app on a real terminal: the bytes that ticks write. Bytes are asserted, never seconds."""

from __future__ import annotations

import pytest
from pty_app import PtyApp

TICK_BYTES = 2_500
"""What one tick may write at 120 x 30."""
FRAME_END = b"\x1b[?2026l"
"""Ends what the terminal is to show at once."""

SOURCE = """
import os, sys, threading
from dataclasses import replace
from snapshots import RTX_4070, founding
from tui.app import TraintopApp

class Driven(TraintopApp):
    def on_key(self, event):
        if event.key in ("t", "i"):
            os.write(WRITE, event.key.encode())
            event.prevent_default()
        else:
            super().on_key(event)

def snapshot(tick):
    gpu = replace(RTX_4070, utilization=0.95 + 0.01 * (tick % 5), power_watts=180.0 + tick % 7,
                  temperature_c=66.0 + tick % 3, sm_clock_hz=2.6e9 + 1e7 * (tick % 4))
    busy = tuple(0.9 + 0.02 * ((at + tick) % 5) for at in range(10))
    return founding(START + 200 * tick, gpus=(gpu,), utilization_history=(busy,))

def feed():
    tick = 0
    while key := os.read(READ, 1):
        tick += key == b"t"
        app.publish(snapshot(tick))

READ, WRITE = os.pipe()
app = Driven()
app.publish(snapshot(0))
threading.Thread(target=feed, daemon=True).start()
sys.exit(app.show_until_quit())
"""


def driven(start: int, columns: int = 120, lines: int = 30, **environ: str) -> PtyApp:
    """The app at that step; "t" brings a new line of the log, "i" the same snapshot again."""
    return PtyApp(f"START = {start}\n{SOURCE}", columns, lines, environ)


@pytest.mark.parametrize("start", [600, 9_000])
def test_a_tick_writes_few_bytes(start: int) -> None:
    """A new line of the log and other GPU readings: early in a run, while much moves, and late."""
    with driven(start) as app:
        app.until(b"/ 20,000")
        app.settle()
        sizes = []
        for _ in range(12):
            app.send(b"t")
            sizes.append(len(app.until(FRAME_END)) + len(app.settle(0.05)))
        assert min(sizes) > 0
        assert max(sizes) <= TICK_BYTES, sizes


def test_an_idle_run_writes_nothing() -> None:
    """The same snapshot again: not one byte, and no timer writes any either."""
    with driven(9_000) as app:
        app.until(b"/ 20,000")
        app.settle()
        app.send(b"iiiii")
        assert app.settle(1.5) == b""
        app.send(b"t")
        assert app.until(FRAME_END)


def test_the_terminal_shows_the_screen() -> None:
    """What a terminal makes of the bytes, after ticks that rewrote only some cells, is the whole screen."""
    with driven(9_000, 120, 36) as app:
        app.until(b"/ 20,000")
        for _ in range(5):
            app.send(b"t")
            app.until(FRAME_END)
        app.settle()
        lines = app.text()
        assert "step 10,000 / 20,000" in lines[0]
        assert lines[1].startswith("╭ Loss ─")
        assert lines[-1].startswith(" ? help")
        assert "q quit" in lines[-1]
        assert sum("⣀" in line or "⠒" in line or "⠤" in line for line in lines) >= 2
