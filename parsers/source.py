"""The one seam between the world and a Run: a source is polled and gives records."""

from __future__ import annotations

from typing import Protocol

from parsers.records import Record


class Source(Protocol):
    """Something that gives records, each exactly once. A test's source can be a list."""

    @property
    def label(self) -> str:
        """What it reads, for people: a path or "standard input"."""

    @property
    def waiting_for(self) -> str | None:
        """Why there is nothing yet ("train.log does not exist yet"), else None."""

    @property
    def done(self) -> bool:
        """Whether nothing can come any more (end of a pipe, of a replay, of a compressed file)."""

    @property
    def silence_seconds(self) -> float | None:
        """Seconds since something was last written, as far as it is known."""

    @property
    def half_line(self) -> bool:
        """Whether what there is ends within a line, as it does while the writer's buffer fills."""

    def poll(self) -> list[Record]:
        """What came since the last call, bounded work. Never raises for what a log or a file system does."""

    def close(self) -> None:
        """Gives back what it holds. May be called twice."""
