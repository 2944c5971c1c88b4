"""MLPerf Training (mlcommons/logging, mlperf_logging/mllog; mlcommons/training_results)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from parsers.records import Floats, Ints, Recognised, Record, Traits, Value
from parsers.rows.numbers import value
from parsers.rows.row_patterns import Layout
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.text import TextFormat

LANGUAGE = ("gpt", "llama", "deepseek", "mixtral", "qwen")
"""How the names of benchmarks begin whose eval_accuracy is the validation loss (log perplexity) of a language model."""
HEAD = rb':::MLLOG \{"namespace": "[^"\n]{0,80}", "time_ms": {ms}, "event_type": "\w{1,20}", "key": '
PLACE = rb'"metadata": \{[^{}\n]*?"(?:samples_count": {samples}|epoch_num": {epochs})(?=[,}])'
EVAL = Layout(
    hint=b'"key": "eval_accuracy"',
    turn=1,
    text=HEAD + rb'"eval_accuracy", "value": {val_loss}, ' + PLACE,
    start=rb":::MLLOG \{",
    ends=rb"[^{}\n]*\}\}",
)
TRAIN = Layout(
    hint=b'"key": "train_loss"',
    text=HEAD + rb'"train_loss", "value": {train_loss}, ' + PLACE + rb'(?:[^{}\n]*?"lr": {learning_rate}(?=[,}]))?',
    start=rb":::MLLOG \{",
    ends=rb"[^{}\n]*\}\}",
)
STATS = Layout(
    hint=b'"key": "tracked_stats"',
    text=HEAD + rb'"tracked_stats", "value": \{(?=[^{}\n]*?"(?:reduced_)?train_loss": {train_loss}[,}])'
    rb'(?:(?=[^{}\n]*?"train_step_time": {step_seconds}[,}])|)[^{}\n]*\}, ' + PLACE,
    start=rb":::MLLOG \{",
    ends=rb"[^{}\n]*\}\}",
)
SAID_KEYS = {
    b"global_batch_size": "global_batch_size",
    b"gradient_accumulation_steps": "gradient_accumulation_steps",
    b"max_sequence_length": "block_size",
    b"max_steps": "planned_steps",
    b"opt_learning_rate_training_steps": "planned_steps",
    b"opt_name": "optimizer",
    b"opt_base_learning_rate": "learning_rate",
    b"opt_learning_rate_warmup_steps": "warmup_steps",
    b"opt_learning_rate_decay_steps": "decay_steps",
    b"opt_weight_decay": "weight_decay",
    b"opt_adamw_weight_decay": "weight_decay",
    b"opt_adam_beta_1": "beta1",
    b"opt_adam_beta_2": "beta2",
    b"opt_gradient_clip_norm": "grad_clip",
    b"num_layers": "n_layer",
    b"num_heads": "n_head",
    b"hidden_size": "n_embd",
    b"hidden_dropout": "dropout",
    b"dataset": "dataset",
}
SETTING = (
    rb':::MLLOG \{[^\n]{0,200}?"key": "(?P<key>'
    + b"|".join(SAID_KEYS)
    + rb')", "value": (?P<value>"[^"\n]{0,200}"|[-+.\w]{1,40}), "meta'
)
UNITS = re.compile(
    rb'"key": ?"(?P<key>submission_benchmark|global_batch_size|max_sequence_length)", ?'
    rb'"value": ?(?:"(?P<word>[\w.-]{1,60})"|(?P<number>[1-9]\d{0,12})), ?"meta'
)
TAIL_BYTES = 400
WHY = "its lines begin with :::MLLOG"


def _setting(found: re.Match[bytes]) -> dict[str, Value]:
    """The fact in a line of the start; none where it has no value."""
    return {} if found["value"] == b"null" else {SAID_KEYS[found["key"]]: value(found["value"].strip(b'"'))}


def _system(found: re.Match[bytes]) -> dict[str, Value]:
    devices = int(found["nodes"]) * int(found["devices"])
    return {"gpu_name": found["name"].decode("utf-8", "replace"), "world_size": devices}


class MLPerf(TextFormat):
    """MLPerf Training v3.1 to v6.0: lines of mlperf_logging/mllog as they stand in published results.

    eval_accuracy is the validation loss in nats for language models (gpt3, llama2_70b_lora, llama31_405b, ...), which
    the line submission_benchmark tells; of other benchmarks it is an accuracy and left out. train_loss, and
    reduced_train_loss in tracked_stats, is the mean over one step. Rows are counted in samples_count, in sequences.
    Where global_batch_size is printed the steps are updates: samples_count / global_batch_size. epoch_num is the number
    of tokens in GPT-3 (then also divided by max_sequence_length), and of epochs in all others. Without a batch size the
    steps are samples, which are no updates. Runs that go on from a given checkpoint count from 0 all the same. Times
    are those of time_ms; the time between two evaluations contains one.
    """

    name: ClassVar[str] = "mlperf"
    title: ClassVar[str] = "MLPerf"
    about: ClassVar[str] = "MLPerf Training: `:::MLLOG {...}` lines"
    example: ClassVar[str] = (
        ':::MLLOG {"namespace": "", "time_ms": 1714994617987, "event_type": "POINT_IN_TIME", "key": "eval_accuracy", '
        '"value": 0.9301, "metadata": {"file": "custom_callbacks.py", "lineno": 181, "samples_count": 2304}}'
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        step_seconds_contain_eval=True,
        loss_unit="unknown",
        steps_count="rows",
    )
    sure: ClassVar[float] = 0.85
    """The trainer's own lines, where it prints some as well, tell more."""
    rows: ClassVar = (EVAL, TRAIN, STATS)
    said: ClassVar = (
        Said(b'"key": "run_start"', rb':::MLLOG \{.{0,200}?"key": "run_start"', begins=True),
        Said(b'"key": "init_st', rb':::MLLOG \{.{0,200}?"key": "init_st(?:art|op)"'),
        Said(
            b":::sysjson",
            rb':::SYSJSON \{.*?"number_of_nodes": ?"(?P<nodes>\d{1,6})".*?"accelerators_per_node": ?"'
            rb'(?P<devices>\d{1,4})", ?"accelerator_model_name": ?"(?P<name>[^"]{1,100})"',
            read=_system,
        ),
        Said(b":::mllog", SETTING, read=_setting),
    )
    end: ClassVar = Said(b'"key": "run_stop"', rb':::MLLOG \{.{0,200}?"key": "run_stop"')

    def __init__(self) -> None:
        super().__init__()
        self._units: dict[bytes, bytes] = {}
        """What the start said of the benchmark, the batch and the length of a sequence."""
        self._counts: Literal["updates", "epochs", "rows"] | None = None
        self._told = self.traits
        self._tail = b""
        """What came last: a margin may have broken a line of the start."""

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines."""
        return self._with_traits(lines, super().feed)

    def finish(self, half: bytes) -> list[Record]:
        """The records of a last line that has no end."""
        return self._with_traits(half, super().finish)

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows at their updates, epochs or samples, whichever the log counts; losses of language models alone."""
        placed = []
        for batch in sorted(batches, key=lambda b: int(b.lines[0])):
            columns = dict(zip(batch.metrics, batch.columns, strict=True))
            seconds, counted = columns.pop("ms") / 1e3, self._counted(columns)
            if not self._is_language:
                columns.pop("val_loss", None)
            if counted is not None and columns:
                metrics = tuple(columns)
                placed.append(
                    replace(batch, metrics=metrics, columns=list(columns.values()), steps=counted, seconds=seconds)
                )
        return placed

    @property
    def _is_language(self) -> bool:
        return self._units.get(b"submission_benchmark", b"").decode().startswith(LANGUAGE)

    def _counted(self, columns: dict[str, Floats]) -> Ints | None:
        """The steps of rows; None where these rows count something else than those before them."""
        batch, length = (float(self._units.get(k, b"nan")) for k in (b"global_batch_size", b"max_sequence_length"))
        counts: Literal["updates", "epochs", "rows"]
        if (samples := columns.pop("samples", None)) is not None:
            counts, steps = ("rows", samples) if np.isnan(batch) else ("updates", samples / batch)
        elif not self._is_language:
            counts, steps = "epochs", columns.pop("epochs")
        else:
            tokens = columns.pop("epochs")
            known = not np.isnan(batch * length)
            counts, steps = ("updates", tokens / (batch * length)) if known else ("rows", tokens)
        self._counts = self._counts or counts
        return np.rint(np.nan_to_num(steps)).astype(np.int64) if counts == self._counts else None

    def _with_traits(self, lines: bytes, read: Callable[[bytes], list[Record]]) -> list[Record]:
        """The records behind what the log told of its units until now."""
        for found in UNITS.finditer((self._tail + lines).replace(b"\n", b"")):
            word, is_name = found["word"], found["key"] == b"submission_benchmark"
            if is_name == (word is not None):
                self._units.setdefault(found["key"], word or found["number"])
        self._tail = lines[-TAIL_BYTES:]
        records = read(lines)
        counts = self._counts or self.traits.steps_count
        now = replace(self.traits, loss_unit="nats" if self._is_language else "other", steps_count=counts)
        if now == self._told:
            return records
        self._told = now
        return [Recognised(self.name, self.title, now, WHY), *records]
