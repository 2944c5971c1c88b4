"""Cuts a `.wandb` file into its records: the LevelDB log format with a header and a checksum of W&B's own.

Source: wandb/sdk/internal/datastore.py (0.12) and core/pkg/leveldb/{record,livereader}.go (0.31) of wandb/wandb. A
file is a 7-byte header, then blocks of 32 KiB that hold chunks; a chunk is a checksum (CRC-32 as in zlib, of the type
and the data), a 16-bit length, a type and the data, all little-endian. A record that does not fit into its block goes
on in the next: FIRST, MIDDLE, LAST. Fewer than 7 bytes at the end of a block are padding.
"""

from __future__ import annotations

import struct
import zlib

BLOCK = 32 << 10
IDENT = b":W&B"
MAGIC = 0xBEE1
VERSION = 0
HEADER = struct.Struct("<4sHB")
CHUNK = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
SEEDS = {kind: zlib.crc32(bytes([kind])) for kind in (FULL, FIRST, MIDDLE, LAST)}
"""The checksum of each type, which that of the data goes on from."""
LONGEST = 4 << 20
"""Bytes of a record that is kept. The longer ones list files of artifacts, which nobody here reads."""


def header_fault(head: bytes) -> str | None:
    """Why these first bytes are not those of a file that can be read, to end the sentence that its name begins."""
    if not (IDENT + MAGIC.to_bytes(2, "little")).startswith(head[:6]):
        return "is no W&B file (run-ID.wandb)"
    if len(head) >= HEADER.size and head[6] != VERSION:
        return f"has version {head[6]} of W&B's file format, which is not known here; export the run as CSV instead"
    return None


class RecordLog:
    """Takes a file's bytes in order and gives its whole records. What is damaged is skipped to the next block."""

    def __init__(self) -> None:
        self.offset = 0
        """Bytes of the file that were used."""
        self.damaged_at: int | None = None
        """Where in the file the first damage is."""
        self.doubt_at: int | None = None
        """Where a chunk stands that is damaged or half written: the end of its block is not there yet."""
        self._parts: list[bytes] | None = None
        """Of a record that is not whole yet."""
        self._length = 0

    @property
    def half(self) -> bool:
        """Whether a record was begun and is not whole yet."""
        return self._parts is not None

    def feed(self, piece: bytes) -> list[bytes]:
        """The records that are whole with `piece`, the bytes of the file from `offset` on; moves `offset`.

        The last chunk stays unused while its rest is missing. So does one that is damaged, until the block's end is
        there: it may be half written.
        """
        records: list[bytes] = []
        self.doubt_at = None
        at = 0 if self.offset else HEADER.size
        while (end := self._chunk(piece, at, records)) is not None:
            at = end
        if at <= len(piece):
            self.offset += at
        return records

    def _chunk(self, piece: bytes, at: int, records: list[bytes]) -> int | None:
        """Reads what stands at `at`; where the next chunk begins, None where more bytes are needed first."""
        room = BLOCK - (self.offset + at) % BLOCK
        left = len(piece) - at
        if room < CHUNK.size:
            return at + room if left >= room else None
        if left < CHUNK.size:
            return None
        checksum, size, kind = CHUNK.unpack_from(piece, at)
        end: int = at + CHUNK.size + size
        if kind in SEEDS and CHUNK.size + size <= room:
            if end > len(piece):
                return None
            data = piece[at + CHUNK.size : end]
            if zlib.crc32(data, SEEDS[kind]) == checksum:
                self._take(kind, data, records, self.offset + at)
                return end
        if left < room:
            self.doubt_at = self.offset + at
            return None
        self._damaged(self.offset + at)
        return at + room

    def _take(self, kind: int, data: bytes, records: list[bytes], place: int) -> None:
        if (self._parts is None) != (kind in (FULL, FIRST)):
            self._damaged(place)
        if kind == FULL:
            records.append(data)
        elif kind == FIRST:
            self._parts, self._length = [data], len(data)
        elif self._parts is not None:
            self._length += len(data)
            self._parts.append(data)
            if self._length > LONGEST:
                self._parts.clear()
            elif kind == LAST:
                records.append(b"".join(self._parts))
            if kind == LAST:
                self._parts = None

    def _damaged(self, place: int) -> None:
        self._parts = None
        if self.damaged_at is None:
            self.damaged_at = place
