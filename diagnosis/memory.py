"""What training takes of GPU memory, part by part, and which batches would fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from diagnosis.memory_law import CONTEXT_BYTES, Law, Setting, law_of, setting_of
from diagnosis.model import ModelSize

__all__ = [
    "CONTEXT_BYTES",
    "MARGIN",
    "BatchChoice",
    "MemoryEstimate",
    "Setting",
    "estimate",
    "exact_batches",
    "setting_of",
]

MARGIN = 0.92
"""A batch fits if it takes no more than this share of the limit: fragmentation and evaluation want the rest."""
TRUSTED_SCALE = (0.25, 4.0)
"""A measured use outside these multiples of the formula is of another moment or another program."""


@dataclass(frozen=True, slots=True)
class BatchChoice:
    """A micro-batch that keeps the tokens per step exactly, with the memory it is expected to take."""

    micro_batch: int
    accumulation: int
    expected_bytes: float
    fits: bool


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes by part for the run's own batch; good to some 25 % unless calibrated by a measured use."""

    parts: tuple[tuple[str, float], ...]
    total_bytes: float
    calibrated: bool
    limit_bytes: float | None
    """What the GPU has for this process: its memory without the driver's part and other processes."""
    choices: tuple[BatchChoice, ...]
    """Smallest micro-batch first; empty where the limit or the tokens of a step are unknown."""
    micro_batch: int | None = None
    """The batch that `total_bytes` is for, sequences."""


def estimate(
    size: ModelSize | None,
    *,
    micro_batch: float | None,
    tokens_per_step: float | None = None,
    setting: Setting | None = None,
    limit_bytes: float | None = None,
    measured_bytes: float | None = None,
) -> MemoryEstimate | None:
    """The memory of one GPU that trains `micro_batch` sequences at a time with AdamW in 16-bit autocast.

    By diagnosis/memory_law.py. `measured_bytes`, what the process was seen to use with this batch once it had
    evaluated, scales the part that grows with the batch. `tokens_per_step` counts all GPUs. None where the law has no
    answer.
    """
    setting = setting or Setting()
    law = law_of(size, setting)
    if law is None or size is None or micro_batch is None or micro_batch < 1:
        return None
    batch = round(micro_batch)
    scale = _scale(law, batch, measured_bytes)
    law = law if scale is None else law.scaled(scale)
    choices = _choices(law, batch, _sequences(tokens_per_step, size), setting, limit_bytes, trusted=scale is not None)
    return MemoryEstimate(
        parts=(*((name, batch * part) for name, part in law.sequence), *law.fixed),
        total_bytes=law.fixed_bytes + batch * law.sequence_bytes,
        calibrated=scale is not None,
        limit_bytes=limit_bytes,
        choices=choices,
        micro_batch=batch,
    )


def exact_batches(sequences: int, world_size: int = 1) -> tuple[tuple[int, int], ...]:
    """Every (micro-batch, accumulation) with micro_batch x accumulation = `sequences`, smallest micro-batch first.

    The accumulation counts the micro-batches of all `world_size` GPUs, as nanoGPT's gradient_accumulation_steps does,
    and is a multiple of it.
    """
    small = [n for n in range(1, math.isqrt(max(sequences, 0)) + 1) if sequences % n == 0]
    divisors = sorted({*small, *(sequences // n for n in small)})
    return tuple((n, sequences // n) for n in divisors if sequences // n % world_size == 0)


def _scale(law: Law, batch: int, measured_bytes: float | None) -> float | None:
    if measured_bytes is None:
        return None
    scale = (measured_bytes - law.fixed_bytes) / (batch * law.sequence_bytes)
    return scale if TRUSTED_SCALE[0] <= scale <= TRUSTED_SCALE[1] else None


def _sequences(tokens_per_step: float | None, size: ModelSize) -> int | None:
    context = size.shape.block_size
    if tokens_per_step is None or context is None or not tokens_per_step > 0 or tokens_per_step % context:
        return None
    return round(tokens_per_step / context)


def _choices(
    law: Law, batch: int, sequences: int | None, setting: Setting, limit_bytes: float | None, *, trusted: bool
) -> tuple[BatchChoice, ...]:
    if sequences is None or limit_bytes is None:
        return ()
    made = []
    for micro_batch, accumulation in exact_batches(sequences, max(1, round(setting.world_size or 1))):
        expected = law.fixed_bytes + micro_batch * law.sequence_bytes
        seen = trusted and micro_batch <= batch
        made.append(BatchChoice(micro_batch, accumulation, expected, seen or expected <= MARGIN * limit_bytes))
    return tuple(made)
