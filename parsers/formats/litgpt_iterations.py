"""Makes rows of updates out of LitGPT's rows of micro-batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parsers.records import Floats, Ints
from parsers.rows.skeleton import Batch

MOST_SUMMED = 4096
"""Micro-batches of one update whose times are added up at most."""
MOST_SECONDS = 1e9
"""Of one micro-batch; also False for a time that was not printed, which is NaN."""
UNKNOWN = 0


class Update(NamedTuple):
    """How updates are made of micro-batches: update k ends with iteration k * accumulation - offset."""

    accumulation: int = UNKNOWN
    offset: int = 0
    """1 where iterations count from 0."""


class Rows(NamedTuple):
    """The rows that count, and what was known of the updates at each of the rows that were read, as (n,) arrays."""

    batches: list[Batch]
    lines: Ints
    accumulation: Ints
    offset: Ints

    def update_of(self, lines: Ints, iters: Ints, before: Update) -> Ints:
        """The updates that were done at these iterations, printed on these lines; -1 where that is not known.

        `before` is what was known before all rows.
        """
        places = np.searchsorted(self.lines, lines, side="right")
        per_update = np.concatenate(([before.accumulation], self.accumulation))[places]
        offset = np.concatenate(([before.offset], self.offset))[places]
        return np.where(per_update > 0, (iters + offset) // np.maximum(per_update, 1), -1)


class Iterations:
    """Remembers, from block to block, the micro-batches of the update that is not done yet."""

    def __init__(self) -> None:
        self.update = Update()
        self._step = self._iter = -1
        self._iters: Ints = np.empty(0, np.int64)
        self._seconds: Floats = np.empty(0, np.float64)

    def read(self, batches: Sequence[Batch], ends_update: Sequence[bool]) -> Rows:
        """The first row of each step out of rows with the columns "iter" and "iter_seconds", without those two.

        `ends_update` says of each batch whether its rows say that they ended with an update. A row whose micro-batches
        all printed their times has `step_seconds`, their sum.
        """
        if not batches:
            none = np.empty(0, np.int64)
            return Rows([], none, none, none)
        lines = np.concatenate([b.lines for b in batches])
        order = np.argsort(lines, kind="stable")
        steps = np.concatenate([b.steps for b in batches])[order]
        iters = np.concatenate([counts(b, "iter") for b in batches])[order]
        times = np.concatenate([column(b, "iter_seconds") for b in batches])[order]
        said = np.concatenate([np.full(len(b.lines), e) for b, e in zip(batches, ends_update, strict=True)])[order]
        known, offset = self._known(iters, steps, said)
        kept = np.concatenate(([self._step], steps[:-1])) != steps
        seconds = self._sums(iters, times, known, offset)
        self._step, self._iter = int(steps[-1]), int(iters[-1])
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        parts = np.split(back, np.cumsum([len(b.lines) for b in batches])[:-1])
        rows = [row for b, at in zip(batches, parts, strict=True) for row in _rows(b, kept[at], seconds[at])]
        return Rows(rows, lines[order], known, offset)

    def _known(self, iters: Ints, steps: Ints, said: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Accumulation and offset as known at each row.

        A row that ended with update k counts k times as many iterations, from 1 or from 0. The first update could be
        either, so it teaches nothing. A row need not say that it ended with one where the row before it is of the
        iteration and the step before.
        """
        last_steps, last_iters = (np.concatenate(([a], b[:-1])) for a, b in ((self._step, steps), (self._iter, iters)))
        ended = said | ((steps == last_steps + 1) & (iters == last_iters + 1))
        divisor = np.maximum(steps, 1)
        from_1, from_0 = iters % divisor == 0, (iters + 1) % divisor == 0
        teaches = ended & (steps > 1) & (from_1 | from_0)
        offsets = np.where(from_1, 0, 1)
        latest = np.maximum.accumulate(np.where(teaches, np.arange(len(iters)), -1))
        known: Ints = np.where(latest < 0, self.update.accumulation, ((iters + offsets) // divisor)[latest])
        offset: Ints = np.where(latest < 0, self.update.offset, offsets[latest])
        self.update = Update(int(known[-1]), int(offset[-1]))
        return known, offset

    def _sums(self, iters: Ints, times: Floats, known: Ints, offset: Ints) -> Floats:
        """The seconds of the update that each row ends, NaN where it ends none or a time is missing."""
        all_iters = np.concatenate((self._iters, iters))
        all_times = np.concatenate((self._seconds, times))
        timed = all_times < MOST_SECONDS
        totals = np.concatenate(([0.0], np.cumsum(np.where(timed, all_times, 0.0))))
        untimed = np.concatenate(([0], np.cumsum(~timed)))
        last = np.arange(len(self._iters), len(all_iters))
        first = last - np.maximum(known, 1) + 1
        whole = (known > 0) & ((iters + offset) % np.maximum(known, 1) == 0) & (first >= 0)
        first = np.maximum(first, 0)
        whole &= all_iters[first] == iters - known + 1
        self._iters, self._seconds = all_iters[-MOST_SUMMED:], all_times[-MOST_SUMMED:]
        whole &= untimed[last + 1] == untimed[first]
        return np.where(whole, totals[last + 1] - totals[first], np.nan)


def counts(batch: Batch, name: str) -> Ints:
    """The values of one metric as whole numbers, of shape (n,); -1 for what is none."""
    values = column(batch, name)
    return np.where(np.abs(values) < 2**53, values, -1.0).astype(np.int64)


def column(batch: Batch, name: str) -> Floats:
    """The values of one metric, of shape (n,). Raises ValueError where the batch has none."""
    return batch.columns[batch.metrics.index(name)]


def without(batch: Batch, *names: str) -> Batch:
    """The same rows without some of their metrics."""
    left = tuple(n for n in batch.metrics if n not in names)
    return replace(batch, metrics=left, columns=[column(batch, n) for n in left])


def _rows(batch: Batch, kept: npt.NDArray[np.bool_], seconds: Floats) -> list[Batch]:
    """The rows that are kept, those with seconds of a step apart from those without."""
    plain = without(batch, "iter", "iter_seconds")
    timed = np.isfinite(seconds) & (seconds > 0)
    with_seconds = replace(plain, metrics=(*plain.metrics, "step_seconds"), columns=[*plain.columns, seconds])
    found = (plain.only(np.flatnonzero(kept & ~timed)), with_seconds.only(np.flatnonzero(kept & timed)))
    return [b for b in found if len(b.lines)]
