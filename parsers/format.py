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
    example: ClassVar[str]
    """A row as this trainer prints it."""
    traits: ClassVar[Traits]
    written_anew: ClassVar[bool] = False
    """Whether its writer may write the whole log anew while the run goes on."""

    @classmethod
    @abstractmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1, that some of the lines in `window` are this trainer's.

        `window` is whole lines, cleaned as for `feed`: the newest of what came so far, 256 KiB at most, with
        whatever a launcher or another program printed among them. The last line may lack its end.
        """

    @abstractmethod
    def feed(self, lines: bytes) -> list[Record]:
        r"""The records of whole lines, each ended by \n, free of NUL, CR and escape sequences.

        It gets the lines that one poll gave, one or a hundred thousand, and may match them as one block; the first
        call also gets what was held back until the format was recognised. Within one call, Points of the same
        metrics form one block each unless a Restart stands between them.
        """

    def finish(self, half: bytes) -> list[Record]:
        r"""The records of a last line that has no end, which may have been cut anywhere. No lines come after it."""
        return self.feed(half + b"\n")

    def close(self) -> list[Record]:
        """What was held back for a line that never came."""
        return []

    def goes_on_from(self, before: Format, why: str) -> bool:  # noqa: ARG002  for those who override it
        """Whether it reads a log that was written anew as the same run; asked before the first `feed`.

        `before` read the log as it was. Where it is True, the rows that come again are not given again, and where they
        turn out to be others the format gives the Restart, in the words `why`.
        """
        return False
