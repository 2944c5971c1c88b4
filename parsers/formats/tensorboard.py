"""TensorBoard: the event files that its SummaryWriters write, and a folder that holds those of one run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import ClassVar

from parsers.clean import printable
from parsers.records import Notice, Recognised, Record, Restart, Traits
from parsers.stores.event_facts import facts_of, has_other_loss, is_hugging_face, is_language_model
from parsers.stores.event_file import EventFile, Reading
from parsers.stores.event_order import Name, Order
from parsers.stores.event_records import HEADER_BYTES, begins_event_file
from parsers.stores.event_scalars import Found, ScalarReader
from parsers.stores.event_tags import Tags
from parsers.stores.store import Store

POLL_SECONDS = 0.02
"""No further block is begun after that; one takes some 8 ms of scalars, 35 ms of histograms."""
MARK = "tfevents"
"""In the name of each event file (tensorboard/backend/event_processing/io_wrapper.py)."""
HEADS_LOOKED_AT = 20
TAGS_NAMED = 4


class TensorBoard(Store):
    """The scalars of a run, by the names of their tags.

    SummaryWriters of torch, tensorboardX and TF 1 keep them as simple_value, those of TF 2 and JAX as a tensor of one
    element. The numbers are the user's own: what a loss is of only his code tells. Where the texts of Hugging Face's
    TensorBoardCallback show that its Trainer wrote the file, train/loss is the mean of the steps since the last row,
    and a row with step N comes after N updates. PyTorch Lightning's step counts from 0.

    A run that was started again goes on in a new file of the same folder; what it repeats opens a new segment. Of
    several files written at the same time (ranks), each metric is taken from the first that has it.

    Read in tensorboard 2.21 (backend/event_processing, compat/proto), torch 2.13 (utils/tensorboard), transformers 5.23
    (integrations/integration_utils.py) and lightning 2.6 (pytorch/loggers/tensorboard.py).
    """

    name: ClassVar[str] = "tensorboard"
    title: ClassVar[str] = "TensorBoard"
    about: ClassVar[str] = (
        "TensorBoard's event files, or the folder of one run: scalars, read by the names of their tags"
    )
    example: ClassVar[str] = "events.out.tfevents.1585769947.host"
    traits: ClassVar[Traits] = Traits(
        loss_unit="unknown",
        explanations={"train_loss": "as the training code gave it to its SummaryWriter"},
    )

    @classmethod
    def holds(cls, path: Path, head: bytes) -> bool:
        """Whether it is an event file, which may have no record yet, or a folder with one directly in it."""
        if head:
            named = MARK in path.name and len(head) < HEADER_BYTES
            return named or begins_event_file(head)
        if not path.is_dir():
            return MARK in path.name
        try:
            return any(_is_event_file(file) for file in _event_files(path)[-HEADS_LOOKED_AT:])
        except OSError:
            return False

    def __init__(self, path: Path) -> None:
        self.label = printable(str(path))
        self._path = path
        self._files: dict[Name, EventFile] = {}
        self._tags, self._order = Tags(), Order()
        self._scalars = ScalarReader(self._tags.ignored)
        self._told: Recognised | None = None
        self._other_loss = False
        self._gave_points = False
        self._caught_up = False
        self._step: int | None = None
        self._refused: str | None = None
        """Why the folder cannot be listed."""

    @property
    def waiting_for(self) -> str | None:
        """Nothing there yet, nothing in it so far, no tag known so far, or `problem`."""
        if self.problem is not None or self._gave_points:
            return self.problem or next((f.file.reason for f in self._files.values() if f.file.reason), None)
        if not self._files:
            return f"{self.label} holds no event file yet (events.out.tfevents.*)"
        if reason := next((f.file.reason for f in self._files.values() if f.file.reason), None):
            return reason
        if not self._tags.left_out:
            return f"{self.label} holds no scalar so far"
        named = ", ".join(printable(tag) for tag in self._tags.left_out[:TAGS_NAMED])
        return f"{self.label} holds no loss that is known by its name, only {named}"

    @property
    def problem(self) -> str | None:
        """Why nothing can be read, in one line with the path and the mend; None where it can, or may yet."""
        if self._refused is not None:
            return self._refused
        files = self._files.values()
        if not files or self._told is not None:
            return None
        if all(file.file.refused for file in files):
            return next(file.file.reason for file in files)
        if all(file.lost and not file.file.offset for file in files):
            return f"{self.label} holds no event records; name a file events.out.tfevents.* or the folder of a run"
        return None

    @property
    def caught_up(self) -> bool:
        """Whether the last poll reached the end of all files."""
        return self._caught_up

    @property
    def progress(self) -> float | None:
        """Share of the bytes read so far while there is more to read at once, else None."""
        size = sum(file.file.size for file in self._files.values())
        if self._caught_up or not size:
            return None
        return min(1.0, sum(file.file.offset for file in self._files.values()) / size)

    @property
    def silence_seconds(self) -> float | None:
        """Seconds since one of the files was last written to."""
        known = [silence for file in self._files.values() if (silence := file.file.silence_seconds) is not None]
        return min(known, default=None)

    @property
    def half_line(self) -> bool:
        """Whether the newest file ends within a record."""
        return bool(self._files) and self._files[max(self._files)].within_record

    def poll(self) -> list[Record]:
        """What came since the last call, file by file in the order of their names, for POLL_SECONDS."""
        began, records = perf_counter(), []
        self._find_files()
        self._caught_up = False
        for name in sorted(self._files):
            file = self._files[name]
            while True:
                records += self._take(name, file, file.read())
                if file.at_end:
                    break
                if perf_counter() - began > POLL_SECONDS:
                    return records
            if perf_counter() - began > POLL_SECONDS and name != max(self._files):
                return records
        self._caught_up = True
        return records

    def close(self) -> None:
        """Nothing is held open between two polls."""

    def _find_files(self) -> None:
        """Those that are there now. What came of a file that was removed stays."""
        self._refused = None
        try:
            paths = _event_files(self._path) if self._path.is_dir() else [self._path]
        except PermissionError:
            self._refused = f"{self.label}: permission denied; make it readable (chmod +rx) or run as its owner"
            return
        except OSError:
            return
        known = {_sort_key(path.name): path for path in paths}
        self._files = {name: self._files.get(name) or EventFile(path) for name, path in known.items()}

    def _take(self, name: Name, file: EventFile, reading: Reading) -> list[Record]:
        found = self._scalars.read(reading.frames.batches)
        records: list[Record] = list(self._recognise(found)) if reading.frames.batches else []
        if reading.anew and self._gave_points:
            self._order.forget()
            records.append(Restart(None, f"{file.name} was cut or replaced"))
        records += [fact for tag, text in found.texts for fact in facts_of(tag, text, file.name)]
        curves = self._tags.curves(found.scalars)
        if curves:
            self._gave_points = True
            self._step = int(curves[-1].rows.steps[-1])
            records += self._order.arrange(name, curves)
        return [*records, *self._troubles(file.name, reading, found.unreadable)]

    def _recognise(self, found: Found) -> Iterator[Record]:
        """That these are event files; again when texts tell more of what the numbers mean."""
        traits = self.traits if self._told is None else self._told.traits
        for tag, text in found.texts:
            self._other_loss = self._other_loss or has_other_loss(tag, text)
            if is_hugging_face(tag, text):
                traits = replace(traits, train_loss="window mean", updates_at_train_row=0)
            elif is_language_model(tag, text):
                traits = replace(traits, loss_unit="nats")
        if self._other_loss:
            traits = replace(traits, loss_unit="other")
        if self._told is None or traits != self._told.traits:
            self._told = Recognised(self.name, self.title, traits, "it holds TensorBoard's event records")
            yield self._told

    def _troubles(self, name: str, reading: Reading, unreadable: int) -> Iterator[Record]:
        if reading.damaged:
            many = "a record is" if len(reading.damaged) == 1 else f"{len(reading.damaged)} records are"
            yield Notice("reader", f"{name}: {many} damaged at byte {reading.damaged[0]} and left out", self._step)
        if unreadable:
            yield Notice("reader", f"{name}: {unreadable} records are no events and left out", self._step)
        if reading.lost_at is not None and self._told is not None:
            text = f"{name}: damaged at byte {reading.lost_at}; what follows in this file cannot be read"
            yield Notice("reader", text, self._step)


def _event_files(folder: Path) -> list[Path]:
    """The event files directly in a folder, in the order in which they were begun, as their names say."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if MARK in entry.name and entry.is_file()]
    return [folder / name for name in sorted(names, key=_sort_key)]


def _sort_key(name: str) -> Name:
    """Numbers in a name are compared as numbers: events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER."""
    parts = re.split(r"(\d+)", name)
    return tuple(int(part) if at % 2 else part for at, part in enumerate(parts))


def _is_event_file(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(256)
    except OSError:
        return False
    return len(head) < HEADER_BYTES or begins_event_file(head)
