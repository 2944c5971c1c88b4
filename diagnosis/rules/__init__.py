"""The rules, by id. Each is one file, pure, and says in its docstring what `traintop explain` prints."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType

from diagnosis.case import Case
from diagnosis.causes import joined
from diagnosis.finding import Finding, worst_first
from diagnosis.needs import Need

Rule = Callable[[Case], Finding | None]

IDS = (
    "non-finite",
    "divergence",
    "out-of-memory",
    "loss-scale-collapse",
    "not-learning",
    "initial-loss",
    "loss-spike",
    "loss-shift",
    "overfitting",
    "stalled",
    "stopped-early",
    "rank-skew",
    "size-mismatch",
    "schedule-mismatch",
    "loss-above-expected",
    "loss-too-low",
    "learning-rate",
    "gradient-clipping",
    "data-repeated",
    "tiny-val-set",
    "plateau",
    "mfu-reference",
    "low-mfu",
    "slowdown",
    "uneven-steps",
    "gpu-throttled",
    "gpu-starved",
    "gpu-shared",
    "emulated-bf16",
    "vram-growing",
    "vram-headroom",
    "val-below-train",
    "dropout-cost",
    "token-budget",
    "warmup",
    "batch-size",
    "weight-decay-inert",
    "eval-resolution",
    "outlier-batches",
    "dataset-end",
    "loss-units",
    "restarted",
    "harmless-message",
)


OF_LANGUAGE = frozenset({"not-learning", "initial-loss", "loss-above-expected"})
"""Rules that compare a loss with what language models reach, in nats per token."""
OF_A_FALLING_LOSS = frozenset({"divergence", "loss-spike", "loss-shift", "overfitting", "plateau", "val-below-train",
                               "dropout-cost", "eval-resolution", "outlier-batches"})  # fmt: skip
"""Rules that take it that the loss is above 0 and falls when all is well: an RL loss does neither."""


@cache
def rules() -> dict[str, Rule]:
    """Every rule, in the order in which findings of equal weight are shown."""
    return {name: _module(name).rule for name in IDS}


def _module(name: str) -> ModuleType:
    return import_module(f"diagnosis.rules.{name.replace('-', '_')}")


def needs_of(name: str) -> tuple[Need, ...]:
    """What a rule must know before it can speak."""
    needs: tuple[Need, ...] = _module(name).NEEDS
    return needs


def silent(case: Case) -> list[tuple[str, tuple[Need, ...]]]:
    """The rules that could not speak, each with what it would have to know."""
    missing = ((name, tuple(need for need in needs_of(name) if not need.known(case))) for name in rules())
    return [(name, needs) for name, needs in missing if needs]


def diagnose(case: Case) -> list[Finding]:
    """What all rules find in this case, the worst first; what another finding explains says so."""
    found = (rule(case) for name, rule in rules().items() if _applies(name, case))
    return joined(worst_first([finding for finding in found if finding is not None]), case)


def _applies(name: str, case: Case) -> bool:
    """Whether the loss is of the kind that a rule judges."""
    if case.traits.loss_unit == "nats":
        return True
    if name in OF_LANGUAGE:
        return False
    losses = (case.metric(metric).finite.values for metric in ("train_loss", "val_loss"))
    return name not in OF_A_FALLING_LOSS or all(bool((values > 0).all()) for values in losses)
