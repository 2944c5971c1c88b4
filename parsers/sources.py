"""Where a live log comes from: a file that is followed, or standard input."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable

from parsers.binary import no_text
from parsers.clean import printable
from parsers.follow import Tail
from parsers.intake import Intake
from parsers.lines import LineBuffer
from parsers.open_file import HEAD_BYTES, POLL_BYTES
from parsers.records import Record

Clock = Callable[[], float]
SKEW_SECONDS = 2.0
"""A file system's clock may be that far ahead of ours without meaning anything."""


class LogFile:
    """Follows a file, from its start, through truncation and replacement; `.gz` is read once."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        format_name: str | None = None,
        *,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
    ) -> None:
        self.label = printable(str(path))
        self._tail = Tail(path)
        self._intake = Intake(format_name)
        self._clock = clock
        self._monotonic = monotonic
        self._arrived: float | None = None
        self._no_text: str | None = None
        self._judged = b""

    @property
    def waiting_for(self) -> str | None:
        """Why nothing comes: no such file yet, empty so far, nothing known in it so far, or `problem`."""
        if self.problem or self._tail.reason:
            return self.problem or self._tail.reason
        if self._tail.file is not None and not self._tail.file.head:
            return f"{self.label} is empty so far"
        return f"{self.label} {self._intake.doubt}" if self._intake.doubt else None

    @property
    def problem(self) -> str | None:
        """Why nothing can be read, in one line with the mend; None where it can, or may yet.

        That no format is recognised is a problem only after `finish`: the next line may be the first of a run.
        """
        if self._tail.refused and (self._tail.file is None or self._tail.file.closed):
            return self._tail.reason
        ending = self._no_text or self._intake.problem
        return f"{self.label} {ending}" if ending else None

    @property
    def done(self) -> bool:
        """Whether a compressed file was read to its end. A plain file may always grow."""
        return self._tail.file is not None and self._tail.file.finished

    @property
    def caught_up(self) -> bool:
        """Whether the last poll reached the end of what there is now; True as well where nothing can be read."""
        return self._tail.at_end

    @property
    def progress(self) -> float | None:
        """Share of the bytes read so far while there is more to read at once, else None."""
        file = self._tail.file
        if file is None or self.caught_up or not file.size:
            return None
        return min(1.0, file.offset / file.size)

    @property
    def silence_seconds(self) -> float | None:
        """Seconds since the file was last written to, by its mtime and by what arrived while we looked."""
        file = self._tail.file
        if file is None or file.finished:
            return None
        known = [] if self._arrived is None else [self._monotonic() - self._arrived]
        age = self._clock() - file.modified
        if age > -SKEW_SECONDS:
            known.append(max(0.0, age))
        return min(known, default=None)

    @property
    def half_line(self) -> bool:
        """Whether the file ends within a line, as it does while its writer holds lines back in blocks."""
        return bool(self._tail.half)

    def poll(self) -> list[Record]:
        """What came since the last call, of POLL_BYTES at most."""
        reads_old_bytes = not self._tail.at_end
        before = self._tail.file.offset if self._tail.file else 0
        reading = self._tail.read()
        records = self._intake.restart(f"the log was {reading.anew}") if reading.anew else []
        file = self._tail.file
        if file is None:
            return records
        if file.offset != before and not reads_old_bytes:
            self._arrived = self._monotonic()
        self._judge(file.head)
        if self._no_text is None and reading.lines:
            records += self._intake.feed(reading.lines)
        return [*records, *self.finish()] if file.finished else records

    def finish(self) -> list[Record]:
        """What a half last line and the format hold back; for whoever reads no further. A second call gives []."""
        return [] if self._no_text else self._intake.finish(self._tail.half)

    def close(self) -> None:
        """Closes the file. May be called twice."""
        self._tail.close()

    def _judge(self, head: bytes) -> None:
        if head is not self._judged and not self._intake.recognised:
            self._judged = head
            self._no_text = no_text(head)


class StandardInput:
    """Reads a pipe without waiting for it; done at its end."""

    label: str = "standard input"
    progress: float | None = None
    """Never known: a pipe has no size."""

    def __init__(
        self, format_name: str | None = None, *, descriptor: int = 0, monotonic: Clock = time.monotonic
    ) -> None:
        self._descriptor = descriptor
        self._intake = Intake(format_name)
        self._buffer = LineBuffer()
        self._monotonic = monotonic
        self._arrived: float | None = None
        self._head = b""
        self._fault: str | None = None
        self._no_text: str | None = None
        self.done = False

    @property
    def waiting_for(self) -> str | None:
        """Why nothing comes: nothing was written yet, nothing known in it so far, or `problem`."""
        if self.problem:
            return self.problem
        if not self._head:
            return f"nothing came from {self.label} yet"
        return f"{self.label} {self._intake.doubt}" if self._intake.doubt else None

    @property
    def problem(self) -> str | None:
        """Why nothing can be read, in one line with the mend; None where it can, or may yet."""
        ending = self._fault or self._no_text or self._intake.problem
        return f"{self.label} {ending}" if ending else None

    @property
    def caught_up(self) -> bool:
        """Whether all was read: the same as `done`, since nobody knows what a pipe still brings."""
        return self.done

    @property
    def silence_seconds(self) -> float | None:
        """Seconds since something arrived, None before."""
        return None if self._arrived is None or self.done else self._monotonic() - self._arrived

    @property
    def half_line(self) -> bool:
        """Whether what came ends within a line."""
        return bool(self._buffer.half)

    def wait(self, seconds: float) -> bool:
        """Waits until there is something to poll, `seconds` at most; whether there is."""
        try:
            return self.done or bool(select.select([self._descriptor], [], [], seconds)[0])
        except (OSError, ValueError):
            return True  # closed: the poll says so

    def poll(self) -> list[Record]:
        """What came since the last call, of POLL_BYTES at most; at the end also what was held back."""
        if self.done:
            return []
        piece = self._pull()
        if piece:
            self._arrived = self._monotonic()
        if len(self._head) < HEAD_BYTES and not self._intake.recognised:
            self._head += piece[: HEAD_BYTES - len(self._head)]
            self._no_text = no_text(self._head)
        lines = self._buffer.feed(piece)
        if self._no_text:
            return []
        records = self._intake.feed(lines) if lines else []
        return [*records, *self.finish()] if self.done else records

    def finish(self) -> list[Record]:
        """What a half last line and the format hold back; for whoever reads no further. A second call gives []."""
        return [] if self._no_text else self._intake.finish(self._buffer.half)

    def close(self) -> None:
        """Leaves standard input open: it is the process's own. May be called twice."""

    def _pull(self) -> bytes:
        pieces, size = [], 0
        try:
            while size < POLL_BYTES and select.select([self._descriptor], [], [], 0)[0]:
                piece = os.read(self._descriptor, POLL_BYTES - size)
                self.done = not piece
                if self.done:
                    break
                pieces.append(piece)
                size += len(piece)
        except BlockingIOError:
            pass
        except (OSError, ValueError) as error:  # closed before we came, or its terminal is gone
            self.done = True
            self._fault = f"cannot be read ({getattr(error, 'strerror', None) or error}); name a file instead"
        return b"".join(pieces)
