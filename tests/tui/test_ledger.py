from __future__ import annotations

from dataclasses import replace

from diagnosis.finding import Finding, Severity
from tui.ledger import READINGS_WITHOUT, Ledger


def found(name: str, first: int | None = 10, severity: Severity = "warning", confidence: float = 0.9) -> Finding:
    return Finding(name, severity, confidence, name, (), (), first, 100)


def test_a_finding_keeps_the_step_at_which_it_first_fired() -> None:
    """A rule that sees more evidence later does not move the date."""
    ledger = Ledger()
    ledger.update([found("slowdown", 10)])

    assert ledger.update([found("slowdown", 50)])[0].finding.first_step == 10
    assert ledger.update([found("slowdown", 5)])[0].finding.first_step == 5


def test_a_finding_that_is_gone_for_a_moment_does_not_flicker() -> None:
    """One reading without its evidence changes nothing."""
    ledger = Ledger()
    ledger.update([found("slowdown")])
    for _ in range(READINGS_WITHOUT - 1):
        views = ledger.update([])

    assert [(v.finding.id, v.cleared) for v in views] == [("slowdown", False)]


def test_a_warning_that_is_gone_for_good_is_shown_as_cleared_and_a_note_leaves() -> None:
    """Who saw the warning learns that it has passed."""
    ledger = Ledger()
    ledger.update([found("slowdown"), found("eval-resolution", severity="info")])
    for _ in range(READINGS_WITHOUT):
        views = ledger.update([])

    assert [(v.finding.id, v.cleared) for v in views] == [("slowdown", True)]


def test_what_fires_again_after_it_was_cleared_has_a_new_date() -> None:
    """A second slowdown is another one."""
    ledger = Ledger()
    ledger.update([found("slowdown", 10)])
    for _ in range(READINGS_WITHOUT):
        ledger.update([])

    view = ledger.update([found("slowdown", 70)])[0]

    assert (view.cleared, view.finding.first_step) == (False, 70)


def test_the_worst_comes_first_and_the_cleared_last() -> None:
    """Severity, then confidence."""
    ledger = Ledger()
    ledger.update([found("gone", severity="critical")])
    for _ in range(READINGS_WITHOUT):
        views = ledger.update([found("note", severity="info"), found("sure", confidence=0.99), found("unsure")])

    assert [v.finding.id for v in views] == ["sure", "unsure", "note", "gone"]


def test_what_another_finding_explains_is_not_listed() -> None:
    """It is among the evidence of its cause."""
    symptom = replace(found("divergence"), caused_by="loss-scale-collapse")

    views = Ledger().update([symptom, found("loss-scale-collapse")])

    assert [view.finding.id for view in views] == ["loss-scale-collapse"]
