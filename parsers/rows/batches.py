"""Rows between being read and being told: which process printed them, and to which step those without one belong."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from parsers.records import Fact, Ints
from parsers.rows.numbers import CLOCK, clock_seconds, number
from parsers.rows.rank_steps import RankSteps
from parsers.rows.row_patterns import Found, RowPattern, values_of
from parsers.rows.skeleton import Batch, surroundings

NO_STEP = -1
SKEW_ROWS = 4
"""Processes that print the same rows are seldom further apart."""


class Line(NamedTuple):
    """A row that was read by itself: the number of its line, the line, and the row in it."""

    at: int
    text: bytes
    found: Found


def batches_of(lines: Iterable[Line]) -> list[Batch]:
    """Rows that were read one by one, a batch for those with the same metrics."""
    groups: dict[tuple[RowPattern, tuple[str, ...], bool, bool], list[tuple[Line, dict[str, float]]]] = {}
    for line in lines:
        values = values_of(line.found, line.text)
        clock, rank = surroundings(line.text, line.found.start)
        key = (line.found.pattern, tuple(values), clock is not None, rank is not None)
        groups.setdefault(key, []).append((line, values))
    return [_batch(pattern, metrics, rows) for (pattern, metrics, _, _), rows in groups.items()]


def _batch(pattern: RowPattern, metrics: tuple[str, ...], rows: Sequence[tuple[Line, dict[str, float]]]) -> Batch:
    around = [surroundings(line.text, line.found.start) for line, _ in rows]
    clocks = [
        None if c is None else _seconds(line.text[c.start : c.end])
        for (line, _), (c, _) in zip(rows, around, strict=True)
    ]
    ranks = [line.text[r.start : r.end] for (line, _), (_, r) in zip(rows, around, strict=True) if r is not None]
    facts: dict[str, list[bytes]] = {}
    if all(line.found.facts for line, _ in rows):
        for line, _ in rows:
            for span in line.found.facts:
                facts.setdefault(span.name, []).append(line.text[span.start : span.end])
    return Batch(
        pattern,
        metrics,
        np.array([line.at for line, _ in rows], np.int64),
        np.array([_step(line) for line, _ in rows], np.int64),
        [np.array([values[name] for _, values in rows], np.float64) for name in metrics],
        None if None in clocks else np.array(clocks, np.float64),
        ranks or None,
        {name: texts for name, texts in facts.items() if len(texts) == len(rows)},
    )


def _step(line: Line) -> int:
    span = line.found.step
    return NO_STEP if span is None else int(number(line.text[span.start : span.end]) * span.scale)


def _seconds(text: bytes) -> float | None:
    found = CLOCK.match(text)
    return None if found is None else clock_seconds(found)


class Ranks:
    """Of several processes that print the same rows one is believed: the first that printed one."""

    def __init__(self) -> None:
        self._leader: bytes | None = None
        self._steps = RankSteps()
        self._recent: dict[RowPattern, deque[int]] = {}
        """The newest steps of a pattern's rows."""
        self._repeated: set[RowPattern] = set()
        """Patterns whose rows came twice in a row: several processes print without saying who they are."""

    def facts(self) -> list[Fact]:
        """How far apart the processes are."""
        return self._steps.facts()

    def one(self, batches: Sequence[Batch]) -> list[Batch]:
        """The rows of one process alone, each once."""
        ranked = [b for b in batches if b.ranks]
        self._steps.take(ranked)
        if ranked and self._leader is None:
            first = min(ranked, key=lambda b: int(b.lines[0]))
            self._leader = (first.ranks or [b""])[0]
        led = [batch if batch.ranks is None else self._led(batch, batch.ranks) for batch in batches]
        for pattern in {b.pattern for b in led if len(b.lines)}:
            self._drop_copies(pattern, led)
        return [batch for batch in led if len(batch.lines)]

    def _led(self, batch: Batch, ranks: Sequence[bytes]) -> Batch:
        keep = np.array([i for i, rank in enumerate(ranks) if rank == self._leader], np.int64)
        return batch if len(keep) == len(batch.lines) else batch.only(keep)

    def _drop_copies(self, pattern: RowPattern, batches: list[Batch]) -> None:
        mine = [i for i, b in enumerate(batches) if b.pattern is pattern and pattern.attach is None]
        if not mine:
            return
        lines = np.concatenate([batches[i].lines for i in mine])
        order = np.argsort(lines, kind="stable")
        steps = np.concatenate([batches[i].steps for i in mine])[order]
        keep = np.empty(len(steps), np.bool_)
        keep[order] = self._fresh(pattern, steps)
        if keep.all():
            return
        for i, part in zip(mine, np.split(keep, np.cumsum([len(batches[i].lines) for i in mine])[:-1]), strict=True):
            batches[i] = batches[i].only(np.flatnonzero(part))

    def _fresh(self, pattern: RowPattern, steps: Ints) -> npt.NDArray[np.bool_]:
        recent = self._recent.setdefault(pattern, deque(maxlen=SKEW_ROWS))
        before = np.concatenate((np.array([recent[-1] if recent else NO_STEP]), steps[:-1]))
        again: npt.NDArray[np.bool_] = before == steps
        keep = np.ones(len(steps), np.bool_)
        if not again.any() and pattern not in self._repeated:
            recent.extend(steps[-SKEW_ROWS:].tolist())
            return keep
        for i, step in enumerate(steps.tolist()):
            if again[i]:
                self._repeated.add(pattern)
            keep[i] = pattern not in self._repeated or step not in recent
            if keep[i]:
                recent.append(step)
        return keep
