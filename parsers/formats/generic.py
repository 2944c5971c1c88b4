"""Loops that nobody knows: rows of names and numbers. The last resort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import ClassVar, Literal

import numpy as np

from parsers.formats.generic_batches import Rows, newest_epochs, stepped
from parsers.formats.generic_rows import HEADER, GuessedRow, guess, items_of
from parsers.formats.generic_steps import ALIKE, Placing
from parsers.formats.generic_tables import Tables
from parsers.names import unit_told
from parsers.records import Fact, Points, Recognised, Record, Traits
from parsers.rows.row_patterns import RowPattern
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.text import ROW_TELLS, ROWS_TOLD, TextFormat

PLACED = GuessedRow(hint=b"loss")
LOOSE = GuessedRow(hint=b"loss", placed=False, own=False)
OF_LANGUAGE = (
    b"perplexity",
    b"tokens",
    b"tok/s",
    b"vocab",
    b"gpt",
    b"tokenizer",
    b"language model",
    b" ppl",
    b"(ppl",
    b"ppl:",
    b"ppl=",
)
"""A log with one of these words is that of a language model."""
LOOKED_AT = 40
"""Lines with a loss at each end of a window that are looked at."""
HEADERS = 2
"""So many lines with an epoch alone make a log of rows that tell no epoch."""
NAMED_OF = 400
"""Lines that are looked at for a name."""


class Generic(TextFormat):
    """Training loops of one's own, whose numbers mean what their names say (parsers/names.py); all of it is a guess.

    A row is a line that names a loss, with a step (step, iter, iteration, it, update), an epoch or an n/m. A count that
    begins anew with each epoch is counted on. Where only epochs are told the steps are epochs; where `batch` counts
    they are micro-batches, whose updates are not known; where nothing counts, and for an n/m without a name, they are
    rows. "val" beside "loss" is a validation loss. What the losses are of, and in which unit, is not known; in a log
    that speaks of tokens, perplexity, a vocabulary or GPT they are taken as nats per token. A count from 0 is taken as
    printed after its update, one from 1 as the number of updates done.
    """

    name: ClassVar[str] = "generic"
    title: ClassVar[str] = "a training loop of its own"
    about: ClassVar[str] = "loops of one's own, by guessing: `step 10 loss 3.2`, `Epoch [3/100], Loss: 0.5`, ..."
    example: ClassVar[str] = "step: 10 | loss: 3.2170 | val loss: 3.3012 | lr: 1.0e-04"
    traits: ClassVar[Traits] = Traits(
        updates_at_train_row=0,
        updates_at_eval_row=0,
        loss_unit="unknown",
        explanations={"train_loss": "what the log calls the loss; what it is the mean of is not known"},
    )
    sure: ClassVar[float] = 0.34
    """Three rows are enough where nobody else knows them; any other format that knows a log is surer."""
    rows: ClassVar = (PLACED, LOOSE, HEADER)
    said: ClassVar = (
        Said(
            b"param",
            rb"(?i:^[^A-Za-z\n]{0,40}(?:model|total|(?:total )?number of|num)(?: model| trainable)? param(?:eter)?s)"
            rb" ?[:=] ?{parameters~}",
            own=False,
        ),
        Said(b"vocab", rb"(?i:^[^A-Za-z\n]{0,40}vocab(?:ulary)?[ _]size) ?[:=] ?{vocab_size}", own=False),
    )

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 0.34: by rows that tell where they are, else by at least three alike."""
        lines = [line for line in Tables().spelled_out(window).split(b"\n") if b"loss" in line.lower()]
        looked = lines if len(lines) <= 2 * LOOKED_AT else [*lines[:LOOKED_AT], *lines[-LOOKED_AT:]]
        placed = sum(1 for line in looked for _ in PLACED.find(line))
        if not placed:
            alike = Counter(tuple(s.name for s in row.values) for line in looked for row in LOOSE.find(line))
            most = max(alike.values(), default=0)
            placed = most if most >= ALIKE or (most and _headers(window) >= HEADERS) else 0
        return cls.sure * min(1.0, ROW_TELLS * min(placed, ROWS_TOLD))

    def __init__(self) -> None:
        super().__init__()
        self._tables = Tables()
        self._placing = Placing()
        self._waiting: list[Batch] = []
        self._epochs: int | None = None
        self._step_losses = False
        """Whether rows with a step have a loss of training: then one of an epoch is the mean of those."""
        self._patterns: dict[tuple[str, ...], RowPattern] = {}
        self._named: dict[str, str] = {}
        self._spoken: set[str] = set()
        """All names in rows, also of what is left out."""
        self._language: Literal["nats", "other"] | None = None
        self._told: Recognised | None = None

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines."""
        return self._guessed(self._tables.spelled_out(lines), super().feed)

    def finish(self, half: bytes) -> list[Record]:
        """A last line that has no end gives nothing: which of its numbers are whole cannot be known."""
        del half
        return super().finish(b"")

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows at their steps, those that waited first."""
        reads = [Rows(batch) for batch in batches]
        self._epochs = newest_epochs(batches) or self._epochs
        done: list[Batch] = []
        for _, at, row in sorted(
            (line, at, row) for at, read in enumerate(reads) for row, line in enumerate(read.lines)
        ):
            read = reads[at]
            step = self._placing.of(read.seen[row])
            if step is not None:
                read.steps[row] = step
                if read.trains and not read.counted:
                    read.means[row] = self._step_losses and self._placing.by_count
                self._step_losses |= read.trains and read.counted
            elif read.kind != "header":
                self._waiting.append(read.batch.only(np.array([row])))
            if self._waiting and (released := self._placing.released()):
                one = np.ones(1, np.bool_)
                done += [stepped(b, np.array([s]), one) for b, s in zip(self._waiting, released, strict=True)]
                self._waiting = []
        for batch in self._waiting:
            batch.lines = np.zeros(1, np.int64)
        for read in reads:
            known, told, mean_of = read.placed()
            done.append(stepped(read.batch, told, known & ~mean_of))
            done.append(stepped(read.batch, told, known & mean_of, without="train_loss"))
        for batch in done:  # a loss of training and one of validation at the same step are no copies
            batch.pattern = self._patterns.setdefault(batch.metrics, RowPattern(hint=b""))
        return [batch for batch in done if len(batch.lines) and batch.metrics]

    def _guessed(self, lines: bytes, read: Callable[[bytes], list[Record]]) -> list[Record]:
        """The records behind what was guessed, and behind the plan that the rows told."""
        records = read(lines)
        metrics = {name for record in records if isinstance(record, Points) for name in record.columns}
        if not metrics and self._told is None:
            return records
        self._learn_names(lines, metrics)
        if self._language is None and any(word in lines.lower() for word in OF_LANGUAGE):
            self._language = "nats"
        self._language = unit_told(self._spoken) or self._language
        now = Recognised(self.name, self.title, self._traits(), self._why())
        first: list[Record] = [] if now == self._told else [now]
        self._told = now
        return [*first, *self._learned.new(self._plan()), *records]

    def _learn_names(self, lines: bytes, metrics: set[str]) -> None:
        """Remembers how the log calls what was taken, from the first line that has it."""
        if metrics <= set(self._named.values()):
            return
        named = (line for line in lines.split(b"\n") if b"loss" in line.lower())
        for _, line in zip(range(NAMED_OF), named, strict=False):
            if (row := guess(line)) is not None:
                self._spoken.update(item.name for item in items_of(line))
                for name in row.named:
                    self._named.setdefault(name.printed, name.meaning)

    def _traits(self) -> Traits:
        counts = self._placing.counts or "rows"
        after = 1 if counts == "updates" and self._placing.first == 0 else 0
        return replace(
            self.traits, steps_count=counts, updates_at_train_row=after, loss_unit=self._language or "unknown"
        )

    def _why(self) -> str:
        said = [f'"{printed or "n/m"}" is taken as {SAID.get(what, what)}' for printed, what in self._named.items()]
        return "guessed: " + ", ".join(said)

    def _plan(self) -> list[Fact]:
        placing, told = self._placing, []
        epochs = self._epochs
        if epochs is not None:
            told.append(Fact("planned_epochs", epochs, "log", "the rows"))
        if placing.total is not None and placing.counts == "updates":
            known = placing.within is False or placing.alone
            total = placing.total if known else placing.total * epochs if placing.within and epochs else None
            told += [] if total is None else [Fact("planned_steps", total, "log", "the rows")]
        return told


SAID = {"update": "the step", "batch": "the batch", "epoch": "the epoch", "count": "the step"}


def _headers(window: bytes) -> int:
    lines = (line for line in window.split(b"\n") if b"epoch" in line.lower())
    return sum(1 for _ in islice((1 for line in lines for _ in HEADER.find(line)), HEADERS))
