from __future__ import annotations

from dataclasses import replace

from cases import make_case
from rich.cells import cell_len

from diagnosis.budget import Budget
from diagnosis.finding import Finding
from diagnosis.needs import Need
from diagnosis.trend import Trend
from tui.report_text import report

FINDING = Finding(
    "slowdown", "warning", 0.85, "Steps are slower", ("median 1 s, then 2 s",), ("Look for heat.",), 500, 900
)


def test_the_verdict_stands_above_all_numbers() -> None:
    """The first sentence is what a tired person reads."""
    text = report(make_case({"val_loss": ([0, 1], [4.0, 3.5])}, trend=Trend("improving", "val_loss")), [FINDING])

    lines = text.splitlines()
    assert lines[2] == "Running: improving, steps are slower; look for heat."
    assert lines.index(lines[2]) < next(i for i, line in enumerate(lines) if "val 3.500" in line)


def test_a_finding_has_its_sign_its_id_its_evidence_and_its_advice() -> None:
    """The id is what explain takes."""
    text = report(make_case(), [FINDING])

    assert "▲ warning: Steps are slower" in text
    assert "slowdown, confidence 85 %  since step 500" in text
    assert "    median 1 s, then 2 s" in text
    assert "    → Look for heat." in text


def test_nothing_known_says_waiting_and_invents_no_number() -> None:
    """An empty log."""
    text = report(make_case(state="waiting", format_title=None), [])

    assert "Waiting for the first step." in text
    assert "loss" not in text


def test_no_line_is_wider_than_asked_and_no_control_character_gets_through() -> None:
    """A run's name is somebody else's text."""
    budget = Budget(811e6, 12.9, 12.9, 1e9, None, None, None, None, 0.1, 0.05)
    evil = Finding("x", "info", 0.5, "\x1b[31mred\x07 " + "long " * 60, ("e" * 30,), (), None, None)

    text = report(make_case(path="a\nb\x1b]0;t\x07", budget=budget, tokens_seen=1e10), [evil], width=60)

    assert all(cell_len(line) <= 60 for line in text.splitlines())
    assert not set(text) & set("\x1b\x07\r")


def test_ascii_is_ascii() -> None:
    """For terminals that know nothing else."""
    assert report(make_case(), [FINDING], ascii_only=True).isascii()


def test_what_another_finding_explains_stands_below_it_only() -> None:
    """The cause carries its consequences as evidence; they have no paragraph of their own."""
    symptom = replace(FINDING, id="divergence", title="The loss left its best", caused_by="slowdown")

    text = report(make_case(), [FINDING, symptom])

    assert "Steps are slower" in text
    assert "The loss left its best" not in text


def test_verbose_says_which_rules_could_not_speak_and_what_would_let_them() -> None:
    """Grouped by what is missing: one flag may wake several rules."""
    unique, norm = Need("the unique tokens", "--data", lambda _: False), Need("the norm", None, lambda _: False)

    text = report(make_case(), [], silent=[("data-repeated", (unique,)), ("other", (unique, norm))])

    assert "Silent for want of" in text
    assert "  the unique tokens (--data): data-repeated, other" in text
    assert "  the norm (not logged): other" in text
