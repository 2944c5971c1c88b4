from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cases import make_case
from founding_laws import budget_at
from rich.cells import cell_len

from diagnosis.budget import Budget
from diagnosis.finding import Finding
from diagnosis.forecast import Forecast
from diagnosis.needs import Need
from diagnosis.outlook import Outlook, Path
from diagnosis.trend import Trend
from parsers.configs.written import HUGGINGFACE, LITGPT
from parsers.records import Traits
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


def test_settings_stand_below_the_advice_as_lines_to_paste() -> None:
    """In the trainer's own syntax, with the indentation that YAML needs, and none where its names are not known."""
    batch = replace(FINDING, settings=(("batch_size", 8), ("global_batch_size", 512)))

    assert (
        "    → Look for heat.\n    | train:\n    |   micro_batch_size: 8\n    |   global_batch_size: 512\n"
        in report(make_case(traits=Traits(settings=LITGPT)), [batch])
    )
    assert "|" not in report(make_case(traits=Traits()), [batch])


def test_a_line_to_paste_is_never_wrapped() -> None:
    """Half of it would be another setting."""
    batch = replace(FINDING, settings=(("batch_size", 4), ("gradient_accumulation_steps", 8)))
    text = report(make_case(traits=Traits(settings=HUGGINGFACE)), [batch], width=40)
    assert "    | --per_device_train_batch_size 4 --gradient_accumulation_steps 8\n" in text


def test_a_number_that_does_not_fit_goes_on_below_its_text() -> None:
    """Not below its name."""
    text = report(make_case(forecast=replace(AHEAD, known_schedule=False)), [], width=50)
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("  forecast "))
    assert lines[at + 1].startswith(" " * 11 + "the schedule") or lines[at + 1].startswith(" " * 11 + "20,000")


def test_a_slope_that_noise_hides_says_so_and_its_interval_keeps_its_ends() -> None:
    """An end of -0.0004 is not one of -0.000, which would look as if it held 0."""
    hidden = Trend("unknown", "val_loss", slope=-0.16, low=-0.28, high=0.07)
    sure = Trend("improving", "val_loss", slope=-0.005, low=-0.01, high=-0.0004)
    assert "hidden by noise: val_loss −0.160 per 1,000 steps [−0.280, +0.070]" in report(make_case(trend=hidden), [])
    assert "improving: val_loss −0.0050 per 1,000 steps [−0.0100, −0.0004]" in report(make_case(trend=sure), [])
    assert "  trend" not in report(make_case(trend=Trend("unknown", "val_loss")), [])


AHEAD = Forecast(20_000, "val_loss", 3.53, 3.50, 3.56, "a test")
PATH = Path(np.array([11_000.0, 15_000.0, 20_000.0]), np.array([3.6, 3.55, 3.53]), np.array([0.01, 0.02, 0.03]))


def test_the_outlook_says_what_stopping_here_and_twice_the_steps_would_give() -> None:
    """A run that is over cannot stop here any more."""
    outlook = Outlook(annealed=replace(AHEAD, step=12_000), doubled=replace(AHEAD, value=3.45, low=3.42, high=3.48))
    running = report(make_case(forecast=AHEAD, outlook=outlook), [], width=200)
    over = report(make_case(state="finished", outlook=outlook), [], width=200)

    assert "forecast val_loss 3.530 [3.500, 3.560] at step 20,000\n" in running
    assert "val_loss 3.530 ± 0.030 if it stops here and decays to 0 by step 12,000" in running
    assert "val_loss 3.450 ± 0.030 in a new run of twice the steps" in running
    assert "stops here" not in over
    assert "twice the steps" in over


def test_a_forecast_on_an_unknown_schedule_says_so() -> None:
    """The band is wide for a reason."""
    unsure = report(make_case(forecast=replace(AHEAD, known_schedule=False)), [], width=200)
    assert "at step 20,000, the schedule is unknown: from as now to decayed to 0" in unsure


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (3.55, "3.550 at step 15,000 [15,000, not in this run]"),
        (3.6, "3.600 at step 11,000 [11,000, 15,000]"),
        (3.52, "3.520: perhaps, at step 20,000 at the earliest"),
        (3.4, "3.400: not in this run"),
        (3.8, "3.800 reached at step 100"),
    ],
)
def test_a_loss_that_was_asked_for_has_its_step_or_is_not_in_this_run(target: float, says: str) -> None:
    """--target; without a forecast it says that none carries it."""
    series = {"val_loss": ([0, 100], [4.0, 3.7])}
    seen = make_case(series).metric("val_loss")
    assert says in report(make_case(series, outlook=Outlook(path=PATH, seen=seen)), [], target=target, width=200)
    assert "no forecast carries it" in report(make_case(series), [], target=target, width=200)


def test_the_run_s_own_curve_outranks_the_law_of_all_runs() -> None:
    """Two figures for twice the tokens would leave a reader with none."""
    budget = budget_at(7.6e9)
    assert "doubling them buys" in report(make_case(budget=budget), [], width=200)
    assert "doubling them buys" not in report(make_case(budget=budget, outlook=Outlook(doubled=AHEAD)), [], width=200)


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
