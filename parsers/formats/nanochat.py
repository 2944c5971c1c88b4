"""nanochat (karpathy/nanochat): pretraining, midtraining and finetuning, and autoresearch, which is made from it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import ClassVar

from parsers.configs.written import NANOCHAT
from parsers.records import Traits, Value
from parsers.rows.foreign import words
from parsers.rows.numbers import number
from parsers.rows.row_patterns import Attach, Layout
from parsers.rows.said import Said
from parsers.rows.text import TextFormat

SCALES = {"step_seconds": 1e-3, "mfu": 0.01, "memory_bytes": 2.0**20}


def _gpu(found: re.Match[bytes]) -> Mapping[str, Value]:
    """The GPU, and the peak that its MFU compares with, which is inf for one that is in no table."""
    peak = number(found["peak"])
    return {"gpu_name": words(found["name"])} | ({"mfu_peak_flops": peak} if math.isfinite(peak) else {})


class Nanochat(TextFormat):
    """nanochat, scripts/base_train.py and chat_sft.py at 92d63d4 (July 2026), and their forms since October 2025.

    `step N` is printed after update N, counted from 0, so N + 1 updates are done; `Step N` is an evaluation before
    update N. Its loss is a running mean (0.9 of the old, without the bias of the start) of the last micro-batch of
    rank 0: one NaN makes all that follow NaN. In the finetuning of 2025 it is the last micro-batch itself. Validation
    is in bits per byte. dt is the time of the step alone; tok/sec that of all ranks; the norm is that before clipping.
    lrm is what the learning rates of the groups of parameters are multiplied by, and no learning rate. MFU compares
    with the peak in a table, until October 2025 with an H100's; 0.00 is a GPU that is in no table.
    """

    name: ClassVar[str] = "nanochat"
    title: ClassVar[str] = "nanochat"
    about: ClassVar[str] = "nanochat: `step N/M (x%) | loss: X | lrm: X | dt: Xms`, `Step N | Validation bpb: X`"
    example: ClassVar[str] = (
        "step 01999/05000 (39.98%) | loss: 3.708102 | lrm: 0.93 | dt: 316.95ms | tok/sec: 103,385 | bf16_mfu: 0.00"
        " | epoch: 1 pq: 1 rg: 53 | total time: 10.49m | eta: 15.8m"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="average", updates_at_train_row=1, updates_at_eval_row=0, settings=NANOCHAT
    )
    rows: ClassVar = (
        Layout(
            hint=b"| loss: ",
            turn=1,
            text=rb"\bstep (?P<step>\d{5,12})(?:/{planned_steps})? \(-?[\d.]+%\) \| loss: {train_loss} \| "
            rb"(?:grad norm: {grad_norm} \| )?lrm: -?[\d.]+ \| dt: {step_seconds}ms"
            rb"(?: \| tok/sec: {tokens_per_second})?(?: \| (?:bf16_)?mfu: {mfu}%? \|)?",
            start=rb"\bstep \d{5,12}(?:/\d+)? \(-?[\d.]+%\) \| l",
            scales=SCALES,
        ),
        Layout(
            hint=b"| training loss: ",
            turn=1,
            text=rb"\bStep (?P<step>\d{5,12})/{planned_steps} \| Training loss: {train_loss} ?\| lrm: -?[\d.]+",
        ),
        Layout(hint=b"| validation bpb: ", text=rb"\bStep:? (?P<step>\d{5,12}) \| Validation bpb: {val_bpb}"),
        Layout(hint=b"| validation loss: ", text=rb"\bStep (?P<step>\d{5,12}) \| Validation loss: {val_loss}"),
        Layout(
            hint=b"peak memory usage: ",
            turn=1,
            text=rb"^Peak memory usage: {memory_bytes}MiB",
            attach=Attach("before"),
            scales=SCALES,
            own=False,
        ),
    )
    said: ClassVar = (
        Said(b"| peak flops (bf16)", rb"^GPU: (?P<name>\S.{0,80}?) \| Peak FLOPS \(BF16\): {peak}", read=_gpu),
        Said(b"compute_dtype: ", rb"^COMPUTE_DTYPE: torch\.(?P<dtype>\w+) \("),
        Said(b"distributed world size", rb"Distributed world size: {world_size}\s*$", own=False),
        Said(b"vocab size: ", rb"^Vocab size: {vocab_size}\s*$", own=False),
        Said(b'"sequence_len"', rb'^ {2}"sequence_len": {block_size},?\s*$', own=False),
        Said(b'"n_layer"', rb'^ {2}"n_layer": {n_layer},?\s*$', own=False),
        Said(b'"n_head"', rb'^ {2}"n_head": {n_head},?\s*$', own=False),
        Said(b'"n_kv_head"', rb'^ {2}"n_kv_head": {n_kv_head},?\s*$', own=False),
        Said(b'"n_embd"', rb'^ {2}"n_embd": {n_embd},?\s*$', own=False),
        Said(b"num_layers: ", rb"^num_layers: {n_layer}\s*$", own=False),
        Said(b"num_heads: ", rb"^num_heads: {n_head}\s*$", own=False),
        Said(b"num_kv_heads: ", rb"^num_kv_heads: {n_kv_head}\s*$", own=False),
        Said(b"model_dim: ", rb"^model_dim: {n_embd}\s*$", own=False),
        Said(b"total   ", rb"^total {19}: {parameters}\s*$"),
        Said(b"number of parameters: ", rb"^Number of parameters: {parameters}(?: \(|\s*$)", own=False),
        Said(b"estimated flops per token", rb"^Estimated FLOPs per token: [\d.]+e[+-]\d+\s*$"),
        Said(
            b"number of iterations",
            rb"^(?:Using user-provided number of iterations|Calculated number of iterations from [\w :]{1,40}):"
            rb" {planned_steps}\s*$",
        ),
        Said(b"total number of training tokens", rb"^Total number of training tokens: {planned_tokens}\s*$"),
        Said(b"tokens / micro-batch / rank", rb"^Tokens / micro-batch / rank: {batch_size} x {block_size} = [\d,]+"),
        Said(
            b"gradient accumulation steps: ",
            rb"^Total batch size {tokens_per_step} => gradient accumulation steps: {gradient_accumulation_steps}\s*$",
            begins=True,
        ),
        Said(b"resuming optimization", rb"^Resuming optimization from step \d+", resumes=True),
    )
    checkpoint: ClassVar = Said(b"saved model ", rb"Saved model (?:parameters|file) to")
    end: ClassVar = Said(b"total training time: ", rb"^Total training time: [\d.]+m\s*$")
