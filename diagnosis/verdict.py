"""The one sentence above everything: how the run is."""

from __future__ import annotations

from collections.abc import Sequence

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
LOSSES = ("train_loss", "eval_train_loss", "val_loss", "val_bpb")
ON_TRAIN = {
    "improving": "the training loss improves, of validation too few evals to tell",
    "slowing": "the training loss improves slowly, of validation too few evals to tell",
    "plateau": "the training loss is on a plateau, of validation too few evals to tell",
    "rising": "the training loss rises",
}


def verdict(case: Case, findings: Sequence[Finding]) -> str:
    """State, trend and the worst finding in one sentence, without numbers that stand elsewhere."""
    parts = [STATES[case.state]]
    if case.state != "waiting":
        parts.append(_trend(case))
    elif case.format_title is not None:
        parts.append("no loss was logged so far")
    urgent = [f for f in findings if f.severity != "info"]
    if urgent:
        parts.append(f"{urgent[0].title[0].lower()}{urgent[0].title[1:]}" if len(urgent) == 1 else _counted(urgent))
    elif case.state in ("running", "finished"):
        parts.append("nothing to worry about")
    return ": ".join([parts[0], ", ".join(parts[1:])]) + "." if len(parts) > 1 else parts[0] + "."


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
