"""How one trainer's row looks: which text it begins with, and where its step and its metrics stand in it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from parsers.rows.foreign import credible
from parsers.rows.numbers import expand, number

LONGEST = 8192
"""A longer line is no row."""
POSITIVE = frozenset({"mfu", "step_seconds", "tokens_per_second", "tflops", "memory_bytes", "loss_scale"})
"""Metrics that are unknown where a trainer prints 0, -1, inf or nan for them."""
FACTS = frozenset({"planned_steps", "planned_tokens", "planned_epochs"})
"""Groups of a row that are facts of the run."""

Names = Mapping[str, tuple[str, float]]
"""A field's name, as printed, -> the metric, and what the printed number is multiplied by to be SI."""


class Span(NamedTuple):
    """Where a number stands in its line, what it is of, and what it is multiplied by."""

    name: str
    start: int
    end: int
    scale: float


class Found(NamedTuple):
    """A row in a line. `step` is None where the row prints none."""

    pattern: RowPattern
    start: int
    end: int
    step: Span | None
    values: tuple[Span, ...]
    facts: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Attach:
    """To which step a row without one belongs: to the row before it or after it, plus so many steps."""

    to: Literal["before", "after"]
    steps: int = 0
    otherwise: int | None = None
    """What is added to the step on the other side, where the wanted side has no row. None: the row is dropped."""


@dataclass(frozen=True, eq=False)
class RowPattern:
    """What all rows have in common. By itself it finds none: so a format marks rows that it makes of others.

    `hint` is a text, in small letters, without which no line holds such a row. `turn` orders the rows of one step:
    0 for one that is printed before the others, 1 for one that is printed after them.
    """

    hint: bytes
    turn: int = 0
    attach: Attach | None = None
    """Set for a row that prints no step."""
    ends: bytes = b""
    """What must follow the row: a regular expression. Most rows need none."""
    own: bool = True
    """Whether only this trainer prints such rows, so that they tell whose log it is."""

    def find(self, line: bytes) -> Iterator[Found]:
        """The rows of this pattern in a line, from left to right."""
        del line
        return iter(())

    def begins(self, line: bytes) -> bool:
        """Whether a row of this pattern begins in the line, be it whole or not."""
        del line
        return False

    @cached_property
    def _after(self) -> re.Pattern[bytes]:
        return re.compile(self.ends)


@dataclass(frozen=True, eq=False)
class Layout(RowPattern):
    r"""A row that is printed by one format string.

    `text` is a regular expression; {name} stands for a number (see numbers.expand), `(?P<step>\d+)` for the step. Each
    other named group is a metric, or a fact of FACTS. A group that did not take part is absent.
    """

    text: bytes = b""
    scales: Mapping[str, float] = field(default_factory=dict)
    """Metric -> what the printed number is multiplied by. 1 where none is given."""
    start: bytes = b""
    """A regular expression of how such a row begins, for rows that a right margin broke; the text up to the first
    group where none is given."""

    def find(self, line: bytes) -> Iterator[Found]:
        """The rows of this pattern in a line, from left to right."""
        before = 0
        for match in self._regex.finditer(line):
            if credible(line[before : match.start()]) and self._after.match(line, match.end()):
                before = match.end()
                yield self._found(match)

    def begins(self, line: bytes) -> bool:
        """Whether a row of this pattern begins in the line, be it whole or not."""
        return self._start.search(line) is not None

    @cached_property
    def _regex(self) -> re.Pattern[bytes]:
        return re.compile(expand(self.text))

    @cached_property
    def _start(self) -> re.Pattern[bytes]:
        return re.compile(self.start or self.text[: _first_group(self.text)])

    def _found(self, match: re.Match[bytes]) -> Found:
        spans = [
            Span(name, *match.span(name), self.scales.get(name, 1.0)) for name in self._names if match[name] is not None
        ]
        step = Span("step", *match.span("step"), 1.0) if "step" in self._regex.groupindex else None
        values = tuple(s for s in spans if s.name not in FACTS)
        return Found(self, match.start(), match.end(), step, values, tuple(s for s in spans if s.name in FACTS))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(name for name in self._regex.groupindex if name != "step")


@dataclass(frozen=True, eq=False)
class Fields(RowPattern):
    """A row of an anchor and named fields, any of which may be missing.

    `anchor` is a regular expression with the group `step` unless `attach` is set; its other groups are as in Layout.
    `item` matches one field where the last one ended; its groups are `name` and `value`; a value that is no number
    ("n/a") is passed over. `names` says which fields are metrics, by their printed name in small letters.
    """

    anchor: bytes = b""
    item: bytes = b""
    names: Names = field(default_factory=dict)
    least: int = 1
    """A row has as many metrics at least."""
    translate: Callable[[str], tuple[str, float] | None] | None = None
    """For names that are not listed one by one, such as evals named by the user."""
    start: bytes = b""
    """As in Layout, for an anchor that looks ahead; the anchor where none is given."""

    def find(self, line: bytes) -> Iterator[Found]:
        """The rows of this pattern in a line, from left to right."""
        before = 0
        for match in self._anchor.finditer(line):
            if match.start() < before or not credible(line[before : match.start()]):
                continue
            values, end = self._values(line, match)
            if len({v.name for v in values}) >= self.least and self._after.match(line, end):
                before = end
                yield self._found(match, values, end)

    def begins(self, line: bytes) -> bool:
        """Whether a row of this pattern begins in the line, be it whole or not."""
        return (self._start if self.start else self._anchor).search(line) is not None

    @cached_property
    def _start(self) -> re.Pattern[bytes]:
        return re.compile(self.start)

    @cached_property
    def _anchor(self) -> re.Pattern[bytes]:
        return re.compile(expand(self.anchor))

    @cached_property
    def _item(self) -> re.Pattern[bytes]:
        return re.compile(expand(self.item))

    def _values(self, line: bytes, match: re.Match[bytes]) -> tuple[list[Span], int]:
        place, spans, end = match.end(), list[Span](), match.end()
        seen: set[str] = set()
        while (found := self._item.match(line, place)) and found.end() > place:
            place = end = found.end()
            meaning = self._meaning(found["name"]) if found["value"] is not None else None
            if meaning is not None and meaning[0] not in seen:
                seen.add(meaning[0])
                spans.append(Span(meaning[0], *found.span("value"), meaning[1]))
        return spans, end

    def _meaning(self, name: bytes) -> tuple[str, float] | None:
        known = name.strip().lower().decode("utf-8", "replace")
        found = self.names.get(known)
        return self.translate(known) if found is None and self.translate is not None else found

    def _found(self, match: re.Match[bytes], values: list[Span], end: int) -> Found:
        groups = [Span(n, *match.span(n), 1.0) for n in self._anchor.groupindex if n != "step" and match[n] is not None]
        step = Span("step", *match.span("step"), 1.0) if "step" in self._anchor.groupindex else None
        facts = tuple(s for s in groups if s.name in FACTS)
        end = end if step is None else max(end, step.end)  # an anchor may look ahead to its step
        return Found(self, match.start(), end, step, (*(s for s in groups if s.name not in FACTS), *values), facts)


def known(name: str, number_: float) -> bool:
    """Whether a printed number says anything: 0, -1, inf and nan do not where only more than 0 is possible."""
    return name not in POSITIVE or (number_ > 0 and math.isfinite(number_))


def values_of(found: Found, line: bytes) -> dict[str, float]:
    """The metrics of a row, in SI, without those that are not known."""
    pairs = ((s.name, number(line[s.start : s.end]) * s.scale) for s in found.values)
    return {name: n for name, n in pairs if known(name, n)}


def _first_group(text: bytes) -> int:
    places = [p for p in (text.find(b"(?P<"), text.find(b"{")) if p >= 0]
    return min(places, default=len(text))
