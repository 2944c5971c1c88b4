"""fairseq and metaseq (facebookresearch/fairseq, fairseq/logging/progress_bar.py; facebookresearch/metaseq)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.configs.written import FAIRSEQ
from parsers.records import Fact, Record, Traits
from parsers.rows.numbers import value
from parsers.rows.row_patterns import Fields, Names, RowPattern
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.tables import Kind, Table
from parsers.rows.text import TextFormat

NATS = 0.6931471805599453
"""Nats in a bit, ln 2: criterions divide by it (fairseq/criterions/cross_entropy.py, reduce_metrics)."""
GIB = 2.0**30
NAMES: Names = {
    "loss": ("train_loss", NATS),
    "lr": ("learning_rate", 1.0),
    "gnorm": ("grad_norm", 1.0),
    "loss_scale": ("loss_scale", 1.0),
    "wps": ("tokens_per_second", 1.0),
    "wpb": ("tokens_per_update", 1.0),
    "cuda_gb_reserved": ("memory_bytes", GIB),
}
SIMPLE_STEP = rb"(?=[^\n]{1,8000}?\bnum_updates=(?P<step>\d{1,12}))"
JSON_STEP = rb"num_updates\": \"?(?P<step>\d{1,12}))"
SETTINGS = {
    "max_update": "planned_steps",
    "max_epoch": "planned_epochs",
    "tokens_per_sample": "block_size",
    "clip_norm": "grad_clip",
    "warmup_updates": "warmup_steps",
    "update_freq": "gradient_accumulation_steps",
    "distributed_world_size": "world_size",
    "lr": "learning_rate",
    "weight_decay": "weight_decay",
    "dropout": "dropout",
}
MAY_BE_0 = frozenset({"weight_decay", "dropout"})
"""What 0 switches off is unknown, but for these."""
SETTING = re.compile(rb"\b(" + "|".join(SETTINGS).encode() + rb")'?(?:=|: )\[?([\d.e+-]{1,24})(?=[,\])}])")
DTYPES = {b"fp16": "float16", b"bf16": "bfloat16"}
DTYPE = re.compile(rb"\b(fp16|bf16)'?(?:=|: )True\b")
CONFIG = re.compile(rb"\bNamespace\(|\{'_name': ")


def _evaluation(name: str) -> tuple[str, float] | None:
    """The set of an evaluation; the summary of an epoch's training is none."""
    if name == "train":
        return None
    return ("val_loss" if name == "valid" else f"val_loss/{name}", NATS)


EVALUATION = Fields(
    hint=b"valid on '",
    turn=1,
    anchor=rb"\bepoch \d{1,6} \| (?=valid on '[^'\n]{1,60}' subset \| )"
    rb"(?=[^\n]{1,8000}?\bnum_updates (?P<step>\d{1,12}))",
    start=rb"\bepoch \d{1,6} \| valid on '",
    item=rb"valid on '(?P<name>[^'\n]{1,60})' subset \| (?:valid_)?loss {value}",
    translate=_evaluation,
)
JSON_EVALUATION = Fields(
    hint=b"_num_updates",
    turn=1,
    anchor=rb'\{"epoch": \d{1,6}, (?="\w{1,60}_loss": )(?=[^\n]{1,8000}?_' + JSON_STEP,
    start=rb'\{"epoch": \d{1,6}, "\w{1,60}_loss": ',
    item=rb'"(?P<name>\w{1,60})_loss": "?{value}"?',
    translate=_evaluation,
)


class Fairseq(TextFormat):
    """fairseq, logging/progress_bar.py and trainer.py at 0400ebb, metaseq at f7ffa5f (2023).

    A row belongs to num_updates, N updates done. Its loss is the criterion's mean over all tokens and all updates since
    the last row (until 2019 since the epoch began), in bits: it becomes nats; with label smoothing it is the smoothed
    loss. gnorm is that before clipping, wps counts the target tokens of all devices, and with wpb, the tokens of an
    update, tells the seconds of one. `valid` rows are the mean over a whole set in eval mode. With --log-format json
    the same values are strings. The summary of an epoch repeats what the rows said and is left out.
    """

    name: ClassVar[str] = "fairseq"
    title: ClassVar[str] = "fairseq"
    about: ClassVar[str] = "fairseq and metaseq: `epoch 001:    100 / 5000 loss=..., num_updates=100, ...`, also JSON"
    example: ClassVar[str] = (
        "2021-03-08 12:31:36 | INFO | train_inner | epoch 001:    100 / 5000 loss=9.321, nll_loss=8.9, ppl=478.1,"
        " wps=21234, ups=1.2, wpb=17000, bsz=512, num_updates=100, lr=1.25e-05, gnorm=2.1, train_wall=80, wall=95"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="window mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        settings=FAIRSEQ,
    )
    rows: ClassVar = (
        Fields(
            hint=b"epoch ",
            anchor=rb"\bepoch \d{1,6}:(?: +\d+ / \d+| [^=\n]{1,300}\[[^\]=\n]{3,60},) (?=[a-z]\w{0,40}=)" + SIMPLE_STEP,
            start=rb"\bepoch \d{1,6}:(?: +\d+ / \d+| +\d+%\|)",
            item=rb"(?P<name>[A-Za-z_][\w.-]{0,80})=(?:{value}%?|[^,\]\s]*)(?:, ?)?",
            names=NAMES,
        ),
        EVALUATION,
        Fields(
            hint=b'{"epoch": ',
            anchor=rb'(?:\btrain_inner \| \{"epoch": \d{1,6}, |\{"epoch": \d{1,6}, (?="update": ))'
            rb'(?=[^\n]{1,8000}?"' + JSON_STEP,
            start=rb'\btrain_inner \| \{"epoch": |\{"epoch": \d{1,6}, "update": ',
            item=rb'"(?P<name>[^"\n]{1,120})": (?:"?{value}%?"?|null|"[^"\n]{0,80}")(?:, ?)?',
            names=NAMES,
        ),
        JSON_EVALUATION,
    )
    said: ClassVar = (
        Said(b"training on ", rb"training on {world_size} (?:devices \(GPUs/TPUs\)|GPUs)", begins=True),
        Said(
            b"num. model params: ",
            rb"num\. model params: {parameters}(?: \(num\. trained: [\d,]+\))?$",
            own=False,
        ),
        Said(b"shared model params: ", rb"num\. shared model params: {parameters} \(num\. trained: "),
        Said(b"loaded checkpoint ", rb"[Ll]oaded checkpoint \S{1,400} \(epoch \d+ @ \d+ updates\)", resumes=True),
    )
    checkpoint: ClassVar = Said(b"saved checkpoint ", rb"[Ss]aved checkpoint \S{1,400} \(epoch \d+ @ \d+ updates")
    end: ClassVar = Said(b"done training in ", rb"done training in \d")
    more_hints: ClassVar = (b"max_update",)

    def __init__(self) -> None:
        super().__init__()
        self._sets: dict[str, RowPattern] = {}
        """The further sets, each with a pattern of its own: rows of one pattern and one step are copies."""

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows, those of each further set as a kind of their own."""
        return [self._of_set(b) if b.pattern in (EVALUATION, JSON_EVALUATION) else b for b in batches]

    def _of_set(self, batch: Batch) -> Batch:
        name = batch.metrics[0]
        return batch if name == "val_loss" else replace(batch, pattern=self._sets.setdefault(name, replace(EVALUATION)))

    def derived(self, tables: list[Table]) -> list[Table]:
        """The tables with the seconds of an update: its tokens through the tokens per second."""
        return [_timed(table) for table in tables]

    def read_line(self, number: int, line: bytes) -> list[Record] | None:
        """The settings, which are printed on one line of some ten thousand characters."""
        if not CONFIG.search(line):
            return None
        where = f"line {number}"
        first: dict[str, Fact] = {}
        for name, text in SETTING.findall(line):
            fact = SETTINGS[name.decode()]
            known = value(text)
            if isinstance(known, int | float) and (known > 0 or fact in MAY_BE_0):
                first.setdefault(fact, Fact(fact, known, "log", where))
        if found := DTYPE.search(line):
            first["dtype"] = Fact("dtype", DTYPES[found[1]], "log", where)
        return [*first.values()]


def _timed(table: Table) -> Table:
    metrics = table.kind.metrics
    if "tokens_per_update" not in metrics:
        return table
    columns = dict(zip(metrics, table.columns, strict=True))
    tokens = columns.pop("tokens_per_update")
    if (rate := columns.get("tokens_per_second")) is not None and (tokens > 0).all():
        columns["step_seconds"] = tokens / np.where(rate > 0, rate, np.nan)
    return replace(table, kind=Kind(tuple(columns), table.kind.turn), columns=tuple(columns.values()))
