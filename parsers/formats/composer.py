"""Composer and LLM Foundry (mosaicml/composer, composer/loggers/console_logger.py; mosaicml/llm-foundry)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.configs.written import COMPOSER
from parsers.records import Traits
from parsers.rows.row_patterns import Attach, Fields, Layout
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.text import TextFormat

GB = 1e9
MOST_GB = 1e6
"""What is larger was printed in bytes, as all was until February 2023 (memory_monitor.py, pull request 1940)."""
SLOWEST = 0.05
"""Batches per second below which four decimals are too few to tell how long a batch takes within 0.1 %."""
RATE = rb"(?!0\.000[0-4]\d*\b)"
"""Learning rates are printed with four decimals: below 0.0005 the error is more than a tenth of the number."""
EPOCH_HEADER = Layout(
    hint=b"[batch=",
    text=rb"\[epoch={epoch}\]\[batch=(?P<step>\d{1,12})/{batches}\]",
    own=False,
)
BATCH_HEADER = Layout(
    hint=b"[batch=",
    text=rb"(?<!\])\[batch=(?P<step>\d{1,12})/(?P<planned_steps>\d{1,12})\]",
    own=False,
)
BATCHES_BEFORE = Layout(hint=b"time/batch: ", text=rb"\bTrain time/batch: (?P<step>\d{1,12})", own=False)
"""Batches that were done before this one: the only line with a step where a run is planned in tokens or samples."""


def _train(printed: bytes, metric: bytes, scale: float = 1.0) -> Layout:
    """A line of a block: "Train loss/train/total: 7.1234"."""
    return Layout(
        hint=b"train " + printed + b": ",
        text=rb"\bTrain " + printed + rb": {" + metric + rb"}",
        scales={metric.decode(): scale},
        attach=Attach("before"),
    )


def _evaluation(name: str) -> tuple[str, float] | None:
    label = name.removeprefix("metrics/").removesuffix("/languagecrossentropy")
    return ("val_loss" if label == "eval" else f"val_loss/{label}", 1.0)


def _setting(printed: bytes, fact: bytes, after: bytes = rb"$", *, begins: bool = False) -> Said:
    """A line of the config that is printed as YAML at the start; every YAML file has such lines."""
    return Said(printed + b": ", rb"^ *" + printed + rb": {" + fact + rb"}" + after, begins=begins, own=False)


class Composer(TextFormat):
    """Composer 0.32.1, loggers/console_logger.py, trainer/trainer.py and callbacks/; LLM Foundry 0.22.0 (2025).

    A block belongs to the batch in its header, N of `[batch=N/M]`, printed after update N, counted from 1. With a run
    planned in epochs the header counts within the epoch; with one planned in tokens it has no batch, and `time/batch`,
    which is one less, tells it. loss/train/total is the mean over the batch and all ranks, with the auxiliary losses of
    a mixture of experts. `Eval` lines follow the batch after which the evaluation ran; their LanguageCrossEntropy is
    the mean over the tokens of the set. All numbers have four decimals, which leaves nothing of a learning rate below
    0.0005. The throughput is the mean of the last 100 batches, without evaluations; flops_per_sec, and the MFU against
    a table of GPUs, are of one device.
    """

    name: ClassVar[str] = "composer"
    title: ClassVar[str] = "Composer"
    about: ClassVar[str] = "Composer and LLM Foundry: `[batch=N/M]:` and lines such as `Train loss/train/total: ...`"
    example: ClassVar[str] = "         Train loss/train/total: 7.1234"
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        settings=COMPOSER,
    )
    rows: ClassVar = (
        EPOCH_HEADER,
        BATCH_HEADER,
        BATCHES_BEFORE,
        _train(b"loss/train/total", b"train_loss"),
        _train(b"l2_norm/grad/global", b"grad_norm"),
        _train(b"throughput/tokens_per_sec", b"tokens_per_second"),
        _train(b"throughput/batches_per_sec", b"batches_per_second"),
        _train(b"throughput/device/flops_per_sec", b"tflops"),
        _train(b"throughput/device/mfu", b"mfu"),
        _train(b"memory/peak_reserved_mem", b"memory_bytes", GB),
        _train(b"memory/reserved_mem", b"memory_bytes", GB),
        Layout(
            hint=b"train lr-",
            text=rb"\bTrain lr-\w{1,60}/group0: " + RATE + rb"{learning_rate}",
            attach=Attach("before"),
        ),
        Fields(
            hint=b"eval metrics/",
            anchor=rb"\bEval (?=metrics/[^\s:]{1,120}/LanguageCrossEntropy: )",
            item=rb"(?P<name>metrics/[^\s:]{1,120}/LanguageCrossEntropy): {value}",
            translate=_evaluation,
            attach=Attach("before"),
        ),
    )
    said: ClassVar = (
        Said(b"composer_version: ", rb"^composer_version: \S"),
        Said(
            b"starting training...",
            rb"(?:llmfoundry\.command_utils\.train|__main__): Starting training\.\.\.",
            begins=True,
        ),
        Said(b"using precision precision.", rb"composer\.trainer\.trainer: Using precision Precision\.\S"),
        Said(b"trainer checkpoint loaded from ", rb"\bTrainer checkpoint loaded from \S", resumes=True, own=False),
        _setting(b"max_duration", b"planned_steps", rb"ba$"),
        _setting(b"global_train_batch_size", b"global_batch_size"),
        _setting(b"device_train_microbatch_size", b"batch_size"),
        _setting(b"max_seq_len", b"block_size"),
        _setting(b"d_model", b"n_embd"),
        _setting(b"n_layers", b"n_layer"),
        _setting(b"n_heads", b"n_head"),
        _setting(b"vocab_size", b"vocab_size"),
        _setting(b"n_params", b"parameters"),
        _setting(b"n_gpus", b"world_size"),
        _setting(b"lr", b"learning_rate"),
        _setting(b"weight_decay", b"weight_decay"),
        _setting(b"t_warmup", b"warmup_steps", rb"ba$"),
    )
    checkpoint: ClassVar = Said(b"checkpoint locally saved to ", rb"checkpoint_saver: Checkpoint locally saved to \S")
    end: ClassVar = Said(b": done.", rb"(?:llmfoundry\.command_utils\.train|__main__): Done\.")

    def __init__(self) -> None:
        super().__init__()
        self._headed = False
        """Whether a header has told a batch."""

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows, with the batches of all epochs counted on and a rate of batches as the seconds of one."""
        headers = [int(b.lines.min()) for b in batches if b.pattern in (EPOCH_HEADER, BATCH_HEADER)]
        first = -1 if self._headed else min(headers, default=None)
        self._headed = self._headed or bool(headers)
        return [done for batch in batches if len((done := _counted(batch, first)).lines)]


def _counted(batch: Batch, first_header: int | None) -> Batch:
    """The rows at their batches; of rows with `time/batch` those that have no header before them."""
    if batch.pattern is EPOCH_HEADER:
        epoch, per_epoch = (batch.columns[batch.metrics.index(n)] for n in ("epoch", "batches"))
        steps = ((epoch - 1) * per_epoch).astype(np.int64) + batch.steps
        return replace(batch, metrics=(), columns=[], steps=steps)
    if batch.pattern is BATCHES_BEFORE:
        later = replace(batch, steps=batch.steps + 1)
        return later if first_header is None else later.only(np.flatnonzero(batch.lines < first_header))
    if batch.metrics == ("memory_bytes",):
        printed = batch.columns[0]
        return replace(batch, columns=[np.where(printed > MOST_GB * GB, printed / GB, printed)])
    if batch.metrics == ("batches_per_second",):
        fast = batch.only(np.flatnonzero(batch.columns[0] >= SLOWEST))
        return replace(fast, metrics=("step_seconds",), columns=[1.0 / fast.columns[0]])
    return batch
