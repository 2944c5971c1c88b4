"""One open file and how far it was read: its next bytes, whether it was cut, holes, compression."""

from __future__ import annotations

import errno
import gzip
import os
import stat
import zlib
from pathlib import Path

POLL_BYTES = 1 << 20
"""The most that one pull takes, so that a huge log leaves the screen alive."""
MARK_BYTES = 64
"""Remembered before the offset. A fingerprint of the head would not do: each rerun prints the same banner."""
HEAD_BYTES = 16 << 10
GZIP_MAGIC = b"\x1f\x8b"

_READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class RefusedError(Exception):
    """The path is no file that can be followed; the message ends the sentence that begins with the path."""


def open_file(path: Path) -> OpenFile:
    """Opens a regular file to read; RefusedError for another kind, OSError where the system says no.

    The kind is looked at before, since to open a pipe and leave it again would break its writer.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise RefusedError("is a directory; name a log file in it")
    if not stat.S_ISREG(mode):
        raise RefusedError("is a pipe or device, no file; send it to standard input: `traintop - < PIPE`")
    return OpenFile(os.open(path, _READ_ONLY))


class OpenFile:
    """Reads by pread: the descriptor stays open, so that its inode cannot be given to another file."""

    def __init__(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        self.identity = (found.st_dev, found.st_ino)
        self.size = found.st_size
        self.modified = found.st_mtime
        """When it was last written, seconds since 1970 by the file system's clock."""
        self.offset = 0
        """Bytes read; of a compressed file its compressed bytes."""
        self.head = b""
        """The first bytes read, uncompressed, HEAD_BYTES at most."""
        self.at_end = False
        self.finished = False
        """Whether a compressed file was read to its end; it is not followed further."""
        self.fault: str | None = None
        """What is wrong with a compressed file."""
        self._mark = b""
        self._gzip: gzip.GzipFile | None = None
        self._descriptor = descriptor
        self.closed = False

    def pull(self) -> bytes | None:
        """The next bytes, POLL_BYTES at most; None where those before the offset are no longer those that were read.

        Then it was truncated: it is shorter than the offset, has grown past it again, or has a hole there.
        """
        if self._gzip is None:
            piece = self._read()
        if self._gzip is not None:
            piece = self._inflate(self._gzip)
        if piece and len(self.head) < HEAD_BYTES:
            self.head += piece[: HEAD_BYTES - len(self.head)]
        return piece

    def rewind(self) -> None:
        """Back to the start, with nothing remembered."""
        self.offset, self.head, self._mark = 0, b"", b""

    def go_on_from(self, other: OpenFile) -> bool:
        """Takes over the place of `other` where this file begins with what `other` gave; says whether it did.

        So does the same file, opened again, and a longer copy: synchronised from another machine, or saved by
        an editor. Of a file of a few bytes only the same inode is believed.
        """
        if self.identity != other.identity and len(other._mark) < MARK_BYTES:
            return False
        if os.pread(self._descriptor, len(other._mark), other.offset - len(other._mark)) != other._mark:
            return False
        if os.pread(self._descriptor, len(other.head), 0) != other.head:
            return False
        self.offset, self.head, self._mark = other.offset, other.head, other._mark
        return True

    def close(self) -> None:
        """Gives the descriptor back. May be called twice."""
        if not self.closed:
            os.close(self._descriptor)
        self.closed = True

    def _read(self) -> bytes | None:
        found = os.fstat(self._descriptor)
        self.size, self.modified = found.st_size, found.st_mtime
        text = os.pread(self._descriptor, len(self._mark) + POLL_BYTES, self.offset - len(self._mark))
        if not text.startswith(self._mark):
            return None
        if self.offset == 0 and text.startswith(GZIP_MAGIC):
            raw = open(self._descriptor, "rb", closefd=False)  # noqa: SIM115  the descriptor is closed by close()
            self._gzip = gzip.GzipFile(fileobj=raw)
            return b""
        piece = text[len(self._mark) :]
        self.offset += len(piece)
        self._mark = text[-MARK_BYTES:]
        if piece.count(b"\0") == POLL_BYTES:
            self._leap_hole()
        self.at_end = self.offset >= self.size
        return piece

    def _leap_hole(self) -> None:
        """Skips gigabytes of NULs that are not on the disk: a writer goes on at its old offset after a truncation."""
        try:
            self.offset = os.lseek(self._descriptor, self.offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # a file system that knows no holes: the NULs are read
                return
            self.offset = max(self.offset, self.size)
        self._mark = os.pread(self._descriptor, MARK_BYTES, self.offset - MARK_BYTES)

    def _inflate(self, stream: gzip.GzipFile) -> bytes:
        pieces = []
        wanted = POLL_BYTES
        try:
            while wanted > 0 and (piece := stream.read1(wanted)):
                pieces.append(piece)
                wanted -= len(piece)
            self.finished = wanted > 0
        except EOFError:  # cut off while it was written or copied: what there is was given
            self.finished = True
        except (gzip.BadGzipFile, zlib.error) as error:
            self.finished = True
            self.fault = f"is damaged ({error})"
        self.offset = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        self.at_end = self.finished
        return b"".join(pieces)
