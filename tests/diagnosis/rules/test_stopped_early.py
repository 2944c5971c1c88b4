"""Rule stopped-early: before its plan, and in which words."""

from __future__ import annotations

import pytest
from cases import make_case

from diagnosis.case import State
from diagnosis.rules.stopped_early import rule
from diagnosis.schedule import Schedule
from parsers.records import Notice

LOSSES = {"train_loss": (range(431), [3.0] * 431)}


def test_a_run_that_just_ends_before_its_plan_stopped_early() -> None:
    """430 of 900 steps and no word why."""
    found = rule(make_case(LOSSES, {"planned_steps": 900}, state="stopped"))

    assert found is not None
    assert found.title == "The run stopped at step 430 of 900"


def test_a_traceback_is_quoted_even_without_a_plan() -> None:
    """The last words are the evidence; the last checkpoint is the advice."""
    notices = [Notice("checkpoint", "saving checkpoint to out", 400), Notice("traceback", "RuntimeError: boom", 430)]

    found = rule(make_case(LOSSES, notices=notices, state="crashed"))

    assert found is not None
    assert any("RuntimeError: boom" in e for e in found.evidence)
    assert "checkpoint of step 400" in found.advice[0]


@pytest.mark.parametrize("state", ["running", "finished", "stalled", "waiting"])
def test_a_run_that_lives_or_has_finished_is_no_early_stop(state: State) -> None:
    """The healthy look-alikes."""
    assert rule(make_case(LOSSES, {"planned_steps": 900}, state=state)) is None


def test_out_of_memory_is_a_finding_of_its_own() -> None:
    """One cause, one finding."""
    notices = [Notice("out-of-memory", "CUDA out of memory", 430)]

    assert rule(make_case(LOSSES, {"planned_steps": 900}, notices, state="crashed")) is None


@pytest.mark.parametrize(
    ("words", "title", "advice", "severity"),
    [
        ("ValueError: too few", "crashed", "Mend the error", "warning"),
        ("KeyboardInterrupt", "was interrupted", "Nothing to mend", "info"),
        ("slurmstepd: error: *** JOB 18 ON r6 CANCELLED AT 2021-05-23", "was ended from outside", "See who", "warning"),
        ("SignalException: Process 54958 got signal: 15", "was ended from outside", "See who", "warning"),
        ("/bin/run: line 3:  4711 Killed", "was ended from outside", "See who", "warning"),
    ],
)
def test_who_ended_it_is_told_from_an_error(words: str, title: str, advice: str, severity: str) -> None:
    """Nobody is told to mend what was stopped on purpose or by a scheduler."""
    found = rule(make_case(LOSSES, {"planned_steps": 900}, [Notice("traceback", words, 430)], state="crashed"))

    assert found is not None
    assert (found.title, found.severity) == (f"The run {title} at step 430 of 900", severity)
    assert found.advice[0].startswith(advice)
    assert found.advice[0].endswith("start again.")


def test_without_a_plan_or_a_step_nothing_is_early() -> None:
    """A log that ends is a log that ends; an error before the first step is one all the same."""
    assert rule(make_case(LOSSES, state="stopped")) is None
    assert rule(make_case(facts={"planned_steps": 900}, state="stopped")) is None
    found = rule(make_case(notices=[Notice("traceback", "KeyError: 'x'", None)], state="crashed"))
    assert found is not None
    assert found.title == "The run crashed before its first step"


@pytest.mark.parametrize(("end", "known", "early"), [(452, True, False), (456, True, True), (456, False, False)])
def test_a_decay_that_did_not_end_is_a_note_where_no_plan_is_known(end: int, known: bool, early: bool) -> None:
    """Step 430 is 95.1 % of 452 and 94.3 % of 456; an end that is a guess says nothing."""
    decay = Schedule("cosine", 20, 20, end, 0.1)
    found = rule(make_case(LOSSES, state="stopped", schedule=decay, known_schedule=known))
    assert (found is not None) is early
    if found is not None:
        assert (found.severity, found.title) == ("info", "The log ends at 94 % of its learning rate's decay")
        assert f"ends at step {end}" in found.evidence[0]


@pytest.mark.parametrize("state", ["running", "finished", "stalled"])
def test_a_decay_that_goes_on_is_no_early_end(state: State) -> None:
    """Whoever still trains, or said the end, is not asked where its decay ends."""
    decay = Schedule("cosine", 20, 20, 900, 0.1)
    assert rule(make_case(LOSSES, state=state, schedule=decay, known_schedule=True)) is None
