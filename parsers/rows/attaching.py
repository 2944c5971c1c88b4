"""Gives rows that print no step the step of the row before or after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from parsers.records import Ints
from parsers.rows.batches import NO_STEP
from parsers.rows.row_patterns import Attach
from parsers.rows.skeleton import Batch


class Attaching:
    """Remembers the last step and the rows that wait for the next one."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._waiting: list[Batch] = []

    def attach(self, batches: Sequence[Batch]) -> list[Batch]:
        """The same rows with steps; those that must wait come with a later call or with `close`."""
        stepless = [*self._waiting, *(b for b in batches if b.pattern.attach is not None)]
        placed = [b for b in batches if b.pattern.attach is None]
        self._waiting = []
        if stepless:
            lines, steps = _rising_lines(placed)
            placed += [done for batch in stepless for done in self._place(batch, lines, steps)]
        if any(len(b.lines) for b in batches if b.pattern.attach is None):
            self._last = int(max((b for b in batches if b.pattern.attach is None), key=lambda b: b.lines[-1]).steps[-1])
        return placed

    def close(self) -> list[Batch]:
        """The rows that waited for a row that never came, as far as the last step tells theirs."""
        waiting, self._waiting = self._waiting, []
        placed = []
        for batch in waiting:
            rule = batch.pattern.attach or Attach("after")
            if self._last is not None and rule.otherwise is not None and rule.to == "after":
                placed.append(_stepped(batch, np.full(len(batch.lines), self._last + rule.otherwise)))
        return placed

    def _place(self, batch: Batch, lines: Ints, steps: Ints) -> list[Batch]:
        rule = batch.pattern.attach or Attach("after")
        after = np.searchsorted(lines, batch.lines, side="right")
        found = np.full(len(batch.lines), NO_STEP)
        if rule.to == "before":
            known = np.concatenate(([self._last if self._last is not None else NO_STEP], steps))
            before = known[after]
            found = np.where(before == NO_STEP, NO_STEP, before + rule.steps)
        here = after < len(lines)
        if len(steps):
            next_steps = steps[np.minimum(after, len(steps) - 1)]
            offset = rule.steps if rule.to == "after" else rule.otherwise
            if offset is not None:
                found = np.where((found == NO_STEP) & here, next_steps + offset, found)
        if (wait := np.flatnonzero((found == NO_STEP) & ~here)).size:
            waiting = batch.only(wait)
            waiting.lines = np.full(len(wait), -1, np.int64)
            self._waiting.append(waiting)
        placed = np.flatnonzero(found >= 0)
        return [_stepped(batch.only(placed), found[placed])] if len(placed) else []


def _rising_lines(batches: Sequence[Batch]) -> tuple[Ints, Ints]:
    if not batches:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    lines = np.concatenate([b.lines for b in batches])
    steps = np.concatenate([b.steps for b in batches])
    order = np.argsort(lines, kind="stable")
    return lines[order], steps[order]


def _stepped(batch: Batch, steps: Ints) -> Batch:
    lines = np.maximum(batch.lines, 0)  # a row that waited stands before the first line of the block with its step
    return replace(batch, lines=lines, steps=steps)
