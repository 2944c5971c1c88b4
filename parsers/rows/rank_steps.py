"""How far apart the processes of one run print: each one's newest step, and who is behind for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parsers.records import Fact
from parsers.rows.skeleton import Batch

FEWEST_TURNS = 20
"""So often a process must have printed after another one before its silence means anything: many print a start only."""
RESTART_ROWS = 10
"""A process that goes back by more rows was started anew, and all others with it."""
WHERE = "the ranks' newest rows"


@dataclass(slots=True)
class _Process:
    step: int
    turns: int = 0
    """How often its row came after one of another process."""
    usual: int = 0
    """The farthest that it was behind the first one and came back from, in steps."""


class RankSteps:
    """Takes the rows of all processes in the order of the log."""

    def __init__(self) -> None:
        self._processes: dict[bytes, _Process] = {}
        self._interval = 1
        """Steps between two rows of a process."""
        self._front = 0
        self._newest: bytes | None = None

    def take(self, batches: Sequence[Batch]) -> None:
        """The rows of a block that say which process printed them."""
        rows = [
            (line, rank, step)
            for batch in batches
            for line, rank, step in zip(batch.lines.tolist(), batch.ranks or (), batch.steps.tolist(), strict=True)
            if step >= 0  # one below is none
        ]
        if len(batches) > 1:
            rows.sort()
        for _, rank, step in rows:
            self._row(rank, step)

    def facts(self) -> list[Fact]:
        """The distance of the first and the last, and who is farthest behind; nothing where one process prints."""
        if len(self._processes) < 2:
            return []
        skew = self._front - min(process.step for process in self._processes.values())
        found = [Fact("rank_skew_steps", skew, "log", WHERE)]
        known = {rank: one for rank, one in self._processes.items() if one.turns >= FEWEST_TURNS}
        if len(known) < 2:
            return found
        rank, last = min(known.items(), key=lambda item: item[1].step)
        told = {"rank_behind": int(rank), "rank_behind_step": last.step, "rank_front_step": self._front,
                "rank_usual_steps": last.usual, "rank_row_steps": self._interval}  # fmt: skip
        return [*found, *(Fact(name, value, "log", WHERE) for name, value in told.items())]

    def _row(self, rank: bytes, step: int) -> None:
        process = self._processes.get(rank)
        if process is None:
            self._processes[rank] = _Process(step)
        elif step < process.step - RESTART_ROWS * self._interval:
            self._processes, self._front = {rank: _Process(step)}, step
        else:
            process.usual = max(process.usual, self._front - process.step)
            process.turns += self._newest != rank
            self._interval = step - process.step if step > process.step else self._interval
            process.step = max(step, process.step)
        self._front, self._newest = max(self._front, step), rank
