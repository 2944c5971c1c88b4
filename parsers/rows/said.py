"""What a trainer says of its run before and between its rows: one line, one or more facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from parsers.records import Fact, Origin, Value
from parsers.rows.foreign import credible
from parsers.rows.numbers import expand, value

LONGEST = 4096

Read = Callable[[re.Match[bytes]], Mapping[str, Value]]


@dataclass(frozen=True, eq=False)
class Said:
    """One line that a trainer prints and the facts in it.

    `text` is a regular expression; {name} stands for a number. Named groups are facts, unless `read` makes them.
    `hint` is a text, in small letters, without which no line matches.
    """

    hint: bytes
    text: bytes
    read: Read | None = None
    begins: bool = False
    """Whether each start of the trainer prints it: after rows it begins a new run."""
    resumes: bool = False
    """Whether it says that the run goes on from a checkpoint."""
    own: bool = True
    """Whether only this trainer prints it, so that it tells whose log it is."""

    def match(self, line: bytes) -> re.Match[bytes] | None:
        """Where the line says it; None where it does not, or where code or prose stands before it."""
        found = self._regex.search(line, 0, LONGEST)
        return found if found is not None and credible(line[: found.start()]) else None

    def facts(self, found: re.Match[bytes], where: str, origin: Origin = "log") -> Iterator[Fact]:
        """The facts of a match."""
        if self.read is not None:
            values = self.read(found)
        else:
            values = {name: value(text) for name, text in found.groupdict().items() if text is not None}
        return (Fact(name, one, origin, where) for name, one in values.items())

    @cached_property
    def _regex(self) -> re.Pattern[bytes]:
        return re.compile(expand(self.text))


class Learned:
    """Remembers what was said, since several processes print the same header."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, Origin], Value] = {}

    def new(self, facts: Iterable[Fact]) -> list[Fact]:
        """Those that say something new."""
        kept = []
        for fact in facts:
            key = (fact.name, fact.origin)
            if key not in self._values or self._values[key] != fact.value:
                self._values[key] = fact.value
                kept.append(fact)
        return kept
