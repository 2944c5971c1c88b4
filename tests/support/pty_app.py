"""Runs a program on a real pseudo-terminal: what it writes, byte by byte, and what a terminal makes of it.

Headless tests skip the stage that turns changes into bytes; over SSH those bytes are what counts.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

ROOT = Path(__file__).resolve().parents[2]
QUIET_SECONDS = 0.4
"""So long without a byte means that a frame is complete."""
SYNC_QUERY = b"\x1b[?2026$p"
SYNC_ANSWER = b"\x1b[?2026;2$y"
LEAVE_SCREEN = b"\x1b[?1049l"
SHOW_CURSOR = b"\x1b[?25h"


class PtyApp:
    """A Python program on a terminal of `columns` x `lines`. Everything it wrote is in `written`."""

    def __init__(
        self, source: str, columns: int = 120, lines: int = 30, environ: Mapping[str, str] | None = None
    ) -> None:
        self.written = bytearray()
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._answered = 0
        self.exit_code: int | None = None
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
        env = {
            **os.environ,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "PYTHONPATH": path,
            "LC_ALL": "C.UTF-8",
        }
        env.pop("NO_COLOR", None)
        self.pid = self._spawn([sys.executable, "-c", source], {**env, **(environ or {})}, columns, lines)

    def _spawn(self, argv: list[str], env: Mapping[str, str], columns: int, lines: int) -> int:
        self._fd, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        # Opened by the new session itself it becomes its controlling terminal, which hangs up when it is closed.
        terminal = (os.POSIX_SPAWN_OPEN, 0, os.ttyname(slave), os.O_RDWR, 0)
        actions = [terminal, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
        try:
            return os.posix_spawn(argv[0], argv, env, file_actions=actions, setsid=True)
        finally:
            os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.hang_up()

    def send(self, keys: bytes) -> None:
        """Types."""
        os.write(self._fd, keys)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the program."""
        os.kill(self.pid, number)

    def resize(self, columns: int, lines: int) -> None:
        """Gives the terminal another size."""
        self.screen.resize(lines, columns)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def hang_up(self) -> None:
        """The terminal goes away, as when an SSH connection drops."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def settle(self, quiet: float = QUIET_SECONDS, most: float = 30.0) -> bytes:
        """Reads until nothing comes for `quiet` seconds; gives what came."""
        start, until = len(self.written), time.monotonic() + most
        while time.monotonic() < until and self._read(quiet):
            pass
        return bytes(self.written[start:])

    def until(self, wanted: bytes, most: float = 30.0) -> bytes:
        """Reads until `wanted` was written, or the program ended; gives what came."""
        start, until = len(self.written), time.monotonic() + most
        while wanted not in self.written[start:] and time.monotonic() < until:
            if not self._read(0.2) and self._ended():
                break
        return bytes(self.written[start:])

    def wait(self, most: float = 30.0) -> int:
        """The exit code, once it has ended; reads all that it still writes."""
        until = time.monotonic() + most
        while not self._ended() and time.monotonic() < until:
            self._read(0.1)
        while self._fd >= 0 and self._read(0.1):
            pass
        assert self.exit_code is not None, "the program did not end"
        return self.exit_code

    def text(self) -> list[str]:
        """The lines that a terminal shows now."""
        return [line.rstrip() for line in self.screen.display]

    def _ended(self) -> bool:
        if self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code is not None

    def _read(self, timeout: float) -> bool:
        if self._fd < 0:
            time.sleep(timeout)
            return False
        ready, _, _ = select.select([self._fd], [], [], timeout)
        if not ready:
            return False
        try:
            came = os.read(self._fd, 65_536)
        except OSError:
            return False
        self.written += came
        self._stream.feed(came)
        if self.written.count(SYNC_QUERY) > self._answered:
            self._answered += 1
            os.write(self._fd, SYNC_ANSWER)
        return bool(came)
