"""What the list of findings, the details, help and the footer say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from said import LOOK, says
from snapshots import FINDINGS, founding, founding_case, replayed

from parsers.records import Traits
from tui import board
from tui.panels.details import advice_of, wrapped
from tui.snapshot import FindingView


def test_findings_one_line_each() -> None:
    """Sign, title, evidence, since when; the counts in the title."""
    lines = says("diagnosis", founding(), 120, 8).splitlines()
    assert "Diagnosis  2 warnings · 4 notes" in lines[0]
    assert lines[1].startswith("│ ▲ The model has 40.6 M parameters, not ~125 M")
    assert "n_embd = 384; 768 gives 123.6 M" in lines[1]
    assert lines[1].endswith("since step 0 │")


def test_more_findings_than_lines() -> None:
    """How many are hidden is said, and the chosen one is never among them."""
    assert "… 4 more" in says("diagnosis", founding(), 80, 5)
    for view in founding().findings:
        shown = says("diagnosis", founding(), 80, 5, replace(LOOK, selected=view.finding.id))
        assert "›" in shown


def test_notes_keep_a_line_though_findings_fill_the_panel() -> None:
    """Two sources that disagree, or a log that went away, are said beside any number of findings."""
    case = founding_case(notes=("batch_size: the log says 16, the config says 8; the log is taken",))
    shown = says("diagnosis", founding(case=case, waiting_for="train.log was deleted"), 100, 8)
    assert "– batch_size: the log says 16" in shown
    assert "waiting: train.log was deleted" in shown
    assert "… 3 more" in shown


def test_the_full_list_says_how_much_is_below() -> None:
    """With all evidence it is longer than a small screen."""
    look = replace(LOOK, full="diagnosis")
    assert "↓ 6 more" in says("diagnosis", founding(), 80, 10, look).splitlines()[0]
    assert "more" not in says("diagnosis", founding(), 80, 30, look).splitlines()[0]
    last = replace(look, selected=FINDINGS[-1].id)
    assert "more" not in says("diagnosis", founding(), 80, 10, last).splitlines()[0]


def test_a_cleared_finding_says_so() -> None:
    """It does not vanish, and does not count."""
    views = (FindingView(FINDINGS[0], cleared=True),)
    shown = says("diagnosis", founding(findings=views), 100, 4)
    assert "✓ The model has 40.6 M parameters, not ~125 M (cleared)" in shown
    assert "warning" not in shown


def test_a_filter_is_shown_with_what_it_leaves() -> None:
    """And an empty result says why."""
    assert "/mfu  1 of 6" in says("diagnosis", founding(), 100, 8, replace(LOOK, filter="mfu"))
    assert "no finding holds" in says("diagnosis", founding(), 100, 8, replace(LOOK, filter="zebra"))
    assert "nothing found so far" in says("diagnosis", founding(findings=()), 100, 8)


def test_details_hold_evidence_advice_and_source() -> None:
    """All that stands behind a finding."""
    shown = says("details", founding(), 80, 22, replace(LOOK, page="details", selected="size-mismatch"))
    for words in (
        "Finding 1 of 6",
        "▲ warning · 97 % sure · since step 0, seen until 14,500",
        "12 layers, 12 heads, vocabulary 50,304",
        "Set n_embd = 768",
        "traintop explain size-mismatch",
    ):
        assert words in shown


def test_details_scroll_to_their_end_on_a_small_screen() -> None:
    """What is below is said, and can be reached."""
    look = replace(LOOK, page="details", selected="size-mismatch")
    assert "more" in says("details", founding(), 40, 8, look)
    most = board.most_scroll(founding(), 40, 10, look)
    end = says("details", founding(), 40, 8, replace(look, scroll=most))
    assert "explain" in end
    assert "more" not in end.splitlines()[0]


def test_a_config_patch_keeps_its_lines() -> None:
    """Advice of several lines is not run together, on the screen or in the clipboard."""
    finding = replace(FINDINGS[0], advice=("Write:\nn_embd = 768\nbatch_size = 8",))
    shown = says("details", founding(findings=(FindingView(finding),)), 80, 22, replace(LOOK, page="details"))
    assert "   n_embd = 768 " in shown
    assert advice_of(finding, founding_case()).splitlines() == ["Write:", "n_embd = 768", "batch_size = 8"]


def test_lines_to_paste_are_shown_and_copied_alone() -> None:
    """In the trainer's syntax; where its names are not known the advice is copied."""
    finding = replace(FINDINGS[0], settings=(("n_embd", 768), ("warmup_steps", 700)))
    shown = says("details", founding(findings=(FindingView(finding),)), 80, 22, replace(LOOK, page="details"))
    assert "To paste" in shown
    assert "   n_embd = 768 " in shown
    assert advice_of(finding, founding_case()) == "n_embd = 768\nwarmup_iters = 700"
    assert advice_of(finding, founding_case(traits=Traits())) == FINDINGS[0].advice[0]
    assert "To paste" not in says("details", founding(), 80, 22, replace(LOOK, page="details"))


def test_wrapped_text_breaks_words_that_are_too_long() -> None:
    """By cells, so that wide letters fit as well."""
    assert wrapped("日" * 5, 4) == ["日日", "日日", "日"]
    assert wrapped("", 10) == [""]


def test_help_explains_what_the_trainer_logs() -> None:
    """A format's own sentences stand below the keys."""
    traits = Traits(explanations={"train_loss": "the last micro-batch, with dropout"})
    snapshot = founding(case=founding_case(traits=traits))
    assert "the last micro-batch, with dropout" in says("help", snapshot, 80, 60)


def test_replay_keys_are_in_help_in_a_replay_only() -> None:
    """No key that would do nothing."""
    assert "slower, faster" in says("help", replayed(), 80, 60)
    assert "slower, faster" not in says("help", founding(), 80, 60)


def test_the_footer_shows_what_the_keys_do_now() -> None:
    """Details, full screen, go on, play: by what is shown."""
    assert "⏎ details" in says("footer", founding())
    assert "⏎ full screen" in says("footer", founding(), look=replace(LOOK, focus="gpu"))
    assert "space play" in says("footer", replayed())
    assert "space go on" in says("footer", founding(), look=replace(LOOK, frozen=True))
    assert "y copy advice" in says("footer", founding(), look=replace(LOOK, page="details"))
    assert says("footer", founding(), look=replace(LOOK, typing=True, filter="mfu")).startswith(" / mfu▏")
    assert "copied" in says("footer", founding(), look=replace(LOOK, said="copied"))


@pytest.mark.parametrize("width", [120, 80, 40, 20, 8])
def test_quit_is_always_in_the_footer(width: int) -> None:
    """However narrow."""
    assert "q quit" in says("footer", founding(), width)


def test_notes_about_the_reading_stand_below_the_findings() -> None:
    """What the user should know of how the log was read; the panel makes room for it."""
    noted = founding(case=founding_case(notes=("train.py was not found beside the log",)))
    assert "– train.py was not found beside the log" in says("diagnosis", noted, 100, 10)
    heights = [
        next(p.height for p in board.placements(snapshot, 120, 50, LOOK) if p.name == "diagnosis")
        for snapshot in (founding(), noted)
    ]
    assert heights[1] == heights[0] + 1
