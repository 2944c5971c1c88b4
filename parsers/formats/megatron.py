"""Megatron-LM and Megatron-DeepSpeed (NVIDIA, megatron/training/training.py)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.configs.written import MEGATRON
from parsers.formats.deepspeed_lines import MEMORY, OVERFLOW, PIPELINE
from parsers.formats.known_values import with_known, without_where
from parsers.formats.megatron_arguments import BEGIN, Arguments
from parsers.formats.megatron_lines import AT_THE_END, PADDED, REPORTED_MEMORY, VALIDATION
from parsers.records import Record, Traits
from parsers.rows.row_patterns import Fields, Names
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.tables import Table
from parsers.rows.text import TextFormat

TERA = 1e12
NAMES: Names = {
    "lm loss": ("train_loss", 1.0),
    "lm-loss": ("train_loss", 1.0),
    "lm_loss": ("train_loss", 1.0),
    "loss": ("train_loss", 1.0),
    "reduced_train_loss": ("train_loss", 1.0),
    "learning rate": ("learning_rate", 1.0),
    "grad norm": ("grad_norm", 1.0),
    "loss scale": ("loss_scale", 1.0),
    "elapsed time per iteration (ms)": ("step_seconds", 1e-3),
    "elapsed time per iteration (s)": ("step_seconds", 1.0),
    "elapsed time per iteration": ("step_seconds", 1e-3),
    "consumed tokens": ("tokens", 1.0),
    "consumed samples": (SAMPLES := "samples", 1.0),
    "throughput per gpu (tflop/s/gpu)": ("tflops", TERA),
    "tflops": ("tflops", TERA),
    "tokens per gpu per second (tgs)": ("tokens_per_second", 1.0),
    "tokens per second per gpu (tok/s/gpu)": ("tokens_per_second", 1.0),
    "tokens per gpu (tokens/s/gpu)": ("tokens_per_second", 1.0),
}
ITEM = rb" (?P<name>[A-Za-z][\w ()/%.-]{1,60}?)(?:(?:: *| ){value}%? *\||: *[^|\n]{0,40}? *\|)"
"""Until 2020 no colon stood behind the names."""
ROW = Fields(
    hint=b"iteration ",
    anchor=rb"(?<!\| )(?<![\w.])iteration +(?P<step>\d{1,12})/ *(?P<planned_steps>\d{1,12}) \|",
    item=ITEM,
    names=NAMES,
)
STAGES = replace(PIPELINE, own=False)
"""The first rank's row where DeepSpeed runs the pipeline; Megatron's own is the last rank's."""


class Megatron(TextFormat):
    """Megatron-LM, megatron/training/training.py at d98e8a6 (August 2026), and Megatron-DeepSpeed (2021-2023).

    `iteration N` is printed after update N, counted from 1. Its loss is the mean over the micro-batches, data-parallel
    ranks and iterations since the last line, left out where all of them were skipped or it is no number; the elapsed
    time is the mean of an iteration over the same. The last rank prints. grad norm is that before clipping; 0.000 says
    that it was not computed, a loss scale of -1 that there is none. `number of parameters` is of one shard. TFLOP/s are
    of one GPU. A validation names its own iteration. Memory is the most that PyTorch held of one GPU, told once. Where
    DeepSpeed runs the pipeline, the first rank's rows count until Megatron's own come.
    """

    name: ClassVar[str] = "megatron"
    title: ClassVar[str] = "Megatron-LM"
    about: ClassVar[str] = "Megatron-LM, Megatron-DeepSpeed: ` iteration N/ M | consumed samples: ... | lm loss: ... |`"
    example: ClassVar[str] = (
        " [2026-08-22 10:11:12.345678] iteration      100/  500000 | consumed samples:        25600 |"
        " elapsed time per iteration (ms): 512.3 | learning rate: 3.000000E-04 | global batch size:   256 |"
        " lm loss: 2.345678E+00 | loss scale: 1.0 | grad norm: 0.412 | number of skipped iterations:   0 |"
        " number of nan iterations:   0 |"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="window mean",
        train_loss_left_out=True,
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        tokens_per_second_of="device",
        parameters_printed="per shard",
        optimizer="Adam",
        settings=MEGATRON,
    )
    rows: ClassVar = (ROW, VALIDATION, AT_THE_END, REPORTED_MEMORY, OVERFLOW, MEMORY, STAGES)
    said: ClassVar = (
        Said(
            b"number of parameters on (tensor",
            rb"number of parameters on \(tensor, pipeline\) model parallel rank \(\d+, \d+\): {parameters}",
        ),
        Said(b"using world size: ", rb"using world size: {world_size}, data-parallel", begins=True),
        PADDED,
        Said(b"setting training iterations to", rb"setting training iterations to {planned_steps}"),
        Said(b"loaded checkpoint ", rb"successfully loaded checkpoint \S", resumes=True, own=False),
    )
    checkpoint: ClassVar = Said(b"saved checkpoint", rb"successfully saved checkpoint (?:at|from) iteration")
    end: ClassVar = Said(b"after training is done", rb"after training is done\b")
    more_hints: ClassVar = (BEGIN,)

    def __init__(self) -> None:
        super().__init__()
        self._arguments = Arguments()
        self._length: float | None = None
        self._has_rows = False

    @property
    def open(self) -> bool:
        """Whether an argument dump is open."""
        return self._arguments.open

    def read_line(self, number: int, line: bytes) -> list[Record] | None:
        """A line of the argument dump; None for all others."""
        facts = self._arguments.read(number, line)
        for fact in facts or ():
            if fact.name == "block_size":
                self._length = float(fact.value)
        return None if facts is None else [*facts]

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """Without the pipeline's rows from the first of Megatron's own on: they would tell each loss twice."""
        own = [int(b.lines.min()) for b in batches if b.pattern is ROW and len(b.lines)]
        first = 0 if self._has_rows else min(own, default=None)
        self._has_rows = self._has_rows or bool(own)
        if first is None:
            return batches
        return [b.only(np.flatnonzero(b.lines < first)) if b.pattern is STAGES else b for b in batches]

    def derived(self, tables: list[Table]) -> list[Table]:
        """Tokens from samples, and no gradient norm where none was computed."""
        return [part for table in tables for part in self._derived(table)]

    def _derived(self, table: Table) -> list[Table]:
        norms = dict(zip(table.kind.metrics, table.columns, strict=True)).get("grad_norm")
        computed = [table] if norms is None else without_where(table, "grad_norm", norms == 0)
        return [part for one in computed for part in self._with_tokens(one)]

    def _with_tokens(self, table: Table) -> list[Table]:
        columns = dict(zip(table.kind.metrics, table.columns, strict=True))
        samples = columns.get(SAMPLES)
        if samples is None:
            return [table]
        known = "tokens" not in columns and self._length is not None
        tokens = samples * (self._length or 0.0) if known else np.full(len(samples), np.nan)
        return with_known(table, "tokens" if "tokens" not in columns else SAMPLES, tokens, instead_of=SAMPLES)
