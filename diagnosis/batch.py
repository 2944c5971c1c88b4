"""Another micro-batch with the same tokens per step, in the numbers that a run's trainer is given."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.patch import has_name
from parsers.records import Value

Settings = tuple[tuple[str, Value], ...]


def batch_settings(case: Case, micro_batch: int) -> Settings:
    """A micro-batch and what keeps the tokens of a step with it: exactly, or nothing at all.

    That is the accumulation as the trainer counts it or, where it works that out itself, the batch of a step in
    sequences or tokens. Empty where the numbers do not divide, or too little is known.
    """
    micro = ("batch_size", micro_batch)
    if not has_name(case, "gradient_accumulation_steps"):
        sequences = sequences_per_step(case)
        if has_name(case, "global_batch_size"):
            return (micro, ("global_batch_size", sequences)) if sequences else ()
        if has_name(case, "tokens_per_step"):
            return (micro, ("tokens_per_step", round(case.tokens_per_step))) if case.tokens_per_step else ()
    steps = accumulation(case, micro_batch)
    return () if steps is None else (micro, ("gradient_accumulation_steps", steps))


def accumulation(case: Case, micro_batch: int) -> int | None:
    """How many of these micro-batches make a step, counted as the trainer counts them; None where that is open.

    From the run's own micro-batch and accumulation where both are known, which holds for any number of devices.
    """
    batch, steps = case.number("batch_size"), case.number("gradient_accumulation_steps")
    if batch and steps:
        return _divided(batch * steps, micro_batch)
    sequences = sequences_per_step(case)
    devices = 1.0 if case.traits.accumulation_of == "all devices" else case.number("world_size")
    return None if sequences is None or not devices else _divided(sequences, micro_batch * devices)


def sequences_per_step(case: Case) -> int | None:
    """The sequences of an optimiser step on all devices."""
    told = case.number("global_batch_size")
    if told:
        return round(told)
    context = case.number("block_size") or (case.size.shape.block_size if case.size else None)
    return _divided(case.tokens_per_step, context) if case.tokens_per_step and context else None


def halved(case: Case) -> Settings:
    """Half the run's micro-batch and the same tokens per step; empty where it cannot be halved or is unknown."""
    batch = case.number("batch_size")
    return batch_settings(case, round(batch) // 2) if batch and batch % 2 == 0 else ()


def in_words(settings: Settings) -> str:
    """Those settings for a person: "a micro-batch of 8 and 64 accumulation steps"."""
    known = dict(settings)
    steps, sequences = known.get("gradient_accumulation_steps"), known.get("global_batch_size")
    if steps is not None:
        rest = f" and {steps} accumulation step{'' if steps == 1 else 's'}"
    elif sequences is not None:
        rest = f" in a global batch of {sequences} sequences"
    else:
        rest = f" in a total batch of {known['tokens_per_step']:,} tokens" if "tokens_per_step" in known else ""
    return f"a micro-batch of {known['batch_size']}{rest}"


def _divided(whole: float, part: float) -> int | None:
    return round(whole / part) if part and whole % part == 0 else None
