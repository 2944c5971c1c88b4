from __future__ import annotations

from cases import make_case
from rich.cells import cell_len

from diagnosis.budget import Budget
from diagnosis.finding import Finding
from diagnosis.trend import Trend
from tui.report_text import report

FINDING = Finding(
    "slowdown", "warning", 0.85, "Steps are slower", ("median 1 s, then 2 s",), ("Look for heat.",), 500, 900
)


def test_the_verdict_stands_above_all_numbers() -> None:
    """The first sentence is what a tired person reads."""
    text = report(make_case({"val_loss": ([0, 1], [4.0, 3.5])}, trend=Trend("improving", "val_loss")), [FINDING])

    lines = text.splitlines()
    assert lines[2] == "Running: improving, steps are slower."
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
