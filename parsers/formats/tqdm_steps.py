"""Where a loop is, from its bars: which of them count steps of training, and how many batches an epoch has."""

from __future__ import annotations

from typing import NamedTuple

NEARLY_ALL = 0.97
"""A bar that ends there ended an epoch: tqdm need not have drawn its last batch."""


class Bar(NamedTuple):
    """One drawing: batches done, of how many, and the epoch before the bar where one is printed."""

    done: int
    total: int | None
    epoch: int | None


class Steps:
    """Batches since the start of the run.

    A bar begins anew with each epoch, unless the loop has one for all its steps. Epochs are counted from 0 where an
    epoch 0 is seen first, else from 1.
    """

    def __init__(self) -> None:
        self.total: int | None = None
        self._first_epoch: int | None = None
        self._before = 0
        """Batches of the epochs before this one."""
        self._last: Bar | None = None

    def stale(self, bar: Bar) -> bool:
        """Whether a bar is empty again and still says the epoch that ended, as Lightning draws it."""
        last = self._last
        return last is not None and bar.done == 0 and bar.epoch is not None and bar.epoch == last.epoch

    def of(self, bar: Bar, *, from_zero: bool) -> int:
        """The step of a bar; `from_zero` for a library that counts its epochs from 0."""
        last, self._last = self._last, bar
        if bar.epoch is not None and self._first_epoch is None:
            self._first_epoch = 0 if from_zero or bar.epoch == 0 else 1
        begins = last is not None and (bar.done < last.done or (bar.epoch != last.epoch and bar.done == last.done))
        if bar.epoch is not None:
            if last is None or (begins and bar.epoch != last.epoch) or bar.epoch < (last.epoch or 0):
                self._before = (bar.epoch - (self._first_epoch or 0)) * (bar.total or 0)
        elif begins and last is not None:
            ended = last.total is not None and last.done >= NEARLY_ALL * last.total and last.total == bar.total
            self._before = self._before + (last.total or 0) if ended else 0
        self.total = bar.total
        return max(0, self._before) + bar.done

    def planned(self, epochs: int) -> int | None:
        """Steps of a run of so many epochs."""
        return None if self.total is None else epochs * self.total
