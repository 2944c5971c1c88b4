"""What stands in a file after the bytes that were used: for binary logs and small files that only grow."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from parsers.clean import printable
from parsers.open_file import MARK_BYTES, POLL_BYTES

SKEW_SECONDS = 2.0
"""A file system's clock may be that far ahead of ours without meaning anything."""

_READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class GrowingFile:
    """Looks at a path afresh each time and keeps no descriptor, so that a hundred of them cost nothing.

    Whoever reads says how much he used; what he could not use yet (half a record) he sees again, as it is then. A
    copy that is synchronised from another machine is a new file each time: what counts is that the last bytes before
    `offset` are still those that were used.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.offset = 0
        """Bytes used."""
        self.size = 0
        self.reason: str | None = None
        """Why the last look saw nothing, in one line; None where it could look."""
        self.refused = False
        """Whether somebody must mend what `reason` says."""
        self.at_end = False
        """Whether the last look saw everything that there is, or nothing that can be read."""
        self._mark = b""
        self._known: tuple[int, int, int] | None = None
        self._modified: float | None = None
        self._arrived: float | None = None
        self._clock, self._monotonic = clock, monotonic

    @property
    def silence_seconds(self) -> float | None:
        """Seconds since it was last written to, by its mtime and by when we saw it grow."""
        known = [] if self._arrived is None else [self._monotonic() - self._arrived]
        if self._modified is not None and (age := self._clock() - self._modified) > -SKEW_SECONDS:
            known.append(max(0.0, age))
        return min(known, default=None)

    def look(self, most: int = POLL_BYTES) -> bytes | None:
        """The bytes after `offset`, `most` at most; None where the file was cut or began anew. Never raises.

        After a None it is looked at from its start.
        """
        self.reason, self.refused = None, False
        try:
            piece = self._look(most)
        except (OSError, ValueError) as error:
            self._say(error)
            self.at_end, self._known = True, None
            return b""
        if piece is None:
            self.offset, self._mark, self._known = 0, b"", None
        return piece

    def use(self, piece: bytes) -> None:
        """Says that `piece`, the beginning of the last look, was used."""
        self.offset += len(piece)
        self._mark = (self._mark + piece[-MARK_BYTES:])[-MARK_BYTES:]

    def _look(self, most: int) -> bytes | None:
        there = self.path.stat()
        if not stat.S_ISREG(there.st_mode):
            raise IsADirectoryError(None, "is no regular file; name a file or the directory of a run")
        known = (there.st_ino, there.st_size, there.st_mtime_ns)
        if known == self._known and self.at_end:
            return b""
        descriptor = os.open(self.path, _READ_ONLY)
        try:
            found = os.fstat(descriptor)
            text = os.pread(descriptor, len(self._mark) + most, self.offset - len(self._mark))
        finally:
            os.close(descriptor)
        if not text.startswith(self._mark):
            return None
        if self._known is not None and self.at_end and found.st_size > self.size:
            self._arrived = self._monotonic()
        self._known = (found.st_ino, found.st_size, found.st_mtime_ns)
        self.size, self._modified = found.st_size, found.st_mtime
        piece = text[len(self._mark) :]
        self.at_end = self.offset + len(piece) >= found.st_size
        return piece

    def _say(self, error: Exception) -> None:
        name = printable(str(self.path))
        match error:
            case FileNotFoundError() | NotADirectoryError():
                self.reason = f"{name} {'was removed' if self.size else 'does not exist yet'}"
            case PermissionError():
                self.refused = True
                self.reason = f"{name}: permission denied; make it readable (chmod +r) or run as its owner"
            case IsADirectoryError():
                self.refused = True
                self.reason = f"{name} {error.strerror}"
            case OSError():
                self.reason = f"{name}: {error.strerror}; trying again"
            case _:
                self.refused = True
                self.reason = f"{name} {printable(str(error))}"
