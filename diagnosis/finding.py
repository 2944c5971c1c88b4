"""What a rule says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from parsers.records import Value

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnosis with its numbers, its confidence (0 to 1) and what to do."""

    id: str
    severity: Severity
    confidence: float
    title: str
    evidence: tuple[str, ...]
    advice: tuple[str, ...]
    first_step: int | None = None
    """The step at which its evidence was first complete."""
    step: int | None = None
    """The newest step that it has seen."""
    settings: tuple[tuple[str, Value], ...] = ()
    """What to set for the advice to be done, under the facts' names (batch_size, decay_steps), in order: shown as lines
    to paste in the trainer's own syntax."""
    caused_by: str | None = None
    """The id of the finding whose consequence this one is; None where it stands for itself."""


def worst_first(findings: list[Finding]) -> list[Finding]:
    """Ordered for reading: critical, warning, info; within those the surest first."""
    return sorted(findings, key=lambda f: (-SEVERITIES.index(f.severity), -f.confidence))
