"""Keras' progress bar (keras/src/utils/progbar.py), which fit() prints."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.records import Recognised, Record, Traits
from parsers.rows.row_patterns import Attach, Fields, Layout, Names
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
RATE = rb"\d+(?:ms|us|s)/(?:step|sample|epoch)"
DONE = Fields(
    hint=b" - ",
    turn=1,
    anchor=rb"(?:(?<![\d/.])(\d{1,9})/\1(?: (?:\xe2\x94\x81)+| \[=+\])?(?: -)?|^ ?-) {step_seconds}s"
    rb"(?: -)?(?: " + RATE + rb")?(?= - [A-Za-z])",
    item=rb" - (?P<name>[A-Za-z][\w/. ]{0,60}): {value}",
    names=NAMES,
    attach=Attach("before", otherwise=-1),
)
"""A bar that is full, in all versions and with verbose=2; the steps that it counts are those of one epoch."""
DONE_WITHOUT_TIME = Fields(
    hint=b"/step - ",
    turn=1,
    anchor=rb"(?<![\d/.])(\d{1,9})/\1(?: (?:\xe2\x94\x81)+| \[=+\])?(?: -)? \d+:\d\d(?::\d\d)?(?: -)? " + RATE,
    item=DONE.item,
    names=NAMES,
    attach=Attach("before", otherwise=-1),
)


class Keras(TextFormat):
    """Keras 3 (3.15.1, utils/progbar.py, callbacks/progbar_logger.py) and Keras 2, verbose=1 and verbose=2.

    Steps are epochs. A row is a bar that is full: its loss is the mean over the epoch in train mode, while weights
    change, val_loss that at the epoch's end without dropout: a lower val_loss is normal. Seconds are of the whole
    epoch with its validation. Of the bars of an epoch the first full one tells the training loss and the first that has
    one the validation loss: evaluate() draws bars of its own, which count for nothing. Epochs that fit(epochs=1) prints
    again and again are counted on. What the loss is the log does not say, unless a perplexity stands beside it.
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
    rows: ClassVar = (EPOCH, DONE, DONE_WITHOUT_TIME)
    said: ClassVar = (
        Said(b"total params: ", rb"^ ?Total params: {parameters}(?: \([\d.]+ [KMGT]?B\))?\s*$", own=False),
    )
    checkpoint: ClassVar = Said(b"saving model to ", rb"^Epoch \d+: .*saving model to ")
    end: ClassVar = Said(b": early stopping", rb"^Epoch \d+: early stopping")

    def __init__(self) -> None:
        super().__init__()
        self._epoch = 0
        self._seen: set[str] = set()
        """What the epoch's full bars have told."""
        self._told_unit = False

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines."""
        records = super().feed(lines)
        if not self._told_unit and b" - perplexity: " in lines:
            self._told_unit = True
            traits = replace(self.traits, loss_unit="nats")
            records.insert(0, Recognised(self.name, self.title, traits, f"{self.title} prints a perplexity"))
        return records

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows that count: of each epoch one of training and one of validation."""
        order = sorted((line, b, i) for b, batch in enumerate(batches) for i, line in enumerate(batch.lines.tolist()))
        keep: list[list[int]] = [[] for _ in batches]
        for _, at, row in order:
            batch = batches[at]
            if batch.pattern is EPOCH:
                self._begin(batch, row)
                keep[at].append(row)
            elif self._news(batch):
                keep[at].append(row)
        for batch in batches:
            if b"1" in batch.facts.get("planned_epochs", []):
                batch.facts = {}
        return [
            batch if len(rows) == len(batch.lines) else batch.only(np.array(rows, np.int64))
            for batch, rows in zip(batches, keep, strict=True)
            if rows
        ]

    def _begin(self, batch: Batch, row: int) -> None:
        """A new epoch. That of fit(epochs=1) has always the number 1."""
        self._seen = set()
        planned = batch.facts.get("planned_epochs", [])
        if row < len(planned) and planned[row] == b"1":
            batch.steps[row] = self._epoch + 1
        self._epoch = int(batch.steps[row])

    def _news(self, batch: Batch) -> bool:
        """Whether a full bar tells of this epoch what none before it told."""
        told = {"train_loss", "val_loss"} & set(batch.metrics)
        if not told - self._seen:
            return False
        if self._seen and "val_loss" not in told:
            return False
        self._seen |= told
        return True
