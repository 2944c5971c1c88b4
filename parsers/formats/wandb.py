"""Weights & Biases: the `.wandb` file that every run with W&B writes on its own machine, online or offline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from parsers.clean import printable
from parsers.growing_file import GrowingFile
from parsers.records import Notice, Recognised, Record, Restart, Traits
from parsers.stores.store import Store
from parsers.stores.wandb_records import HEADER, IDENT, RecordLog, header_fault
from parsers.stores.wandb_run import WandbRun

POLL_BYTES = 512 << 10
"""What one poll reads: some 30 ms of work."""
SUFFIX = ".wandb"


class Wandb(Store):
    """A run's history as `wandb.log` got it, and its config.

    The numbers are the user's own: what one train_loss is of, and whether it was measured before or after the update,
    only his code tells. The steps are the column that his code declares (`define_metric("*", step_metric=...)`) or
    logs as such ("train/global_step", "iter"); where there is none they are W&B's `_step`, which counts calls of
    `wandb.log` unless the code passes a step. A row without that column belongs to the last step before it.

    wandb-core writes whole blocks of 32 KiB, so a live file lags behind the run by some hundred rows.

    Read in wandb/wandb 0.31 (wandb/proto/wandb_internal.proto, core/internal/transactionlog/writer.go) and in 0.12.
    """

    name: ClassVar[str] = "wandb"
    title: ClassVar[str] = "Weights & Biases"
    about: ClassVar[str] = "W&B's own file of a run, online or offline: wandb/run-DATE-ID/run-ID.wandb"
    example: ClassVar[str] = "run-g9dvvkua.wandb"
    traits: ClassVar[Traits] = Traits(
        updates_at_train_row=0,
        loss_unit="unknown",
        explanations={"train_loss": "as the training code gave it to wandb.log"},
    )

    @classmethod
    def holds(cls, path: Path, head: bytes) -> bool:
        """Whether it is a `.wandb` file, also one that is empty or not there yet, or a directory with one."""
        if head:
            return head.startswith(IDENT) and header_fault(head) is None
        return _file_in(path) is not None if path.is_dir() else path.suffix == SUFFIX

    def __init__(self, path: Path) -> None:
        self.label = printable(str(path))
        self._path = path
        self._file: GrowingFile | None = None
        self._fault: str | None = None
        """Why the file is none of W&B's."""
        self._log, self._run = RecordLog(), WandbRun()
        self._told: Recognised | None = None
        self._damage_told = False

    @property
    def waiting_for(self) -> str | None:
        """No such file yet, nothing in it so far, no history so far, or `problem`."""
        if self.problem is not None:
            return self.problem
        if self._file is None:
            return f"{self.label} holds no run-ID{SUFFIX} yet"
        if self._file.reason is not None or self._run.has_history:
            return self._file.reason
        if self._file.size <= HEADER.size:
            return f"{self.label} is empty so far"
        return f"{self.label} holds no history: nothing was logged with wandb.log{'' if self._run.ended else ' so far'}"

    @property
    def problem(self) -> str | None:
        """Why nothing can be read, in one line with the path and the mend; None where it can, or may yet."""
        if self._fault is not None:
            return f"{self.label} {self._fault}"
        return self._file.reason if self._file is not None and self._file.refused else None

    @property
    def caught_up(self) -> bool:
        """Whether the last poll reached the end of what there is now."""
        return self._file is None or self._fault is not None or self._file.at_end

    @property
    def progress(self) -> float | None:
        """Share of the bytes read so far while there is more to read at once, else None."""
        if self._file is None or self.caught_up or not self._file.size:
            return None
        return min(1.0, self._file.offset / self._file.size)

    @property
    def silence_seconds(self) -> float | None:
        """Seconds since the file was last written to."""
        return None if self._file is None else self._file.silence_seconds

    @property
    def done(self) -> bool:
        """Whether the run said its end, and all before it was read."""
        return self._run.ended and self.caught_up

    @property
    def half_line(self) -> bool:
        """Whether the file ends within a record."""
        return self._file is not None and (self._log.half or self._file.size > self._file.offset)

    def poll(self) -> list[Record]:
        """What came since the last call, of POLL_BYTES at most."""
        if self._file is None:
            found = _file_in(self._path) if self._path.is_dir() else self._path
            self._file = None if found is None else GrowingFile(found)
        if self._file is None:
            return []
        piece = self._file.look(POLL_BYTES)
        records: list[Record] = []
        if piece is None:
            records = self._anew()
            piece = self._file.look(POLL_BYTES) or b""
        if self._file.offset == 0:
            self._fault = header_fault(piece)
        if self._fault is not None or (self._file.offset == 0 and len(piece) < HEADER.size):
            return records
        return [*records, *self._read(self._file, piece)]

    def finish(self) -> list[Record]:
        """That the last block of the file is damaged, where it is. A second call gives []."""
        return self._damage(self._log.damaged_at if self._log.doubt_at is None else self._log.doubt_at)

    def close(self) -> None:
        """Nothing is held open between two polls."""

    def _anew(self) -> list[Record]:
        self._log, self._run = RecordLog(), WandbRun()
        self._damage_told = False
        return [Restart(None, "the file was replaced")] if self._told is not None else []

    def _read(self, file: GrowingFile, piece: bytes) -> list[Record]:
        before, had_history = self._log.offset, self._run.has_history
        records = self._run.feed(self._log.feed(piece))
        file.use(piece[: self._log.offset - before])
        records += self._damage(self._log.damaged_at)
        known = self._run.recognised(self.name, self.title, self.traits)
        if self._told is None or (self._run.has_history and not had_history and known != self._told):
            self._told = known
            return [known, *records]
        return records

    def _damage(self, place: int | None) -> list[Record]:
        """Tells of damage, once."""
        if place is None or self._damage_told:
            return []
        self._damage_told = True
        words = f"W&B: the file is damaged at byte {place:,}; some rows are lost"
        return [Notice("reader", words, self._run.last_step)]


def _file_in(folder: Path) -> Path | None:
    """The newest `.wandb` file right in a directory; None where there is none."""
    try:
        with os.scandir(folder) as entries:
            found = [(e.stat().st_mtime, e.name) for e in entries if e.name.endswith(SUFFIX) and e.is_file()]
    except OSError:
        return None
    return folder / max(found)[1] if found else None
