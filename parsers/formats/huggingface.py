"""The Hugging Face Trainer's standard output: that of TRL, axolotl and all else that is built on it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.configs.written import HUGGINGFACE
from parsers.formats.huggingface_bars import Bars
from parsers.formats.huggingface_rows import END, NO_LANGUAGE_LOSS, PER_DEVICE, ROWS, SPEED, TRAIN, evaluation
from parsers.formats.huggingface_start import SAID, ModelText, Plans
from parsers.formats.huggingface_steps import Row, Steps
from parsers.records import Fact, Notice, Recognised, Record, Traits
from parsers.rows.page import Page
from parsers.rows.row_patterns import RowPattern
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.text import TextFormat

END_TELLS = 0.6
"""What the last dict adds to how sure it is: no other trainer prints one."""
VAL_LOSS = "val_loss"
NO_STEPS = "this log prints no steps: its rows are numbered"


class HuggingFace(TextFormat):
    """The Trainer of transformers (trainer.py, trainer_callback.py, read in 5.23 and 4.57), as TRL and axolotl use it.

    A dict has no step; see Steps for where it comes from. A step counts updates done. loss is the mean over all devices
    and over the steps since the last dict, in train mode; with logging_nan_inf_filter, the default, steps whose loss is
    NaN or infinite count as the mean of the others, so that the loss may read 0.0 where grad_norm is nan. grad_norm is
    taken before clipping. From 4.46 to 4.47 loss was multiplied by the accumulation steps for some models: the log
    does not tell which. train_loss of the last dict is the mean of the run and no row. num_input_tokens_seen and
    num_tokens are of all devices since the start. Of several evaluation sets the first one is val_loss. The tokens a
    second are those of one device in axolotl. Seconds of a step are by the bar's clock.
    """

    name: ClassVar[str] = "huggingface"
    title: ClassVar[str] = "Hugging Face Trainer"
    about: ClassVar[str] = "the dicts of the Hugging Face Trainer, of TRL and axolotl; trainer_state.json"
    example: ClassVar[str] = "{'loss': '2.346', 'grad_norm': '1.235', 'learning_rate': '4.991e-05', 'epoch': '1'}"
    traits: ClassVar[Traits] = Traits(
        train_loss="window mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        optimizer="AdamW",
        settings=HUGGINGFACE,
        explanations={
            "train_loss": "mean over all devices and over the steps since the last row, in train mode",
            "grad_norm": "before clipping",
            "step_seconds": "growth of the progress bar's clock over the steps since an earlier row",
        },
    )
    rows: ClassVar = (ROWS,)
    said: ClassVar = SAID
    checkpoint: ClassVar = Said(b"saving model checkpoint", rb"Saving model checkpoint to ")
    end: ClassVar = Said(b"train_runtime", END.pattern)
    more_hints: ClassVar[tuple[bytes, ...]] = (b"lora", b"model config ")

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1: also by the last dict, since some runs print no other."""
        ends = b"{'train_runtime'" in window and END.search(window) is not None
        return min(1.0, super().sniff(window) + END_TELLS * ends)

    def __init__(self) -> None:
        super().__init__()
        self._bars = Bars()
        self._steps = Steps()
        self._plans = Plans()
        self._model = ModelText()
        self._waiting: list[tuple[Row, Batch]] = []
        self._evaluations: dict[tuple[str, ...], RowPattern] = {}
        self._main_set: str | None = None
        """The metric of the first evaluation of the log: that is val_loss, the other sets keep their names."""
        self._told = self.traits
        self._known = self.traits
        self._at_end = False

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines."""
        return self._with_traits(super().feed(self._stripped(lines)))

    def finish(self, half: bytes) -> list[Record]:
        """The records of a last line that has no end."""
        return self._with_traits(super().finish(self._stripped(half + b"\n")[:-1]))

    def close(self) -> list[Record]:
        """Those of the rows that waited for a bar that never came."""
        self._at_end = True
        records = self._feed(Page(self._held), may_hold=False)
        self._held = b""
        return self._with_traits([*records, *super().close()])

    @property
    def open(self) -> bool:
        """Whether every line must go to `read_line`: within the model's config."""
        return self._model.open

    def read_line(self, number: int, line: bytes) -> list[Record] | None:
        """What a line says of the model."""
        return self._model.read(number, line)

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows whose steps are known now, with them."""
        fresh = [item for batch in batches for item in self._rows_of(batch)]
        items = sorted([*self._waiting, *fresh], key=_line_of)
        steps = self._steps.of([row for row, _ in items], at_end=self._at_end)
        self._waiting = [(row, _single(batch, row.line)) for row, batch in items[len(steps) :]]
        by_batch: dict[int, tuple[Batch, list[tuple[int, int]]]] = {}
        for (row, batch), step in zip(items, steps, strict=False):
            if not row.trains and self._main_set is None:
                self._main_set = next(name for name in batch.metrics if name.startswith(VAL_LOSS))
            if step is not None:
                by_batch.setdefault(id(batch), (batch, []))[1].append((row.line, step))
        return [*(self._placed(batch, found) for batch, found in by_batch.values()), *self._timed()]

    def _timed(self) -> list[Batch]:
        """Seconds of a step by the bars' clocks."""
        speeds = self._steps.speeds()
        if not speeds:
            return []
        lines = np.array([max(0, speed.line - self._lines_before) for speed in speeds], np.int64)
        steps = np.array([speed.step for speed in speeds], np.int64)
        return [Batch(SPEED, ("step_seconds",), lines, steps, [np.array([speed.seconds for speed in speeds])])]

    def _stripped(self, lines: bytes) -> bytes:
        """The lines without bars, which go to the steps as the plans do."""
        first_line = self._lines_before + self._held.count(b"\n")
        text, bars = self._bars.without(lines, first_line, ask_redrawn=self._steps.way is None)
        self._steps.bars(bars)
        self._steps.plans(self._plans.read(text, first_line))
        self._learn_traits(text)
        return text

    def _rows_of(self, batch: Batch) -> list[tuple[Row, Batch]]:
        """A batch's rows. From here on its lines are counted from the start of the log."""
        batch.lines = batch.lines + self._lines_before
        columns = dict(zip(batch.metrics, batch.columns, strict=True))
        epochs = columns["epoch"].tolist() if "epoch" in columns else [None] * len(batch.lines)
        trains = not any(name.startswith(VAL_LOSS) for name in batch.metrics)
        return [(Row(line, epoch, trains), batch) for line, epoch in zip(batch.lines.tolist(), epochs, strict=True)]

    def _placed(self, batch: Batch, found: list[tuple[int, int]]) -> Batch:
        lines = np.array([line for line, _ in found], np.int64)
        placed = batch if len(found) == len(batch.lines) else batch.only(np.searchsorted(batch.lines, lines))
        is_train = not any(name.startswith(VAL_LOSS) for name in batch.metrics)
        pattern = TRAIN if is_train else self._evaluations.setdefault(batch.metrics, evaluation())
        return replace(
            placed,
            pattern=pattern,
            metrics=tuple(VAL_LOSS if name == self._main_set else name for name in placed.metrics),
            lines=np.maximum(placed.lines - self._lines_before, 0),
            steps=np.array([step for _, step in found], np.int64),
        )

    def _learn_traits(self, text: bytes) -> None:
        if b"'epoch': " not in text:
            return
        if self._known.loss_unit == "nats" and NO_LANGUAGE_LOSS.search(text):
            self._known = replace(self._known, loss_unit="other")
        if self._known.tokens_per_second_of == "run" and PER_DEVICE.search(text):
            self._known = replace(self._known, tokens_per_second_of="device")

    def _with_traits(self, records: list[Record]) -> list[Record]:
        """The records behind what was learned of all numbers of this log."""
        first: list[Record] = []
        if self._steps.way == "rows" and self._known.steps_count != "rows":
            self._known = replace(self._known, steps_count="rows")
            first.append(Notice("reader", NO_STEPS))
        if self._known != self._told:
            self._told = self._known
            first.insert(0, Recognised(self.name, self.title, self._known, f"{self.title} prints dicts with an epoch"))
        if self._steps.way != "rows" and self._steps.total is not None:
            planned = Fact("planned_steps", self._steps.total, "log", "the training bar")
            first += self._learned.new([planned])
        return [*first, *records]


def _line_of(item: tuple[Row, Batch]) -> int:
    return item[0].line


def _single(batch: Batch, line: int) -> Batch:
    """The row on a line as a batch of its own, so that the rest need not be kept."""
    return batch if len(batch.lines) == 1 else batch.only(np.flatnonzero(batch.lines == line)[:1])
