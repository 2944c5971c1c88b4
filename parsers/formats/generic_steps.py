"""Which step a guessed row belongs to: its own, that of its epoch, that of the row before it, or its number."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["update", "batch", "count", "epoch", "header", "none"]
Counts = Literal["updates", "micro-batches", "epochs", "rows"]
COUNTED: dict[Kind, Counts] = {"update": "updates", "batch": "micro-batches", "count": "rows"}
"""What the steps are where such a count tells them: a count without a name may be of anything."""

ALIKE = 3
"""So many rows alike without a step are a log whose rows are its steps."""
LARGEST = 10**15


class Seen(NamedTuple):
    """A row as it was read: what counts it, the number, and of how many; its epoch; its metrics.

    A "header" is a line that has nothing but an epoch; "none" is a row that tells no place.
    """

    kind: Kind
    number: float | None = None
    total: float | None = None
    epoch: float | None = None
    metrics: tuple[str, ...] = ()


class Placing:
    """Remembers where the run is. Rows are given in the order of the log."""

    def __init__(self) -> None:
        self.counts: Counts | None = None
        self.first: int | None = None
        """The first step that was told."""
        self.total: int | None = None
        """Steps of the run, or of each epoch where the count begins anew with each."""
        self.within: bool | None = None
        """Whether it does; None while that cannot be known."""
        self._by: Literal["count", "epoch", "row"] | None = None
        self._step: int | None = None
        self._header: float | None = None
        self._epoch: float | None = None
        self._first_epoch: float | None = None
        self._number = -1.0
        self._largest = 0.0
        self._from_zero = False
        self._waiting: list[tuple[str, ...]] = []
        self._row: set[str] = set()

    @property
    def alone(self) -> bool:
        """Whether the rows tell no epoch, so that their count is that of the whole run."""
        return self._epoch is None

    @property
    def by_count(self) -> bool:
        """Whether a count of steps, batches or rows tells the steps."""
        return self._by == "count"

    def of(self, row: Seen) -> int | None:
        """The step of a row; None for a header, and for a row whose step is not known yet: see `released`."""
        if row.kind == "header":
            self._header = row.epoch
            return None
        if self._by == "row":
            return self._next(row.metrics)
        if row.kind in COUNTED and _is_count(row.number):
            return self._counted(row, float(row.number or 0.0))
        if row.kind == "epoch" and _is_count(row.epoch):
            return self._by_epoch(float(row.epoch or 0.0))
        return self._without(row)

    def released(self) -> list[int]:
        """The steps of all rows that wait, the first first, once they are known; then none waits any more."""
        if self._by is None or not self._waiting:
            return []
        waited, self._waiting = self._waiting, []
        if self._by == "row":
            return [self._next(metrics) for metrics in waited]
        return [self._step or 0] * len(waited)

    def _counted(self, row: Seen, number: float) -> int:
        epoch = self._header if row.epoch is None else row.epoch
        if self._by != "count":
            self._by, self._first_epoch, self._from_zero = "count", epoch, number == 0
        if self.within is None and None not in (epoch, self._epoch) and (epoch or 0) > (self._epoch or 0):
            self.within = number <= self._number
        self.counts, self.total = COUNTED[row.kind], None if row.total is None else round(row.total)
        before = self._before(epoch)
        self._number, self._epoch = number, epoch
        self._largest = max(self._largest, number)
        return self._told(round(number) + before)

    def _before(self, epoch: float | None) -> int:
        """Steps of the epochs before this one, where the count begins anew with each."""
        if not self.within or epoch is None or self._first_epoch is None:
            return 0
        each = self._largest + self._from_zero if self.total is None else self.total
        return round(max(0, int(epoch) - int(self._first_epoch)) * each)

    def _by_epoch(self, epoch: float) -> int:
        if self._by == "count" and self._step is not None:
            return self._step
        self._by, self.counts = "epoch", "epochs"
        return self._told(round(epoch))

    def _without(self, row: Seen) -> int | None:
        if self._by != "count" and _is_count(self._header):
            return self._by_epoch(self._header or 0.0)
        if self._step is not None:
            return self._step
        self._waiting.append(row.metrics)
        if self._waiting.count(row.metrics) == ALIKE:
            self._by, self.counts = "row", "rows"
        return None

    def _next(self, metrics: tuple[str, ...]) -> int:
        """The number of a row, from 1: it begins where a metric comes again."""
        if self._step is None or not self._row.isdisjoint(metrics):
            self._step, self._row = (self._step or 0) + 1, set()
        self._row.update(metrics)
        return self._told(self._step)

    def _told(self, step: int) -> int:
        self.first = step if self.first is None else self.first
        self._step = step
        return step


def _is_count(number: float | None) -> bool:
    return number is not None and number.is_integer() and 0 <= number < LARGEST
