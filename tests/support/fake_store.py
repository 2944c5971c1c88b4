"""Stores for tests of what stands around stores: a file or folder of lines `STEP LOSS` that is no text log."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from parsers.records import Points, Recognised, Record, Traits
from parsers.stores.store import Store

MAGIC = b"\0EVENTS\n"


class Events(Store):
    """Event files: holds a file that begins with MAGIC, and a folder with a tfevents file."""

    name: ClassVar[str] = "tensorboard"
    title: ClassVar[str] = "Events"
    about: ClassVar[str] = "event files"
    example: ClassVar[str] = "events.out.tfevents.1.host"
    traits: ClassVar[Traits] = Traits()

    def __init__(self, path: Path) -> None:
        self.label = str(path)
        self._path = path
        self._given = False
        self.polls = 0
        self.closed = False

    @classmethod
    def holds(cls, path: Path, head: bytes) -> bool:
        if head or not path.is_dir():
            return head.startswith(MAGIC) if head else "tfevents" in path.name
        return any(path.glob("*tfevents*"))

    waiting_for = None
    silence_seconds = 1.0

    @property
    def problem(self) -> str | None:
        return None if self._path.exists() else f"{self.label} is gone"

    @property
    def caught_up(self) -> bool:
        return self._given and self.polls > 1

    @property
    def progress(self) -> float | None:
        return None if self.caught_up else 0.5

    def poll(self) -> list[Record]:
        """Nothing at first, as while a large file is read, then all."""
        self.polls += 1
        if self._given or self.polls < 2:
            return []
        self._given = True
        text = self._path.read_bytes().removeprefix(MAGIC) if self._path.is_file() else b"1 2.5\n"
        rows = np.array([line.split() for line in text.splitlines()], float).reshape(-1, 2)
        points = Points(rows[:, 0].astype(np.int64), {"train_loss": rows[:, 1]})
        return [Recognised(self.name, self.title, self.traits, "a test"), points]

    def close(self) -> None:
        self.closed = True


class State(Events):
    """A document trainer_state.json."""

    name: ClassVar[str] = "huggingface-state"
    title: ClassVar[str] = "State"
    about: ClassVar[str] = "trainer_state.json"

    @classmethod
    def holds(cls, path: Path, head: bytes) -> bool:
        return path.name == "trainer_state.json" and head.startswith(b"{")


class Record_(Events):  # noqa: N801  Record is a record
    """A binary .wandb file."""

    name: ClassVar[str] = "wandb"
    title: ClassVar[str] = "Runs"

    @classmethod
    def holds(cls, path: Path, head: bytes) -> bool:
        return path.suffix == ".wandb" and head.startswith(b":W&B")


class Tracking(Events):
    """A run's folder in mlruns."""

    name: ClassVar[str] = "mlflow"
    title: ClassVar[str] = "Tracking"

    @classmethod
    def holds(cls, path: Path, head: bytes) -> bool:
        """A run, or an experiment with runs."""
        return not head and (any(path.glob("metrics")) or any(path.glob("*/metrics")))


def know_these(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stores of this file are known, and no others."""
    monkeypatch.setattr("parsers.formats.STORES", (Events, State, Record_, Tracking), raising=False)
