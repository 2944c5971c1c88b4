"""A run's facts as the laws take them, and what several of them tell together."""

from __future__ import annotations

from diagnosis.run import Run
from diagnosis.shape import Shape
from gpu.sample import GpuSample
from parsers.records import Value


class Facts:
    """A run's facts as the types that the laws take; None where a fact is unknown or of another type."""

    def __init__(self, run: Run) -> None:
        self._facts = run.facts

    def value(self, name: str) -> Value | None:
        fact = self._facts.get(name)
        return None if fact is None else fact.value

    def number(self, name: str) -> float | None:
        value = self.value(name)
        return None if value is None or isinstance(value, (bool, str)) else float(value)

    def whole(self, name: str) -> int | None:
        number = self.number(name)
        return int(number) if number is not None and abs(number) < 1e15 else None

    def text(self, name: str) -> str | None:
        value = self.value(name)
        return value if isinstance(value, str) else None

    def flag(self, name: str) -> bool | None:
        value = self.value(name)
        return value if isinstance(value, bool) else None

    def origin(self, name: str) -> str | None:
        fact = self._facts.get(name)
        return None if fact is None else fact.origin

    def where(self, name: str) -> str | None:
        fact = self._facts.get(name)
        return None if fact is None else fact.where


GATED = ("glu", "silu", "swish")
"""In the name of an activation. Of the decoders of transformers 5.23.0 each that has an MLP and whose default is "silu"
multiplies by a gate: read in their modeling_*.py."""

MLPS = {"llamamlp": True, "gemmamlp": True, "gptneoxmlp": False}
"""Classes of litgpt 0.5.13, model.py, and whether they have a second matrix, fc_2, as gate."""


def shape_of(run: Run) -> Shape:
    """The model's dimensions as far as the facts tell them."""
    facts = Facts(run)
    return Shape(
        n_layer=facts.whole("n_layer"),
        n_head=facts.whole("n_head"),
        n_embd=facts.whole("n_embd"),
        vocab_size=facts.whole("vocab_size"),
        block_size=facts.whole("block_size"),
        bias=facts.flag("bias"),
        tied=facts.flag("tie_embeddings"),
        n_kv_head=facts.whole("n_kv_head"),
        head_dim=facts.whole("head_dim"),
        n_inner=facts.whole("n_inner"),
        gated=_gated(facts),
        n_expert=facts.whole("n_expert"),
        n_expert_active=facts.whole("n_expert_active"),
        model_type=facts.text("model_type"),
    )


def _gated(facts: Facts) -> bool | None:
    told = facts.flag("gated_mlp")
    if told is not None:
        return told
    name = (facts.text("mlp_type") or "").lower()
    if name in MLPS:
        return MLPS[name]
    activation = (facts.text("activation") or "").lower()
    return True if any(word in activation for word in GATED) else None


def tokens_per_step_of(run: Run) -> float | None:
    """Tokens of one optimiser step: as given or printed, else the sequences of a step x context.

    None where the sequences are cut rather than filled, as in fine-tuning without packing, or where the number of
    devices is needed and unknown.
    """
    facts = Facts(run)
    given = facts.number("tokens_per_step")
    if given is not None:
        return given
    context, sequences = facts.number("block_size"), facts.number("global_batch_size") or _sequences(run, facts)
    if context is None or sequences is None or facts.flag("packed") is False:
        return None
    return sequences * context


def _sequences(run: Run, facts: Facts) -> float | None:
    """Micro-batch x accumulation x devices, where the accumulation does not count all devices already."""
    batch, accumulation = facts.number("batch_size"), facts.number("gradient_accumulation_steps")
    devices = 1.0 if run.traits.accumulation_of == "all devices" else facts.number("world_size")
    if batch is None or accumulation is None or devices is None:
        return None
    return batch * accumulation * devices


def gpus_of_run(run: Run, gpus: tuple[GpuSample, ...]) -> float | None:
    """How many GPUs train it: as the log or the user says, as its batches tell, or as this machine shows; else None.

    A process seen on GPUs of this machine counts them; so does a machine with a single GPU.
    """
    facts = Facts(run)
    told = facts.number("world_size") or _gpus_by_batches(run, facts)
    if told is not None:
        return told
    here = [gpu for gpu in gpus if gpu.index is not None]
    seen = sum(any(process.this_run for process in gpu.processes or ()) for gpu in here)
    return float(seen) if seen else 1.0 if len(here) == 1 else None


def _gpus_by_batches(run: Run, facts: Facts) -> float | None:
    """Sequences of a step by those of a device, where the accumulation counts each device's."""
    sequences, batch = facts.number("global_batch_size"), facts.number("batch_size")
    accumulation = facts.number("gradient_accumulation_steps")
    if not sequences or not batch or not accumulation or run.traits.accumulation_of == "all devices":
        return None
    ratio = sequences / batch / accumulation
    return ratio if ratio >= 1 and ratio == int(ratio) else None
