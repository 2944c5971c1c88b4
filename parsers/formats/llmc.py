"""llm.c (karpathy/llm.c): the standard output of its trainers and the main.log that they write."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.configs.written import LLMC
from parsers.formats.known_values import with_known
from parsers.formats.llmc_box import HINTS, Box
from parsers.records import Fact, Recognised, Record, Traits
from parsers.rows.row_patterns import Attach, Layout
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.tables import Table
from parsers.rows.text import TextFormat

MILLISECONDS = 1e-3
MIB = 2.0**20
Z = rb" \([+-]?[\w.]{1,12}z\)"
"""How far a number is from the mean of the last 128, in standard deviations."""

CUDA = Layout(
    hint=b" loss ",
    text=rb"\bstep +(?P<step>\d{1,12})/{planned_steps} \| (?:train )?loss +{train_loss}(?:" + Z + rb")? ?\| "
    rb"norm +{grad_norm}(?:" + Z + rb")? ?\| lr {learning_rate} \| {step_seconds} ms \| "
    rb"(?:{mfu}% [\w ]{0,20}MFU \| )?{tokens_per_second} tok/s",
    start=rb"\bstep +\d+/\d+ \| (?:train )?loss ",
    scales={"step_seconds": MILLISECONDS, "mfu": 0.01},
)
PYTHON = Layout(
    hint=b" loss ",
    text=rb"\bstep +(?P<step>\d{1,12})/{planned_steps} \| train loss {train_loss} \| norm {grad_norm} \| "
    rb"lr {learning_rate} \| \({step_seconds} ms \| {tokens_per_second} tok/s\)",
    start=rb"\bstep +\d+/\d+ \| train loss ",
    scales={"step_seconds": MILLISECONDS},
)
VALIDATED = Layout(hint=b"val loss ", turn=1, text=rb"^val loss {val_loss}\s*$", attach=Attach("before"), own=False)
VALIDATED_FIRST = replace(VALIDATED, attach=Attach("after", -1, 0))
"""One before the first row of a run, whatever the run before it had."""
BOX_BEGINS = Layout(hint=b"| parameter ", text=rb"^\| Parameter +\| Value +\|", attach=Attach("after"), own=False)
"""No row: it tells where a run begins, so that no validation takes the step of the run before."""
LOGGED = Layout(
    hint=b" trl:",
    turn=1,
    text=rb"\bs:(?P<step>\d{1,12}) trl:{train_loss}(?: lr:{learning_rate} norm:{grad_norm}(?=\s|$))?",
)
LOGGED_EVAL = Layout(hint=b" tel:", text=rb"\bs:(?P<step>\d{1,12}) tel:{val_loss}")
LOGGED_SCORE = Layout(hint=b" eval:", text=rb"\bs:(?P<step>\d{1,12}) eval:[01]\.\d+\b")
BOX = "a box of settings as train_gpt2.cu prints it"
IN_MAIN_LOG = {LOGGED, LOGGED_EVAL, LOGGED_SCORE}


class LlmC(TextFormat):
    """llm.c, train_gpt2.cu and llmc/logger.h at f1e2ace, train_gpt2.py; the early logs of modded-nanogpt.

    Its loss is the mean over all tokens of the step and all ranks, its norm that before clipping. Standard output
    counts from 1: `step N` is printed after update N, so N updates are done, and `val loss`, which prints no step, is
    measured with the updates of the row before it. main.log counts from 0: `s:N trl` comes after N + 1 updates,
    `s:N tel` after N. ms is the time of the step alone; tok/s, of all ranks, is a running mean (0.95 of the old). MFU
    compares 6 N + 6 L C T FLOP a token (half of the usual attention) with the peak of that GPU for the precision
    in use, though it always says bf16; -100 % is a GPU that is in no table. main.log rounds the learning rate to
    six decimals: one that became 0 is left out.
    """

    name: ClassVar[str] = "llmc"
    title: ClassVar[str] = "llm.c"
    about: ClassVar[str] = "llm.c: standard output, and main.log (`s:N trl:X lr:X norm:X`)"
    example: ClassVar[str] = (
        "step   10/74 | loss 3.291410 (+0.12z)| norm 0.5231 (-1.02z)| lr 3.00e-04 | 36.58 ms | 9.2% bf16 MFU"
        " | 112241 tok/s"
    )
    traits: ClassVar[Traits] = Traits(
        optimizer="AdamW", train_loss="step mean", updates_at_train_row=0, updates_at_eval_row=0
    )
    rows: ClassVar = (CUDA, PYTHON, LOGGED, LOGGED_EVAL, LOGGED_SCORE, VALIDATED, BOX_BEGINS,
        Layout(
            hint=b"device memory usage: ",
            text=rb"^device memory usage: {memory_bytes} MiB / \d+ MiB",
            attach=Attach("after", -1, 0),
            scales={"memory_bytes": MIB},
        ),
        Layout(
            hint=b"peak memory consumption: ",
            turn=1,
            text=rb"^peak memory consumption: {memory_bytes} MiB",
            attach=Attach("before"),
            scales={"memory_bytes": MIB},
            own=False,
        ),
    )  # fmt: skip
    said: ClassVar = (
        Said(b"num_parameters: ", rb"^num_parameters: {parameters} => bytes: \d+", begins=True),
        Said(
            b"total_batch_size=",
            rb"^batch_size B={batch_size} \* seq_len T={block_size} \* num_processes={world_size}"
            rb" and total_batch_size={tokens_per_step}",
        ),
        Said(b"=> setting grad_accum_steps", rb"^=> setting grad_accum_steps={gradient_accumulation_steps}"),
        Said(
            b"total desired batch size",
            rb"^total desired batch size: {tokens_per_step}\s*$",
            own=False,
        ),
        Said(
            b"=> calculated gradient accumulation",
            rb"^=> calculated gradient accumulation steps: {gradient_accumulation_steps}\s*$",
            own=False,
        ),
        Said(
            b"num decayed parameter", rb"num decayed parameter tensors: \d+, with {parameters_decayed} par", own=False
        ),
        Said(
            b"num non-decayed parameter",
            rb"num non-decayed parameter tensors: \d+, with {parameters_non_decayed} par",
            own=False,
        ),
    )
    checkpoint: ClassVar = Said(b"writing checkpoint at", rb"^Writing checkpoint at step \d+")
    end: ClassVar = Said(b"total average iteration time", rb"^total average iteration time: [\d.]+ ms")
    more_hints: ClassVar[tuple[bytes, ...]] = HINTS

    def __init__(self) -> None:
        super().__init__()
        self._box = Box()
        self._begun = False
        """Whether the run has a row already."""
        self._is_main_log: bool | None = None
        self._untold = False
        """Whether it is main.log, and this was not said yet."""
        self._is_cuda = False
        """Whether its box tells that it is train_gpt2.cu, whose flags are known."""

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines; before the first of main.log, what its steps mean."""
        return self._told(super().feed(lines))

    def finish(self, half: bytes) -> list[Record]:
        """The records of a last line that has no end."""
        return self._told(super().finish(half))

    def read_line(self, number: int, line: bytes) -> list[Record] | None:
        """The settings in the box that is printed at the start, and before the first of them how they are written."""
        found = self._box.read(line)
        if found is None:
            return None
        told = [] if self._is_cuda else [Recognised(self.name, self.title, replace(self.traits, settings=LLMC), BOX)]
        self._is_cuda = True
        return [*told, *(Fact(name, value, "log", f"line {number}") for name, value in found)]

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows, with a validation before a run's first row told from those after one."""
        if self._is_main_log is None and (steps := {b.pattern for b in batches if b.pattern.attach is None}):
            self._is_main_log = steps <= IN_MAIN_LOG
            self._untold = self._is_main_log
        begins = [at for b in batches if b.pattern is BOX_BEGINS for at in b.lines.tolist()]
        rows = [at for b in batches if b.pattern.attach is None for at in b.lines.tolist()]
        edges = sorted([*((at, False) for at in begins), *((at, True) for at in rows)])
        places = np.array([at for at, _ in edges], np.int64)
        begun = np.array([self._begun, *(is_row for _, is_row in edges)], np.bool_)
        self._begun = bool(begun[-1])
        kept = [b for b in batches if b.pattern is not BOX_BEGINS and b.pattern is not VALIDATED]
        for batch in batches:
            if batch.pattern is VALIDATED:
                after = begun[np.searchsorted(places, batch.lines)]
                kept += [batch.only(np.flatnonzero(after))] if after.any() else []
                kept += (
                    [replace(batch.only(np.flatnonzero(~after)), pattern=VALIDATED_FIRST)] if not after.all() else []
                )
        return kept

    def derived(self, tables: list[Table]) -> list[Table]:
        """The tables without learning rates that were rounded to 0."""
        return [part for table in tables for part in _without_zero_rates(table)]

    def _told(self, records: list[Record]) -> list[Record]:
        if not self._untold:
            return records
        self._untold = False
        traits = replace(self.traits, updates_at_train_row=1)
        return [Recognised(self.name, self.title, traits, "main.log counts its steps from 0"), *records]


def _without_zero_rates(table: Table) -> list[Table]:
    if "learning_rate" not in table.kind.metrics:
        return [table]
    rates = table.columns[table.kind.metrics.index("learning_rate")]
    return with_known(table, "learning_rate", np.where(rates == 0, np.nan, rates))
