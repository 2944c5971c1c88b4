"""Megatron-LM and Megatron-DeepSpeed (NVIDIA, megatron/training/training.py)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from parsers.formats.deepspeed_lines import OVERFLOW
from parsers.formats.known_values import with_known, without_where
from parsers.formats.megatron_arguments import BEGIN, Arguments
from parsers.records import Record, Traits
from parsers.row_patterns import Fields, Layout, Names
from parsers.said import Said
from parsers.tables import Table
from parsers.text import TextFormat

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
    "tokens per second per gpu (tgs)": ("tokens_per_second", 1.0),
    "tokens-per-second-per-gpu": ("tokens_per_second", 1.0),
}
ITEM = rb" (?P<name>[A-Za-z][\w ()/%.-]{1,60}): *(?:{value}%?|[^|\n]{0,40}?) *\|"
LOSS = rb" \| *(?:lm[ _-]?)?loss value: {val_loss}"


class Megatron(TextFormat):
    """Megatron-LM, megatron/training/training.py at d98e8a6 (August 2026), and Megatron-DeepSpeed (2021-2023).

    `iteration N` is printed after update N, counted from 1. Its loss is the mean over the micro-batches, data-parallel
    ranks and iterations since the last line, left out where all of them were skipped or it is no number; the elapsed
    time is the mean of an iteration over the same. The last rank prints. grad norm is that before clipping; 0.000 says
    that it was not computed, a loss scale of -1 that there is none. `number of parameters` is of one shard. TFLOP/s are
    of one GPU. A validation names its own iteration.
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
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        tokens_per_second_of="device",
        parameters_printed="per shard",
    )
    rows: ClassVar = (
        Fields(
            hint=b"iteration ",
            anchor=rb"(?<!\| )(?<![\w.])iteration +(?P<step>\d{1,12})/ *(?P<planned_steps>\d{1,12}) \|",
            item=ITEM,
            names=NAMES,
        ),
        Layout(
            hint=b"validation loss at iteration ",
            turn=1,
            text=rb"validation loss at iteration (?P<step>\d{1,12})(?: on validation set)?" + LOSS,
        ),
        OVERFLOW,
    )
    said: ClassVar = (
        Said(
            b"number of parameters on (tensor",
            rb"number of parameters on \(tensor, pipeline\) model parallel rank \(\d+, \d+\): {parameters}",
        ),
        Said(b"using world size: ", rb"using world size: {world_size}, data-parallel", begins=True),
        Said(b"> padded vocab", rb"> padded vocab \(size: \d+\) with \d+ dummy tokens \(new size: {vocab_size}\)"),
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
