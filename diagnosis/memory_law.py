"""Bytes of GPU memory by the model and how it is trained: what is there once, and what each sequence adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from diagnosis.model import ModelSize
from diagnosis.shape import Shape, parts_of
from parsers.records import Fact

WEIGHT_BYTES = 8.0
"""A parameter's fp32 weight and gradient."""
ADAM_BYTES = 8.0
"""AdamW's two moments in fp32."""
ADAM_8BIT_BYTES = 2 * (1 + 4 / 256)
"""The same in 8 bits, with an fp32 scale for each 256 of them; embeddings, which Transformers keeps in 32, are not
told apart. Source: bitsandbytes 0.45.5, optim/optimizer.py, Optimizer2State.init_state."""
ZERO_WEIGHT_BYTES, ZERO_STATE_BYTES = 2.0, 12.0
"""DeepSpeed's 16-bit weights (and as much for gradients), and the fp32 weight with AdamW's moments that it shards from
stage 1 on; 2 shards the gradients too, 3 all. Source: ZeRO (Rajbhandari 2020, arXiv 1910.02054), section 3."""
AUTOCAST_BYTES = 2.0
"""Autocast's 16-bit copy of a matrix weight."""

ACTIVATIONS = (12.6, 4.0, 4.0, 4.0)
"""Saved for the backward pass, bytes per token and layer, for each unit of n_embd, of the queries' width, of the keys'
and of the MLP's, with flash attention and without checkpointing: 36.6 d for GPT-2's layout. Measured with
saved_tensors_hooks on nanoGPT's model: 36.67 at d = 384, 36.59 at d = 768; 34 by Korthikanti 2022 (arXiv 2205.05198).
"""
GATED_ACTIVATIONS = (26.0, 4.0, 4.0, 8.0)
"""The same with RMS norms, separate query, key and value matrices, rotary positions and a gated MLP, as in Llama.
Measured likewise on such a layer under autocast, at six widths of keys and MLP: 55.1 d with keys as wide as d and an
MLP of 2.625 d; with 16-bit weights 6 d less."""
DROPOUT_BYTES = 2.0
"""Dropout's masks and what they force to be kept, per unit of n_embd."""
CHECKPOINT_BYTES = 4.0
"""With gradient checkpointing a layer keeps its input alone, per unit of n_embd; fp32 under autocast. Source:
Korthikanti 2022, full recomputation, there 2 in 16 bits."""
LOGIT_BYTES_EAGER = 12.0
"""Per logit at the loss: fp32 log-softmax 4, its gradient 4, the 16-bit logits 2 and their gradient 2."""
LOGIT_BYTES_COMPILED = 6.0
"""torch.compile fuses most of that: 4 to 8 by the one run whose use was read off, and by what a 12 GB card held."""
BUCKET_BYTES = 4.0
"""DistributedDataParallel's gradient buckets, a second copy of the gradients (gradient_as_bucket_view is off)."""
CONTEXT_BYTES = 0.5 * 2**30
"""CUDA context, kernels and cuBLAS workspaces: 0.4 to 0.6 GiB, an estimate that no measurement of ours backs."""

Sizes = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """How the run trains, as far as it changes what memory holds; None is unknown."""

    dropout: float | None = None
    compiled: bool | None = None
    """Unknown counts as eager, which takes more."""
    dtype: str | None = None
    optimizer: str | None = None
    world_size: float | None = None
    checkpointing: bool | None = None
    """Gradient checkpointing of whole layers; unknown counts as off."""
    zero_stage: int | None = None
    """DeepSpeed's; None where it does not train."""


def setting_of(facts: Mapping[str, Fact]) -> Setting:
    """The setting that a run's facts give."""
    values = {name: fact.value for name, fact in facts.items()}
    dropout, compiled, world = values.get("dropout"), values.get("compile"), values.get("world_size")
    dtype, optimizer, stage = values.get("dtype"), values.get("optimizer"), values.get("zero_stage")
    kept = values.get("gradient_checkpointing")
    return Setting(
        dropout=float(dropout) if isinstance(dropout, (int, float)) else None,
        compiled=compiled if isinstance(compiled, bool) else None,
        dtype=dtype if isinstance(dtype, str) else None,
        optimizer=optimizer if isinstance(optimizer, str) else None,
        world_size=float(world) if isinstance(world, (int, float)) else None,
        checkpointing=kept if isinstance(kept, bool) else None,
        zero_stage=stage if isinstance(stage, int) and not isinstance(stage, bool) else None,
    )


@dataclass(frozen=True, slots=True)
class Law:
    """Bytes = fixed parts + micro-batch x parts of one sequence."""

    fixed: Sizes
    sequence: Sizes

    @property
    def fixed_bytes(self) -> float:
        """What no batch changes."""
        return sum(size for _, size in self.fixed)

    @property
    def sequence_bytes(self) -> float:
        """What one more sequence takes."""
        return sum(size for _, size in self.sequence)

    def scaled(self, factor: float) -> Law:
        """The same with sequences that take `factor` times as much."""
        return replace(self, sequence=tuple((name, factor * size) for name, size in self.sequence))


def law_of(size: ModelSize | None, setting: Setting) -> Law | None:
    """16 N + 2 N_matmul + c b T L + k b T V + context for AdamW in 16-bit autocast, with the constants of this file.

    None where a dimension is unknown, for layouts whose activations nobody measured (experts), for fp32 and for
    optimisers of which the formula says nothing: `why_not` says which.
    """
    if size is None or size.parameters is None or why_not(size, setting) is not None:
        return None
    shape = size.shape
    layers, width, context = shape.n_layer or 0, shape.n_embd or 0, shape.block_size or 0
    kept = _kept_bytes(shape, setting) or 0.0
    in_layers = layers * kept
    if setting.checkpointing:
        in_layers = layers * CHECKPOINT_BYTES * width + kept
    logit = LOGIT_BYTES_COMPILED if setting.compiled else LOGIT_BYTES_EAGER
    return Law(
        fixed=(*_state(size.parameters, shape, setting), ("CUDA context", CONTEXT_BYTES)),
        sequence=(
            ("logits and loss", logit * context * (shape.vocab_size or 0)),
            ("activations", context * in_layers),
        ),
    )


def why_not(size: ModelSize | None, setting: Setting) -> str | None:
    """What the formula lacks, or does not describe, in a few words; None where it holds."""
    if size is None or size.parameters is None:
        return "the number of parameters is unknown"
    names = ("n_layer", "n_embd", "block_size", "vocab_size")
    missing = [name for name in names if getattr(size.shape, name) is None]
    if missing:
        return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} unknown"
    if _kept_bytes(size.shape, setting) is None:
        return "of this layout no activations were measured"
    dtype = (setting.dtype or "bfloat16").lower().removeprefix("torch.")
    if dtype not in ("bfloat16", "bf16", "float16", "fp16", "half"):
        return f"the formula is for 16-bit training, not {dtype}"
    if _moments(setting) is None:
        return f"the formula is for AdamW, not {setting.optimizer}"
    if setting.zero_stage and setting.world_size is None:
        return "the number of GPUs that ZeRO shards over is unknown"
    return None


def _kept_bytes(shape: Shape, setting: Setting) -> float | None:
    """Of one token in one layer."""
    parts, gated = parts_of(shape), shape.has_gate
    widths = (shape.n_embd, shape.query_width, shape.key_width, shape.inner)
    if parts.mlp is None or gated is None or (shape.n_expert or 1) > 1 or None in widths:
        return None
    each = GATED_ACTIVATIONS if gated else ACTIVATIONS
    masks = DROPOUT_BYTES * (shape.n_embd or 0) if setting.dropout else 0.0
    return masks + sum(one * (width or 0) for one, width in zip(each, widths, strict=True))


def _moments(setting: Setting) -> tuple[str, float] | None:
    """The optimiser's name for people and what it holds for a parameter; None where that is not known here."""
    name = (setting.optimizer or "adamw").lower()
    if "adam" not in name or "paged" in name or "mini" in name:
        return None
    return ("8-bit AdamW", ADAM_8BIT_BYTES) if "8bit" in name or "8_bit" in name else ("AdamW", ADAM_BYTES)


def _state(parameters: float, shape: Shape, setting: Setting) -> Sizes:
    """Weights, gradients and what the optimiser holds."""
    everything = parameters + (parts_of(shape).position_embedding or 0)
    name, moments = _moments(setting) or ("AdamW", ADAM_BYTES)
    if setting.zero_stage is not None:
        return _sharded(everything, setting.zero_stage, setting.world_size or 1.0)
    looked_up = 0 if shape.one_table is not False else (shape.vocab_size or 0) * (shape.n_embd or 0)
    buckets = BUCKET_BYTES * everything if (setting.world_size or 1) > 1 else 0.0
    return (
        (f"weights, gradients, {name}", (WEIGHT_BYTES + moments) * everything),
        ("16-bit weights", AUTOCAST_BYTES * (parameters - looked_up)),
        *((("gradient buckets", buckets),) if buckets else ()),
    )


def _sharded(everything: float, stage: int, gpus: float) -> Sizes:
    weights, gradients, state = ZERO_WEIGHT_BYTES, ZERO_WEIGHT_BYTES, ZERO_STATE_BYTES
    state = state / gpus if stage >= 1 else state
    gradients = gradients / gpus if stage >= 2 else gradients
    weights = weights / gpus if stage >= 3 else weights
    return ((f"weights, gradients, AdamW (ZeRO-{stage})", (weights + gradients + state) * everything),)
