"""From a log's lines to records: cleans them, finds out whose they are, and feeds them to that format."""

from __future__ import annotations

from collections.abc import Iterator

from parsers.clean import clean
from parsers.format import Format
from parsers.formats import FORMATS, by_name, recognise
from parsers.records import Notice, Recognised, Record, Restart

WINDOW_BYTES = 256 << 10
"""The most that one look for a format sees."""
FRESH_BYTES = 8 << 10
"""What a look in between sees: the newest lines."""
HELD_BYTES = 4 << 20
"""Kept of what came after the first window while nothing is recognised."""
LOOKS = 4
"""The most windows of one call that are looked at, evenly spread: looking costs more than reading."""
GROWTH = 1 / 8
"""Looks at the whole window come when it holds that share of new bytes: a log that nobody knows costs little."""


class Intake:
    """Takes whole lines. Until a format is recognised it holds them back, in bounded memory, and looks again."""

    def __init__(self, format_name: str | None = None) -> None:
        self._forced = None if format_name is None else by_name(format_name)
        self._unknown_name = format_name if self._forced is None else None
        self._announced: type[Format] | None = None
        self._format: Format | None = None
        self._before: tuple[Format, str] | None = None
        """What read a log that was written anew, and the words for that, until its new lines are recognised."""
        self._held = bytearray()
        self._unseen = 0
        self._finished = False

    @property
    def recognised(self) -> bool:
        """Whether it is known, or was said, whose lines these are."""
        return self._format is not None

    @property
    def problem(self) -> str | None:
        """Why the lines cannot be read, to end a sentence that begins with the log's name; None while they may be.

        That nothing was recognised is known for sure only after `finish`.
        """
        if self._unknown_name is not None:
            return f"cannot be read as {self._unknown_name!r}; known formats: {_known()}"
        return self.doubt if self._finished else None

    @property
    def doubt(self) -> str | None:
        """That lines came and none of them is known so far, to end the same sentence."""
        if self._format is not None or not self._held or self._held.isspace():
            return None
        return f"is no training log that is known here ({_known()}); where it is one, say --format NAME"

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines; Recognised comes before all others, with all that was held back."""
        text = clean(lines)
        if self._format is not None:
            return self._read(self._format, text)
        if self._forced is not None:
            return self._begin(self._forced, f"--format {self._forced.name}", text)
        windows = list(_windows(text))
        stride = -(-len(windows) // LOOKS)
        for windows_after, (start, end) in zip(reversed(range(len(windows))), windows, strict=True):
            is_first = not self._held
            self._hold(text[start:end])
            if (is_first or windows_after % stride == 0) and (found := self._look()):
                held = bytes(self._held)
                self._held.clear()
                return self._begin(*found, held + text[end:])
        return []

    def restart(self, why: str) -> list[Record]:
        """The log began anew: what the old one still held back, a Restart, and all is looked at afresh.

        Where its writer may write all anew while the run goes on, the Restart waits until the new lines show it.
        """
        records = self._close()
        if self._format is not None and self._format.written_anew:
            self._before = self._format, why
        elif self._before is None:
            records.append(Restart(None, why))
        self._format, self._unseen = None, 0
        self._held.clear()
        return records

    def finish(self, half: bytes) -> list[Record]:
        """The records of a last line without an end, and of what was held back. No lines come after it."""
        if self._finished:
            return []
        self._unseen = len(self._held)
        if self._format is None:
            records = self.feed(half + b"\n")
        else:
            records = self._last(self._format, clean(half + b"\n")) if half else []
        self._finished = True
        return [*records, *self._close()]

    def _close(self) -> list[Record]:
        return self._format.close() if self._format is not None else []

    def _hold(self, lines: bytes) -> None:
        self._held += lines
        self._unseen += len(lines)
        if len(self._held) > WINDOW_BYTES + 2 * HELD_BYTES:
            del self._held[self._held.rfind(b"\n", 0, WINDOW_BYTES) + 1 : self._held.find(b"\n", -HELD_BYTES) + 1]

    def _look(self) -> tuple[type[Format], str] | None:
        whole = self._unseen >= GROWTH * min(len(self._held), WINDOW_BYTES)
        window = _newest(self._held, WINDOW_BYTES if whole else FRESH_BYTES)
        if whole:
            self._unseen = 0
        before = self._announced
        if (found := recognise(window)) is None and before is not None and before.sniff(window) > 0:
            return before, "as before"
        return found

    def _begin(self, kind: type[Format], why: str, text: bytes) -> list[Record]:
        self._format = kind()
        records: list[Record] = []
        if self._before is not None:
            (before, anew), self._before = self._before, None
            if not self._format.goes_on_from(before, anew):
                records.append(Restart(None, anew))
        if kind is not self._announced:
            self._announced = kind
            records.append(Recognised(kind.name, kind.title, kind.traits, why))
        return [*records, *self._read(self._format, text)]

    def _read(self, reader: Format, text: bytes) -> list[Record]:
        try:
            return reader.feed(text) if text else []
        except Exception as error:  # noqa: BLE001  a fault in a reader must be seen, and must not end the monitor
            return [Notice("reader", f"{reader.title}: some lines could not be read ({error!r})")]

    def _last(self, reader: Format, text: bytes) -> list[Record]:
        *whole, half, _ = text.split(b"\n")
        records = self._read(reader, b"".join(line + b"\n" for line in whole))
        try:
            return [*records, *reader.finish(half)]
        except Exception as error:  # noqa: BLE001  as above
            return [*records, Notice("reader", f"{reader.title}: the last line could not be read ({error!r})")]


def _known() -> str:
    return ", ".join(kind.name for kind in FORMATS)


def _windows(text: bytes) -> Iterator[tuple[int, int]]:
    """Cuts at line ends, WINDOW_BYTES at most each. A line is shorter than that."""
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= WINDOW_BYTES else text.rfind(b"\n", start, start + WINDOW_BYTES) + 1
        yield start, end
        start = end


def _newest(held: bytearray, size: int) -> bytes:
    """The newest whole lines, `size` bytes at most."""
    return bytes(held) if len(held) <= size else bytes(held[held.find(b"\n", len(held) - size - 1) + 1 :])
