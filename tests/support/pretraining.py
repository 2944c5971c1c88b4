"""A healthy pretraining run for the rules about the optimiser: GPT-2 small on 10B tokens, as in llm.c."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from cases import Points, make_case

from diagnosis.case import Case
from diagnosis.model import size_of
from diagnosis.shape import Shape
from parsers.records import Value

BATCH = 524_288.0
STEPS = 19_560
FACTS: dict[str, Value] = {
    "learning_rate": 6e-4,
    "min_lr": 6e-5,
    "warmup_steps": 700,
    "decay_steps": STEPS,
    "planned_steps": STEPS,
    "weight_decay": 0.1,
    "beta2": 0.95,
    "grad_clip": 1.0,
    "optimizer": "AdamW",
    "init_from": "scratch",
    "vocab_size": 50304,
}
SMALL = Shape(n_layer=12, n_head=12, n_embd=768, vocab_size=50304, block_size=1024)


def losses(steps: int = 2000, seed: int = 1) -> Points:
    """A training loss that begins untrained and falls by a power law."""
    at = np.arange(steps)
    fall = 7.4 * (1 + at / 60) ** -0.8
    return at, 3.5 + fall + 0.04 * np.random.default_rng(seed).normal(size=steps)


def pretraining(
    series: Mapping[str, Points] | None = None, facts: Mapping[str, Value | None] | None = None, **fields: Any
) -> Case:
    """The run with these facts in place of its own; a fact of None is unknown. Fields as in make_case."""
    known = {name: value for name, value in {**FACTS, **(facts or {})}.items() if value is not None}
    batch = fields.setdefault("tokens_per_step", BATCH)
    planned = known.get("planned_steps")
    tokens = None if batch is None or not isinstance(planned, int) else batch * planned
    fields.setdefault("tokens_planned", tokens)
    fields.setdefault("size", size_of(SMALL))
    return make_case({"train_loss": losses(), **(series or {})}, known, **fields)
