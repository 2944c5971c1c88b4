"""Several runs side by side: what differs, and only numbers that mean the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diagnosis.case import Case
from diagnosis.compared_losses import Losses, compared_losses
from diagnosis.finding import Finding
from tui.compared_settings import Difference, differ, differences


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
        differences=differences(cases),
        losses=compared_losses(cases),
        speeds=_speeds(cases),
        findings=tuple(_in_some(findings)),
    )


def _speeds(cases: Sequence[Case]) -> Speeds:
    speeds = [case.efficiency for case in cases]
    known = [case for case in cases if case.efficiency is not None and case.efficiency.seconds_per_step is not None]
    per_step = [case.tokens_per_step for case in known]
    why = []
    if differ(per_step):
        why.append("a step is of other tokens: compare tokens/s, not seconds per step")
    elif None in per_step and len(known) > 1:
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
