"""Loops of one's own and Lightning, whose losses stand in or beside tqdm's progress bars."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.formats.tqdm_steps import Bar, Steps
from parsers.names import meaning_of, unit_told
from parsers.records import Fact, Floats, Ints, Recognised, Record, Traits
from parsers.row_patterns import Attach, Fields, Layout, RowPattern
from parsers.skeleton import Batch
from parsers.text import TextFormat

TAKEN = ("train_loss", "val_loss", "learning_rate", "grad_norm", "tokens_per_second", "loss_scale", "val_bpb")
PER_SECOND = "per_second"
WHERE = ("total", "epoch", "epochs", "version")
"""Columns that tell where a bar is and are no metrics."""

CELLS = re.compile(rb"(\d{1,3}%)\|[^|\n]{0,1500}\| ")
OTHER = rb"(?![^|\n]{0,200}(?i:\bval|valid|eval|\btest|sanity|predict|generat|download|loading|map\b|sampl))"
EPOCH = rb"(?:(?i:epoch|ep)\b[ :#\[(=]{0,3}(?P<epoch>\d{1,6})(?: ?(?:/| of ) ?(?P<epochs>\d{1,6}))?[^|\n%]{0,80}?)?"
PLACE = rb"(?<!\d)\d{1,3}%\| (?P<step>\d{1,12})/(?P<total>\d{1,12}) \[[\d:?]+<"
UNIT = rb"(?:it|iters?|batch|batches|steps?|ba)"
RATE = (
    rb"[\d:?]+(?: days?, [\d:]+)?, {1,4}(?:{per_second} ?" + UNIT + rb"/s(?=[,\]])|{step_seconds} ?s/" + UNIT
    + rb"(?=[,\]])|[\d.?]+ ?[A-Za-z]{1,12}/[A-Za-z]{1,12})"
)  # fmt: skip
"""Batches a second, or seconds a batch where they are slow; of other units, such as examples, nothing is known."""


def metric_of(name: str) -> tuple[str, float] | None:
    """What a name behind a bar stands for: loss, train_loss_step, lr, tok/s. Means of an epoch are left out."""
    if name == "v_num":
        return "version", 1.0
    meaning = meaning_of(name)
    if meaning is None or meaning.metric not in TAKEN or meaning.per_device or name.endswith("_epoch"):
        return None
    return meaning.metric, meaning.scale


POSTFIX = Fields(
    hint=b"%| ",
    turn=1,
    anchor=rb"^" + OTHER + rb"[^|\n%]{0,120}?" + EPOCH + PLACE + RATE + rb"(?=[^\]\n]*loss)",
    item=rb", ?(?P<name>[A-Za-z][\w/. -]{0,60}?) ?[=: ] ?(?:{value}(?=[,\]])|[^,\]\n]*)",
    translate=metric_of,
    ends=rb"\]",
)
DESCRIBED = Layout(
    hint=b"%| ",
    turn=1,
    text=rb"^" + OTHER + rb"[^|\n%]{0,80}?" + EPOCH + rb"(?i:loss)[=: ]{1,3}{train_loss}"
    rb"(?:[,.|; ]{1,3}(?:lr|LR)[=: ]{1,3}{learning_rate})?[^|\n%\d]{0,40}: +" + PLACE,
    start=rb"(?i:loss)[=: ]{1,3}\d[^|\n]{0,80}%\| ",
)
"""The loss in the description, as in minGPT."""
PLAIN = Layout(
    hint=b"%| ",
    turn=1,
    text=rb"^" + OTHER + rb"[^|\n%]{0,120}?" + EPOCH + PLACE,
    start=rb"\d{1,3}%\| ",
    own=False,
)
"""A bar that only tells where the loop is."""
AFTER = rb"(?:^|[-|,;:\]] {0,3}|\] )"


def _printed(split: bytes, metric: bytes) -> Layout:
    """A loss of the epoch that just ended: `Train Loss: 6.4938 - Train Perplexity: 661.02`."""
    return Layout(
        hint=b"loss",
        turn=1,
        text=AFTER + rb"(?i:(?:avg\.?|average|mean)? ?" + split + rb"[ _]loss)(?: ?[:=])? ?{" + metric + rb"}",
        start=rb"(?i:" + split + rb"[ _]loss)[ :=]",
        attach=Attach("before", otherwise=0),
        own=False,
    )


RATE_PRINTED = Layout(
    hint=b"lr: ",
    turn=1,
    text=rb"^(?:[^|\n]{0,60}[-|,] )?(?:LR|lr): {learning_rate}\s*$",
    start=rb"\b(?:LR|lr): ",
    attach=Attach("before", otherwise=0),
    own=False,
)


class Tqdm(TextFormat):
    """Training loops that show their loss in a tqdm bar (tqdm 4.70, std.py, format_meter; Lightning 2.6).

    Steps are batches since the start, over all epochs; whether each makes an update is not known. What the loss is only
    the loop's author knows; where a perplexity is printed too it is a language loss in nats. A loss in a bar is of the
    last batch or a running mean, rounded to three digits as a rule; a `Train Loss` between bars is taken as the mean of
    the epoch that ended, at its last step. Bars of validation give no points: their loss is that of a part of the set.
    Lightning shows the validation loss of before on all later bars: it counts where it changes.
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
        _printed(b"train(?:ing)?", b"train_loss"),
        _printed(b"(?:val(?:id(?:ation)?)?|eval(?:uation)?)", b"val_loss"),
        RATE_PRINTED,
    )

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1: by bars with a loss."""
        return super().sniff(_without_cells(window))

    def __init__(self) -> None:
        super().__init__()
        self._steps = Steps()
        self._val_loss: float | None = None
        self._epochs: int | None = None
        self._is_language = False
        self._patterns: dict[tuple[str, ...], RowPattern] = {}

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines."""
        return self._with_facts(super().feed(_without_cells(lines)), lines)

    def finish(self, half: bytes) -> list[Record]:
        """The records of a last line that has no end."""
        return self._with_facts(super().finish(_without_cells(half)), half)

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows with steps that go on over the epochs, without the columns that tell where a bar is."""
        bars = [batch for batch in batches if batch.pattern.attach is None]
        order = sorted((line, b, i) for b, batch in enumerate(bars) for i, line in enumerate(batch.lines.tolist()))
        columns = [dict(zip(batch.metrics, batch.columns, strict=True)) for batch in bars]
        steps = [batch.steps.copy() for batch in bars]
        fresh = [np.ones(len(batch.lines), np.bool_) for batch in bars]
        for _, at, row in order:
            given = columns[at]
            bar = Bar(int(bars[at].steps[row]), _whole(given.get("total"), row), _whole(given.get("epoch"), row))
            steps[at][row] = self._steps.of(bar, from_zero="version" in given)
            self._epochs = _whole(given.get("epochs"), row) or self._epochs
            if "val_loss" in given:
                value = float(given["val_loss"][row])
                fresh[at][row] = value != self._val_loss
                self._val_loss = value
        placed = [p for b, s, f in zip(bars, steps, fresh, strict=True) for p in _split(b, s, f)]
        for part in placed:  # a bar is drawn again with more behind it: that is no copy by another process
            part.pattern = self._patterns.setdefault(part.metrics, RowPattern(hint=b"", turn=1))
        return [*(batch for batch in batches if batch.pattern.attach is not None), *placed]

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


def _without_cells(lines: bytes) -> bytes:
    """The bars without their cells, so that all of them look alike."""
    return CELLS.sub(rb"\1| ", lines) if b"%|" in lines else lines


def _whole(column: Floats | None, row: int) -> int | None:
    return None if column is None else int(column[row])


def _split(batch: Batch, steps: Ints, fresh: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[Batch]:
    """The batch with its steps; validation losses only in rows where they are new."""
    if "val_loss" not in batch.metrics or fresh.all():
        return [_with(batch, steps, drop=WHERE)]
    new, old = np.flatnonzero(fresh), np.flatnonzero(~fresh)
    parts = [_with(batch.only(old), steps[old], drop=(*WHERE, "val_loss"))]
    return [*parts, _with(batch.only(new), steps[new], drop=WHERE)] if len(new) else parts


def _with(batch: Batch, steps: Ints, drop: tuple[str, ...]) -> Batch:
    named = zip(batch.metrics, batch.columns, strict=True)
    kept = [_seconds(name, column) for name, column in named if name not in drop]
    return replace(batch, steps=steps, metrics=tuple(n for n, _ in kept), columns=[c for _, c in kept])


def _seconds(name: str, column: Floats) -> tuple[str, Floats]:
    """The column, with seconds a batch in the place of batches a second."""
    return ("step_seconds", np.reciprocal(column)) if name == PER_SECOND else (name, column)
