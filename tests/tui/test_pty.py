"""The app on a real terminal: bytes, signals, what is left behind. Bytes are asserted, never seconds."""

from __future__ import annotations

import re
import signal

import pytest
from pty_app import LEAVE_SCREEN, SHOW_CURSOR, PtyApp

TICK_BYTES = 2_500
"""What one tick may write at 120 x 30."""

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
            sizes.append(len(app.settle(0.3)))
        assert min(sizes) > 0
        assert max(sizes) <= TICK_BYTES, sizes


def test_an_idle_run_writes_nothing() -> None:
    """The same snapshot again: not one byte, and no timer writes any either."""
    with driven(9_000) as app:
        app.until(b"/ 20,000")
        app.settle()
        for _ in range(5):
            app.send(b"i")
            assert app.settle(0.3) == b""
        assert app.settle(1.5) == b""


def test_the_terminal_shows_the_screen() -> None:
    """What a terminal makes of the bytes, after ticks that rewrote only some cells, is the whole screen."""
    with driven(9_000, 120, 36) as app:
        app.until(b"/ 20,000")
        for _ in range(5):
            app.send(b"t")
            app.settle(0.3)
        lines = app.text()
        assert "step 10,000 / 20,000" in lines[0]
        assert lines[1].startswith("╭ Loss ─")
        assert lines[-1].startswith(" ? help")
        assert "q quit" in lines[-1]
        assert sum("⣀" in line or "⠒" in line or "⠤" in line for line in lines) >= 2


def test_quit_leaves_a_clean_terminal() -> None:
    """Exit code 0, the alternate screen left, the cursor back."""
    with driven(9_000) as app:
        app.until(b"/ 20,000")
        app.settle()
        app.send(b"q")
        assert app.wait() == 0
        assert LEAVE_SCREEN in app.written
        assert SHOW_CURSOR in app.written


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_a_clean_terminal(number: signal.Signals) -> None:
    """A job scheduler's SIGTERM, a closed session's SIGHUP: the screen is left, no mouse mode stays on."""
    with driven(9_000) as app:
        app.until(b"/ 20,000")
        app.settle()
        app.signal(number)
        assert app.wait() == 128 + number
        assert LEAVE_SCREEN in app.written
        assert SHOW_CURSOR in app.written
        assert b"Traceback" not in app.written
        switched_on = re.findall(rb"\x1b\[\?(\d+)h", bytes(app.written))
        switched_off = re.findall(rb"\x1b\[\?(\d+)l", bytes(app.written))
        # The cursor and wrapping are on in a shell; synchronised frames end themselves.
        assert set(switched_on) - set(switched_off) <= {b"25", b"7"}


def test_a_dropped_connection_ends_the_program() -> None:
    """The terminal is gone: nothing can be drawn, and nothing stays behind."""
    with driven(9_000) as app:
        app.until(b"/ 20,000")
        app.settle()
        app.hang_up()
        assert app.wait() == 128 + signal.SIGHUP


def test_no_mouse_is_captured() -> None:
    """Text on the screen can still be selected with the mouse."""
    with driven(9_000) as app:
        app.until(b"/ 20,000")
        app.settle()
        assert b"\x1b[?1000h" not in app.written
        assert b"\x1b[?1003h" not in app.written


def test_no_color_writes_no_colour() -> None:
    """Under NO_COLOR no colour leaves the program."""
    with driven(9_000, NO_COLOR="1") as app:
        app.until(b"/ 20,000")
        app.settle()
        for codes in re.findall(rb"\x1b\[([\d;]*)m", bytes(app.written)):
            assert not {int(code) for code in codes.split(b";") if code} & {*range(30, 38), *range(40, 48), 38, 48, 90}


def test_a_resize_is_followed() -> None:
    """SIGWINCH: the small layout, whole."""
    with driven(9_000, 120, 36) as app:
        app.until(b"/ 20,000")
        app.settle()
        app.resize(60, 15)
        app.settle()
        lines = app.text()
        assert len(lines) == 15
        assert "9,000 / 20,000" in lines[0]
        assert lines[-1].startswith(" ? help")
