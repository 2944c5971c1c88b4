"""The times of plain steps in blocks of consecutive rows, kept as the run grows."""

from __future__ import annotations

import numpy as np

from diagnosis.column import Column
from diagnosis.series import Series
from diagnosis.statistics import row_medians
from diagnosis.steady import eval_rows
from parsers.records import Floats, Ints

COMPILING_ROWS = 5
"""The first rows compile and warm up."""
UNSETTLED_ROWS = 2
"""The eval of a row may be printed below it."""
SLAB = 65_536
"""Rows that are taken in together, so that what is computed from them stays small."""
QUICK = 0.1
"""The quantile of a block that stands for its undisturbed steps: a neighbour on the CPU slows only some of them."""


class StepBlocks:
    """Blocks of `size` plain rows each, counted from the first, so that later rows do not move them.

    A plain row timed no evaluation or checkpoint, as `eval_rows` tells by `interval` or by the steps of evals; with
    neither all rows are plain. Values must be finite.
    """

    def __init__(self, size: int, interval: float | None) -> None:
        self.rows = 0
        """Rows that were looked at."""
        self.size, self.interval = size, interval
        self._medians: Column[np.float64] = Column(np.empty(0))
        self._quick: Column[np.float64] = Column(np.empty(0))
        self._starts: Column[np.int64] = Column(np.empty(0, np.int64))
        self._ends: Column[np.int64] = Column(np.empty(0, np.int64))
        self._left: Ints = np.empty(0, np.int64)
        """Plain rows that fill no block yet."""

    @property
    def medians(self) -> Floats:
        """Seconds, one a block."""
        return self._medians.view()

    @property
    def quick(self) -> Floats:
        """The 10 % quantiles, one a block."""
        return self._quick.view()

    @property
    def starts(self) -> Ints:
        """The first row of each block."""
        return self._starts.view()

    @property
    def ends(self) -> Ints:
        """The last row of each block."""
        return self._ends.view()

    def extend(self, seconds: Series, evals: Ints | None) -> None:
        """Takes in the rows that are settled now; `evals` are the steps of evals where their interval is unknown."""
        while self.rows < len(seconds) - UNSETTLED_ROWS:
            self._take(seconds, evals, min(self.rows + SLAB, len(seconds) - UNSETTLED_ROWS))

    def _take(self, seconds: Series, evals: Ints | None, stop: int) -> None:
        rows = np.concatenate((self._left, self.plain(seconds, evals, max(self.rows, COMPILING_ROWS), stop)))
        whole = len(rows) // self.size * self.size
        table = rows[:whole].reshape(-1, self.size)
        if len(table):
            values = seconds.values[table]
            self._medians.extend(row_medians(values))
            self._quick.extend(np.quantile(values, QUICK, axis=1))
            self._starts.extend(table[:, 0])
            self._ends.extend(table[:, -1])
        self._left, self.rows = rows[whole:].copy(), stop

    def plain(self, seconds: Series, evals: Ints | None, start: int, stop: int) -> Ints:
        """The plain rows among those from `start` to before `stop`."""
        rows = np.arange(start, max(start, stop))
        if self.interval is None and (evals is None or not len(evals)):
            return rows
        some = Series(seconds.name, seconds.steps[start:stop], seconds.values[start:stop])
        return rows[~eval_rows(some, self.interval, evals)]
