"""stopped-early, stalled and restarted: the rules that read what happened, not curves."""

from __future__ import annotations

import pytest
from cases import make_case

from diagnosis.rules import restarted, stalled, stopped_early
from gpu.sample import GpuSample
from parsers.records import Notice

LOSSES = {"train_loss": (range(431), [3.0] * 431)}


def test_a_run_that_just_ends_before_its_plan_stopped_early() -> None:
    """430 of 900 steps and no word why."""
    found = stopped_early.rule(make_case(LOSSES, {"planned_steps": 900}, state="stopped"))

    assert found is not None
    assert found.title == "The run stopped at step 430 of 900"


def test_a_traceback_is_quoted_even_without_a_plan() -> None:
    """The last words are the evidence; the last checkpoint is the advice."""
    notices = [Notice("checkpoint", "saving checkpoint to out", 400), Notice("traceback", "RuntimeError: boom", 430)]

    found = stopped_early.rule(make_case(LOSSES, notices=notices, state="crashed"))

    assert found is not None
    assert any("RuntimeError: boom" in e for e in found.evidence)
    assert "checkpoint of step 400" in found.advice[0]


@pytest.mark.parametrize("state", ["running", "finished", "stalled", "waiting"])
def test_a_run_that_lives_or_has_finished_is_no_early_stop(state: str) -> None:
    """The healthy look-alikes."""
    assert stopped_early.rule(make_case(LOSSES, {"planned_steps": 900}, state=state)) is None


def test_out_of_memory_is_a_finding_of_its_own() -> None:
    """One cause, one finding."""
    notices = [Notice("out-of-memory", "CUDA out of memory", 430)]

    assert stopped_early.rule(make_case(LOSSES, {"planned_steps": 900}, notices, state="crashed")) is None


@pytest.mark.parametrize(("silence", "severity"), [(31.0, "warning"), (151.0, "critical")])
def test_silence_beyond_its_limit_is_a_stall(silence: float, severity: str) -> None:
    """Critical at five times the limit."""
    gpu = GpuSample(index=0, name="GPU", utilization=1.0)
    case = make_case(LOSSES, state="stalled", silence_seconds=silence, silence_limit_seconds=30.0, gpus=(gpu,))

    found = stalled.rule(case)

    assert found is not None
    assert found.severity == severity
    assert "GPU busy 100%" in found.evidence


def test_a_running_job_is_not_stalled() -> None:
    """Whatever its silence is."""
    assert stalled.rule(make_case(LOSSES, silence_seconds=29.0, silence_limit_seconds=30.0)) is None


def test_a_second_segment_is_a_restart() -> None:
    """It explains a jump there."""
    found = restarted.rule(make_case(LOSSES, segments=(0, 250)))

    assert found is not None
    assert found.title == "Restarted at step 250"
    assert restarted.rule(make_case(LOSSES)) is None
