"""Keras' progress bar (keras/src/utils/progbar.py), which fit() prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.formats.keras_bars import Bar, OneEpoch, Part
from parsers.records import Recognised, Record, Traits
from parsers.rows.attaching import Attaching
from parsers.rows.batches import NO_STEP
from parsers.rows.row_patterns import Attach, Fields, Layout, Names, RowPattern
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.text import TextFormat

NAMES: Names = {
    "loss": ("train_loss", 1.0),
    "val_loss": ("val_loss", 1.0),
    "lr": ("learning_rate", 1.0),
    "learning_rate": ("learning_rate", 1.0),
}
EPOCH = Layout(hint=b"epoch ", text=rb"^Epoch (?P<step>\d{1,7})/{planned_epochs}\s*$", start=rb"^Epoch \d", own=False)
RATE = rb"(?:(?:{milliseconds}ms|{microseconds}us|{whole_seconds}s)/step|\d+(?:ms|us|s)/(?:sample|epoch))"
ITEM = rb" - (?P<name>[A-Za-z][\w/. ]{0,60}): {value}"
BAR = Fields(
    hint=b" - ",
    anchor=rb"(?<![\d/.])(?P<step>\d{1,9})/(?P<planned_steps>\d{1,9}|Unknown)"
    rb"(?: (?:\xe2\x94\x81)+| \[[=>.]+\]|(?<=Unknown))(?: -)?"
    rb" (?:{elapsed_seconds}s|ETA: [\d:]+s?|\d+:\d\d(?::\d\d)?(?= (?:- )?\d+[mu]?s/))(?: -)?(?: "
    + RATE
    + rb")?(?= - [A-Za-z])",
    item=ITEM,
    names=NAMES,
)
"""A bar of verbose=1. The time is what is left of the epoch, in a full bar of Keras 3 what it took."""
LINE = Fields(
    hint=b" - ",
    anchor=rb"(?<![\d/.])(?P<step>\d{1,9})/(?P<planned_steps>(?P=step))(?: -)? {elapsed_seconds}s(?: -)?(?: "
    + RATE
    + rb")?(?= - [A-Za-z])",
    item=ITEM,
    names=NAMES,
)
"""The line of verbose=2; what it counts is the epoch's batches."""
OLD_LINE = Fields(
    hint=b" - ",
    anchor=rb"^ ?- {elapsed_seconds}s(?: -)?(?= - [A-Za-z])",
    item=ITEM,
    names=NAMES,
    attach=Attach("before", otherwise=-1),
)
OF_AN_EPOCH = RowPattern(hint=b" - ", turn=1, attach=Attach("before", otherwise=-1))
"""A full bar, a line of verbose=2."""
OF_BATCHES: dict[Part, RowPattern] = {
    "within": RowPattern(hint=b" - "),
    "end": RowPattern(hint=b" - ", turn=1),
    "end with validation": RowPattern(hint=b" - ", turn=1),
}
"""Bars where no line names the epoch."""
STEP_UNITS = frozenset({"milliseconds", "microseconds", "whole_seconds"})
TIMES = frozenset({"elapsed_seconds", *STEP_UNITS})
SECONDS: dict[RowPattern, dict[str, tuple[float, float]]] = {
    OF_AN_EPOCH: {"elapsed_seconds": (1, 1.0)},
    OF_BATCHES["within"]: {"milliseconds": (10, 1e3), "microseconds": (10, 1e6), "whole_seconds": (10, 1.0)},
}
"""What tells the seconds of a step: from which number on, and how many of them are a second.

Keras rounds to whole numbers: 1s/step may be half as much, 10 is right to a twentieth.
"""
LOSSES = frozenset({"train_loss", "val_loss"})


class Keras(TextFormat):
    """Keras 3 (3.15.1, utils/progbar.py, callbacks/progbar_logger.py) and Keras 2, verbose=1 and verbose=2.

    Steps are epochs. A row is a bar that is full: its loss is the mean over the epoch in train mode, while weights
    change, val_loss that at the epoch's end without dropout: a lower val_loss is normal. Seconds are of the whole
    epoch with its validation. Of the bars of an epoch the first full one tells the training loss and the first that has
    one the validation loss: evaluate() draws bars of its own, which count for nothing. Epochs that fit(epochs=1) prints
    again and again are counted on. What the loss is the log does not say, unless a perplexity stands beside it.

    Since TF 2.2 fit(epochs=1) prints no line of its epoch, only bars. Then each bar is a row and steps are batches; the
    loss is the mean since the epoch began, which lags far behind, and seconds are the mean of the batches so far.
    """

    name: ClassVar[str] = "keras"
    title: ClassVar[str] = "Keras"
    about: ClassVar[str] = "Keras 2 and 3: the lines of fit(), with and without a progress bar"
    example: ClassVar[str] = "128/128 - 5s - 43ms/step - loss: 3.1494 - val_loss: 3.0517"
    traits: ClassVar[Traits] = Traits(
        train_loss="window mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        steps_count="epochs",
        loss_unit="unknown",
        step_seconds_contain_eval=True,
        explanations={
            "train_loss": "mean over the epoch in train mode, while the weights change",
            "step_seconds": "seconds of an epoch, cut to whole seconds",
        },
    )
    rows: ClassVar = (EPOCH, BAR, LINE, OLD_LINE)
    said: ClassVar = (
        Said(b"total params: ", rb"^ ?Total params: {parameters}(?: \([\d.]+ [KMGT]?B\))?\s*$", own=False),
    )
    checkpoint: ClassVar = Said(b"saving model to ", rb"^Epoch \d+: .*saving model to ")
    end: ClassVar = Said(b": early stopping", rb"^Epoch \d+: early stopping")

    def __init__(self) -> None:
        super().__init__()
        self._epoch: int | None = None
        """None before the first line of an epoch."""
        self._seen: set[str] = set()
        """What the epoch's full bars have told."""
        self._one_epoch = OneEpoch()
        self._told_traits = self.traits
        self._in_nats = False

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines."""
        records = super().feed(lines)
        self._in_nats = self._in_nats or b" - perplexity: " in lines
        return [*self._recognise(), *records]

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows that count: of each epoch one of training and one of validation, or each bar of a single epoch."""
        order = sorted((line, b, i) for b, batch in enumerate(batches) for i, line in enumerate(batch.lines.tolist()))
        bars = [[] if batch.pattern is EPOCH else _bars(batch) for batch in batches]
        kept: dict[tuple[int, RowPattern, int | None], list[tuple[int, int]]] = {}
        for _, at, row in order:
            begun = self._one_epoch.begun
            if bars[at]:
                found = self._bar(batches[at].pattern, bars[at][row])
            else:
                found = EPOCH, self._begin(batches[at], row), None
            if self._one_epoch.begun and not begun:  # what waited for the line of an epoch waits for none that comes
                kept.clear()
                self._attaching = Attaching()
            if found is not None:
                pattern, step, planned = found
                kept.setdefault((at, pattern, planned), []).append((row, step))
        return [
            made for (at, pattern, planned), rows in kept.items() for made in _made(batches[at], pattern, planned, rows)
        ]

    def _recognise(self) -> list[Record]:
        """Recognised once more, where the log says more of what its numbers mean."""
        traits = ONE_EPOCH if self._epoch is None and self._one_epoch.begun else self.traits
        traits = replace(traits, loss_unit="nats") if self._in_nats else traits
        if traits == self._told_traits:
            return []
        self._told_traits = traits
        why = (
            f"{self.title} prints a perplexity" if self._in_nats else f"{self.title}'s bars without a line of an epoch"
        )
        return [Recognised(self.name, self.title, traits, why)]

    def _bar(self, pattern: RowPattern, bar: Bar) -> tuple[RowPattern, int, int | None] | None:
        """What a bar is a row of, its step, and how many steps are planned; None for one that does not count."""
        if self._epoch is None:
            if pattern is BAR and (place := self._one_epoch.place(bar)) is not None:
                return OF_BATCHES[place.part], place.step, place.planned
            if self._one_epoch.begun:
                return None
        return (OF_AN_EPOCH, NO_STEP, None) if bar.full and self._news(bar) else None

    def _begin(self, batch: Batch, row: int) -> int:
        """A new epoch; its number. That of fit(epochs=1) has always the number 1."""
        self._seen = set()
        alone = batch.facts["planned_epochs"][row] == b"1"
        self._epoch = (self._epoch or 0) + 1 if alone else int(batch.steps[row])
        return self._epoch

    def _news(self, bar: Bar) -> bool:
        """Whether a full bar tells of this epoch what none before it told."""
        told = bar.told
        if not told - self._seen:
            return False
        if self._seen and "val_loss" not in told:
            return False
        self._seen |= told
        return True


ONE_EPOCH = replace(
    Keras.traits,
    train_loss="average",
    steps_count="updates",
    step_seconds="window mean",
    step_seconds_contain_eval=False,
    explanations={
        "train_loss": "mean since the epoch began, in train mode: it lags behind the more the longer the epoch is",
        "step_seconds": "mean of the epoch's batches so far",
    },
)
"""What the bars of fit(epochs=1) mean."""


def _bars(batch: Batch) -> list[Bar]:
    told, timed = frozenset(batch.metrics) & LOSSES, TIMES.intersection(batch.metrics)
    if batch.pattern is OLD_LINE:
        return [Bar(0, None, bool(timed), False, told)] * len(batch.lines)
    counts_batches = not timed.isdisjoint(STEP_UNITS)
    whole = [int(text) if text.isdigit() else None for text in batch.facts["planned_steps"]]
    return [
        Bar(done, target, bool(timed) and done == target, counts_batches, told)
        for done, target in zip(batch.steps.tolist(), whole, strict=True)
    ]


def _made(batch: Batch, pattern: RowPattern, planned: int | None, rows: Sequence[tuple[int, int]]) -> list[Batch]:
    """Some rows of a batch with their steps; those whose seconds of a step are known stand apart."""
    made = batch.only(np.array([row for row, _ in rows], np.int64))
    made.pattern, made.steps = pattern, np.array([step for _, step in rows], np.int64)
    if pattern is not EPOCH:
        made.facts = {} if planned is None else {"planned_steps": [b"%d" % planned] * len(rows)}
    elif b"1" in made.facts["planned_epochs"]:
        made.facts = {}
    columns = dict(zip(made.metrics, made.columns, strict=True))
    times = {name: columns.pop(name) for name in TIMES.intersection(columns)}
    made.metrics, made.columns = tuple(columns), list(columns.values())
    for name, (least, of_a_second) in SECONDS.get(pattern, {}).items():
        if name in times:
            known = times[name] >= least
            timed = made.only(np.flatnonzero(known))
            timed.metrics, timed.columns = (
                (*made.metrics, "step_seconds"),
                [*timed.columns, times[name][known] / of_a_second],
            )
            return [part for part in (timed, made.only(np.flatnonzero(~known))) if len(part.lines)]
    return [made]
