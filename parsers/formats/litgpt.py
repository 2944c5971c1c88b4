"""LitGPT (Lightning-AI/litgpt) and what it grew from: lit-gpt, lit-parrot, lit-llama."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.configs.written import LITGPT
from parsers.formats.litgpt_iterations import Iterations, Rows, Update, counts, without
from parsers.records import Fact, Record, Traits
from parsers.rows.numbers import value
from parsers.rows.row_patterns import Attach, Layout
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.text import TextFormat

MILLISECONDS = 1e-3
TRAIN = (
    rb"\biter +{iter}(?:/\d+)?(?: \|)? step +(?P<step>\d{1,12})(?:/(?P<planned_steps>\d{1,12}))?"
    rb"(?:: loss| \| loss train:) +{train_loss},?(?: val: [\w./+-]+)?(?: \||,)? iter time: +{iter_seconds} ?ms"
)
START = rb"\biter +\d+(?:/\d+)?(?: \|)? step +\d"
SCALES = {"iter_seconds": MILLISECONDS}
UPDATE = Layout(hint=b"iter time:", text=TRAIN + rb" \((?:optimizer\.)?step\)", start=START, scales=SCALES)
"""A row of the micro-batch that ended with an update."""
MICRO = Layout(hint=b"iter time:", text=TRAIN, start=START, scales=SCALES)
EVAL = Layout(
    hint=b"val loss",
    turn=1,
    text=rb"\b(?:iter|step) {iter}: val loss {val_loss}, val time: \d",
    start=rb"\b(?:iter|step) \d+: val loss",
    attach=Attach("before", 0, 0),
)
EVAL_WITH_STEP = Layout(hint=b"val loss", turn=1, text=EVAL.text)
"""What EVAL becomes when the number of micro-batches of an update is known. Read by no line."""
ARGUMENTS = {
    b"global_batch_size": "global_batch_size",
    b"micro_batch_size": "batch_size",
    b"max_tokens": "planned_tokens",
    b"max_steps": "planned_steps",
    b"epochs": "planned_epochs",
    b"lr_warmup_steps": "warmup_steps",
    b"max_norm": "grad_clip",
    b"min_lr": "min_lr",
}
ARGUMENT = re.compile(rb"(?:TrainArgs\(|^ +|, )(\w{4,20})=([\d.e+-]{1,24})(?=[,)])")


class LitGPT(TextFormat):
    """LitGPT, pretrain.py and finetune/lora.py at 0.5.13 (2025), lit-gpt's of 2023 and 2024, lit-llama's of 2023.

    `iter N` counts micro-batches, `step N` updates, and a row is printed after both, so N updates are done. The loss is
    the mean over the last micro-batches, as many as make an update, of rank 0 alone; up to 2024 that of the one
    micro-batch. Of the rows of a step the first is taken: it ends with the update, and `(step)` says so. `val` on a
    training row repeats the last evaluation and is no new one. `iter time` is of one micro-batch: the seconds of a step
    are known where each of its micro-batches printed its own. A validation prints `iter`, whose step is known from the
    rows. max_seq_length is where finetuning cuts its samples, not how long they are, and no fact. lit-llama's rows
    print `iter` alone, and it stands for the step.
    """

    name: ClassVar[str] = "litgpt"
    title: ClassVar[str] = "LitGPT"
    about: ClassVar[str] = "LitGPT and lit-gpt: `Epoch E | iter N step N | loss train: ..., val: ... | iter time: ...`"
    example: ClassVar[str] = (
        "Epoch 1 | iter 8 step 2 | loss train: 1.761, val: n/a | iter time: 121.17 ms (step) remaining time: 0:01:02"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        tokens_per_second_of="device",
        settings=LITGPT,
    )
    rows: ClassVar = (
        UPDATE,
        MICRO,
        EVAL,
        Layout(
            hint=b"final evaluation | val loss",
            turn=1,
            text=rb"Final evaluation \| val loss: {val_loss} \| val ppl: ",
            attach=Attach("before", 0),
        ),
        Layout(
            hint=b"ms, speed: ",
            text=rb"\biter (?P<step>\d{1,12}): loss {train_loss}, time: [\d.]+ms, speed: (?:{tokens_per_second}|-)"
            rb" toks/s/device",
            start=rb"\biter \d+: loss",
        ),
    )
    said: ClassVar = (
        Said(b"measured tflops", rb"Measured TFLOPs: \d"),
        Said(b"total parameters", rb"Total parameters: {parameters}$", own=False),
        Said(b"resuming training from", rb"Resuming training from \S", resumes=True, own=False),
        Said(b"longest sequence length", rb"The longest sequence length in the train data is \d+, the model's m"),
        Said(b"seed set to", rb"Seed set to \d+", begins=True, own=False),
    )
    checkpoint: ClassVar = Said(b"saving", rb"Saving (?:checkpoint|LoRA weights|adapter v?2? ?weights) to '")
    end: ClassVar = Said(b"training time: ", rb"Training time: \d+\.\d\ds")
    more_hints: ClassVar = (*(name + b"=" for name in ARGUMENTS), b"trainable parameters: ")

    def __init__(self) -> None:
        super().__init__()
        self._iterations = Iterations()
        self._trainable: int | None = None

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """One row for each step, with the seconds of all its micro-batches; evals at their step where it is known."""
        train = [b for b in batches if b.pattern in (UPDATE, MICRO)]
        evals = [b for b in batches if b.pattern is EVAL]
        others = [b for b in batches if b.pattern not in (UPDATE, MICRO, EVAL)]
        before = self._iterations.update
        rows = self._iterations.read(train, [b.pattern is UPDATE for b in train])
        placed = [part for b in evals for part in _placed(b, rows, before)]
        return [*others, *rows.batches, *placed]

    def read_line(self, number: int, line: bytes) -> list[Record] | None:
        """The arguments that are echoed, and the parameters, of which LoRA's are counted apart."""
        where = f"line {number}"
        if found := re.match(rb"Number of (non )?trainable parameters: ([\d,]{1,24})$", line):
            count = int(found[2].replace(b",", b""))
            total = count + (self._trainable or 0) if found[1] else count
            self._trainable = None if found[1] else count
            return [Fact("parameters", total, "log", where)]
        facts = [Fact(ARGUMENTS[n], value(v), "log", where) for n, v in ARGUMENT.findall(line) if n in ARGUMENTS]
        return [*facts] or None


def _placed(batch: Batch, rows: Rows, before: Update) -> list[Batch]:
    """Evals at the step that their iteration belongs to, and those for which that is not known."""
    steps = rows.update_of(batch.lines, counts(batch, "iter"), before)
    plain = without(batch, "iter")
    known = replace(plain, pattern=EVAL_WITH_STEP, steps=steps).only(np.flatnonzero(steps >= 0))
    return [b for b in (known, plain.only(np.flatnonzero(steps < 0))) if len(b.lines)]
