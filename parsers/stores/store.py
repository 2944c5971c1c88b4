"""What a run is that a library keeps in files of its own: TensorBoard's events, W&B's records, a JSON document."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from parsers.records import Record, Traits


class Store(ABC):
    """A Source over files that are no lines of text; one class in one file of parsers/formats/.

    Like every source it is polled for bounded work, gives each record once, and never raises for what files do.
    The first record is Recognised.
    """

    name: ClassVar[str]
    """The id of `--format` and `run.format`."""
    title: ClassVar[str]
    about: ClassVar[str]
    """One line for `traintop formats`."""
    example: ClassVar[str]
    """A file name as its users have it: "events.out.tfevents.1585769947.host"."""
    traits: ClassVar[Traits]

    label: str
    """The path, as it may be shown."""

    @classmethod
    @abstractmethod
    def holds(cls, path: Path, head: bytes) -> bool:
        """Whether the store at `path` is one: a file that begins with `head` (16 KiB at most), or a directory (b"")."""

    @abstractmethod
    def __init__(self, path: Path) -> None:
        """Opens nothing yet: the first poll does."""

    @property
    @abstractmethod
    def waiting_for(self) -> str | None:
        """Why nothing comes (empty so far, `problem`), in one line; else None."""

    @property
    @abstractmethod
    def problem(self) -> str | None:
        """Why nothing can be read, in one line with the path and the mend; None where it can, or may yet."""

    @property
    @abstractmethod
    def caught_up(self) -> bool:
        """Whether the last poll reached the end of what there is now."""

    @property
    @abstractmethod
    def progress(self) -> float | None:
        """Share of the bytes read so far while there is more to read at once, else None."""

    @property
    @abstractmethod
    def silence_seconds(self) -> float | None:
        """Seconds since something was last written, as far as it is known."""

    @property
    def done(self) -> bool:
        """Whether nothing can come any more."""
        return False

    @property
    def half_line(self) -> bool:
        """Whether what there is ends within a record."""
        return False

    @abstractmethod
    def poll(self) -> list[Record]:
        """What came since the last call; some 50 ms of work at most."""

    def finish(self) -> list[Record]:
        """What was held back; for whoever reads no further. A second call gives []."""
        return []

    @abstractmethod
    def close(self) -> None:
        """Gives back what it holds. May be called twice."""
