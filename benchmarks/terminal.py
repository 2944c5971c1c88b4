"""A command in a pseudo-terminal whose every byte is counted; Linux, since processor time and memory are from /proc."""

from __future__ import annotations

import os
import pty
import select
import signal
import termios
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep

COLUMNS, ROWS = 120, 30
FIRST_PAINT_BYTES = 1000
"""Less than this is set-up sequences, not a picture."""
QUIET_SECONDS = 1.5
KEPT_BYTES = 2000
BURST_SECONDS = 0.05


def environment() -> dict[str, str]:
    """A modern terminal's, and one in which Python keeps its compiled modules, as an installed program has them."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "PYTHONDONTWRITEBYTECODE")}
    return kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


class Terminal:
    """A command in a pseudo-terminal of its own, with all that it writes counted."""

    def __init__(self, command: list[str], bytes_per_second: float | None = None) -> None:
        self.started = perf_counter()
        self.bytes_per_second = bytes_per_second
        self.total = 0
        self.over = False
        self.paint: tuple[float, float] | None = None
        """Seconds from the start to the first FIRST_PAINT_BYTES, on the clock and of the processor."""
        self.last_write = 0.0
        self.tail = b""
        self._credit, self._credited = 0.0, self.started
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            termios.tcsetwinsize(0, (ROWS, COLUMNS))
            os.execvpe(command[0], command, environment())  # noqa: S606  a pseudo-terminal wants no shell

    def watch(self, seconds: float, meanwhile: Callable[[], object] = lambda: None) -> int:
        """Reads for that long, or until the command ends, and gives the bytes that came."""
        before, deadline = self.total, perf_counter() + seconds
        while not self.over and perf_counter() < deadline:
            meanwhile()
            self._read()
        return self.total - before

    def settle(self, limit: float = 20.0) -> int:
        """Reads until nothing was written for QUIET_SECONDS, and gives the bytes so far."""
        deadline = perf_counter() + limit
        while not self.over and perf_counter() < deadline:
            if self.watch(QUIET_SECONDS) == 0 and self.paint is not None:
                break
        return self.total

    def _read(self) -> None:
        limit = self._allowed()
        if limit <= 0:
            sleep(0.005)
            return
        if not select.select([self.fd], [], [], 0.01)[0]:
            return
        try:
            data = os.read(self.fd, limit)
        except OSError:  # EIO: the other end is closed
            data = b""
        self.over = not data
        self.total += len(data)
        self._credit -= len(data)
        if data:
            self.last_write = perf_counter() - self.started
        if self.paint is None and self.total > FIRST_PAINT_BYTES:
            self.paint = self.last_write, self.processor_seconds()
        self._answer(data)

    def _allowed(self) -> int:
        """Bytes that the link takes now; a link that was idle saves up no more than BURST_SECONDS."""
        if self.bytes_per_second is None:
            return 65536
        now = perf_counter()
        self._credit += self.bytes_per_second * (now - self._credited)
        self._credit = min(self._credit, self.bytes_per_second * BURST_SECONDS)
        self._credited = now
        return int(self._credit)

    def _answer(self, data: bytes) -> None:
        query = b"\x1b[?2026$p"
        if query in self.tail[-len(query) + 1 :] + data:
            os.write(self.fd, b"\x1b[?2026;2$y")
        self.tail = (self.tail + data)[-KEPT_BYTES:]

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def press(self, key: bytes) -> None:
        os.write(self.fd, key)

    def seconds_to_exit(self, key: bytes, limit: float = 30.0) -> float:
        """Presses the key and reads on until the command has ended."""
        pressed = perf_counter()
        self.press(key)
        self.watch(limit)
        self.close()
        return perf_counter() - pressed

    def close(self) -> None:
        if not self.over:
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
