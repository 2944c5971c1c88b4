"""The only mutable thing between the log and the screen: facts, series and notices, owned by one thread."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from diagnosis.series import Series
from parsers.records import Fact, Floats, Ints, Notice, Origin, Points, Recognised, Record, Restart, Traits

TRUST: tuple[Origin, ...] = ("flag", "log", "config", "comment")
NOTICES_KEPT = 500
WALL_SECONDS = "wall_seconds"

Scalar = TypeVar("Scalar", np.int64, np.float64)


class Column(Generic[Scalar]):
    """A numpy column that grows. What was once seen of it never changes: rows are only appended."""

    def __init__(self, dtype: type[Scalar]) -> None:
        self._store: npt.NDArray[Scalar] = np.empty(256, dtype)
        self.length = 0

    def extend(self, rows: npt.NDArray[Scalar]) -> None:
        """Appends rows; amortised constant time for each."""
        needed = self.length + len(rows)
        if needed > len(self._store):
            grown = np.empty(max(needed, len(self._store) * 3 // 2), self._store.dtype)
            grown[: self.length] = self._store[: self.length]
            self._store = grown
        self._store[self.length : needed] = rows
        self.length = needed

    def view(self) -> npt.NDArray[Scalar]:
        """What there is now, read-only, without a copy."""
        shown = self._store[: self.length]
        shown.flags.writeable = False
        return shown


@dataclass(slots=True)
class Table:
    """Rows that carry the same metrics share one column of steps."""

    steps: Column[np.int64] = field(default_factory=lambda: Column(np.int64))
    columns: dict[str, Column[np.float64]] = field(default_factory=dict)

    def extend(self, points: Points) -> None:
        self.steps.extend(points.steps)
        for name, values in points.columns.items():
            self.columns.setdefault(name, Column(np.float64)).extend(values)
        if points.seconds is not None:
            self.columns.setdefault(WALL_SECONDS, Column(np.float64)).extend(points.seconds)


class Segment:
    """The stretch of a run between two restarts."""

    def __init__(self) -> None:
        self.tables: dict[tuple[str, ...], Table] = {}
        self.first_step: int | None = None
        self.last_step: int | None = None

    def extend(self, points: Points) -> None:
        key = (*sorted(points.columns), "" if points.seconds is None else WALL_SECONDS)
        self.tables.setdefault(key, Table()).extend(points)
        low, high = int(points.steps.min()), int(points.steps.max())
        self.first_step = low if self.first_step is None else min(self.first_step, low)
        self.last_step = high if self.last_step is None else max(self.last_step, high)

    def pieces(self, name: str, before: int | None) -> list[tuple[Ints, Floats]]:
        """The rows of one metric, as (steps, values); only those before a step where one is given."""
        found = []
        for table in self.tables.values():
            column = table.columns.get(name)
            if column is None:
                continue
            steps, values = table.steps.view(), column.view()
            if before is not None and len(steps) and steps.max() >= before:
                keep = steps < before
                steps, values = steps[keep], values[keep]
            found.append((steps, values))
        return found


class Run:
    """Takes records one by one and answers with the run as far as it is known."""

    def __init__(self) -> None:
        self.recognised: Recognised | None = None
        self.facts: dict[str, Fact] = {}
        self.overruled: dict[str, Fact] = {}
        """The newest less trusted fact of a name that says something else."""
        self.notices: deque[Notice] = deque(maxlen=NOTICES_KEPT)
        self.segments: list[Segment] = [Segment()]
        self.restarts: list[Restart] = []
        self.version = 0
        """Rises with each record: whoever drew version 7 need not draw it again."""
        self._built: dict[str, tuple[int, Series]] = {}

    @property
    def traits(self) -> Traits:
        """What the trainer's numbers mean; Traits() until the format is known."""
        return self.recognised.traits if self.recognised else Traits()

    def apply(self, record: Record) -> None:
        """Takes one record in."""
        self.version += 1
        match record:
            case Points():
                if len(record.steps):
                    self.segments[-1].extend(record)
            case Fact():
                self._learn(record)
            case Notice():
                self.notices.append(record)
            case Restart():
                self.restarts.append(record)
                if self.segments[-1].first_step is not None:
                    self.segments.append(Segment())
            case Recognised():
                self.recognised = record

    def _learn(self, fact: Fact) -> None:
        known = self.facts.get(fact.name)
        if known is None or TRUST.index(fact.origin) <= TRUST.index(known.origin):
            self.facts[fact.name] = fact
            loser = known
        else:
            loser = fact
        if loser is not None and loser.origin != self.facts[fact.name].origin:
            if loser.value != self.facts[fact.name].value:
                self.overruled[fact.name] = loser
            else:
                self.overruled.pop(fact.name, None)

    @property
    def last_step(self) -> int | None:
        """The newest step of the newest segment that has one."""
        return next((s.last_step for s in reversed(self.segments) if s.last_step is not None), None)

    @property
    def first_step(self) -> int | None:
        """The lowest step of all."""
        return min((s.first_step for s in self.segments if s.first_step is not None), default=None)

    def metrics(self) -> list[str]:
        """The names of all metrics that were ever logged."""
        names = {name for s in self.segments for t in s.tables.values() for name in t.columns}
        return sorted(names)

    def series(self, name: str) -> Series:
        """One metric over the whole run: where a segment went back, its steps replace the older ones."""
        built = self._built.get(name)
        if built is None or built[0] != self.version:
            built = (self.version, self._splice(name))
            self._built[name] = built
        return built[1]

    def _splice(self, name: str) -> Series:
        pieces: list[tuple[Ints, Floats]] = []
        before: int | None = None
        for segment in reversed(self.segments):
            pieces = segment.pieces(name, before) + pieces
            if segment.first_step is not None:
                before = segment.first_step if before is None else min(before, segment.first_step)
        pieces = [p for p in pieces if len(p[0])]
        if not pieces:
            return Series(name, np.empty(0, np.int64), np.empty(0))
        steps, values = pieces[0] if len(pieces) == 1 else tuple(np.concatenate(c) for c in zip(*pieces, strict=True))
        return Series(name, *_rising(steps, values))


def _rising(steps: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Strictly rising steps; of rows with the same step (several ranks, a repeated line) the last one stays."""
    if len(steps) < 2 or bool((steps[1:] > steps[:-1]).all()):
        return steps, values
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]
    last_of_equals = np.append(steps[1:] != steps[:-1], np.array([True]))
    return steps[last_of_equals], values[last_of_equals]
