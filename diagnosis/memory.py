"""What training takes of GPU memory, part by part, and which batches would fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from diagnosis.model import ModelSize
from parsers.records import Fact

STATE_BYTES = 16.0
"""A parameter's fp32 weight, gradient and AdamW's two moments, 4 bytes each."""
AUTOCAST_BYTES = 2.0
"""Autocast's 16-bit copy of a matrix weight."""
ACTIVATION_BYTES = 36.6
"""Saved for the backward pass, per token, layer and unit of width, with flash attention and without checkpointing.
Measured with saved_tensors_hooks on nanoGPT's model: 36.67 at d = 384, 36.59 at d = 768; 34 by Korthikanti 2022
(arXiv 2205.05198)."""
DROPOUT_BYTES = 2.0
"""Dropout's masks and what they force to be kept, on top of ACTIVATION_BYTES."""
LOGIT_BYTES_EAGER = 12.0
"""Per logit at the loss: fp32 log-softmax 4, its gradient 4, the 16-bit logits 2 and their gradient 2."""
LOGIT_BYTES_COMPILED = 6.0
"""torch.compile fuses most of that; 4 to 8 were seen."""
BUCKET_BYTES = 4.0
"""DistributedDataParallel's gradient buckets, a second copy of the gradients (gradient_as_bucket_view is off)."""
CONTEXT_BYTES = 0.5 * 2**30
"""CUDA context, kernels and cuBLAS workspaces: 0.4 to 0.6 GiB."""
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


@dataclass(frozen=True, slots=True)
class Setting:
    """How the run trains, as far as it changes what memory holds; None is unknown."""

    dropout: float | None = None
    compiled: bool | None = None
    """Unknown counts as eager, which takes more."""
    dtype: str | None = None
    optimizer: str | None = None
    world_size: float | None = None


def setting_of(facts: Mapping[str, Fact]) -> Setting:
    """The setting that a run's facts give: dropout, compile, dtype, optimizer, world_size."""
    values = {name: fact.value for name, fact in facts.items()}
    dropout, compiled, world = values.get("dropout"), values.get("compile"), values.get("world_size")
    dtype, optimizer = values.get("dtype"), values.get("optimizer")
    return Setting(
        dropout=float(dropout) if isinstance(dropout, (int, float)) else None,
        compiled=compiled if isinstance(compiled, bool) else None,
        dtype=dtype if isinstance(dtype, str) else None,
        optimizer=optimizer if isinstance(optimizer, str) else None,
        world_size=float(world) if isinstance(world, (int, float)) else None,
    )


@dataclass(frozen=True, slots=True)
class _Law:
    """Bytes = fixed parts + micro-batch x parts of one sequence."""

    fixed: tuple[tuple[str, float], ...]
    sequence: tuple[tuple[str, float], ...]

    @property
    def fixed_bytes(self) -> float:
        return sum(size for _, size in self.fixed)

    @property
    def sequence_bytes(self) -> float:
        return sum(size for _, size in self.sequence)

    def scaled(self, factor: float) -> _Law:
        return replace(self, sequence=tuple((name, factor * size) for name, size in self.sequence))


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

    bytes = 16 N + 2 N_matmul + c b T d L + k b T V + context, with the constants of this file. `measured_bytes`, what
    the process was seen to use with this batch once it had evaluated, scales the part that grows with the batch.
    `tokens_per_step` counts all GPUs. None where a dimension is unknown, and for fp32 and other optimisers, of which
    the formula says nothing.
    """
    setting = setting or Setting()
    law = _law(size, setting)
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


def _law(size: ModelSize | None, setting: Setting) -> _Law | None:
    if size is None or size.parameters is None or not _described(setting):
        return None
    shape = size.shape
    if None in (shape.n_layer, shape.n_embd, shape.block_size, shape.vocab_size):
        return None
    layers, width = shape.n_layer or 0, shape.n_embd or 0
    context, vocabulary = shape.block_size or 0, shape.vocab_size or 0
    everything = size.parameters + context * width
    kept = ACTIVATION_BYTES + (DROPOUT_BYTES if setting.dropout else 0.0)
    logit = LOGIT_BYTES_COMPILED if setting.compiled else LOGIT_BYTES_EAGER
    buckets = BUCKET_BYTES * everything if (setting.world_size or 1) > 1 else 0.0
    return _Law(
        fixed=(
            ("weights, gradients, AdamW", STATE_BYTES * everything),
            ("16-bit weights", AUTOCAST_BYTES * size.parameters),
            *((("gradient buckets", buckets),) if buckets else ()),
            ("CUDA context", CONTEXT_BYTES),
        ),
        sequence=(
            ("logits and loss", logit * context * vocabulary),
            ("activations", kept * context * width * layers),
        ),
    )


def _described(setting: Setting) -> bool:
    dtype = (setting.dtype or "bfloat16").lower().removeprefix("torch.")
    optimizer = (setting.optimizer or "adamw").lower()
    return dtype in ("bfloat16", "bf16", "float16", "fp16", "half") and "adam" in optimizer and "8bit" not in optimizer


def _scale(law: _Law, batch: int, measured_bytes: float | None) -> float | None:
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
    law: _Law, batch: int, sequences: int | None, setting: Setting, limit_bytes: float | None, *, trusted: bool
) -> tuple[BatchChoice, ...]:
    if sequences is None or limit_bytes is None:
        return ()
    made = []
    for micro_batch, accumulation in exact_batches(sequences, max(1, round(setting.world_size or 1))):
        expected = law.fixed_bytes + micro_batch * law.sequence_bytes
        seen = trusted and micro_batch <= batch
        made.append(BatchChoice(micro_batch, accumulation, expected, seen or expected <= MARGIN * limit_bytes))
    return tuple(made)
