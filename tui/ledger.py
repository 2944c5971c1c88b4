"""Keeps findings steady on the screen: first seen once, never flickering, cleared only for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from diagnosis.finding import SEVERITIES, Finding
from tui.snapshot import FindingView

READINGS_WITHOUT = 5
"""So many readings in a row without its evidence make a finding cleared."""


@dataclass(slots=True)
class Entry:
    finding: Finding
    absent: int = 0

    @property
    def cleared(self) -> bool:
        return self.absent >= READINGS_WITHOUT


class Ledger:
    """The findings of a run over time. Owned by the monitor's thread."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def update(self, findings: Sequence[Finding]) -> tuple[FindingView, ...]:
        """Takes one reading's findings; gives all that stand, with those that were cleared at the end.

        A finding keeps the step at which it first fired. Notes that are gone leave without a word; warnings and
        worse stay listed as cleared. What another finding explains is not listed: it is among that one's evidence.
        """
        present = {finding.id: finding for finding in findings}
        for name, entry in self._entries.items():
            entry.absent += name not in present
        for name, finding in present.items():
            self._entries[name] = Entry(_since_first(finding, self._entries.get(name)))
        self._entries = {n: e for n, e in self._entries.items() if not (e.cleared and e.finding.severity == "info")}
        views = [FindingView(e.finding, e.cleared) for e in self._entries.values() if e.finding.caused_by is None]
        return tuple(sorted(views, key=_order))


def _since_first(finding: Finding, known: Entry | None) -> Finding:
    """With the earlier of both dates; what was cleared in between has a new one."""
    if known is None or known.cleared or known.finding.first_step is None:
        return finding
    if finding.first_step is None or known.finding.first_step < finding.first_step:
        return replace(finding, first_step=known.finding.first_step)
    return finding


def _order(view: FindingView) -> tuple[bool, int, float]:
    return view.cleared, -SEVERITIES.index(view.finding.severity), -view.finding.confidence
