"""The settings in which runs differ: what weighs most first, and what only follows from another apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from diagnosis.case import Case
from parsers.records import Value

SAME = 1e-6
COUNTED = ("parameters", "tokens_per_step")
"""Facts that the laws work out of others where the log does not print them."""
PARTS = {"parameters_decayed", "parameters_non_decayed"}
"""They say again what `parameters` says."""
BY_WEIGHT = (
    *("parameters", "n_layer", "n_embd", "n_head", "n_kv_head", "n_inner", "n_expert", "vocab_size", "block_size"),
    *(
        "dataset",
        "unique_tokens",
        "val_tokens",
        "tokens_per_step",
        "learning_rate",
        "schedule",
        "decay_lr",
        "min_lr",
        "warmup_steps",
        "decay_start",
    ),
    *("decay_steps", "planned_steps", "planned_tokens", "planned_epochs", "optimizer", "weight_decay", "dropout"),
    *("beta1", "beta2", "grad_clip", "init_from", "packed", "global_batch_size", "batch_size"),
    *("gradient_accumulation_steps", "world_size", "bias", "tie_embeddings", "dtype", "compile", "gpu_name", "device"),
    *("eval_interval", "eval_iters", "log_interval"),
)
"""What the loss hangs on most: size and tokens (the laws' N and D), then the learning rate over the steps, then the
rest of the optimiser, then what changes speed and measuring only. What is not named comes after them."""
LABELS = ("claimed_parameters", "run_name", "out_dir", "config_file")
"""They name a run and change nothing."""
FOLLOWING = (
    ("min_lr", "learning_rate"),
    ("decay_steps", "planned_steps"),
    ("n_inner", "n_embd"),
    ("planned_tokens", "planned_steps"),
    ("global_batch_size", "tokens_per_step"),
)
"""Settings that people set in proportion to another one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact that differs: one value a run, None where a run does not say it."""

    name: str
    values: tuple[Value | None, ...]
    follows: str | None = None
    """The fact that it is in the same proportion to in all runs; it tells nothing new then."""


def differences(cases: Sequence[Case]) -> tuple[Difference, ...]:
    """The facts that differ between runs, the weightiest first."""
    names = {name for case in cases for name in case.facts} - PARTS | set(COUNTED)
    rows = {name: tuple(known_value(case, name) for case in cases) for name in sorted(names, key=_weight)}
    found = {name: values for name, values in rows.items() if differ(values)}
    return tuple(Difference(name, values, _followed(name, found)) for name, values in found.items())


def known_value(case: Case, name: str) -> Value | None:
    """A run's fact as the laws take it: parameters and tokens per step may be worked out of others."""
    if name == "tokens_per_step" and case.tokens_per_step is not None:
        return case.tokens_per_step
    if name == "parameters" and case.size is not None and case.size.parameters is not None:
        return case.size.parameters
    fact = case.facts.get(name)
    return None if fact is None else fact.value


def differ(values: Sequence[Value | None]) -> bool:
    """Whether two runs that say it say something else."""
    known = [value for value in values if value is not None]
    return any(not _equal(known[0], value) for value in known[1:])


def _equal(one: Value, other: Value) -> bool:
    if isinstance(one, bool | str) or isinstance(other, bool | str):
        return one == other
    return math.isclose(one, other, rel_tol=SAME)


def _weight(name: str) -> tuple[int, str]:
    if name in BY_WEIGHT:
        return BY_WEIGHT.index(name), name
    return len(BY_WEIGHT) + (1 + LABELS.index(name) if name in LABELS else 0), name


def _followed(name: str, found: dict[str, tuple[Value | None, ...]]) -> str | None:
    """The differing fact that this one is in proportion to in every run."""
    for follower, leader in FOLLOWING:
        if follower == name and leader in found:
            pairs = [pair for pair in zip(found[name], found[leader], strict=True) if pair != (None, None)]
            shares = [_share(*pair) for pair in pairs]
            if None not in shares and not differ(shares):
                return leader
    return None


def _share(one: Value | None, other: Value | None) -> float | None:
    if not isinstance(one, int | float) or not isinstance(other, int | float) or not other:
        return None
    return one / other
