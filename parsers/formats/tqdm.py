"""Loops of one's own and Lightning, whose losses stand in or beside tqdm's progress bars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.formats.tqdm_rows import (
    DESCRIBED,
    PER_SECOND,
    PLAIN,
    POSTFIX,
    RATE_PRINTED,
    WHERE,
    printed,
    without_cells,
)
from parsers.formats.tqdm_steps import Bar, Steps
from parsers.names import unit_told
from parsers.records import Fact, Floats, Ints, Recognised, Record, Traits
from parsers.rows.page import Page
from parsers.rows.row_patterns import RowPattern
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.text import TextFormat

ALL, TRAIN_LOSS, VAL_LOSS = -1, 1, 2
DROPS = {"train_loss": TRAIN_LOSS, "val_loss": VAL_LOSS}
LAST = Bar(-1, None, None)
"""Stands behind the newest row."""


class Tqdm(TextFormat):
    """Training loops that show their loss in a tqdm bar (tqdm 4.70, std.py, format_meter; Lightning 2.6).

    Steps are batches since the start, over all epochs; whether each makes an update is not known. What the loss is only
    the loop's author knows; where a perplexity is printed too it is a language loss in nats. A loss in a bar is of the
    last batch or a running mean, rounded to three digits as a rule; a `Train Loss` between bars is taken as the mean of
    the epoch that ended, at its last step, in the place of what the full bar shows. Bars of validation give no points:
    their loss is that of a part of the set. Lightning shows the validation loss of before on all later bars: it counts
    where it changes. Seconds of a batch are the bar's own running mean.
    """

    name: ClassVar[str] = "tqdm"
    title: ClassVar[str] = "tqdm"
    about: ClassVar[str] = "loops of one's own and Lightning: losses in tqdm's progress bars"
    example: ClassVar[str] = " 45%|████▌     | 450/1000 [01:23<01:41,  5.41it/s, loss=3.21, lr=1e-4]"
    traits: ClassVar[Traits] = Traits(
        train_loss="average",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        loss_unit="unknown",
        step_seconds="window mean",
        explanations={
            "train_loss": "as the bar shows it: of the last batch, or a running mean",
            "step_seconds": "tqdm's running mean, of a batch",
        },
    )
    sure: ClassVar[float] = 0.85
    rows: ClassVar = (
        POSTFIX,
        DESCRIBED,
        PLAIN,
        printed(b"train(?:ing)?", b"train_loss"),
        printed(b"(?:val(?:id(?:ation)?)?|eval(?:uation)?)", b"val_loss"),
        RATE_PRINTED,
    )

    end: ClassVar = Said(b"trainer.fit` stopped", rb"`Trainer\.fit` stopped: `max_")

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1: by bars with a loss."""
        return super().sniff(without_cells(window))

    def __init__(self) -> None:
        super().__init__()
        self._steps = Steps()
        self._train_loss: float | None = None
        self._val_loss: float | None = None
        self._waiting: list[Batch] = []
        """The newest bar, if it is the newest row."""
        self._at_end = False
        self._printed = self._full_bar_told = False
        """Whether losses of epochs are printed, and whether the newest bar is full and has a loss."""
        self._epochs: int | None = None
        self._is_language = False
        self._patterns: dict[tuple[str, ...], RowPattern] = {}

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines."""
        return self._with_facts(super().feed(without_cells(lines)), lines)

    def finish(self, half: bytes) -> list[Record]:
        """The records of a last line that has no end."""
        return self._with_facts(super().finish(without_cells(half)), half)

    def close(self) -> list[Record]:
        """Those of the last bar, which might have been drawn again."""
        self._at_end = True
        records = self._feed(Page(self._held), may_hold=False)
        self._held = b""
        return self._with_facts([*records, *super().close()], b"")

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows with steps that go on over the epochs, without the columns that tell where a bar is.

        A bar that is drawn again at the same place has newer values then, so that the last one counts.
        """
        for batch in batches:
            batch.lines = batch.lines + self._lines_before
        batches = [*self._waiting, *batches]
        rows = sorted((line, b, i) for b, batch in enumerate(batches) for i, line in enumerate(batch.lines.tolist()))
        columns = [dict(zip(batch.metrics, batch.columns, strict=True)) for batch in batches]
        bars = [_bar_of(batches[b], columns[b], i) for _, b, i in rows]
        steps = [batch.steps.copy() for batch in batches]
        dropped = [np.zeros(len(batch.lines), np.int64) for batch in batches]
        self._waiting = []
        for (_, b, i), bar, after in zip(rows, bars, [*bars[1:], *[LAST][: len(bars)]], strict=True):
            if bar is None:
                dropped[b][i] = self._print(columns[b])
            elif after is LAST and not self._at_end:
                self._waiting = [batches[b].only(np.array([i]))]
                dropped[b][i] = ALL
            elif after == bar:
                dropped[b][i] = ALL
            else:
                steps[b][i], dropped[b][i] = self._bar(bar, columns[b], i)
        parts = [p for b, s, d in zip(batches, steps, dropped, strict=True) for p in _split(b, s, d)]
        for part in parts:
            part.lines = np.maximum(part.lines - self._lines_before, 0)
            if part.pattern.attach is None:  # one bar over several kinds of rows is no copy by another process
                part.pattern = self._patterns.setdefault(part.metrics, RowPattern(hint=b"", turn=1))
        return parts

    def _print(self, given: Mapping[str, Floats]) -> int:
        """Which losses of a printed row do not count: a training loss at a step that has one from its bar."""
        if "train_loss" not in given:
            return 0
        dropped = TRAIN_LOSS * (not self._printed and self._full_bar_told)
        self._printed = True
        return dropped

    def _bar(self, bar: Bar, given: Mapping[str, Floats], row: int) -> tuple[int, int]:
        """The step of a bar, and which of its losses do not count: one from before, one that is printed too."""
        train, val = _number(given.get("train_loss"), row), _number(given.get("val_loss"), row)
        if self._steps.stale(bar) or (bar.done == 0 and train is not None and train == self._train_loss):
            return 0, ALL
        self._epochs = _whole(given.get("epochs"), row) or self._epochs
        self._full_bar_told = bar.done == bar.total and train is not None
        dropped = TRAIN_LOSS * (self._full_bar_told and self._printed)
        dropped |= VAL_LOSS * (val is not None and val == self._val_loss)
        self._train_loss = self._train_loss if train is None else train
        self._val_loss = self._val_loss if val is None else val
        return self._steps.of(bar, from_zero="version" in given), dropped

    def _with_facts(self, records: list[Record], lines: bytes) -> list[Record]:
        """The records behind what all of the log's bars told."""
        first: list[Record] = []
        if not self._is_language and unit_told(_names(lines)) == "nats":
            self._is_language = True
            traits = replace(self.traits, loss_unit="nats")
            first.append(Recognised(self.name, self.title, traits, "it prints a loss and its perplexity"))
        if self._epochs is not None:
            told = [Fact("planned_epochs", self._epochs, "log", "the bars")]
            if (planned := self._steps.planned(self._epochs)) is not None:
                told.append(Fact("planned_steps", planned, "log", "the bars"))
            first += self._learned.new(told)
        return [*first, *records]


def _names(lines: bytes) -> list[str]:
    """The words that a perplexity goes by, where the text has them."""
    return ["perplexity"] if re.search(rb"(?i)\b(?:perplexity|ppl)\b ?[:=] ?\d", lines) else []


def _whole(column: Floats | None, row: int) -> int | None:
    return None if column is None else int(column[row])


def _number(column: Floats | None, row: int) -> float | None:
    return None if column is None else float(column[row])


def _bar_of(batch: Batch, given: Mapping[str, Floats], row: int) -> Bar | None:
    """The bar in a row; None for a row that is printed without one."""
    if batch.pattern.attach is not None:
        return None
    return Bar(int(batch.steps[row]), _whole(given.get("total"), row), _whole(given.get("epoch"), row))


def _split(batch: Batch, steps: Ints, dropped: Ints) -> list[Batch]:
    """The batch with its steps and without what was dropped: a part for each choice of columns."""
    parts = []
    for choice in np.unique(dropped[dropped != ALL]).tolist():
        rows = np.flatnonzero(dropped == choice)
        part = batch if len(rows) == len(steps) else batch.only(rows)
        losses = [name for name, mark in DROPS.items() if choice & mark]
        parts.append(_with(part, steps[rows], drop=(*WHERE, *losses)))
    return parts


def _with(batch: Batch, steps: Ints, drop: tuple[str, ...]) -> Batch:
    named = zip(batch.metrics, batch.columns, strict=True)
    kept = [_seconds(name, column) for name, column in named if name not in drop]
    return replace(batch, steps=steps, metrics=tuple(n for n, _ in kept), columns=[c for _, c in kept])


def _seconds(name: str, column: Floats) -> tuple[str, Floats]:
    """The column, with seconds a batch in the place of batches a second."""
    return ("step_seconds", np.reciprocal(column)) if name == PER_SECOND else (name, column)
