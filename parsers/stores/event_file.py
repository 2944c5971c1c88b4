"""One event file that grows, and may be cut, replaced or not there yet: its whole records, each exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from parsers.clean import printable
from parsers.growing_file import GrowingFile
from parsers.stores.event_records import AROUND_BYTES, HEADER_BYTES, MOST_RECORD_BYTES, NOTHING, Frames, frames

BLOCK_BYTES = MOST_RECORD_BYTES + AROUND_BYTES
"""The most that one read takes. The longest record that is read fits in."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one read gave: whole records, after the file began anew or not, and where others were damaged."""

    frames: Frames = NOTHING
    anew: bool = False
    damaged: tuple[int, ...] = ()
    """Where in the file, in bytes, records begin whose data are not what was written."""
    lost_at: int | None = None
    """Where this read was the first to find no record, so that none after it can be found."""


class EventFile:
    """The records of one path, which is followed through truncation and replacement."""

    def __init__(self, path: Path) -> None:
        self.file = GrowingFile(path)
        self.name = printable(path.name)
        self.at_end = False
        """Whether the last read reached the end of what there is, or of what can be read."""
        self.lost = False
        """Whether what stands at the offset is no record."""
        self._lost_header = b""
        self._to_skip = 0
        """Bytes of a long record that are passed over still."""

    @property
    def within_record(self) -> bool:
        """Whether the file ends within a record."""
        return self.at_end and not self.lost and (self._to_skip > 0 or self.file.size > self.file.offset)

    def read(self) -> Reading:
        """The next whole records, of BLOCK_BYTES at most. Raises for nothing a file can do."""
        piece, anew = self.file.look(BLOCK_BYTES), False
        if piece is None:
            anew, self.lost, self._to_skip = True, False, 0
            piece = self.file.look(BLOCK_BYTES) or b""
        if self.lost and piece.startswith(self._lost_header):
            return Reading(anew=anew)
        skipped = min(self._to_skip, len(piece))
        start = self.file.offset + skipped
        got = frames(piece[skipped:])
        used = skipped + got.end
        self._to_skip -= skipped
        if got.to_skip is not None:  # such a record is longer than a block, so it takes all of the rest
            self._to_skip = got.to_skip - (len(piece) - used)
            used = len(piece)
        self.file.use(piece[:used])
        self.lost, self._lost_header = got.lost, piece[used : used + HEADER_BYTES]
        self.at_end = self.file.at_end or got.lost or used == 0
        damaged = tuple(start + place for place in got.damaged)
        return Reading(got, anew, damaged, start + got.end if got.lost else None)
