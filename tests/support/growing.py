"""Logs that grow, for tests of what reads them."""

from __future__ import annotations

from pathlib import Path

from parsers.follow import Reading, Tail
from parsers.records import Record
from parsers.sources import LogFile

LINE = b"iter %d: loss 10.9874, time 3917.80ms, mfu 12.87%%\n"


def lines(first: int, end: int) -> bytes:
    """Lines as long as a real log's, each different."""
    return b"".join(LINE % number for number in range(first, end))


def append(path: Path, text: bytes) -> None:
    """Writes at the end, as a trainer does."""
    with path.open("ab") as file:
        file.write(text)


def replace(path: Path, text: bytes) -> None:
    """Puts another file at the path in one step."""
    other = path.with_name("other")
    other.write_bytes(text)
    other.rename(path)


def read_all(tail: Tail) -> list[Reading]:
    """Reads until the end of what there is."""
    readings = [tail.read()]
    while not tail.at_end:
        readings.append(tail.read())
    return [r for r in readings if r.lines or r.anew]


def poll_all(source: LogFile) -> list[Record]:
    """Polls until the end of what there is."""
    records = source.poll()
    while not source.caught_up:
        records += source.poll()
    return records
