"""Batches of guessed rows on their way to their steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt

from parsers.formats.generic_rows import HEADER, PLACES
from parsers.formats.generic_steps import Kind, Seen
from parsers.records import Ints
from parsers.rows.skeleton import Batch

Bools = npt.NDArray[np.bool_]

COLUMNS = frozenset({*PLACES, "total", "epochs"})
"""Those that tell where a row is, and are no metrics."""


class Rows:
    """A batch's rows as the placing sees them, and what it says of each.

    `steps` is None where it is not known; `means` whether the loss is the mean of steps that have a row each.
    """

    def __init__(self, batch: Batch) -> None:
        columns = {name: column.tolist() for name, column in zip(batch.metrics, batch.columns, strict=True)}
        self.batch = batch
        self.kind = _kind(batch)
        self.lines: list[int] = batch.lines.tolist()
        metrics = tuple(name for name in columns if name not in COLUMNS)
        unknown: list[None] = [None] * len(self.lines)
        numbers, totals, epochs = (columns.get(name, unknown) for name in (self.kind, "total", "epoch"))
        self.seen = [Seen(self.kind, *place, metrics=metrics) for place in zip(numbers, totals, epochs, strict=True)]
        self.steps: list[int | None] = [None] * len(self.lines)
        self.means = [False] * len(self.lines)
        self.trains = "train_loss" in metrics
        self.counted = self.kind not in ("epoch", "none")
        """Whether a count of its own places each row."""

    def placed(self) -> tuple[Bools, Ints, Bools]:
        """Whether each row's step is known, the steps, and `means`; shape (n,)."""
        known = np.array([step is not None for step in self.steps], np.bool_)
        return known, np.array([step or 0 for step in self.steps], np.int64), np.array(self.means, np.bool_)


def newest_epochs(batches: list[Batch]) -> int | None:
    """The planned epochs that the newest row tells."""
    told = [(line, n) for batch in batches if "epochs" in batch.metrics for line, n in _epochs(batch) if n > 0]
    return round(max(told)[1]) if told else None


def stepped(batch: Batch, steps: Ints, keep: Bools, without: str = "") -> Batch:
    """Some rows at their steps, without the columns that told them; an epoch beside a step is a metric."""
    gone = (COLUMNS - ({"epoch"} if {"update", "batch", "count"} & {*batch.metrics} else set())) | {without}
    kept = [(name, column) for name, column in zip(batch.metrics, batch.columns, strict=True) if name not in gone]
    rows = replace(batch, steps=steps, metrics=tuple(n for n, _ in kept), columns=[c for _, c in kept])
    return rows if keep.all() else rows.only(np.flatnonzero(keep))


def _epochs(batch: Batch) -> Iterator[tuple[int, float]]:
    column = batch.columns[batch.metrics.index("epochs")]
    return zip(batch.lines.tolist(), column.tolist(), strict=True)


def _kind(batch: Batch) -> Kind:
    if batch.pattern is HEADER:
        return "header"
    return next((cast("Kind", name) for name in PLACES if name in batch.metrics), "none")
