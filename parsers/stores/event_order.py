"""The curves of a run, written in one or many event files: in order, each from one writer, with its restarts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from parsers.records import Floats, Points, Record, Restart
from parsers.stores.event_scalars import Scalars

MOST_RESTARTS = 64
"""In one block. Steps that go back more often are no restarts: somebody counts the batches of an epoch."""

Name = tuple[int | str, ...]
"""What the files of a run are sorted by."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric's part of a block. The values of `rows` are scaled already."""

    metric: str
    rows: Scalars


@dataclass(frozen=True, slots=True)
class _Last:
    """Where a metric stands: its newest row, None for the step if that was before a restart."""

    file: Name
    step: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class _Back:
    """A row whose step is lower than that of the metric's row before."""

    at: int
    after: int
    """Which record of the block that row before is; -1 for one of an earlier block."""
    step: int
    from_step: int


class Order:
    """Knows how far each metric has come, and in which file."""

    def __init__(self) -> None:
        self._last: dict[str, _Last] = {}
        self._parallel: set[tuple[Name, str]] = set()

    def forget(self) -> None:
        """A file began anew, and the run with it."""
        self._last.clear()
        self._parallel.clear()

    def arrange(self, file: Name, curves: Sequence[Curve]) -> list[Record]:
        """The records of one block of one file: Points of each metric, cut where a Restart stands.

        A file goes on with a metric where the one before it ended in time. What it says of the time before is left
        out: another process of the same run (a rank) wrote it, at the same time and about the same steps.
        """
        kept = [curve for curve in curves if self._goes_on(file, curve)]
        cuts = _cuts(sorted((b for c in kept for b in self._backs(c)), key=lambda back: back.at))
        for curve in kept:
            self._note(file, curve, cuts[-1].at if cuts else None)
        records: list[Record] = []
        edges = [-1, *(cut.at for cut in cuts), None]
        for number, (begin, end) in enumerate(pairwise(edges)):
            if number:
                cut = cuts[number - 1]
                records.append(Restart(cut.step, f"the steps went back from {cut.from_step} to {cut.step}"))
            records += [points for curve in kept if (points := _points(curve, begin or 0, end)) is not None]
        if cuts:
            for metric in self._last.keys() - {curve.metric for curve in kept}:
                self._last[metric] = replace(self._last[metric], step=None)
        return records

    def _goes_on(self, file: Name, curve: Curve) -> bool:
        known = self._last.get(curve.metric)
        if known is None or known.file == file:
            return True
        if (file, curve.metric) in self._parallel or file < known.file:
            return False
        if curve.rows.seconds[0] < known.seconds:
            self._parallel.add((file, curve.metric))
            return False
        return True

    def _backs(self, curve: Curve) -> Iterator[_Back]:
        """Where a metric's steps go back while its times do not."""
        rows, known = curve.rows, self._last.get(curve.metric)
        came_to = None if known is None or rows.seconds[0] < known.seconds else known.step
        if came_to is not None and rows.steps[0] < came_to:
            yield _Back(int(rows.at[0]), -1, int(rows.steps[0]), came_to)
        back = (rows.steps[1:] < rows.steps[:-1]) & (rows.seconds[1:] >= rows.seconds[:-1])
        for row in back.nonzero()[0][: MOST_RESTARTS + 1].tolist():
            steps = rows.steps
            yield _Back(int(rows.at[row + 1]), int(rows.at[row]), int(steps[row + 1]), int(steps[row]))

    def _note(self, file: Name, curve: Curve, cut: int | None) -> None:
        rows = curve.rows
        step = int(rows.steps[-1]) if cut is None or rows.at[-1] >= cut else None
        self._last[curve.metric] = _Last(file, step, float(rows.seconds[-1]))


def _cuts(backs: Sequence[_Back]) -> list[_Back]:
    """One restart for all the metrics that went back with it: their rows before it are older than it."""
    cuts: list[_Back] = []
    for back in backs:
        if not cuts or back.after >= cuts[-1].at:
            cuts.append(back)
    return cuts if len(cuts) <= MOST_RESTARTS else []


def _points(curve: Curve, begin: int, end: int | None) -> Points | None:
    rows = curve.rows
    here = slice(rows.at.searchsorted(begin), None if end is None else rows.at.searchsorted(end))
    if not len(rows.steps[here]):
        return None
    values: Floats = rows.values[here]
    return Points(rows.steps[here], {curve.metric: values}, rows.seconds[here])
