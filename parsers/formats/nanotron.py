"""nanotron (huggingface/nanotron, src/nanotron/trainer.py and logging/base.py, logging.py in 0.4)."""

from __future__ import annotations

from typing import ClassVar

from parsers.configs.written import NANOTRON
from parsers.records import Traits
from parsers.rows.row_patterns import Fields, Names
from parsers.rows.said import Said
from parsers.rows.text import TextFormat

NAMES: Names = {
    "lm_loss": ("train_loss", 1.0),
    "validation_loss": ("val_loss", 1.0),
    "lr": ("learning_rate", 1.0),
    "grad_norm": ("grad_norm", 1.0),
    "consumed_tokens": ("tokens", 1.0),
    "tokens_per_sec": ("tokens_per_second", 1.0),
    "elapsed_time_per_iteration_ms": ("step_seconds", 1e-3),
    "time_per_iteration_ms": ("step_seconds", 1e-3),
    "model_tflops_per_gpu": ("tflops", 1e12),
    "cuda_max_memory_reserved": ("memory_bytes", 1.0),
}


class Nanotron(TextFormat):
    """nanotron, trainer.py and logging/base.py at 2411b02 (April 2026), and 0.4.

    `iteration: N` is printed after update N, counted from 1. Its loss is the mean over the micro-batches of the step;
    grad_norm that before clipping; tokens_per_sec are of all GPUs, model_tflops_per_gpu of one. All numbers have three
    significant digits, so losses are known to 0.01 and tokens to a thousandth. G and B both stand for 10^9. The
    first steps print the most memory that PyTorch held.
    """

    name: ClassVar[str] = "nanotron"
    title: ClassVar[str] = "nanotron"
    about: ClassVar[str] = "nanotron: `iteration: N / M | consumed_tokens: ... | lm_loss: ... | lr: ...`"
    example: ClassVar[str] = (
        "10/17/2025 16:31:56 [INFO|DP=0|PP=0|TP=0]: iteration: 327281 / 378950 | consumed_tokens: 85.8G |"
        " elapsed_time_per_iteration_ms: 11.5K | tokens_per_sec: 22.8K | tokens_per_sec_per_gpu: 11.4K |"
        " global_batch_size: 64 | lm_loss: 2.38 | lr: 1e-05 | model_tflops_per_gpu: 38.3 |"
        " hardware_tflops_per_gpu: 38.3 | grad_norm: 1.25"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean", updates_at_train_row=0, updates_at_eval_row=0, settings=NANOTRON
    )
    rows: ClassVar = (
        Fields(
            hint=b"iteration: ",
            anchor=rb"\biteration: (?P<step>\d{1,12}) / (?P<planned_steps>\d{1,12})(?= \| )",
            start=rb"\biteration: \d+ / \d+",
            item=rb" \| (?P<name>[a-z][\w-]{1,60}): (?:{value~}|[^|\n]{0,40}?(?= \||$))",
            names=NAMES,
        ),
    )
    said: ClassVar = (
        Said(b"total number of parameters", rb"Total number of parameters: {parameters~}\b", own=False),
        Said(
            b"[start training]",
            rb"\[Start training\] datetime: [^|]{1,60} \| mbs: {batch_size}"
            rb" \| grad_accum: {gradient_accumulation_steps} \| global_batch_size: {global_batch_size}"
            rb" \| sequence_length: {block_size} \| train_steps: {planned_steps}\b",
            begins=True,
        ),
    )
    checkpoint: ClassVar = Said(b"saving checkpoint", rb"Saving checkpoint at ")
