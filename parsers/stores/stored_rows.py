"""Metrics that a store keeps one by one, put together as Points; and where the run went back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from parsers.names import Meaning, Taken, mfu_scale
from parsers.records import Floats, Ints, Points, Record, Restart


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """New values of one metric, each of shape (n,), in the order in which they were logged.

    `order` never falls; it puts the values of all metrics in one order (a row number, a time).
    """

    order: Floats | Ints
    steps: Ints
    values: Floats
    seconds: Floats | None = None

    def cut(self, start: int | None, stop: int | None) -> StoredColumn:
        """The values from `start` to `stop`."""
        here = slice(start, stop)
        seconds = None if self.seconds is None else self.seconds[here]
        return StoredColumn(self.order[here], self.steps[here], self.values[here], seconds)

    @property
    def rows(self) -> tuple[bytes, ...]:
        """The same for all columns that were logged in the same calls."""
        parts = (self.order, self.steps, self.seconds)
        return tuple(b"" if part is None else part.tobytes() for part in parts)


class StoredRows:
    """Remembers, from one lot of columns to the next, how far each metric came."""

    def __init__(self) -> None:
        self.last_step: int | None = None
        """Of the newest row."""
        self._last: dict[str, int] = {}

    def arrange(self, columns: Mapping[str, StoredColumn]) -> list[Record]:
        """The columns as Points, one block for metrics of the same rows, with a Restart where a metric goes back.

        Only a metric that falls behind itself tells of a restart: an evaluation may well be logged with a step that
        lies before the newest train step.
        """
        left = {name: column for name, column in columns.items() if len(column.steps)}
        records: list[Record] = []
        while (back := self._first_back(left)) is not None:
            place, behind, at, why = back
            cuts = {name: int(np.searchsorted(column.order, place)) for name, column in left.items()}
            cuts[behind] = at
            records += self._points({name: column.cut(None, cuts[name]) for name, column in left.items()})
            records.append(Restart(int(left[behind].steps[at]), why))
            self._last.clear()
            left = {name: column.cut(cuts[name], None) for name, column in left.items()}
        return [*records, *self._points(left)]

    def _first_back(self, columns: Mapping[str, StoredColumn]) -> tuple[float, str, int, str] | None:
        """Where the first metric falls behind itself: the place in the order, its name, the row, and the words."""
        found = []
        for name, column in columns.items():
            last = self._last.get(name)
            before = np.concatenate((column.steps[:1] if last is None else [last], column.steps[:-1]))
            for at in np.flatnonzero(column.steps < before[: len(column.steps)])[:1].tolist():
                words = f"the steps went back from {before[at]} to {column.steps[at]}"
                found.append((float(column.order[at]), name, at, words))
        return min(found, default=None)

    def _points(self, columns: Mapping[str, StoredColumn]) -> list[Record]:
        groups: dict[tuple[bytes, ...], list[str]] = {}
        for name, column in columns.items():
            if len(column.steps):
                groups.setdefault(column.rows, []).append(name)
                self._last[name] = int(column.steps[-1])
        records: list[Record] = []
        for names in groups.values():
            first = columns[names[0]]
            records.append(Points(first.steps, {name: columns[name].values for name in names}, first.seconds))
        if self._last:
            self.last_step = max(self._last.values())
        return records


class Metrics:
    """Which of a store's names are metrics, in SI units."""

    def __init__(self, taken: Taken | None = None) -> None:
        self._taken = taken or Taken()
        self._mfu_scale = 1.0
        self.per_device: bool | None = None
        """Whether the tokens per second are those of one device; None until there are any."""

    def add(self, names: Iterable[str]) -> None:
        """Learns further names."""
        self._taken.add(names)

    @property
    def unit(self) -> Literal["nats", "other", "unknown"]:
        """What the losses are in, as far as the names tell."""
        return self._taken.unit or "unknown"

    @property
    def meanings(self) -> Mapping[str, Meaning]:
        """The names that are taken. Those of tokens per second stay of a run or of a device as they began."""
        for meaning in self._taken.columns.values():
            if meaning.metric == "tokens_per_second" and self.per_device is None:
                self.per_device = meaning.per_device
        return {
            name: meaning
            for name, meaning in self._taken.columns.items()
            if meaning.metric != "tokens_per_second" or meaning.per_device == self.per_device
        }

    def scaled(self, meaning: Meaning, values: Floats) -> Floats:
        """The values in SI units."""
        scale = meaning.scale
        if meaning.metric == "mfu" and scale == 1.0 and len(values):
            self._mfu_scale = min(self._mfu_scale, mfu_scale(float(np.nanmax(values, initial=0.0))))
            scale = self._mfu_scale
        return values if scale == 1.0 else values * scale
