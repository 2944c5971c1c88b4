from __future__ import annotations

import pytest
from cases import make_case

from diagnosis.finding import Finding, Severity
from diagnosis.trend import Trend
from diagnosis.verdict import verdict


def found(severity: Severity, title: str = "Steps are slower", *advice: str, caused_by: str | None = None) -> Finding:
    return Finding("x", severity, 0.9, title, (), advice, caused_by=caused_by)


def test_all_well_is_said_too() -> None:
    """Silence would leave the reader in doubt."""
    case = make_case({"val_loss": ([0, 1], [4.0, 3.5])}, trend=Trend("improving", "val_loss"))

    assert verdict(case, [found("info")]) == "Running: improving, nothing to worry about; let it run."


@pytest.mark.parametrize(
    ("severities", "words"),
    [
        (["warning"], "steps are slower"),
        (["warning", "warning", "info"], "2 warnings"),
        (["critical", "warning"], "1 critical and 1 warning"),
    ],
)
def test_one_warning_is_told_and_several_are_counted(severities: list[Severity], words: str) -> None:
    """The sentence stays short."""
    case = make_case({"val_loss": ([0, 1], [4.0, 3.5])}, trend=Trend("improving", "val_loss"))

    assert verdict(case, [found(s) for s in severities]) == f"Running: improving, {words}."


def test_a_falling_training_loss_alone_is_not_called_improving() -> None:
    """With two evals nobody knows what validation does."""
    case = make_case({"val_loss": ([0, 800], [4.0, 4.2])}, trend=Trend("improving", "train_loss"))

    assert "of validation too few evals to tell" in verdict(case, [])


def test_noise_and_too_few_points_are_two_reasons_for_not_knowing() -> None:
    """One passes with time, the other with more eval batches."""
    few = make_case({"val_loss": ([0], [4.0])}, trend=Trend("unknown", "val_loss"))
    noisy = make_case({"val_loss": ([0], [4.0])}, trend=Trend("unknown", "val_loss", -0.1, -0.3, 0.1))

    assert "cannot be told yet" in verdict(few, [])
    assert "noise hides the trend" in verdict(noisy, [])


def test_a_run_that_ended_badly_is_not_called_well() -> None:
    """No "nothing to worry about" for what stopped or crashed."""
    for state in ("stopped", "crashed", "stalled", "diverged"):
        assert "nothing to worry" not in verdict(make_case({"val_loss": ([0], [4.0])}, state=state), [])


def test_waiting_says_nothing_else_but_that_a_known_log_holds_no_loss() -> None:
    """There is no trend of nothing; a throughput log without a loss says so in a line."""
    assert verdict(make_case(state="waiting", format_title=None), []) == "Waiting for the first step."
    assert verdict(make_case(state="waiting"), []) == "Waiting for the first step: no loss was logged so far."
    timed = make_case({"step_seconds": ([0, 1], [4.0, 3.5])}, state="stopped")
    assert verdict(timed, []) == "Stopped: no loss was logged."


def test_the_sentence_ends_in_what_to_do_now() -> None:
    """Of several findings the worst one's first advice, without its reasons."""
    case = make_case({"val_loss": ([0, 1], [4.0, 3.5])}, trend=Trend("improving", "val_loss"))
    nan = found("critical", "NaN since step 7", "Go back to step 5: it is the last good one. Use bf16.", "Wait.")
    slow = found("warning", "GPU is hot", "Look for dust.")

    assert verdict(case, [slow]) == "Running: improving, GPU is hot; look for dust."
    assert verdict(case, [nan, slow]) == "Running: improving, 1 critical and 1 warning; go back to step 5."


def test_what_another_finding_explains_is_not_counted() -> None:
    """Three symptoms of one cause are one thing to worry about."""
    case = make_case({"val_loss": ([0, 1], [4.0, 3.5])}, trend=Trend("improving", "val_loss"))
    symptom = found("critical", "NaN since step 7", "Go back.", caused_by="loss-scale-collapse")

    assert verdict(case, [symptom, found("warning", "The scale fell", "Use bf16.")]) == (
        "Running: improving, the scale fell; use bf16."
    )


def test_a_name_keeps_its_capitals() -> None:
    """NaN and GPU are no words that begin a sentence."""
    case = make_case({"val_loss": ([0, 1], [4.0, 3.5])}, trend=Trend("improving", "val_loss"))

    assert "NaN since step 7" in verdict(case, [found("critical", "NaN since step 7")])


def test_nobody_is_told_to_stop_what_has_stopped() -> None:
    """The next thing to do is told instead."""
    nan = found("critical", "NaN since step 7", "Stop it.", "Lower the learning rate.")

    assert verdict(make_case(state="running"), [nan]).endswith("stop it.")
    assert verdict(make_case(state="crashed"), [nan]).endswith("lower the learning rate.")
    scale = found("critical", "The scale fell", "Stop it and go back to step 5.")
    assert verdict(make_case(state="stopped"), [scale]).endswith("; go back to step 5.")


def test_a_loss_that_ends_in_nan_is_not_called_well() -> None:
    """One row is no finding yet."""
    case = make_case({"train_loss": ([0, 1], [4.0, float("nan")])})

    assert "nothing to worry" not in verdict(case, [])
    assert verdict(case, []).endswith("the newest loss is not a number.")


def test_a_trend_that_nobody_can_tell_is_no_reason_to_be_calm() -> None:
    """No rule speaks, and the loss rises or is lost in noise: no fault was found, and nobody says to let it run."""
    for said in ("rising", "unknown"):
        case = make_case({"val_loss": ([0, 1], [4.0, 3.5])}, trend=Trend(said, "val_loss"))
        assert verdict(case, []).endswith("no fault found.")
