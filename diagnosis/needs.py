"""What a rule must know before it can speak, and what would let it: behind `diagnose --verbose`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from diagnosis.case import Case


@dataclass(frozen=True, slots=True)
class Need:
    """One input of a rule. `mend` says how it could be had; None where only the trainer could log it."""

    what: str
    mend: str | None
    known: Callable[[Case], bool]


def logged(metric: str, what: str) -> Need:
    """A metric that the log must hold."""
    return Need(what, None, lambda case: len(case.metric(metric)) > 0)


def stated(fact: str, what: str, mend: str = "--config") -> Need:
    """A fact that the log, a config or a flag must give."""
    return Need(what, mend, lambda case: fact in case.facts)


def either(one: Need, other: Need) -> Need:
    """At least one of two."""
    mend = " or ".join(dict.fromkeys(m for m in (one.mend, other.mend) if m)) or None
    return Need(f"{one.what} or {other.what}", mend, lambda case: one.known(case) or other.known(case))


def _sized(case: Case) -> bool:
    return case.size is not None and case.size.parameters is not None


TRAIN_LOSS = logged("train_loss", "a training loss")
VAL_LOSS = logged("val_loss", "a validation loss")
EVAL_TRAIN_LOSS = logged("eval_train_loss", "the train split's loss in eval mode")
GRAD_NORM = logged("grad_norm", "the gradient norm")
LEARNING_RATE = logged("learning_rate", "the learning rates")
LOSS_SCALE = logged("loss_scale", "the fp16 loss scale")
STEP_SECONDS = logged("step_seconds", "the time of a step")
MFU_PRINTED = logged("mfu", "a printed MFU")
PARAMETERS = Need("the model's size", "--params or --config", _sized)
TOKENS_PER_STEP = Need("the tokens of a step", "--tokens-per-step", lambda case: case.tokens_per_step is not None)
TOKENS_SEEN = Need("the tokens seen", "--tokens-per-step", lambda case: case.tokens_seen is not None)
PLANNED_STEPS = Need("the planned steps", "--config", lambda case: case.steps.planned is not None)
DECAY_END = Need("the end of the learning rate's decay", None, lambda case: case.decay_end is not None)
TOKENS_PLANNED = Need("the planned tokens", "--config", lambda case: case.tokens_planned is not None)
UNIQUE_TOKENS = stated("unique_tokens", "the unique tokens of the data", "--data")
VAL_TOKENS = stated("val_tokens", "the tokens of the validation set", "--data")
DATASET = stated("dataset", "the data set", "--dataset")
VOCABULARY = Need(
    "the vocabulary's size",
    "--config",
    lambda case: "vocab_size" in case.facts or (case.size is not None and case.size.shape.vocab_size is not None),
)
PEAK_RATE = stated("learning_rate", "the peak learning rate")
WARMUP = stated("warmup_steps", "the warm-up")
SCHEDULE = Need(
    "the learning-rate schedule",
    "--config",
    lambda case: case.schedule is not None or len(case.metric("learning_rate")) > 0,
)
GRAD_CLIP = stated("grad_clip", "the clipping threshold")
WEIGHT_DECAY = stated("weight_decay", "the weight decay")
MICRO_BATCH = stated("batch_size", "the micro-batch")
PEAK_FLOPS = Need(
    "this GPU's peak", "--gpu or --peak", lambda c: c.efficiency is not None and c.efficiency.peak_flops is not None
)
GPU = Need("the GPU", "--gpu", lambda case: bool(case.gpus))
GPU_READINGS = Need(
    "readings of the GPU that it runs on", "watching on its machine", lambda c: any(g.index is not None for g in c.gpus)
)
GPU_PAST = Need("readings of that GPU over some minutes", "watching on its machine", lambda case: bool(case.gpu_past))
