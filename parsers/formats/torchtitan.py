"""torchtitan (pytorch/torchtitan, components/metrics.py)."""

from __future__ import annotations

from typing import ClassVar

from parsers.configs.written import TORCHTITAN
from parsers.records import Traits
from parsers.rows.row_patterns import Fields, Names
from parsers.rows.said import Said
from parsers.rows.text import TextFormat

GIB = 2.0**30
TRAIN: Names = {
    "loss": ("train_loss", 1.0),
    "global_avg_loss": ("train_loss", 1.0),
    "grad_norm": ("grad_norm", 1.0),
    "memory": ("memory_bytes", GIB),
    "tps": ("tokens_per_second", 1.0),
    "wps": ("tokens_per_second", 1.0),
    "tflops": ("tflops", 1e12),
    "mfu": ("mfu", 0.01),
}
EVAL: Names = {"loss": ("val_loss", 1.0)}
ITEM = rb" {1,12}(?P<name>[a-z_]+): *(?:{value}(?:GiB\([\d.]+%\)|%)?|N/A)"


class TorchTitan(TextFormat):
    """torchtitan, components/metrics.py and train.py at b5bcd76 (August 2026).

    `step N` is printed after update N, counted from 1, so N updates are done. Its loss is the mean over all tokens of
    the step on all ranks; grad_norm that before clipping. tps is of one device (divided by the degree of all
    parallelism that is no data parallelism), the mean since the last line. mfu compares with the peak that is printed
    at the start: of an H100 where lspci shows one, of an A100 where the GPU is in no table. memory is the peak that
    was reserved since the last line.
    """

    name: ClassVar[str] = "torchtitan"
    title: ClassVar[str] = "torchtitan"
    about: ClassVar[str] = "torchtitan: `step: N  loss: ...  grad_norm: ...  memory: ...  tps: ...`"
    example: ClassVar[str] = (
        "[titan] 2026-05-18 16:04:46,338 - root - INFO - step: 14  loss:  3.24405  grad_norm:  0.8319"
        "  memory:  9.46GiB(64.99%)  tps: 7,282  tflops: 0.52  mfu: 0.17%"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        tokens_per_second_of="device",
        step_seconds="window mean",
        optimizer="AdamW",
        settings=TORCHTITAN,
    )
    rows: ClassVar = (
        Fields(
            hint=b"validate step:", turn=1, anchor=rb"validate step: *(?P<step>\d{1,12})(?= )", item=ITEM, names=EVAL
        ),
        Fields(hint=b"step:", anchor=rb"(?<!validate )\bstep: *(?P<step>\d{1,12})(?= )", item=ITEM, names=TRAIN),
    )
    said: ClassVar = (
        Said(
            b"total parameters",
            rb"Model \S{1,60} \S{1,60} size: {parameters} total parameters",
        ),
        Said(b"cuda capacity", rb"CUDA capacity: (?P<gpu_name>\S.{0,80}?) with {gpu_memory_gib}GiB memory"),
        Said(b"peak flops used", rb"Peak FLOPS used for computing MFU: {mfu_peak_flops}"),
        Said(
            b"trainer is initialized",
            rb"Trainer is initialized with .*?{tokens_per_step} tokens per train step, gradient accumulation steps"
            rb" {gradient_accumulation_steps}, maximum context length {block_size}, total steps {planned_steps}"
            rb" \(warmup {warmup_steps}\)",
            begins=True,
        ),
        Said(
            b"global batch size",
            rb"local batch size {batch_size}, global batch size {global_batch_size},"
            rb"(?: gradient accumulation steps {gradient_accumulation_steps},)? sequence length {block_size},"
            rb" total steps {planned_steps} \(warmup {warmup_steps}\)",
            begins=True,
        ),
    )
    checkpoint: ClassVar = Said(b"saving the checkpoint", rb"Saving the checkpoint")
    end: ClassVar = Said(b"training completed", rb"Training completed")
