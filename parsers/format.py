"""What every log format is: one trainer, one file in parsers/formats/, one class with this shape."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from parsers.records import Record, Traits


class Format(ABC):
    """Turns one trainer's lines into records. Keeps only what spans lines; does no I/O."""

    name: ClassVar[str]
    """The id of `--format` and `run.format`."""
    title: ClassVar[str]
    """As its users write it: "nanoGPT"."""
    about: ClassVar[str]
    """One line for `traintop formats`."""
    traits: ClassVar[Traits]

    @classmethod
    @abstractmethod
    def sniff(cls, head: bytes) -> float:
        """How sure, from 0 to 1, that `head` (the log's first 256 KiB at most) is this trainer's."""

    @abstractmethod
    def feed(self, lines: bytes) -> list[Record]:
        r"""The records of whole lines, each ended by \n, free of NUL, CR and escape sequences.

        It gets all the lines that there are, one or a hundred thousand, and may match them as one block. Within
        one call, Points of the same metrics form one block each unless a Restart stands between them.
        """

    def close(self) -> list[Record]:
        """What was held back for a line that never came."""
        return []
