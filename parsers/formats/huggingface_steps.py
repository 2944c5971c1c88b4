"""After how many updates the rows of a Trainer's log were printed, since they do not say it themselves."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal, NamedTuple

from parsers.formats.huggingface_bars import Bar

Way = Literal["bar", "epoch", "rows"]

MOST_WAITING = 2000
"""Rows that may wait for a bar; a full buffer of Python's standard output holds some 80."""
MOST_REDRAWN = 4000
COARSE, RELATIVE = 0.006, 6e-4
"""Older versions print epochs with two decimals, newer ones with four digits."""


LEAST_SECONDS = 20
"""A bar shows whole seconds, so that over as many a mean is right to 5 %."""


MOST_STEPS = 1e12
"""No run is longer: its epoch was cut or is no number."""


class Row(NamedTuple):
    """A dict that the Trainer printed: on which line, at which epoch, and whether it is of training."""

    line: int
    epoch: float | None
    trains: bool


class Plan(NamedTuple):
    """What a start says: on which line, the updates of an epoch, and those of the whole run."""

    line: int
    per_epoch: float | None
    total: int


class Speed(NamedTuple):
    """Seconds of a step, as a mean up to the row on a line."""

    line: int
    step: int
    seconds: float


class Steps:
    """Finds the step of each row.

    The Trainer draws its bar anew right after each row, at the row's step. Where standard output is no terminal
    Python holds rows back and prints many at once; then, as where bars are missing, a row's epoch times the updates of
    an epoch is its step. Where neither tells, rows are numbered. The way is chosen once for a log, so that steps do not
    jump.
    """

    def __init__(self) -> None:
        self.way: Way | None = None
        self.total: int | None = None
        """Updates of the whole run, where the training bar says it."""
        self.per_epoch: float | None = None
        """Updates of one epoch."""
        self._bars: list[Bar] = []
        """Those after the oldest row that waits."""
        self._bar_was_seen = False
        self._redrawn: dict[tuple[int, int], None] = {}
        """Where bars were redrawn before the way was chosen: the step and the bar's total, in the order of the log."""
        self._plans: list[Plan] = []
        """Those that no row has passed yet."""
        self._step = 0
        self._epoch: float | None = None
        self._gap = 0
        """Steps between the two newest rows of training."""
        self._train_step: int | None = None
        self._since: tuple[int, int] | None = None
        """The step and the bar's seconds from which the next mean runs."""
        self._speeds: list[Speed] = []
        self._epochs: list[float] = []
        """Of the rows of training that were numbered."""

    def bars(self, bars: Sequence[Bar]) -> None:
        """Takes in bars, in the order of the log."""
        self._bars += bars

    def plans(self, plans: Sequence[Plan]) -> None:
        """Takes in what starts of the trainer said, in the order of the log."""
        self._plans += plans

    def speeds(self) -> list[Speed]:
        """What the bars' clocks told since the last call."""
        speeds, self._speeds = self._speeds, []
        return speeds

    def of(self, rows: Sequence[Row], *, at_end: bool) -> list[int | None]:
        """The steps of the first of these rows, None for one that cannot be known; the others must wait.

        `rows` begins with those that waited after the call before. `at_end`: nothing comes any more.
        """
        if self.way is None:
            self._choose(rows, at_end=at_end)
        if self.way is None:
            self._forget(rows[0].line if rows else None)
            return []
        found: list[int | None] = []
        for place, row in enumerate(rows):
            end = rows[place + 1].line if place + 1 < len(rows) else None
            self._begin(row.line)
            bar = self._bar_of(row, end) if self.way == "bar" else None
            if self.way == "bar" and bar is None and end is None and not at_end:
                break
            found.append(self._place(row, bar))
            self._time(row, bar)
        self._forget(rows[len(found)].line if len(found) < len(rows) else None)
        return found

    def _choose(self, rows: Sequence[Row], *, at_end: bool) -> None:
        first = next((i for i, row in enumerate(rows) if row.trains), 0 if at_end and rows else None)
        if first is None:
            return
        line = rows[first].line
        self._begin(line)
        after = rows[first + 1].line if first + 1 < len(rows) else None
        bar = next((b for b in self._bars if b.line > line), None)
        if bar is not None and (after is None or bar.line < after):
            self.way = "bar"
        elif after is None and not at_end:
            return
        elif not (self._bar_was_seen or any(b.line < line for b in self._bars)):
            self.way = "rows" if self.per_epoch is None else "epoch"
        elif bar is not None or at_end or len(rows) > MOST_WAITING:
            self._fit([row for row in rows if row.trains and (bar is None or row.line < bar.line)], bar)
            self.way = "rows" if self.per_epoch is None else "epoch"

    def _begin(self, line: int) -> None:
        """Takes over the plans that stand before a line."""
        while self._plans and self._plans[0].line < line:
            plan = self._plans.pop(0)
            self.per_epoch, self.total = plan.per_epoch, plan.total
            self._step, self._gap, self._epoch, self._train_step = 0, 0, None, None

    def _fit(self, rows: Sequence[Row], bar: Bar | None) -> None:
        """Updates of an epoch from rows that came late, in one piece: the bar was redrawn once for each."""
        if self.per_epoch is not None:
            return
        end = float("inf") if bar is None else bar.line
        redrawn = self._redrawn | {(b.done, b.total): None for b in self._bars if b.redrawn and b.line < end}
        total = max((of for _, of in redrawn), default=0)
        steps = [done for done, of in redrawn if of == total and done > 0]
        pairs = [(step, row.epoch) for step, row in zip(steps, rows, strict=False) if row.epoch]
        if len(pairs) < 2:
            return
        per_epoch = pairs[-1][0] / pairs[-1][1]
        if all(abs(step - epoch * per_epoch) <= 0.5 + _doubt(epoch, per_epoch) for step, epoch in pairs):
            self.per_epoch, self.total = per_epoch, total

    def _bar_of(self, row: Row, end: int | None) -> Bar | None:
        """The training bar that was drawn first after the row; that of an evaluation has another total."""
        start = bisect_left(self._bars, (row.line,))
        for bar in self._bars[start : start + 64]:
            if end is not None and bar.line >= end:
                return None
            if row.trains or self.total is None or bar.total == self.total:
                if row.trains:
                    self.total = bar.total
                return bar
        return None

    def _place(self, row: Row, bar: Bar | None) -> int | None:
        went_back = row.epoch is not None and self._epoch is not None and row.epoch < self._epoch
        if self.way == "rows":
            step: int | None = self._number(row, went_back=went_back)
        elif bar is not None and (row.trains or went_back or bar.done >= self._step):
            step = bar.done
            if row.epoch:
                self.per_epoch = step / row.epoch
        else:
            step = self._estimate(row, went_back=went_back)
        if step is None:
            return None
        if row.trains:
            self._gap = max(0, step - (self._train_step or 0))
            self._train_step = step
        self._step, self._epoch = step, row.epoch if row.epoch is not None else self._epoch
        return step

    def _time(self, row: Row, bar: Bar | None) -> None:
        """Growth of the bar's seconds since an earlier row, where no evaluation lies between."""
        if not row.trains or bar is None or bar.seconds is None:
            self._since = None
        elif self._since is None or bar.done <= self._since[0] or bar.seconds < self._since[1]:
            self._since = bar.done, bar.seconds
        elif bar.seconds - self._since[1] >= LEAST_SECONDS:
            seconds = (bar.seconds - self._since[1]) / (bar.done - self._since[0])
            self._speeds.append(Speed(row.line, bar.done, seconds))
            self._since = bar.done, bar.seconds

    def _estimate(self, row: Row, *, went_back: bool) -> int | None:
        if row.epoch is None or self.per_epoch is None:
            return None
        guess = row.epoch * self.per_epoch
        if not 0 <= guess < MOST_STEPS:
            return None
        step, doubt = round(guess), _doubt(row.epoch, self.per_epoch)
        if went_back:
            return step
        if not row.trains:
            return max(step, self._step) if row.epoch != self._epoch else self._step
        regular = (self._train_step or 0) + self._gap
        if doubt > 0.5 and self._gap and abs(regular - guess) <= doubt:
            step = regular
        return max(step, self._step if self._train_step != self._step else self._step + 1)

    def _number(self, row: Row, *, went_back: bool) -> int:
        if went_back and row.epoch is not None:
            del self._epochs[bisect_left(self._epochs, row.epoch) :]
        if row.trains:
            self._epochs.append(row.epoch if row.epoch is not None else self._epoch or 0.0)
        return len(self._epochs)

    def _forget(self, line: int | None) -> None:
        """Lets go of the bars that no row waits for."""
        self._bar_was_seen = self._bar_was_seen or bool(self._bars)
        if self.way is not None:
            self._redrawn.clear()
        elif len(self._redrawn) < MOST_REDRAWN:
            passed = (b for b in self._bars if b.redrawn and (line is None or b.line < line))
            self._redrawn |= {(b.done, b.total): None for b in passed}
        kept = len(self._bars) if line is None else bisect_left(self._bars, (line,))
        del self._bars[:kept]


def _doubt(epoch: float, per_epoch: float) -> float:
    """How many updates an epoch as it is printed may be off."""
    return per_epoch * max(COARSE, epoch * RELATIVE)
