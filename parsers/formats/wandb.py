"""Weights & Biases: the `.wandb` file that every run with W&B writes on its own machine, online or offline."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from parsers.clean import printable
from parsers.records import Recognised, Record, Traits
from parsers.stores.store import Store
from parsers.stores.wandb_file import WandbFile
from parsers.stores.wandb_folders import SUFFIX, file_in, files_of_run
from parsers.stores.wandb_records import HEADER, IDENT, header_fault


class Wandb(Store):
    """A run's history as `wandb.log` got it, and its config.

    The numbers are the user's own: what one train_loss is of, and whether it was measured before or after the update,
    only his code tells. The steps are the column that his code declares (`define_metric("*", step_metric=...)`) or
    logs as such ("train/global_step", "iter"); where there is none they are W&B's `_step`, which counts calls of
    `wandb.log` unless the code passes a step. A row without that column belongs to the last step before it.

    A run that is resumed goes on in a directory of its own, run-DATE-ID with the same ID: one such directory is opened
    with all that lie beside it, a file alone.

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
        return file_in(path) is not None if path.is_dir() else path.suffix == SUFFIX

    def __init__(self, path: Path) -> None:
        self.label = printable(str(path))
        self._path = path
        self._waiting: list[Path] = []
        """The run's files after the one that is read."""
        self._read_bytes = 0
        """Of the files before the one that is read."""
        self._now: WandbFile | None = None
        self._told: Recognised | None = None
        self._has_history = False

    @property
    def waiting_for(self) -> str | None:
        """No such file yet, nothing in it so far, no history so far, or `problem`."""
        if self.problem is not None:
            return self.problem
        if self._now is None:
            return f"{self.label} holds no run-ID{SUFFIX} yet"
        if self._now.file.reason is not None or self._has_history:
            return self._now.file.reason
        if self._now.file.size <= HEADER.size:
            return f"{self.label} is empty so far"
        ended = self._now.run.ended
        return f"{self.label} holds no history: nothing was logged with wandb.log{'' if ended else ' so far'}"

    @property
    def problem(self) -> str | None:
        """Why nothing can be read, in one line with the path and the mend; None where it can, or may yet."""
        if self._now is None:
            return None
        if self._now.fault is not None:
            return f"{printable(str(self._now.file.path))} {self._now.fault}"
        return self._now.file.reason if self._now.file.refused else None

    @property
    def caught_up(self) -> bool:
        """Whether the last poll reached the end of what there is now."""
        return self._now is None or (self._now.at_end and not self._waiting)

    @property
    def progress(self) -> float | None:
        """Share of the bytes read so far while there is more to read at once, else None."""
        if self._now is None or self.caught_up:
            return None
        size = self._read_bytes + self._now.file.size + sum(map(_size, self._waiting))
        return min(1.0, (self._read_bytes + self._now.file.offset) / size) if size else None

    @property
    def silence_seconds(self) -> float | None:
        """Seconds since the newest file was last written to."""
        return None if self._now is None else self._now.file.silence_seconds

    @property
    def done(self) -> bool:
        """Whether the run said its end, and all before it was read."""
        return self._now is not None and self._now.run.ended and self.caught_up

    @property
    def half_line(self) -> bool:
        """Whether the newest file ends within a record."""
        return self._now is not None and self._now.within_record

    def poll(self) -> list[Record]:
        """What came since the last call, of one file and of some 30 ms of work at most."""
        self._find()
        records: list[Record] = []
        if self._waiting and (self._now is None or self._now.at_end):
            records = self._next(self._now)
        return [*records, *self._take(self._now)] if self._now is not None else records

    def finish(self) -> list[Record]:
        """That the last block of the file is damaged, where it is. A second call gives []."""
        return [] if self._now is None else self._now.finish()

    def close(self) -> None:
        """Nothing is held open between two polls."""

    def _find(self) -> None:
        """Looks for files of the run that were not there before."""
        if self._now is not None and not (self._now.at_end and self._path.is_dir()):
            return
        found = files_of_run(self._path) if self._path.is_dir() else [self._path]
        newest = self._waiting[-1] if self._waiting else self._now.file.path if self._now is not None else None
        self._waiting += found[found.index(newest) + 1 :] if newest in found else found if newest is None else []

    def _next(self, before: WandbFile | None) -> list[Record]:
        """Goes on to the next file; what the one before still had to say."""
        came, records = None, []
        if before is not None:
            came, records = before.run.came, before.finish()
            self._read_bytes += before.file.offset
        self._now = WandbFile(self._waiting.pop(0), came)
        return records

    def _take(self, file: WandbFile) -> list[Record]:
        had_history = file.run.has_history
        records = file.poll()
        if not file.begun:
            return records
        self._has_history = self._has_history or file.run.has_history
        known = file.run.recognised(self.name, self.title, self.traits)
        if self._told is None or (file.run.has_history and not had_history and known != self._told):
            self._told = known
            return [known, *records]
        return records


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
