"""From the messages of a `.wandb` file to records: which names are metrics, what counts the steps, how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from parsers.records import Fact, Floats, Ints, Notice, Recognised, Record, Restart, Traits
from parsers.stores.stored_facts import StoredFacts
from parsers.stores.stored_rows import Metrics, StoredColumn, StoredRows
from parsers.stores.wandb_history import STEP, TIME, History

MOST_STEP = 2.0**53
WHERE = "wandb config"
NOT_KNOWN = np.nan
BESIDE = "W&B: another process logs to this run at the same time; open its .wandb file itself to see its rows"

SKEW_SECONDS = 60.0
"""The clocks of two machines may be that far apart, of which one resumes what the other began."""

Numbers = Mapping[str, tuple[Ints, Floats]]
"""Name -> the rows it stands in and its values."""


@dataclass(frozen=True, slots=True)
class Came:
    """How far a run came: its newest step, and when its newest row was logged, in seconds since 1970."""

    step: int | None
    seconds: float | None


class WandbRun:
    """One run, or one start of it. Takes messages as the file gives them and tells what they mean.

    `before` is how far the run came in the files before. A file whose rows begin before that is of another process
    that logs to the same run at the same time: its rows are left out.
    """

    def __init__(self, before: Came | None = None) -> None:
        self._before = before
        self._beside: bool | None = None if before is not None else False
        """Whether it is such a file; None until its first row."""
        self._seconds: float | None = None
        self._history = History()
        self._metrics, self._rows = Metrics(self._history.taken), StoredRows()
        self._facts = StoredFacts(WHERE)
        self._step_name: str | None = None
        """What counts the steps; None before the first metric."""
        self._counts_calls = False
        self._step = NOT_KNOWN
        self._resumed = False
        self._faults = 0
        self._ended = False

    @property
    def has_history(self) -> bool:
        """Whether wandb.log was ever called."""
        return self._history.ever

    @property
    def ended(self) -> bool:
        """Whether the run said its end. Who resumes it writes another file."""
        return self._history.exit_code is not None

    @property
    def last_step(self) -> int | None:
        """Of the newest row, in the files before where there is none in this one."""
        return self.came.step

    @property
    def came(self) -> Came:
        """How far the run has come."""
        before = self._before or Came(None, None)
        if self._beside:
            return before
        step, seconds = self._rows.last_step, self._seconds
        return Came(before.step if step is None else step, before.seconds if seconds is None else seconds)

    def recognised(self, format_name: str, title: str, traits: Traits) -> Recognised:
        """What is known so far of what the numbers mean."""
        known = replace(
            traits,
            loss_unit=self._metrics.unit,
            steps_count="rows" if self._counts_calls else "updates",
            tokens_per_second_of="device" if self._metrics.per_device else "run",
        )
        why = "the file begins with W&B's mark"
        if self._step_name == STEP:
            why += "; steps are W&B's own _step, " + ("the calls of wandb.log" if self._counts_calls else "as logged")
        elif self._step_name is not None:
            why += f"; steps are its column {self._step_name!r}"
        return Recognised(format_name, title, known, why)

    def feed(self, payloads: Iterable[bytes]) -> list[Record]:
        """The records of some more messages: facts first, then rows, then how the run ended."""
        self._history.read(payloads)
        rows, numbers = self._history.rows, self._history.columns()
        if (at := numbers.get(TIME)) is not None and self._is_beside(float(at[1][0])):
            return [Notice("reader", BESIDE, self.last_step)]
        if self._beside:
            return []
        records: list[Record] = [*self._resume(rows), *self._settings()]
        if rows:
            records += self._points(rows, numbers)
        return [*records, *self._end()]

    def _is_beside(self, first_seconds: float) -> bool:
        """Whether it turns out now, at the first row that has a time, that this file is of another process."""
        came = None if self._before is None else self._before.seconds
        if self._beside is not None:
            return False
        self._beside = came is not None and first_seconds < came - SKEW_SECONDS
        return self._beside

    def _resume(self, rows: int) -> list[Record]:
        """That the run was resumed; after a file before this one as soon as there are rows, also if no word says so."""
        at, goes_on = self._history.resumed_at, self._before is not None
        if self._resumed or (not rows if goes_on else at is None):
            return []
        self._resumed = True
        if at is None:
            return [Restart(None, "the run was started again under its W&B ID")]
        words = f"W&B resumed the run at its step {at}"
        return [Notice("resume", words, self.last_step), Restart(None, words)]

    def _settings(self) -> list[Record]:
        if not self._history.config_changed:
            return []
        self._history.config_changed = False
        settings = {name: value for name, value in self._history.config.items() if name != "_wandb"}
        facts: list[Fact] = self._facts.changed(settings)
        name = self._history.run_name
        if name and self._facts.told.get("run_name") != name:
            self._facts.told["run_name"] = name
            facts.append(Fact("run_name", name, "config", WHERE))
        return [*facts]

    def _points(self, rows: int, numbers: Numbers) -> list[Record]:
        """The rows of each metric that have a step."""
        taken = {name: meaning for name, meaning in self._metrics.meanings.items() if name in numbers}
        if not taken:
            return []
        steps = self._steps(rows, numbers)
        seconds = _in_rows(rows, numbers.get(TIME))
        known = seconds[np.isfinite(seconds)]
        self._seconds = max([*known[-1:].tolist(), *([] if self._seconds is None else [self._seconds])], default=None)
        columns = {}
        for name, meaning in taken.items():
            at, values = numbers[name]
            counted = np.isfinite(steps[at])
            at, values = at[counted], self._metrics.scaled(meaning, values[counted])
            timed = bool(np.isfinite(seconds[at]).all())
            columns[meaning.metric] = StoredColumn(
                at, steps[at].astype(np.int64), values, seconds[at] if timed else None
            )
        return self._rows.arrange(columns)

    def _steps(self, rows: int, numbers: Numbers) -> Floats:
        """The step of each row; NaN where it has none. A row without one belongs to the step before it."""
        if self._step_name is None:
            self._step_name = self._history.step_name
            if self._step_name == STEP:
                self._counts_calls = _rise_by_one(numbers.get(STEP))
        steps = _in_rows(rows, numbers.get(self._step_name))
        steps[~(np.abs(steps) < MOST_STEP) | (steps != np.floor(steps))] = NOT_KNOWN
        whole = np.concatenate(([self._step], steps))
        newest = np.maximum.accumulate(np.where(np.isfinite(whole), np.arange(rows + 1), 0))
        filled: Floats = whole[newest]
        self._step = float(filled[-1])
        return filled[1:]

    def _end(self) -> list[Record]:
        records: list[Record] = []
        if self._history.unreadable > self._faults:
            if not self._faults:
                records.append(Notice("reader", "W&B: a record is damaged inside and was left out", self.last_step))
            self._faults = self._history.unreadable
        code = self._history.exit_code
        if code is not None and not self._ended:
            self._ended = True
            words = "the run ended (W&B)" if code == 0 else f"exit code {code}"
            records.append(Notice("traceback" if code else "end", words, self.last_step))
        return records


def _in_rows(rows: int, column: tuple[Ints, Floats] | None) -> Floats:
    """A column with a place for each row; NaN where it has no value."""
    spread = np.full(rows, NOT_KNOWN)
    if column is not None:
        spread[column[0]] = column[1]
    return spread


def _rise_by_one(column: tuple[Ints, Floats] | None) -> bool:
    """Whether these are W&B's own counts: nobody passed a step that leaves numbers out."""
    return column is None or bool((np.diff(column[1]) == 1).all())
