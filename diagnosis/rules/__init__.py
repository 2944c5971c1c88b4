"""The rules, by id. Each is one file, pure, and says in its docstring what `traintop explain` prints."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from diagnosis.case import Case
from diagnosis.finding import Finding, worst_first

Rule = Callable[[Case], Finding | None]

IDS = (
    "non-finite",
    "divergence",
    "out-of-memory",
    "not-learning",
    "initial-loss",
    "loss-spike",
    "overfitting",
    "stalled",
    "stopped-early",
    "size-mismatch",
    "schedule-mismatch",
    "loss-above-expected",
    "plateau",
    "mfu-reference",
    "low-mfu",
    "slowdown",
    "vram-headroom",
    "val-below-train",
    "dropout-cost",
    "token-budget",
    "eval-resolution",
    "outlier-batches",
    "restarted",
    "harmless-message",
)


@cache
def rules() -> dict[str, Rule]:
    """Every rule, in the order in which findings of equal weight are shown."""
    return {name: import_module(f"diagnosis.rules.{name.replace('-', '_')}").rule for name in IDS}


def diagnose(case: Case) -> list[Finding]:
    """What all rules find in this case, the worst first."""
    found = (rule(case) for rule in rules().values())
    return worst_first([finding for finding in found if finding is not None])
