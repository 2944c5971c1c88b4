"""What the status line and the panels for tokens, speed and the run say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import make_case
from said import LOOK, says
from snapshots import NOW, founding, founding_case, replayed

from diagnosis.efficiency import Efficiency
from tui.panels.parts import article, short_name
from tui.snapshot import Snapshot


def test_the_status_line_answers_the_three_questions() -> None:
    """Is it alive, how far is it, when is it done."""
    line = says("status", founding())
    assert "train.log · nanoGPT · 40.6 M params" in line
    assert "● running   step 14,500 / 20,000   72 %   ETA 5 h 57 m   last line 21:06" in line


@pytest.mark.parametrize("width", [120, 100, 80, 60, 50])
def test_the_state_and_the_step_outlive_all_else(width: int) -> None:
    """The narrower the line the less it says, but never half a word."""
    line = says("status", founding(), width)
    assert "● running" in line
    assert "14,500 / 20,000" in line
    assert "…" not in line


def test_a_stalled_run_says_for_how_long() -> None:
    """Only a stalled run shows an age, and it changes once a minute."""
    lines = {
        says("status", founding(case=founding_case(state="stalled", silence_seconds=seconds)))
        for seconds in (2_040.0, 2_060.0, 2_099.0)
    }
    assert len(lines) == 1
    assert "▲ stalled" in next(iter(lines))
    assert "silent for 34 m" in next(iter(lines))


def test_a_replay_says_its_speed_position_and_pause() -> None:
    """And not the age of its last line, which means nothing there."""
    line = says("status", replayed())
    assert "❚❚ paused   ×60  15 h 33 m / 21 h 50 m" in line
    assert "last line" not in line


def test_reading_an_old_log_shows_how_far_it_is() -> None:
    """While 50 MB are read the user sees that something happens."""
    assert "reading 43 %" in says("status", founding(catching_up=0.43))


def test_a_held_screen_says_so() -> None:
    """So that nobody takes it for a stalled run."""
    assert "❚❚ held" in says("status", founding(), look=replace(LOOK, frozen=True))


def test_the_token_budget() -> None:
    """Seen, the multiple of the optimum, the end of the run, what more would buy."""
    shown = says("tokens", founding(), 41, 11)
    for words in (
        "7.60 B seen",
        "9.4 × Chinchilla",
        "optimum 811 M",
        "end of run 10.5 B",
        "doubling tokens buys −0.11",
        "unique tokens unknown",
        "expected 3.61 ± 0.05 (fineweb)",
    ):
        assert words in shown


def test_the_optimum_stands_on_the_bar() -> None:
    """At 0.81 of 10.49 B, and the bar is filled to 7.6 B."""
    bar = says("tokens", founding(), 104, 8).splitlines()[2][2:102]
    assert bar.index("┿") == 7
    assert bar.count("━") == 71
    assert bar.count("─") == 28


def test_unknown_tokens_say_what_would_help() -> None:
    """A dash with its reason, in both forms of the panel."""
    bare = Snapshot(NOW, "x", make_case())
    assert "– tokens per step unknown" in says("tokens", bare, 41, 7)
    assert "--tokens-per-step" in says("tokens", bare, 80, 1)


def test_the_printed_mfu_is_put_right() -> None:
    """The share of this GPU, its denominator, and whose peak the printed one is of."""
    shown = says("speed", founding(), 41, 7)
    assert "134 k tok/s   3.91 s/step" in shown
    assert "40.2 TFLOP/s  MFU 69 % of 58.3 (spec)" in shown
    assert "printed 11.3 % is of an A100" in shown


def test_an_unknown_peak_is_no_mfu() -> None:
    """Never a silent A100."""
    speed = Efficiency(3.91, 134_100.0, 3e8, 40.2e12, None, None, None, None, 0.113, 312e12, None, None, None)
    shown = says("speed", founding(case=founding_case(efficiency=speed)), 60, 7)
    assert "MFU – the GPU is unknown (--gpu)" in shown
    assert "printed 11.3 % is of 312 TFLOP/s" in shown


def test_articles_and_short_names() -> None:
    """As they are spoken."""
    assert article("A100") == "an A100"
    assert article("RTX 4070") == "an RTX 4070"
    assert article("Tesla T4") == "a Tesla T4"
    assert article("V100") == "a V100"
    assert short_name("NVIDIA GeForce RTX 4070") == "RTX 4070"


def test_the_run_panel_lists_its_settings() -> None:
    """Where there is room; unknown lines are left out."""
    shown = says("run", founding(), 48, 14)
    assert "12 layers, 12 heads, 384 wide" in shown
    assert "16 × 32" in shown
    assert "fineweb" in shown
    assert "dtype" not in shown
    assert "no settings" in says("run", Snapshot(NOW, "x", make_case()), 48, 6)


def test_gradients_and_rates_come_from_the_newest_row() -> None:
    """Not from the config alone."""
    case = make_case(
        {"learning_rate": ([0, 1], [1e-3, 9e-4]), "grad_norm": ([0, 1], [2.0, 1.5])},
        {"grad_clip": 1.0, "world_size": 8, "batch_size": 4, "warmup_steps": 500},
    )
    shown = says("run", Snapshot(NOW, "x", case), 48, 14)
    assert "now 9.00e-04" in shown
    assert "1.50, clipped at 1" in shown
    assert "4 × 8" in shown
