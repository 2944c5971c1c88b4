"""Several runs side by side: what differs, and only numbers that mean the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from diagnosis.case import Case
from diagnosis.finding import Finding
from parsers.records import Value
from tui.compared_losses import Losses, compared_losses

SAME = 1e-6
COUNTED = ("parameters", "tokens_per_step")
"""Facts that the laws work out of others where the log does not print them."""
PARTS = {"parameters_decayed", "parameters_non_decayed"}
"""They say again what `parameters` says."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact that differs: one value a run, None where a run does not say it."""

    name: str
    values: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class Speeds:
    """One value a run; None is unknown."""

    seconds_per_step: tuple[float | None, ...]
    tokens_per_second: tuple[float | None, ...]
    flops: tuple[float | None, ...]
    mfu: tuple[float | None, ...]
    why: tuple[str, ...]
    """What makes some of them no like for like."""


@dataclass(frozen=True, slots=True)
class FoundInSome:
    """A finding that some runs have and others have not."""

    id: str
    severity: str
    title: str
    found: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it; every tuple has one item a run, in the order of the runs."""

    differences: tuple[Difference, ...]
    losses: tuple[Losses, ...]
    speeds: Speeds
    findings: tuple[FoundInSome, ...]


def compare(cases: Sequence[Case], findings: Sequence[Sequence[Finding]]) -> Comparison:
    """What differs between runs; `findings` are those of each."""
    return Comparison(
        differences=tuple(_differences(cases)),
        losses=compared_losses(cases),
        speeds=_speeds(cases),
        findings=tuple(_in_some(findings)),
    )


def known_value(case: Case, name: str) -> Value | None:
    """A run's fact as the laws take it: parameters and tokens per step may be worked out of others."""
    if name == "tokens_per_step" and case.tokens_per_step is not None:
        return case.tokens_per_step
    if name == "parameters" and case.size is not None and case.size.parameters is not None:
        return case.size.parameters
    fact = case.facts.get(name)
    return None if fact is None else fact.value


def _differences(cases: Sequence[Case]) -> list[Difference]:
    names = sorted({name for case in cases for name in case.facts} - PARTS | set(COUNTED))
    rows = [Difference(name, tuple(known_value(case, name) for case in cases)) for name in names]
    return [row for row in rows if _differ(row.values)]


def _differ(values: Sequence[Value | None]) -> bool:
    known = [value for value in values if value is not None]
    return any(not _equal(known[0], value) for value in known[1:])


def _equal(one: Value, other: Value) -> bool:
    if isinstance(one, bool | str) or isinstance(other, bool | str):
        return one == other
    return math.isclose(one, other, rel_tol=SAME)


def _speeds(cases: Sequence[Case]) -> Speeds:
    speeds = [case.efficiency for case in cases]
    per_step = [case.tokens_per_step for case in cases]
    why = []
    if _differ(per_step):
        why.append("a step is of other tokens: compare tokens/s, not seconds per step")
    elif None in per_step:
        why.append("tokens per step unknown: seconds per step may not be comparable")
    peaks = {(s.peak_flops, s.peak_source) for s in speeds if s is not None and s.mfu is not None}
    if len(peaks) > 1:
        why.append("the MFU is of different peaks")
    return Speeds(
        seconds_per_step=tuple(s.seconds_per_step if s else None for s in speeds),
        tokens_per_second=tuple(s.tokens_per_second if s else None for s in speeds),
        flops=tuple(s.flops if s else None for s in speeds),
        mfu=tuple(s.mfu if s else None for s in speeds),
        why=tuple(why),
    )


def _in_some(findings: Sequence[Sequence[Finding]]) -> list[FoundInSome]:
    first = {f.id: f for each in reversed(findings) for f in reversed(each)}
    rows = [
        FoundInSome(i, f.severity, f.title, tuple(any(g.id == i for g in each) for each in findings))
        for i, f in first.items()
    ]
    order = ("critical", "warning", "info")
    return sorted((row for row in rows if not all(row.found)), key=lambda row: (order.index(row.severity), row.id))
