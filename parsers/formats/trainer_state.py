"""trainer_state.json of the Hugging Face Trainer: one JSON document that is written anew at each checkpoint."""

from __future__ import annotations

import os
import re
import stat
import time
from pathlib import Path
from typing import ClassVar

from parsers.clean import printable
from parsers.configs.written import HUGGINGFACE
from parsers.formats.jsonl import Jsonl
from parsers.records import Fact, Recognised, Record, Traits
from parsers.stores.store import Store

ENTRIES_A_POLL = 2048
MOST_BYTES = 256 << 20
"""A larger file is no trainer_state.json."""
NAME = "trainer_state.json"
FACTS = {
    "max_steps": "planned_steps",
    "num_train_epochs": "planned_epochs",
    "train_batch_size": "batch_size",
    "logging_steps": "log_interval",
}

_HISTORY = re.compile(rb'"log_history"\s*:\s*\[')
_ENTRY = re.compile(rb"\s*+(\{[^{}]*+(?:\{[^{}]*+\}[^{}]*+)*+\})\s*+([,\]])")
_EMPTY = re.compile(rb"\s*\]")
_WHOLE_NUMBER = re.compile(rb'"(\w+)"\s*:\s*(\d{1,15})(?:\.0)?\s*(?=[,}\n])')

TRAITS = Traits(
    train_loss="window mean",
    updates_at_train_row=0,
    updates_at_eval_row=0,
    step_seconds="window mean",
    optimizer="AdamW",
    settings=HUGGINGFACE,
    explanations={
        "train_loss": "mean over all devices and over the steps since the last entry, in train mode",
        "grad_norm": "before clipping",
    },
)


class LogHistory(Jsonl):
    """The entries of log_history, one a line."""

    name: ClassVar[str] = "huggingface"
    title: ClassVar[str] = "Hugging Face Trainer"
    traits: ClassVar[Traits] = TRAITS


class TrainerState(Store):
    """trainer_state.json (transformers 5.23, trainer_callback.py, TrainerState.save_to_json).

    `step` counts updates done. The loss is the mean over devices and over the steps since the last entry, in train
    mode; with logging_nan_inf_filter, the default, steps whose loss is NaN or infinite are left out of it. grad_norm
    is taken before clipping. `eval_loss` is of the only evaluation set, `eval_NAME_loss` of one of several. The
    train_loss of the last entry is the mean of the whole run, no loss of a step. `train_batch_size` is of one device.
    """

    name: ClassVar[str] = "huggingface"
    title: ClassVar[str] = "Hugging Face Trainer"
    about: ClassVar[str] = "trainer_state.json of the Hugging Face Trainer, in the run's directory and its checkpoints"
    example: ClassVar[str] = NAME
    traits: ClassVar[Traits] = TRAITS

    @classmethod
    def holds(cls, path: Path, head: bytes) -> bool:
        """Whether it is a JSON object with a log_history; the Trainer sorts the keys, so that it stands early."""
        if not head.lstrip().startswith(b"{"):
            return False
        return _HISTORY.search(head) is not None or (path.name == NAME and b'"global_step"' in head)

    def __init__(self, path: Path) -> None:
        self.label = printable(str(path))
        self._path = path
        self._reader = LogHistory()
        self._stamp: tuple[int, int, int] | None = None
        """Of the file that was read last: inode, size, time of its last change."""
        self._modified: float | None = None
        self._text = b""
        self._at: int | None = None
        """How far the entries were read; None where all were."""
        self._known: list[int] = []
        """A hash of each entry of the document before."""
        self._place = 0
        self._facts: dict[str, int] = {}
        self._told = self._finished = False
        self._missing = False
        self._refusal: str | None = None
        self._damage: str | None = None

    @property
    def waiting_for(self) -> str | None:
        """Why nothing comes (not there, empty, half written, `problem`), in one line; else None."""
        if self._missing:
            return f"{self.label} does not exist yet"
        if self._refusal or self._damage:
            return self._refusal or self._damage
        return None if self._known else f"{self.label} holds no entries so far"

    @property
    def problem(self) -> str | None:
        """Why nothing can be read, in one line with the path and the mend; None where it can, or may yet.

        A document that is cut off may be whole at the next look: it is a problem only after `finish`.
        """
        return self._refusal or (self._damage if self._finished and not self._known else None)

    @property
    def caught_up(self) -> bool:
        """Whether the last poll reached the end of what there is now."""
        return self._at is None

    @property
    def progress(self) -> float | None:
        """Share of the bytes read so far while there is more to read at once, else None."""
        return None if self._at is None else self._at / max(1, len(self._text))

    @property
    def silence_seconds(self) -> float | None:
        """Seconds since the file was last written."""
        return None if self._modified is None else max(0.0, time.time() - self._modified)

    def poll(self) -> list[Record]:
        """The entries that came since the last call, ENTRIES_A_POLL at most."""
        if self._at is None and not self._open():
            return []
        records: list[Record] = []
        if not self._told:
            self._told = True
            records.append(Recognised(self.name, self.title, self.traits, "it holds the log_history of a Trainer"))
        return [*records, *self._learn(), *self._reader.feed(self._entries())]

    def finish(self) -> list[Record]:
        """Nothing is held back. For whoever reads no further."""
        self._finished = True
        return []

    def close(self) -> None:
        """Lets go of the text. May be called twice."""
        self._text, self._at = b"", None

    def _open(self) -> bool:
        """Reads the document anew where the file changed; whether there are entries to read."""
        try:
            found = self._path.stat()
            stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
            if stamp == self._stamp:
                return False
            self._refusal = _refused(found, self.label)
            text = b"" if self._refusal else self._path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            missing = isinstance(error, FileNotFoundError)
            self._refusal = None if missing else f"{self.label} cannot be read ({reason})"
            self._missing = missing
            return False
        self._missing = False
        self._stamp, self._modified = stamp, found.st_mtime
        if self._refusal:
            return False
        begin = _HISTORY.search(text)
        self._damage = None if begin else f"{self.label} is no whole trainer_state.json; name one with a log_history"
        if begin is None:
            return False
        self._text, self._at, self._place = text, begin.end(), 0
        return True

    def _learn(self) -> list[Record]:
        """What the document says of the run beside its entries, where it is new."""
        if self._place or self._at is None:
            return []
        end = self._text.rfind(b"]")
        beside = self._text[: self._at] + self._text[end if end > self._at else len(self._text) :]
        records: list[Record] = []
        for name, digits in _WHOLE_NUMBER.findall(beside):
            term, value = FACTS.get(name.decode()), int(digits)
            if term is not None and value > 0 and self._facts.get(term) != value:
                self._facts[term] = value
                records.append(Fact(term, value, "log", NAME))
        return records

    def _entries(self) -> bytes:
        """The next entries that were not known before, one a line."""
        fresh: list[bytes] = []
        for _ in range(ENTRIES_A_POLL):
            found = None if self._at is None else _ENTRY.match(self._text, self._at)
            if found is None:
                self._end()
                break
            if self._is_new(hash(found[1])):
                fresh.append(found[1].replace(b"\n", b" "))
            self._at = found.end()
            if found[2] == b"]":
                self._end()
                break
        return b"".join(entry + b"\n" for entry in fresh)

    def _is_new(self, mark: int) -> bool:
        """Whether the document before had another entry in this place, or none."""
        place, self._place = self._place, self._place + 1
        if place < len(self._known) and self._known[place] == mark:
            return False
        self._known[place:] = [mark]
        return True

    def _end(self) -> None:
        if (
            self._at is not None
            and self._text[self._at - 1 : self._at] != b"]"
            and not _EMPTY.match(self._text, self._at)
        ):
            self._damage = f"{self.label} ends within its log_history"
        del self._known[self._place :]
        self.close()


def _refused(found: os.stat_result, label: str) -> str | None:
    if not stat.S_ISREG(found.st_mode):
        return f"{label} is no file; name a {NAME}"
    return f"{label} is larger than 256 MiB; name a {NAME}" if found.st_size > MOST_BYTES else None
