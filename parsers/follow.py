"""The lines of a log that grows, and may be cut, replaced, compressed, unreadable or not there yet.

Polling is the truth: it works on every file system, where notifications miss what another machine writes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parsers.clean import printable
from parsers.lines import LineBuffer
from parsers.open_file import OpenFile, RefusedError, open_file

Anew = Literal["truncated", "replaced"]


@dataclass(frozen=True, slots=True)
class Reading:
    r"""What one read gave: whole lines with their ends (\n, \r\n or \r), after the file began anew or not."""

    lines: bytes = b""
    anew: Anew | None = None


class Tail:
    """Follows one path, each byte read once. A symbolic link that is pointed elsewhere counts as replaced."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.reason: str | None = None
        """Why the last read could not get at the file, in one line; it is tried again at each read."""
        self.refused = False
        """Whether somebody must mend what `reason` says: a directory, a pipe, no permission."""
        self.at_end = False
        """Whether the last read reached the end of what there is, or found nothing that can be read."""
        self._file: OpenFile | None = None
        self._buffer = LineBuffer()
        self._gave_lines = False
        self._drained = False

    @property
    def file(self) -> OpenFile | None:
        """The file that was read last: its size, its first bytes, how far it was read. None before the first."""
        return self._file

    @property
    def half(self) -> bytes:
        """The half line after the last whole one. It may be cut in the middle of a number."""
        return self._buffer.half

    def read(self) -> Reading:
        """The next whole lines, POLL_BYTES at most, none where nothing is new. Raises for nothing a file can do.

        A replaced file is read to its end before the new one is opened, and for as long as the new one is empty:
        a rotated log is often still written to. Its half line is dropped, since its writer may have died in the
        middle of a number.
        """
        self.reason, self.refused = None, False
        if self._file is not None and self._file.finished:
            return Reading()
        there = self._look()
        anew: Anew | None = None
        if there is not None and self._is_due(there):
            anew = self._enter()
        if self._file is None or self._file.closed:
            self.at_end = True
            return Reading()
        try:
            return self._advance(self._file, anew, there)
        except OSError as error:  # a stale handle of a network file system, a failing disk: opened again next time
            self._say(error)
            self._file.close()
            self.at_end = True
            return Reading(anew=anew)

    def close(self) -> None:
        """Closes the file. May be called twice; a later read opens it again and goes on."""
        if self._file is not None:
            self._file.close()

    def _look(self) -> os.stat_result | None:
        try:
            return self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            self.reason = f"{self._name} {'does not exist yet' if self._file is None else 'was removed'}"
        except (OSError, ValueError) as error:
            self._say(error)
        return None

    def _is_due(self, there: os.stat_result) -> bool:
        return self._file is None or self._file.closed or (self._drained and _replaces(there, self._file))

    def _enter(self) -> Anew | None:
        """Opens what stands at the path now; where that fails, the old file is kept."""
        old, new = self._file, None
        try:
            new = open_file(self.path)
            goes_on = old is None or new.go_on_from(old)
        except (OSError, RefusedError) as error:
            self._say(error)
            if new is not None:
                new.close()
            return None
        self._drained = False
        if old is not None:
            old.close()
        self._file = new
        return None if goes_on else self._forget("replaced")

    def _forget(self, why: Anew) -> Anew | None:
        gave_lines, self._gave_lines = self._gave_lines, False
        self._buffer = LineBuffer()
        return why if gave_lines else None

    def _advance(self, file: OpenFile, anew: Anew | None, there: os.stat_result | None) -> Reading:
        piece = file.pull()
        if piece is None:
            anew = self._forget("truncated") or anew
            file.rewind()
            piece = file.pull() or b""
        if file.fault:
            self.reason = f"{self._name} {printable(file.fault)}"
        replaced = there is not None and _replaces(there, file)
        self.at_end = file.at_end and not (replaced and not self._drained)
        self._drained = replaced and file.at_end
        lines = self._buffer.feed(piece)
        self._gave_lines = self._gave_lines or bool(lines)
        return Reading(lines, anew)

    def _say(self, error: Exception) -> None:
        if isinstance(error, PermissionError):
            self.refused = True
            self.reason = f"{self._name}: permission denied; make it readable (chmod +r) or run as its owner"
        elif isinstance(error, OSError):
            self.reason = f"{self._name}: {error.strerror}; trying again"
        else:
            self.refused = True
            self.reason = f"{self._name} {printable(str(error))}"

    @property
    def _name(self) -> str:
        return printable(str(self.path))


def _replaces(there: os.stat_result, file: OpenFile) -> bool:
    return (there.st_dev, there.st_ino) != file.identity and there.st_size > 0
