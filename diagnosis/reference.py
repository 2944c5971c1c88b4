"""What a row of a noisy series should have been, from the rows before it alone, kept as the series grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.column import Column
from diagnosis.series import Series
from diagnosis.statistics import MAD_TO_SD, median_of, row_medians, window_medians
from diagnosis.summaries import summary_of
from parsers.records import Floats, Ints

BLOCK, BLOCKS = 32, 4
SLAB = 2048
"""Blocks that are looked at together, so that what is computed from them stays small."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What some rows should have been: `centre` and `sigma` in the unit of the values, each of shape (n,).

    NaN where there is too little before a row. Single precision, a ten-millionth of a loss, halves its memory.
    """

    centre: npt.NDArray[np.float32]
    sigma: npt.NDArray[np.float32]


class RollingReference:
    """Centre and robust spread of the `block * blocks` rows before each row's block.

    The centre is the median of the block medians, the spread the median of the blocks' own: one bad block moves
    neither. Every row of a block has the same reference, which ends before the block begins. Values must be finite.
    """

    def __init__(self, block: int = BLOCK, blocks: int = BLOCKS) -> None:
        self.rows = 0
        self.lead = block * blocks
        """The first row that has a reference."""
        self._block, self._blocks = block, blocks
        self._medians: Column[np.float64] = Column(np.empty(0))
        self._spreads: Column[np.float64] = Column(np.empty(0))
        self._centres: Column[np.float32] = Column(np.empty(0, np.float32))
        self._sigmas: Column[np.float32] = Column(np.empty(0, np.float32))

    def extend(self, series: Series) -> None:
        """Takes in the blocks that are whole now."""
        for start in range(self._medians.length, len(series) // self._block, SLAB):
            stop = min(start + SLAB, len(series) // self._block)
            self._take(series.values[start * self._block : stop * self._block].reshape(-1, self._block))
        self.rows = len(series)

    def _take(self, table: Floats) -> None:
        medians = row_medians(table)
        self._medians.extend(medians)
        self._spreads.extend(MAD_TO_SD * row_medians(np.abs(table - medians[:, None])))
        self._centres.extend(self._rolled(self._medians, len(table)))
        self._sigmas.extend(self._rolled(self._spreads, len(table)))

    def _rolled(self, of_blocks: Column[np.float64], new: int) -> npt.NDArray[np.float32]:
        """The medians over the last blocks that end at each of the `new` ones."""
        known = of_blocks.view()[max(0, of_blocks.length - new - self._blocks + 1) :]
        if len(known) < self._blocks:
            return np.empty(0, np.float32)
        with np.errstate(over="ignore"):  # a loss of 1e300 becomes infinite, and nothing is above that
            rolled = row_medians(np.lib.stride_tricks.sliding_window_view(known, self._blocks))
            return np.asarray(rolled[-new:], np.float32)

    def of(self, start: int, stop: int) -> Reference:
        """The reference of the rows from `start` to before `stop`."""
        return self.at(np.arange(start, stop))

    def at(self, rows: Ints) -> Reference:
        """The reference of these rows."""
        blocks = rows // self._block - self._blocks
        known = blocks >= 0
        centre, sigma = np.full(len(rows), np.nan, np.float32), np.full(len(rows), np.nan, np.float32)
        centre[known], sigma[known] = self._centres.view()[blocks[known]], self._sigmas.view()[blocks[known]]
        return Reference(centre, sigma)


def reference_of(series: Series, block: int = BLOCK) -> RollingReference:
    """The rolling reference of all rows of the series, extended from what is remembered of it."""
    return summary_of(series, RollingReference, block)


def medians_until(series: Series, steps: Ints, rows: int) -> Floats:
    """The median of the last `rows` rows up to each step, shape (steps,); of fewer at the start, NaN before it."""
    ends = np.searchsorted(series.steps, steps, side="right")
    levels, full = np.full(len(steps), np.nan), ends >= rows
    levels[full] = window_medians(series.values, ends[full] - 1, rows)
    for at in np.flatnonzero(~full & (ends > 0)):
        levels[at] = median_of(series.values[: ends[at]])
    return levels


class BlockMedians:
    """The median of each `size` consecutive rows, counted from row `first`; `values` of shape (whole blocks,)."""

    def __init__(self, size: int, first: int = 0) -> None:
        self.rows = 0
        self._size, self._first = size, first
        self._medians: Column[np.float64] = Column(np.empty(0))

    @property
    def values(self) -> Floats:
        return self._medians.view()

    def extend(self, series: Series) -> None:
        """Takes in the blocks that are whole now."""
        begin = self._first + self._medians.length * self._size
        end = max(begin, len(series) - (len(series) - self._first) % self._size)
        for start in range(begin, end, SLAB * self._size):
            rows = series.values[start : min(start + SLAB * self._size, end)]
            self._medians.extend(row_medians(rows.reshape(-1, self._size)))
        self.rows = len(series)
