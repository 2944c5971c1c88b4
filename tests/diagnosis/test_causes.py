"""Which findings are one trouble, who is its head, and that no order of things can make a circle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case
from hypothesis import given
from hypothesis import strategies as st
from raw_logs import read_case, shared

from diagnosis.case import Case
from diagnosis.causes import LINKS, joined
from diagnosis.finding import SEVERITIES, Finding, Severity
from diagnosis.rules import IDS, diagnose

STEPS = np.arange(2000)


def a(name: str, step: int | None, severity: Severity = "warning", **more: Any) -> Finding:
    return Finding(name, severity, 0.9, f"title of {name}", ("seen",), ("do",), first_step=step, **more)


def causes(*findings: Finding, case: Case | None = None) -> dict[str, str | None]:
    return {f.id: f.caused_by for f in joined(findings, case or make_case())}


def test_nan_after_a_spike_after_a_collapse_of_the_loss_scale_is_the_collapse() -> None:
    """The chain of 104B's experiment 7: its first link is the head of both, and as grave as the last."""
    found = joined(
        [a("loss-scale-collapse", 17_064), a("loss-spike", 17_065), a("non-finite", 17_070, "critical")], make_case()
    )
    assert {f.id: f.caused_by for f in found} == {
        "loss-scale-collapse": None,
        "loss-spike": "loss-scale-collapse",
        "non-finite": "loss-scale-collapse",
    }
    head = next(f for f in found if f.caused_by is None)
    assert head.severity == "critical"
    assert head.evidence == (
        "seen",
        "explains loss-spike: title of loss-spike",
        "explains non-finite: title of non-finite",
    )


def test_the_earlier_of_spike_and_collapse_is_the_cause() -> None:
    """Gradients that explode overflow float16, too: then the spike stands above."""
    assert causes(a("loss-spike", 100), a("loss-scale-collapse", 120)) == {
        "loss-spike": None,
        "loss-scale-collapse": "loss-spike",
    }
    assert causes(a("loss-spike", 100), a("loss-scale-collapse", 9000))["loss-scale-collapse"] is None


@pytest.mark.parametrize(
    ("cause", "consequence"),
    [
        ("out-of-memory", "stopped-early"),
        ("initial-loss", "loss-above-expected"),
        ("data-repeated", "overfitting"),
        ("tiny-val-set", "val-below-train"),
        ("tiny-val-set", "eval-resolution"),
        ("gpu-throttled", "slowdown"),
        ("gpu-shared", "slowdown"),
        ("gpu-starved", "low-mfu"),
        ("loss-spike", "divergence"),
    ],
)
def test_pairs_of_one_trouble(cause: str, consequence: str) -> None:
    """The cause stands, the consequence names it."""
    assert causes(a(cause, 100), a(consequence, 200)) == {cause: None, consequence: cause}


def test_what_came_later_explains_nothing() -> None:
    """A spike after the divergence, and one whose step nobody knows."""
    for step in (900, None):
        assert causes(a("loss-spike", step), a("divergence", 500))["divergence"] is None


@pytest.mark.parametrize(("severity", "expected"), [("critical", "non-finite"), ("warning", None)])
def test_only_what_the_run_did_not_get_over_may_have_ended_it(severity: Severity, expected: str | None) -> None:
    """NaN to the end explains a run that stopped, NaN that went away does not."""
    assert causes(a("non-finite", 500, severity), a("stopped-early", 900))["stopped-early"] == expected


@pytest.mark.parametrize(("step", "expected"), [(1199, "restarted"), (1201, None)])
def test_a_restart_explains_what_follows_within_200_steps(step: int, expected: str | None) -> None:
    """Of the loss; the head carries its severity."""
    case = make_case({"train_loss": (STEPS, STEPS * 0.0 + 3)}, segments=(0, 1000))
    found = {f.id: f for f in joined([a("restarted", 1000, "info"), a("divergence", step, "critical")], case)}
    assert found["divergence"].caused_by == expected
    assert found["restarted"].severity == ("critical" if expected else "info")


@pytest.mark.parametrize(("advised", "step", "expected"), [(5e-4, 90, True), (5e-4, 5000, False), (2e-3, 90, False)])
def test_a_rate_that_is_too_high_explains_spikes_of_the_warm_up(advised: float, step: int, expected: bool) -> None:
    """Not later ones, and not where the advice is a higher rate."""
    case = make_case(facts={"learning_rate": 1e-3, "warmup_steps": 60})
    rate = a("learning-rate", 0, settings=(("learning_rate", advised),))
    assert (causes(rate, a("loss-spike", step), case=case)["loss-spike"] == "learning-rate") is expected


@pytest.mark.parametrize(("decay", "expected"), [(1000, "schedule-mismatch"), (3000, None)])
def test_a_spent_learning_rate_explains_a_plateau(decay: int, expected: str | None) -> None:
    """Where the decay had ended by then; a horizon beyond the run has nothing to do with it."""
    case = make_case(facts={"decay_steps": decay, "learning_rate": 1e-3})
    assert causes(a("schedule-mismatch", 0), a("plateau", 1500), case=case)["plateau"] == expected


@pytest.mark.parametrize(("step", "expected"), [(99, "warmup"), (101, None)])
def test_without_a_warm_up_early_is_a_hundred_steps(step: int, expected: str | None) -> None:
    """Later, a missing warm-up does no harm."""
    assert causes(a("warmup", 0), a("loss-spike", step))["loss-spike"] == expected


@pytest.mark.parametrize(("step", "expected"), [(1499, "loss-scale-collapse"), (1501, None)])
def test_an_overflow_explains_the_next_500_steps(step: int, expected: str | None) -> None:
    """What comes later has a cause of its own."""
    assert causes(a("loss-scale-collapse", 1000), a("loss-spike", step))["loss-spike"] == expected


@pytest.mark.parametrize(("last", "expected"), [(1.0e-4, "schedule-mismatch"), (1.2e-4, None)])
def test_a_rate_is_spent_at_about_a_tenth(last: float, expected: str | None) -> None:
    """A floor of a tenth of the peak, printed with few digits."""
    case = make_case({"learning_rate": ([0, 1500], [1e-3, last])})
    assert causes(a("schedule-mismatch", 0), a("plateau", 1500), case=case)["plateau"] == expected


def test_a_logged_learning_rate_decides_over_the_config() -> None:
    """Still at its peak: the plateau is something else's."""
    facts = {"decay_steps": 1000, "learning_rate": 1e-3}
    for last, expected in ((1e-3, None), (1e-4, "schedule-mismatch")):
        case = make_case({"learning_rate": ([0, 1500], [1e-3, last])}, facts)
        assert causes(a("schedule-mismatch", 0), a("plateau", 1500), case=case)["plateau"] == expected


def test_other_data_explain_the_jump_and_the_overfitting_of_a_real_small_run() -> None:
    """The evals show the change 100 steps after the jump; it stands above both all the same."""
    case = read_case(shared("lab/shift-nanogpt-11.log"))
    found = [f for f in diagnose(case) if f.id in ("loss-shift", "loss-spike", "overfitting")]
    heads = {f.id: f.caused_by for f in joined(found, case)}
    assert heads["loss-shift"] is None
    assert heads["loss-spike"] == "loss-shift"
    assert heads.get("overfitting", "loss-shift") == "loss-shift"


def test_every_link_is_between_rules_that_there_are() -> None:
    """A misspelt id would never fire; and no rule explains itself."""
    for link in LINKS:
        assert link.cause in IDS
        assert link.consequence in IDS
        assert link.cause != link.consequence
    assert len({(link.cause, link.consequence) for link in LINKS}) == len(LINKS)


LINKED = sorted({name for link in LINKS for name in (link.cause, link.consequence)})
SOME = st.lists(
    st.builds(a, st.sampled_from(LINKED), st.none() | st.integers(0, 300), st.sampled_from(SEVERITIES)),
    unique_by=lambda f: f.id,
)


@given(SOME, st.lists(st.integers(1, 300), max_size=2))
def test_heads_stand_for_themselves_whatever_was_found(findings: list[Finding], restarts: list[int]) -> None:
    """Every consequence points at a head that is there, no head points on, none is lost, none gets milder."""
    case = make_case(facts={"warmup_steps": 100, "decay_steps": 50}, segments=(0, *sorted(set(restarts))))
    found = {f.id: f for f in joined(findings, case)}
    assert sorted(found) == sorted(f.id for f in findings)
    for before in findings:
        after = found[before.id]
        if after.caused_by is None:
            below = [f for f in found.values() if f.caused_by == after.id]
            worst = max(map(SEVERITIES.index, [before.severity, *(f.severity for f in below)]))
            assert SEVERITIES.index(after.severity) == worst
            assert len(after.evidence) == len(before.evidence) + len(below)
        else:
            assert found[after.caused_by].caused_by is None
            assert after.severity == before.severity
