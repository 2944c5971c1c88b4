"""Loops that people write themselves, by the names that they print: the last resort."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.batches import NO_STEP
from parsers.formats.generic_rows import COUNTER, EPOCH, LOSSES, STEP, LooseRow
from parsers.records import Points, Recognised, Record, Traits
from parsers.row_patterns import Attach
from parsers.skeleton import Batch
from parsers.text import TextFormat

PER_EPOCH = "steps_per_epoch"
LANGUAGE = (b"token", b"perplexity", b"vocab", b"gpt", b"llama", b"transformer", b"bpb")
"""In small letters: words of a language model's log."""

BY_STEP = LooseRow(hint=b"loss", counter=STEP)
BY_COUNTER = LooseRow(hint=b"loss", counter=COUNTER, unless=STEP)
BY_EPOCH = LooseRow(hint=b"loss", counter=EPOCH, unless=STEP)
OF_AN_EPOCH = LooseRow(hint=b"loss", turn=1, counter=EPOCH, unless=STEP, attach=Attach("before"))
"""The summary of an epoch in a log whose rows count steps."""


class Generic(TextFormat):
    """Any log whose lines name a loss and a step or an epoch: `step 10 loss 3.2`, `Epoch [3/100], Loss: 0.5`.

    It guesses by the names, and says what it took for what; a number whose name means nothing is left out. Steps are
    those that the rows name; steps within an epoch are counted on where the row says how many an epoch has; where only
    epochs are named, the steps are epochs. What the loss is of nobody knows. It is taken for a language model's where
    the log speaks of tokens, perplexity or a vocabulary.
    """

    name: ClassVar[str] = "generic"
    title: ClassVar[str] = "a log of unknown make"
    about: ClassVar[str] = (
        "hand-rolled loops, guessed by their names: `step 10 | loss: 3.2 | lr: 1e-4`, `Epoch 3, Loss: 0.5`"
    )
    example: ClassVar[str] = "Epoch [3/100], Step [200/600], Loss: 0.5012, lr: 1.0e-04"
    traits: ClassVar[Traits] = Traits(updates_at_train_row=0, updates_at_eval_row=0, loss_unit="unknown")
    sure: ClassVar[float] = 0.34
    rows: ClassVar = (BY_STEP, BY_COUNTER, BY_EPOCH)

    def __init__(self) -> None:
        super().__init__()
        self._told: tuple[Traits, frozenset[str]] | None = None
        self._taken: dict[str, None] = {}
        self._counts_steps = False
        self._first_epoch: float | None = None
        self._language = False

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines, and what was guessed as soon as there are points."""
        self._language = self._language or any(word in lines.lower() for word in LANGUAGE)
        return self._telling(super().feed(lines))

    def finish(self, half: bytes) -> list[Record]:
        """As of every text log."""
        return self._telling(super().finish(half))

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows with steps that count on over epochs; summaries of epochs go with the step before them."""
        self._counts_steps = self._counts_steps or any(b.pattern is not BY_EPOCH for b in batches)
        for batch in batches:
            self._taken |= dict.fromkeys(batch.metrics)
        return [self._counted(batch) for batch in batches]

    def _counted(self, batch: Batch) -> Batch:
        if batch.pattern is BY_EPOCH:
            if not self._counts_steps:
                return batch
            return replace(batch, pattern=OF_AN_EPOCH, steps=np.full(len(batch.lines), NO_STEP))
        per_epoch = batch.facts.pop(PER_EPOCH, None)
        if per_epoch is None or "epoch" not in batch.metrics:
            return batch
        epochs = batch.columns[batch.metrics.index("epoch")]
        if self._first_epoch is None and len(epochs):
            self._first_epoch = float(epochs[0])
        base = 0.0 if self._first_epoch == 0 else 1.0
        length = np.array([float(text) for text in per_epoch])
        whole = np.where(np.isfinite(epochs) & (np.abs(epochs) < 2**31), epochs, base)
        return replace(batch, steps=batch.steps + ((whole - base) * np.minimum(length, 2**31)).astype(np.int64))

    def _telling(self, records: list[Record]) -> list[Record]:
        if not any(isinstance(record, Points) for record in records):
            return records
        traits = replace(
            self.traits,
            steps_count="updates" if self._counts_steps else "epochs",
            loss_unit="nats" if self._language else "unknown",
        )
        names = frozenset(self._taken)
        if self._told == (traits, names):
            return records
        self._told = (traits, names)
        counted = "steps" if self._counts_steps else "epochs"
        shown = ", ".join(sorted(names & {*LOSSES}) + sorted(names - {*LOSSES}))
        why = f"no trainer's own lines, so it is guessed from the names in them: {counted}, {shown}"
        return [Recognised(self.name, self.title, traits, why), *records]
