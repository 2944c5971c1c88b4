"""What the status line and the panels for tokens, speed and the run say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import make_case
from said import LOOK, says
from snapshots import NOW, founding, founding_case, replayed

from diagnosis.case import Steps
from diagnosis.efficiency import Efficiency
from parsers.records import Fact
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
    assert "❚❚ paused   ×60   15 h 33 m / 21 h 50 m" in line
    assert "last line" not in line


def test_reading_an_old_log_shows_how_far_it_is() -> None:
    """While 50 MB are read the user sees that something happens."""
    assert "reading 43 %" in says("status", founding(catching_up=0.43))


def test_a_held_screen_says_so() -> None:
    """So that nobody takes it for a stalled run."""
    assert "❚❚ held" in says("status", founding(), look=replace(LOOK, frozen=True))


@pytest.mark.parametrize("width", [60, 80])
def test_a_replay_in_a_narrow_terminal_keeps_its_step(width: int) -> None:
    """The clock goes first: where in the run it is stands in the step too."""
    line = says("status", replayed(), width)
    assert "❚❚ paused" in line
    assert "14,500 / 20,000" in line


def test_a_replay_at_its_end_says_how_the_run_ended() -> None:
    """Nothing plays any more; the state is what there is to know."""
    over = replace(replayed(), case=founding_case(20_000, state="finished"), source_done=True)
    assert "● finished" in says("status", over)
    assert "play again" in says("footer", over)


def test_a_share_is_whole_only_at_the_end() -> None:
    """99.9 % of a long run is hours before its end; 899 of 900 is the last step that is printed."""
    case = replace(founding_case(), steps=Steps(0, 19_990, 20_000))
    assert " 99 % " in says("status", founding(case=case))
    assert " 100 % " in says("status", founding(case=replace(case, state="finished")))


def test_when_the_last_line_came_never_shortens_the_name() -> None:
    """Else the name would change its length whenever the time left does."""
    name = "/a/long/way/to/the/run/train.log"
    lines = {says("status", founding(label=name, case=founding_case(eta_seconds=eta)), 104) for eta in (9.0, 21_477.0)}
    assert all(name in line for line in lines)


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


def test_a_small_ratio_keeps_two_digits() -> None:
    """0.0 x would be no number."""
    budget = founding_case().budget
    assert budget is not None
    shown = {
        ratio: says("tokens", founding(case=founding_case(budget=replace(budget, ratio=ratio))), 41, 5)
        for ratio in (0.0042, 0.11, 0.99, 12.93)
    }
    for ratio, words in ((0.0042, " 0.0042 ×"), (0.11, " 0.11 ×"), (0.99, " 1.0 ×"), (12.93, " 12.9 ×")):
        assert words in shown[ratio]


def test_without_an_end_there_is_no_bar() -> None:
    """Full or empty it would claim something."""
    case = make_case(tokens_per_step=512.0, tokens_seen=51_200.0)
    assert "━" not in says("tokens", Snapshot(NOW, "x", case), 41, 8)


def test_the_printed_mfu_is_put_right() -> None:
    """The share of this GPU, its denominator, and whose peak the printed one is of."""
    shown = says("speed", founding(), 41, 7)
    assert "134 k tok/s   3.91 s/step" in shown
    assert "40.2 TFLOP/s  MFU 69 % of 58.3 (spec)" in shown
    assert "printed 11.3 % is of an A100" in shown


def test_an_unknown_peak_is_no_mfu() -> None:
    """Never a silent A100."""
    speed = Efficiency(3.91, 134_100.0, 3e8, 40.2e12, 40.2e12, None, None, None, None, 0.113, 312e12, None, None, None)
    shown = says("speed", founding(case=founding_case(efficiency=speed)), 60, 7)
    assert "MFU – no GPU known: name it with --gpu" in shown
    assert "printed 11.3 % is of 312 TFLOP/s" in shown


def test_a_run_on_a_cpu_has_no_mfu_and_no_gpu_memory() -> None:
    """Nobody is asked to name a GPU, and a printed 0.012 % is not called 0.0 %."""
    speed = Efficiency(
        0.12, 8_000.0, 3e7, 4e10, 4e10, None, None, None, None, 0.00012, 312e12, "NVIDIA A100", None, None
    )
    found = founding_case(efficiency=speed)
    case = replace(found, facts={**found.facts, "device": Fact("device", "cpu", "log", "a test")})
    shown = says("speed", founding(case=case), 41, 7)
    assert "40.0 GFLOP/s  MFU – on a CPU" in shown
    assert "printed 0.012 % is of an A100" in shown
    assert "MFU – on a CPU" in says("speed", founding(case=case), 80, 1)
    assert "memory" in says("run", founding(), 48, 14)
    assert "memory" not in says("run", founding(case=case), 48, 14)


def test_speed_without_tokens_says_what_there_is() -> None:
    """A log without its batch size still has a step time; attention left out makes a lower bound."""
    bare = Efficiency(0.75, None, None, None, None, None, None, None, None, None, None, None, None, None)
    shown = says("speed", founding(case=founding_case(efficiency=bare)), 41, 7)
    assert "│ 750 ms/step" in shown
    assert "tok/s" not in shown
    lower = replace(bare, flops=4e13, flops_source="6N", tokens_per_second=9e4)
    assert "≥ 40.0 TFLOP/s" in says("speed", founding(case=founding_case(efficiency=lower)), 60, 7)


def test_an_unknown_number_of_gpus_is_no_mfu() -> None:
    """Eight GPUs' tokens a second are not held to one GPU's peak; one GPU's rate says that it is one's."""
    known = founding_case().efficiency
    assert known is not None
    unknown = founding(case=founding_case(efficiency=replace(known, mfu=None, flops_per_gpu=None)))
    assert "40.2 TFLOP/s  MFU – on how many GPUs? --gpu '8x NAME'" in says("speed", unknown, 70, 7)
    one = founding(case=founding_case(efficiency=replace(known, flops=None)))
    assert "40.2 TFLOP/s a GPU  MFU 69 % of 58.3" in says("speed", one, 60, 7)


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
