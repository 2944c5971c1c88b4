"""What each panel says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cases import make_case
from snapshots import FINDINGS, GIB, NOW, RTX_4070, broken, founding, founding_case, replayed, waiting

from diagnosis.efficiency import Efficiency
from diagnosis.trend import Trend, Verdict
from gpu.sample import GpuProcess, GpuSample, Throttle
from parsers.records import Traits
from tui import board
from tui.look import Look
from tui.panels.details import advice_of, wrapped
from tui.panels.parts import article, short_name
from tui.snapshot import FindingView, Snapshot

LOOK = Look(utc=True)


def says(panel: str, snapshot: Snapshot, width: int = 120, height: int = 1, look: Look = LOOK) -> str:
    """A panel as text."""
    return "\n".join(strip.text for strip in board.DRAW[panel](snapshot, width, height, look))


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


def test_the_loss_panel_gives_the_last_values() -> None:
    """Train and val of the same eval, its error, perplexity and the best."""
    shown = says("loss", founding(), 81, 24)
    assert "train 3.625   val 3.555 ± 0.007 =" in shown
    assert "ppl 35.5   best 3.555 @ 14,500" in shown
    assert "● improving −0.007 per 1,000 steps [−0.011, −0.004]" in shown


def test_a_change_within_the_eval_noise_is_no_change() -> None:
    """Below 2 sqrt(2) standard errors "=", above it an arrow."""

    def case(last: float) -> Snapshot:
        found = make_case({"val_loss": ([0, 500], [3.60, last])}, eval_standard_error=0.01)
        return Snapshot(NOW, "train.log", found)

    assert "val 3.580 ± 0.010 =" in says("loss", case(3.58))
    assert "val 3.560 ± 0.010 ↓" in says("loss", case(3.56))
    assert "val 3.640 ± 0.010 ↑" in says("loss", case(3.64))


def test_nan_is_said_in_words() -> None:
    """The newest value is the newest value, also when it is none."""
    assert "train NaN   val NaN" in says("loss", broken(), 81, 24)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("warming-up", "warming up: too early for a trend"),
        ("slowing", "● slowing +0.001"),
        ("plateau", "▲ plateau +0.001"),
        ("rising", "▲ rising +0.001"),
        ("unknown", "trend unknown: too few evaluations yet"),
    ],
)
def test_each_verdict_has_a_sign_and_a_word(verdict: Verdict, words: str) -> None:
    """Not only a colour."""
    assert words in says("loss", founding(case=founding_case(trend=Trend(verdict, "val_loss", 0.001))), 81, 24)


def test_a_forecast_without_room_in_the_chart_is_said_below_it() -> None:
    """Zoomed elsewhere it stands beside the trend."""
    look = replace(LOOK, zoom=8.0, centre=2_000.0)
    assert "forecast 3.53 ± 0.03 at 20,000" in says("loss", founding(), 100, 24, look)


def test_without_a_training_loss_the_evaluated_split_is_drawn() -> None:
    """A log with eval lines only still has two curves."""
    case = make_case(
        {"eval_train_loss": ([0, 100, 200], [9.0, 6.0, 5.0]), "val_loss": ([0, 100, 200], [9.1, 6.2, 5.3])}
    )
    assert "train 5.000   val 5.300" in says("loss", Snapshot(NOW, "x", case), 81, 24)


def test_the_cursor_reads_the_values_at_its_step() -> None:
    """Logged, smoothed, and the eval nearest by."""
    shown = says("loss", founding(), 100, 24, replace(LOOK, cursor=6_400.0, x_kind="tokens"))
    assert "│ step 6,400  3.36 B" in shown
    assert "(logged 3." in shown
    assert "@ 6,500" in shown


def test_a_log_that_is_waited_for_says_why() -> None:
    """Nothing is left blank without a reason."""
    assert "○ waiting: train.log does not exist yet" in says("loss", waiting(), 80, 12)
    assert "no NVIDIA driver on this machine" in says("gpu", waiting(), 80, 3)


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


def test_the_gpu_line() -> None:
    """Busy, memory, free, power, heat, clock, throttling; who computes there."""
    shown = says("gpu", founding(), 120, 4)
    assert "GPU 0  NVIDIA GeForce RTX 4070" in shown
    for words in ("98 %", "VRAM 10.9 / 12.0 GiB", "1.1 free", "186 / 200 W", "68 °C", "2.61 GHz", "no throttling"):
        assert words in shown
    assert "this run: python 50169 10.4 GiB" in shown
    assert shown.index("this run") < shown.index("Xorg")


@pytest.mark.parametrize(
    ("reasons", "words"),
    [(("hw_thermal", "sw_power_cap"), "▲ overheated"), (("sw_power_cap",), "power cap"), (None, "throttling –")],
)
def test_throttling_that_hurts_has_a_sign(reasons: tuple[Throttle, ...] | None, words: str) -> None:
    """A power cap is ordinary; heat is not, and it comes before what may not fit."""
    shown = says("gpu", founding(gpus=(replace(RTX_4070, throttle=reasons),)), 80, 1)
    if reasons is not None and "hw_thermal" in reasons:
        assert words in shown
        assert shown.index(words) < shown.index("W ")
    assert words in says("gpu", founding(gpus=(replace(RTX_4070, throttle=reasons),)), 140, 1)


def test_what_cannot_be_read_says_why() -> None:
    """Each query may fail alone; a lost GPU loses all."""
    shown = says("gpu", broken(), 120, 5)
    assert "busy – (not supported)" in shown
    assert "– GPU is lost" in shown


def test_eight_gpus_in_few_lines() -> None:
    """A line each, and how many did not fit."""
    gpus = tuple(replace(RTX_4070, index=at, processes=()) for at in range(8))
    assert "8 × NVIDIA GeForce RTX 4070" in says("gpu", founding(gpus=gpus), 120, 10)
    assert "… 5 more" in says("gpu", founding(gpus=gpus), 120, 6)


def test_a_gpu_that_was_only_named_is_not_read() -> None:
    """For a finished log from elsewhere."""
    named = GpuSample(None, "NVIDIA GeForce RTX 4070", memory_total_bytes=12 * GIB)
    assert "RTX 4070, 12.0 GiB: not on this machine" in says("gpu", founding(gpus=(named,)), 100, 3)
    assert "not on this machine" in says("gpu", founding(gpus=(named,)), 80, 1)


def test_the_full_gpu_panel_lists_everything() -> None:
    """Every process with what it is, every fault."""
    gpu = replace(
        RTX_4070,
        driver="550.1",
        faults=(("power_watts", "not supported"),),
        processes=(GpuProcess(9, None, None, None),),
    )
    shown = says("gpu", founding(gpus=(gpu,)), 100, 24, replace(LOOK, full="gpu"))
    for words in ("550.1", "power watts", "– not supported", "pid 9 –"):
        assert words in shown


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
    assert advice_of(finding).splitlines() == ["Write:", "n_embd = 768", "batch_size = 8"]


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


def test_the_newest_smoothed_value_is_finite_between_nans() -> None:
    """A single NaN earlier does not make the newest value unknown."""
    values = np.linspace(6, 4, 50)
    values[48] = np.nan
    case = make_case({"train_loss": (np.arange(50), values)})
    assert "train 4." in says("loss", Snapshot(NOW, "x", case), 81, 24)
