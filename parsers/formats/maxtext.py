"""MaxText (AI-Hypercomputer/maxtext, common/metric_logger.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from re import Match
from typing import ClassVar

import numpy as np

from parsers.configs.written import MAXTEXT
from parsers.records import Traits, Value
from parsers.rows.numbers import NUMBER, number
from parsers.rows.row_patterns import Fields, Names
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.text import TextFormat

GARBAGE_ROWS = 2
"""After each start the first row times the compilation, the second only how long its dispatch took."""
TIMINGS = ("step_seconds", "tflops", "tokens_per_second")
NAMES: Names = {
    "seconds": ("step_seconds", 1.0),
    "tflop/s/device": ("tflops", 1e12),
    "tokens/s/device": ("tokens_per_second", 1.0),
    "loss": ("train_loss", 1.0),
    "lr": ("learning_rate", 1.0),
    "grad_norm": ("grad_norm", 1.0),
}
TRAIN = Fields(
    hint=b"step:",
    anchor=rb"\bcompleted (?:profiler activation/deactivation )?step: (?P<step>\d{1,12})"
    rb"(?=, (?:seconds|total_weights): [^\n]{1,400}\bloss: \S)",
    start=rb"\bcompleted (?:profiler activation/deactivation )?step: \d",
    item=rb", (?P<name>[A-Za-z_/]{2,40}): (?:{value}|[^\s,]+)",
    names=NAMES,
)
SETTINGS = {
    b"steps": b"planned_steps",
    b"learning_rate": b"learning_rate",
    b"per_device_batch_size": b"batch_size",
    b"global_batch_size_to_train_on": b"global_batch_size",
    b"max_target_length": b"block_size",
    b"gradient_accumulation_steps": b"gradient_accumulation_steps",
    b"vocab_size": b"vocab_size",
    b"(?:base_)?num_decoder_layers": b"n_layer",
    b"(?:base_)?emb_dim": b"n_embd",
    b"(?:base_)?num_query_heads": b"n_head",
    b"adam_b1": b"beta1",
    b"adam_b2": b"beta2",
    b"adam_weight_decay": b"weight_decay",
    b"gradient_clipping_threshold": b"grad_clip",
    b"eval_interval": b"eval_interval",
    b"eval_steps": b"eval_iters",
}
WORDS = {b"dataset_type": b"dataset", b"opt_type": b"optimizer", b"dtype": b"dtype", b"run_name": b"run_name"}


def _parameters(found: Match[bytes]) -> Mapping[str, Value]:
    return {"parameters": round(number(found["billions"]) * 1e9)}


def _settings(found: Match[bytes]) -> Mapping[str, Value]:
    """A setting that is less than 0 is one that is switched off."""
    known = {name: number(text) for name, text in found.groupdict().items() if text is not None}
    return {name: round(n) if n == round(n) and abs(n) >= 1 else n for name, n in known.items() if n >= 0}


class MaxText(TextFormat):
    """MaxText, common/metric_logger.py and trainers/pre_train/train.py at e591f30 (August 2026).

    `completed step: N` is told after update N, counted from 0, so N + 1 updates are done; it is printed one step late.
    Its loss is the mean over all tokens that are no padding, with the auxiliary losses of a mixture of experts.
    `eval metrics after step: N` follows update N and may stand before that step's row. TFLOP/s and tokens/s are of
    one device and computed from the step's seconds, which contain an evaluation that ran since the step before; there
    is no MFU. Because dispatch is asynchronous the seconds of the first two rows of a start mean nothing: they are
    left out.
    """

    name: ClassVar[str] = "maxtext"
    title: ClassVar[str] = "MaxText"
    about: ClassVar[str] = "MaxText: `completed step: N, seconds: ..., TFLOP/s/device: ..., Tokens/s/device: ...`"
    example: ClassVar[str] = (
        "completed step: 9, seconds: 5.667, TFLOP/s/device: 134.924, Tokens/s/device: 8672.758, total_weights: 196608,"
        " loss: 10.374"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean",
        updates_at_train_row=1,
        updates_at_eval_row=1,
        tokens_per_second_of="device",
        step_seconds_contain_eval=True,
        optimizer="AdamW",
        settings=MAXTEXT,
    )
    rows: ClassVar = (
        TRAIN,
        Fields(
            hint=b"eval metrics after step:",
            anchor=rb"\beval metrics after step: (?P<step>\d{1,12})(?=, )",
            start=rb"\beval metrics after step: \d",
            item=rb", (?P<name>[a-z_]{2,40})[=:] ?{value}%?",
            names={"loss": ("val_loss", 1.0), "eval_loss": ("val_loss", 1.0)},
        ),
    )
    said: ClassVar = (
        Said(b"number parameters: ", rb"number parameters: (?P<billions>[\d.]{1,12}) billion", read=_parameters),
        Said(
            b"restoring from this run",
            rb"restoring from this run's directory (?:latest )?step \d",
            resumes=True,
        ),
        *(
            Said(
                b"config param ",
                rb"Config param " + printed + rb": (?P<" + fact + rb">" + NUMBER + rb")$",
                read=_settings,
                begins=fact == b"planned_steps",
            )
            for printed, fact in SETTINGS.items()
        ),
        *(
            Said(b"config param ", rb"Config param " + printed + rb": (?P<" + fact + rb">\S.{0,200})$")
            for printed, fact in WORDS.items()
        ),
    )
    checkpoint: ClassVar = Said(
        b"checkpoint", rb"(?:[Ss]aved a checkpoint at|Started an asynchronous checkpoint save for) step \d"
    )

    def __init__(self) -> None:
        super().__init__()
        self._since_start = 0
        self._last = -1

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows, without the timings of the first two after each start."""
        train = [b for b in batches if b.pattern is TRAIN]
        if not train:
            return batches
        lines = np.concatenate([b.lines for b in train])
        order = np.argsort(lines, kind="stable")
        garbage = np.empty(len(lines), np.bool_)
        garbage[order] = self._garbage(np.concatenate([b.steps for b in train])[order].tolist())
        parts = np.split(garbage, np.cumsum([len(b.lines) for b in train])[:-1])
        halves = (
            half
            for b, bad in zip(train, parts, strict=True)
            for half in (b.only(np.flatnonzero(~bad)), _untimed(b.only(np.flatnonzero(bad))))
        )
        return [b for b in (*halves, *(b for b in batches if b.pattern is not TRAIN)) if len(b.lines)]

    def _garbage(self, steps: list[int]) -> list[bool]:
        """Whether each row is one of the first since the log began or the steps went back. Copies count once."""
        bad = []
        for step in steps:
            if step < self._last:
                self._since_start = 0
            if step != self._last:
                self._since_start += 1
            self._last = step
            bad.append(self._since_start <= GARBAGE_ROWS)
        return bad


def _untimed(batch: Batch) -> Batch:
    kept = [i for i, name in enumerate(batch.metrics) if name not in TIMINGS]
    return replace(batch, metrics=tuple(batch.metrics[i] for i in kept), columns=[batch.columns[i] for i in kept])
