"""The only mutable thing between the log and the screen: facts, series and notices, owned by one thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from diagnosis.column import Column
from diagnosis.series import Series
from parsers.records import Fact, Floats, Ints, Notice, Origin, Points, Recognised, Record, Restart, Traits

TRUST: tuple[Origin, ...] = ("flag", "log", "config", "comment")
NOTICES_KEPT = 500
"""The newest: a log that complains at each step costs no memory."""
OF_LANGUAGE = frozenset({"vocab_size", "block_size", "tokens_per_step"})
"""Facts of none but a model of tokens."""
WALL_SECONDS, STEP_SECONDS = "wall_seconds", "step_seconds"


class Table:
    """Rows that carry the same metrics share one column of steps."""

    def __init__(self) -> None:
        self.steps: Column[np.int64] = Column(np.empty(0, np.int64))
        self.columns: dict[str, Column[np.float64]] = {}
        self._last = -1
        self._rises = True

    def extend(self, steps: Ints, columns: Mapping[str, Floats]) -> None:
        self._rises = self._rises and int(steps[0]) > self._last and bool((steps[1:] > steps[:-1]).all())
        self._last = int(steps[-1])
        self.steps.extend(steps)
        for name, values in columns.items():
            self.columns.setdefault(name, Column(np.empty(0))).extend(values)

    def split_off(self, names: set[str]) -> Table:
        """A table of its own for these columns, which from now on have other rows than the rest."""
        other = Table()
        other.steps.extend(self.steps.view())
        other.columns = {name: self.columns.pop(name) for name in names}
        other._last, other._rises = self._last, self._rises
        return other

    def sort(self) -> None:
        """Makes the steps rise strictly, in new columns: views of the old ones stay as they were."""
        if self._rises:
            return
        chosen = _rising(self.steps.view())
        self.steps = Column(self.steps.view()[chosen])
        self.columns = {name: Column(column.view()[chosen]) for name, column in self.columns.items()}
        self._last, self._rises = int(self.steps.view()[-1]), True


class Segment:
    """The stretch of a run between two restarts."""

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self.first_step: int | None = None
        self.last_step: int | None = None

    def extend(self, points: Points) -> None:
        left = dict(points.columns)
        if points.seconds is not None:
            left[WALL_SECONDS] = points.seconds
        for table in list(self.tables):
            here = table.columns.keys() & left.keys()
            if not here:
                continue
            if absent := table.columns.keys() - here:
                self.tables.append(table.split_off(absent))
            table.extend(points.steps, {name: left.pop(name) for name in here})
        if left:
            self.tables.append(Table())
            self.tables[-1].extend(points.steps, left)
        low, high = int(points.steps.min()), int(points.steps.max())
        self.first_step = low if self.first_step is None else min(self.first_step, low)
        self.last_step = high if self.last_step is None else max(self.last_step, high)

    def pieces(self, name: str, before: int | None) -> list[tuple[Ints, Floats]]:
        """The rows of one metric, as (steps, values); only those before a step where one is given."""
        found = []
        for table in self.tables:
            if name not in table.columns:
                continue
            table.sort()
            column = table.columns[name]
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
        self.configured: dict[str, Fact] = {}
        """What config files say, believed or not: they tell by which names this run is set up."""
        self.overruled: dict[str, Fact] = {}
        """The newest less trusted fact of a name that says something else."""
        self.notices: deque[Notice] = deque(maxlen=NOTICES_KEPT)
        self.segments: list[Segment] = [Segment()]
        self.restarts: list[Restart] = []
        self.version = 0
        """Rises with each record: whoever drew version 7 need not draw it again."""
        self._built: dict[str, tuple[int, int, Series]] = {}
        """By name: the version and the number of segments that it was built at, and the series."""

    @property
    def traits(self) -> Traits:
        """What the trainer's numbers mean; Traits() until the format is known.

        A loss of unknown kind is a language model's where a flag, a config or the log tells what only such a one has.
        """
        told = self.recognised.traits if self.recognised else Traits()
        speaks = told.loss_unit == "unknown" and not OF_LANGUAGE.isdisjoint(self.facts)
        return replace(told, loss_unit="nats") if speaks else told

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
        if fact.origin == "config":
            self.configured[fact.name] = fact
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
        """The names of all metrics that were ever logged, and the seconds of a step where the rows' times tell them."""
        names = self._logged()
        return sorted(names | {STEP_SECONDS} if WALL_SECONDS in names else names)

    def _logged(self) -> set[str]:
        return {name for s in self.segments for t in s.tables for name in t.columns}

    def series(self, name: str) -> Series:
        """One metric over the whole run: where a segment went back, its steps replace the older ones."""
        built = self._built.get(name)
        if built is not None and built[0] == self.version:
            return built[2]
        paced = name == STEP_SECONDS and STEP_SECONDS not in self._logged()
        series = self._paced() if paced else self._splice(name)
        if built is not None and built[1] == len(self.segments) and series.begins_with(built[2]):
            # The rows before are the same: what was made of them goes on from there.
            series = replace(series, memo=built[2].memo)
        self._built[name] = (self.version, len(self.segments), series)
        return series

    def rows(self, name: str) -> int:
        """How many points of a metric were logged, each segment's own: `series` has fewer where steps came again."""
        if name == STEP_SECONDS and STEP_SECONDS not in self._logged():
            return len(self.series(name))
        return sum(len(steps) for segment in self.segments for steps, _ in segment.pieces(name, None))

    def _paced(self) -> Series:
        """Seconds of a step between each two rows that carry a time; a row that opens a segment tells none."""
        wall = self._splice(WALL_SECONDS)
        if len(wall) < 2:
            return Series(STEP_SECONDS, np.empty(0, np.int64), np.empty(0))
        seconds = np.diff(wall.values) / np.diff(wall.steps)
        starts = [s.first_step for s in self.segments if s.first_step is not None]
        told = (seconds > 0) & ~np.isin(wall.steps[1:], starts)
        return Series(STEP_SECONDS, wall.steps[1:][told], seconds[told])

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
        if len(pieces) == 1:
            return Series(name, *pieces[0])
        steps, values = (np.concatenate(column) for column in zip(*pieces, strict=True))
        chosen = _rising(steps)
        return Series(name, steps[chosen], values[chosen])


def _rising(steps: Ints) -> Ints:
    """Which rows make the steps rise strictly: of those with the same step (several ranks) the last one."""
    order = np.argsort(steps, kind="stable")
    ordered = steps[order]
    chosen: Ints = order[np.append(ordered[1:] != ordered[:-1], np.array([True]))]
    return chosen
