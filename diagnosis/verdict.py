"""The one sentence above everything: how the run is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding

STATES = {
    "waiting": "Waiting for the first step",
    "running": "Running",
    "stalled": "Silent for too long",
    "finished": "Finished",
    "stopped": "Stopped",
    "crashed": "Crashed",
    "diverged": "Diverged",
}
TRENDS = {
    "warming-up": "too early to judge the trend",
    "improving": "improving",
    "slowing": "improving, but slower than the tail of its power law",
    "plateau": "on a plateau",
    "rising": "the loss rises",
    "unknown": "the trend cannot be told yet",
}
WELL = ("warming-up", "improving", "slowing", "plateau")
"""Of the others nobody can say that there is nothing to worry about."""
STOP = "Stop it"
LOSSES = ("train_loss", "eval_train_loss", "val_loss", "val_bpb")
ON_TRAIN = {
    "improving": "the training loss improves, of validation too few evals to tell",
    "slowing": "the training loss improves slowly, of validation too few evals to tell",
    "plateau": "the training loss is on a plateau, of validation too few evals to tell",
    "rising": "the training loss rises",
}


def verdict(case: Case, findings: Sequence[Finding]) -> str:
    """How the run is and what to do now, in one sentence, without numbers that stand elsewhere.

    Findings that another one explains are not counted.
    """
    parts = [STATES[case.state]]
    if case.state != "waiting":
        parts.append(_trend(case))
    elif case.format_title is not None:
        parts.append("no loss was logged so far")
    urgent = [f for f in findings if f.severity != "info" and f.caused_by is None]
    if urgent:
        parts.append(_small(urgent[0].title) if len(urgent) == 1 else _counted(urgent))
    elif _newest_is_no_number(case):
        parts.append("the newest loss is not a number")
    elif case.state in ("running", "finished"):
        parts.append("nothing to worry about" if _is_well(case) else "no fault found")
    said = ": ".join([parts[0], ", ".join(parts[1:])]) if len(parts) > 1 else parts[0]
    advice = to_do(case, urgent)
    return f"{said}." if advice is None else f"{said}; {_small(advice)}."


def to_do(case: Case, urgent: Sequence[Finding]) -> str | None:
    """The first thing to do: the worst finding's advice, or to leave a healthy run alone; None where nobody knows."""
    if urgent:
        # Two advices in one sentence are none; the findings below have theirs.
        first = next((f for f in urgent if f.advice), None)
        clauses = [] if first is None else [_clause(advice) for advice in first.advice]
        # Nobody is told to stop what has stopped.
        if case.state not in ("running", "stalled", "waiting"):
            clauses = [clause.removeprefix(f"{STOP} and ") for clause in clauses if clause != STOP]
        return next(iter(clauses), None)
    known = len(case.metric("train_loss")) + len(case.metric("val_loss"))
    if case.state == "running" and known and _is_well(case) and not _newest_is_no_number(case):
        return "let it run"
    return None


def _is_well(case: Case) -> bool:
    return case.trend is not None and case.trend.verdict in WELL


def _newest_is_no_number(case: Case) -> bool:
    """Whether a loss ends in NaN or infinity: a single one is no finding yet, and no reason to call a run well."""
    newest = [case.metric(name).values[-1:] for name in LOSSES]
    return any(len(value) and not np.isfinite(value[0]) for value in newest)


def _clause(advice: str) -> str:
    """The first sentence of an advice, without what it explains."""
    return advice.split(". ", maxsplit=1)[0].split(": ", maxsplit=1)[0].rstrip(".")


def _small(title: str) -> str:
    """With a small first letter, where the first word is no name or abbreviation."""
    word = title.split(" ", 1)[0]
    return title if word[1:].lower() != word[1:] else f"{title[:1].lower()}{title[1:]}"


def _trend(case: Case) -> str:
    if not any(len(case.metric(name)) for name in LOSSES):
        return "no loss was logged"
    said = case.trend.verdict if case.trend else "unknown"
    if case.trend and case.trend.metric == "train_loss" and len(case.metric("val_loss")) and said in ON_TRAIN:
        return ON_TRAIN[said]
    if said == "unknown" and case.trend and case.trend.slope is not None:
        return "noise hides the trend"
    if case.state == "finished" and said == "improving":
        return "improving to the end"
    return TRENDS[said]


def _counted(urgent: Sequence[Finding]) -> str:
    critical = sum(f.severity == "critical" for f in urgent)
    warnings = len(urgent) - critical
    words = [f"{critical} critical"] if critical else []
    if warnings:
        words.append(f"{warnings} warning{'s' if warnings > 1 else ''}")
    return " and ".join(words)
