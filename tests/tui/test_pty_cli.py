"""The program as a person starts it, on a real terminal: watched, replayed, resized, and left in every way."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from pty_app import LEAVE_SCREEN, SHOW_CURSOR, PtyApp

HEADER = "tokens per iteration will be: 512\n"
MOUSE_MODES = (b"\x1b[?1000h", b"\x1b[?1002h", b"\x1b[?1003h", b"\x1b[?1006h")


def rows(first: int, end: int) -> str:
    """What nanoGPT prints at these steps: an evaluation every 50, a line every 10."""
    lines = []
    for step in range(first, end, 10):
        loss = 2 + 8 / (1 + step / 40)
        if step % 50 == 0:
            lines.append(f"step {step}: train loss {loss:.4f}, val loss {loss + 0.01:.4f}")
        lines.append(f"iter {step}: loss {loss:.4f}, time 250.00ms, mfu 12.00%")
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that has come to step 590."""
    path = tmp_path / "train.log"
    path.write_text(HEADER + rows(0, 600))
    return path


def started(argv: list[str], columns: int = 100, lines: int = 30, **environ: str) -> PtyApp:
    """`python -m tui.cli` with these arguments."""
    source = f"import runpy, sys; sys.argv = {['traintop', *argv]!r}; runpy.run_module('tui.cli', run_name='__main__')"
    return PtyApp(source, columns, lines, environ)


def shows(app: PtyApp, words: str) -> bool:
    """Reads on until the first line of the screen holds the words, or nothing comes any more."""
    for _ in range(100):
        if words in app.text()[0]:
            return True
        app.settle(0.1)
    return False


def left_clean(app: PtyApp) -> None:
    """The alternate screen left, the cursor back, no mode left on but those of a shell, and no traceback."""
    written = bytes(app.written)
    assert LEAVE_SCREEN in written
    assert SHOW_CURSOR in written
    assert b"Traceback" not in written
    on, off = (set(re.findall(rb"\x1b\[\?(\d+)" + end, written)) for end in (b"h", b"l"))
    # The cursor and wrapping are on in a shell.
    assert on - off <= {b"25", b"7"}


def test_a_log_is_watched_while_it_grows_and_while_the_terminal_changes(log: Path) -> None:
    """The first screen, a line that came later, a small terminal; then q leaves everything as it was."""
    with started([str(log), "--interval", "0.2"]) as app:
        assert shows(app, "step 590")
        assert "train.log" in app.text()[0]
        assert app.text()[1].startswith("╭ Loss")
        assert "q quit" in app.text()[-1]
        with log.open("a") as file:
            file.write(rows(600, 650))
        assert shows(app, "step 640")
        app.resize(60, 15)
        app.settle()
        lines = app.text()
        assert "step 640" in lines[0]
        assert any("val 2." in line for line in lines)
        assert lines[-1].startswith(" ? help")
        app.send(b"q")
        assert app.wait() == 0
        left_clean(app)
        assert not any(mode in app.written for mode in MOUSE_MODES)


def test_of_two_logs_the_first_is_shown_and_a_key_shows_the_other(log: Path) -> None:
    """Both are followed: the other one has moved on while it was not shown."""
    other = log.with_name("other.log")
    other.write_text(HEADER + rows(0, 300))
    with started([str(log), str(other), "--interval", "0.2"], 120) as app:
        assert shows(app, "step 590")
        assert "run 1 of 2" in app.text()[0]
        with other.open("a") as file:
            file.write(rows(300, 350))
        app.send(b"r")
        assert shows(app, "step 340")
        assert "run 2 of 2" in app.text()[0]
        app.send(b"R")
        assert shows(app, "step 590")
        app.send(b"q")
        assert app.wait() == 0
        left_clean(app)


def test_a_finished_log_is_replayed_in_a_small_terminal_without_colour(log: Path) -> None:
    """60 x 15 under NO_COLOR: it plays to the end, says so, and no colour code leaves the program; ctrl+c quits."""
    with started(["replay", str(log), "--speed", "100000"], 60, 15, NO_COLOR="1") as app:
        assert shows(app, "step 590")
        app.settle(0.2)
        assert "q quit" in app.text()[-1]
        codes = {
            int(code) for found in re.findall(rb"\x1b\[([\d;]*)m", app.written) for code in found.split(b";") if code
        }
        assert not codes & {*range(30, 39), *range(40, 49), *range(90, 98), *range(100, 108)}
        app.send(b"\x03")
        assert app.wait() == 0
        left_clean(app)


@pytest.mark.parametrize(
    ("command", "number"), [([], signal.SIGTERM), (["replay"], signal.SIGHUP)], ids=["watch-TERM", "replay-HUP"]
)
def test_a_signal_leaves_a_clean_terminal(log: Path, command: list[str], number: signal.Signals) -> None:
    """A job scheduler's SIGTERM, a closed session's SIGHUP."""
    with started([*command, str(log)]) as app:
        app.until(b"train.log")
        app.settle(0.2)
        app.signal(number)
        assert app.wait() == 128 + number
        left_clean(app)


def test_a_dropped_connection_ends_the_program(log: Path) -> None:
    """The terminal is gone: nothing can be drawn, and nothing stays behind."""
    with started([str(log)]) as app:
        app.until(b"train.log")
        app.settle(0.2)
        app.hang_up()
        assert app.wait() == 128 + signal.SIGHUP
