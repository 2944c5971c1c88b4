"""The founding run in numbers: a 40.56M model on 524,288 tokens a step, on an RTX 4070."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from cases import Points, make_case

from diagnosis.budget import FINEWEB, budget_of, fitted_loss
from diagnosis.case import Case
from diagnosis.efficiency import Efficiency
from diagnosis.model import ModelSize, Shape, size_of
from gpu.sample import GpuSample
from parsers.records import Value

GIB = 2.0**30
TOKENS_PER_STEP = 524_288
RTX_4070 = GpuSample(index=0, name="NVIDIA GeForce RTX 4070", memory_total_bytes=12_878_610_432)
FACTS: dict[str, Value] = {
    "n_layer": 12,
    "n_head": 12,
    "n_embd": 384,
    "vocab_size": 50304,
    "block_size": 1024,
    "batch_size": 16,
    "gradient_accumulation_steps": 32,
    "learning_rate": 1e-3,
    "min_lr": 1e-4,
    "warmup_steps": 500,
    "decay_steps": 20_000,
    "planned_steps": 20_000,
    "dataset": "fineweb",
}


def founding_size(claimed: float | None = None, **changes: Any) -> ModelSize:
    """12 layers of 384, with a claim and other dimensions at will."""
    shape = replace(Shape(12, 12, 384, 50304, 1024, bias=False), **changes)
    size = size_of(shape, claimed=claimed, claim_where="a comment, line 22" if claimed else None)
    assert size is not None
    return size


def founding_efficiency(**changes: Any) -> Efficiency:
    """3.91 s a step, 69 % of an RTX 4070, printed as 11.4 % of an A100."""
    made = Efficiency(
        seconds_per_step=3.909,
        tokens_per_second=134_123,
        flops_per_token=299_983_104,
        flops=40.2e12,
        flops_per_gpu=40.2e12,
        mfu=0.69,
        peak_flops=58.3e12,
        peak_source="spec",
        peak_name="NVIDIA GeForce RTX 4070",
        mfu_logged=0.114,
        mfu_logged_peak_flops=312e12,
        mfu_logged_peak_name="NVIDIA A100",
        overhead=0.0077,
        eval_seconds=15.25,
        rows=50,
        flops_source="shape",
    )
    return replace(made, **changes)


def founding_case(
    step: int = 20_000,
    size: ModelSize | None = None,
    facts: dict[str, Value] | None = None,
    excess: float = 0.0,
    **fields: Any,
) -> Case:
    """The run at `step`, with evaluations each 500 steps that lie `excess` above FineWeb's law."""
    steps = np.arange(0, step + 1, 500)
    size = size or founding_size()
    tokens = np.maximum(steps, 1) * float(TOKENS_PER_STEP)
    losses = [fitted_loss(40.56e6, t) + FINEWEB.value + excess for t in tokens.tolist()]
    known = FACTS if facts is None else facts
    seen = (step + 1) * TOKENS_PER_STEP
    dataset = known.get("dataset")
    settings = {
        "size": size,
        "tokens_per_step": TOKENS_PER_STEP,
        "tokens_seen": seen,
        "tokens_planned": 20_000 * TOKENS_PER_STEP,
        "efficiency": founding_efficiency(),
        "gpus": (RTX_4070,),
        "budget": budget_of(
            size,
            tokens_seen=seen,
            tokens_planned=20_000 * TOKENS_PER_STEP,
            dataset=None if dataset is None else str(dataset),
        ),
    }
    rows = np.arange(200, step + 1, 200)
    series: dict[str, Points] = {
        "eval_train_loss": (steps, losses),
        "mfu": (rows, np.full(len(rows), 0.114)),
        "step_seconds": (rows, np.full(len(rows), 3.909)),
    }
    return make_case(series, known, **{**settings, **fields})
