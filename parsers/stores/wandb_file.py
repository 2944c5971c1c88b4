"""One `.wandb` file that grows, and may be cut, replaced or not there yet: what it says of its run, each word once."""

from __future__ import annotations

from pathlib import Path

from parsers.growing_file import GrowingFile
from parsers.records import Notice, Record, Restart
from parsers.stores.wandb_records import HEADER, RecordLog, header_fault
from parsers.stores.wandb_run import Came, WandbRun

POLL_BYTES = 512 << 10
"""What one poll reads: some 30 ms of work."""


class WandbFile:
    """A file of a run. `came` is how far the files before it came, None for the first."""

    def __init__(self, path: Path, came: Came | None = None) -> None:
        self.file = GrowingFile(path)
        self.fault: str | None = None
        """Why the file is none of W&B's, to end the sentence that its name begins."""
        self.begun = False
        """Whether its header was read."""
        self._came = came
        self._log, self.run = RecordLog(), WandbRun(came)
        self._damage_told = False

    @property
    def at_end(self) -> bool:
        """Whether the last poll reached the end of what there is now."""
        return self.fault is not None or self.file.at_end

    @property
    def within_record(self) -> bool:
        """Whether the file ends within a record."""
        return self._log.half or self.file.size > self.file.offset

    def poll(self) -> list[Record]:
        """What came since the last call, of POLL_BYTES at most."""
        piece = self.file.look(POLL_BYTES)
        records: list[Record] = []
        if piece is None:
            records = self._anew()
            piece = self.file.look(POLL_BYTES) or b""
        if self.file.offset == 0:
            self.fault = header_fault(piece)
        if self.fault is not None or (self.file.offset == 0 and len(piece) < HEADER.size):
            return records
        self.begun = True
        before = self._log.offset
        records += self.run.feed(self._log.feed(piece))
        self.file.use(piece[: self._log.offset - before])
        return [*records, *self._damage(self._log.damaged_at)]

    def finish(self) -> list[Record]:
        """That the last block of the file is damaged, where it is. A second call gives []."""
        return self._damage(self._log.damaged_at if self._log.doubt_at is None else self._log.doubt_at)

    def _anew(self) -> list[Record]:
        had_begun, self.begun = self.begun, False
        self._log, self.run = RecordLog(), WandbRun(self._came)
        self._damage_told = False
        return [Restart(None, "the file was replaced")] if had_begun else []

    def _damage(self, place: int | None) -> list[Record]:
        """Tells of damage, once."""
        if place is None or self._damage_told:
            return []
        self._damage_told = True
        words = f"W&B: the file is damaged at byte {place:,}; some rows are lost"
        return [Notice("reader", words, self.run.last_step)]
