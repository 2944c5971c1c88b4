"""Rule loss-shift: other data are told from damaged weights, and from what a run does by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case
from curves import healthy_run
from raw_logs import cut, read_case, shared

from diagnosis.finding import Finding
from diagnosis.parting import onset
from diagnosis.rules import divergence
from diagnosis.rules.loss_shift import rule
from parsers.records import Traits

AT = 6000
EVALS = np.arange(0, 10_001, 100)


def stepped(height: float, until: int = 10_001, seed: int = 0) -> tuple[Any, Any]:
    steps, values = healthy_run(seed).train
    return steps, values + np.where((steps >= AT) & (steps < until), height, 0.0)


def find(train: tuple[Any, Any], more: dict[str, Any] | None = None, **fields: Any) -> Finding | None:
    return rule(make_case({"train_loss": train, **(more or {})}, traits=Traits(), **fields))


def test_a_level_that_rose_and_stays_is_a_warning() -> None:
    """0.8 nats, on a loss that falls by 0.03 between the sides: told 48 rows later, and no divergence."""
    case = make_case({"train_loss": stepped(0.8)}, traits=Traits())
    found = rule(case)
    assert found is not None
    assert (found.severity, found.first_step) == ("warning", AT + 47)
    assert found.title == "The loss level rose by 0.77 at step 6,000"
    assert "data loader" in found.advice[0]
    assert onset(case) == AT
    assert divergence.rule(case) is None


@pytest.mark.parametrize(("height", "until"), [(-0.5, 10_001), (0.5, AT + 1000)])
def test_a_fall_and_what_came_back_are_notes(height: float, until: int) -> None:
    """Easier data, or a stretch of harder ones that is over."""
    found = find(stepped(height, until))
    assert found is not None
    assert found.severity == "info"


def test_a_healthy_run_and_a_spike_are_silent() -> None:
    """Nothing at all, and 1 nat that is back after some 100 rows."""
    steps, values = healthy_run(0).train
    assert find((steps, values)) is None
    assert find((steps, values + np.where(steps >= AT, np.exp(-np.clip(steps - AT, 0, None) / 30), 0.0))) is None
    assert rule(make_case()) is None


def test_it_does_not_come_and_go_as_the_log_grows() -> None:
    """From its first step on it is always there, with the same first step."""
    steps, values = stepped(0.5)
    seen = [find((steps[:n], values[:n])) for n in range(AT - 50, AT + 600, 13)]
    there = [f is not None for f in seen]
    assert there == sorted(there)
    assert len({f.first_step for f in seen if f is not None}) == 1


@pytest.mark.parametrize(
    ("more", "fields", "words"),
    [
        ({"learning_rate": "jumps"}, {}, "learning rate changed by a factor of 3"),
        ({"tokens": "jumps"}, {}, "tokens of a step changed by a factor of 2"),
        ({}, {"segments": (0, AT)}, "restarted there"),
    ],
)
def test_a_cause_that_the_log_shows_makes_it_a_note(more: dict[str, str], fields: dict[str, Any], words: str) -> None:
    """Another learning rate, batch or segment from that row on: the change is explained, and may be meant."""
    steps = np.arange(10_001)
    known: dict[str, Any] = {
        "learning_rate": (steps, np.where(steps < AT, 1e-4, 3e-4)),
        "tokens": (steps, np.cumsum(np.where(steps < AT, 1000, 2000))),
    }
    found = find(stepped(0.5), {name: known[name] for name in more}, **fields)
    assert found is not None
    assert found.severity == "info"
    assert any(words in line for line in found.evidence)


@pytest.mark.parametrize(
    ("name", "factor", "explained"),
    [("learning_rate", 1.4, False), ("learning_rate", 1.6, True), ("tokens", 1.04, False), ("tokens", 1.06, True)],
)
def test_small_changes_explain_nothing(name: str, factor: float, explained: bool) -> None:
    """A learning rate half as high again, or 5 % more tokens a step, are the least that do."""
    steps = np.arange(10_001)
    changed = np.where(steps < AT, 1000.0, factor * 1000)
    found = find(stepped(0.5), {name: (steps, changed if name == "learning_rate" else np.cumsum(changed))})
    assert found is not None
    assert (found.severity == "info") is explained


@pytest.mark.parametrize(("restart", "explained"), [(AT - 20, True), (AT - 21, False)])
def test_a_restart_explains_the_change_of_20_steps(restart: int, explained: bool) -> None:
    """Later than that it is not the restart's."""
    found = find(stepped(0.5), segments=(0, restart))
    assert found is not None
    assert (found.severity == "info") is explained


@pytest.mark.parametrize(("height", "told"), [(0.18, True), (-0.18, False), (-0.36, True)])
def test_a_fall_must_be_twice_as_large(height: float, told: bool) -> None:
    """Of 0.12 nats: a loss that falls is what training is for."""
    assert (find(stepped(height)) is not None) is told


@pytest.mark.parametrize(("boundary", "expected"), [(AT, True), (AT + 300, False)])
def test_a_fall_at_the_end_of_an_epoch_is_memorising(boundary: int, expected: bool) -> None:
    """The staircase of fine-tunes: each pass over the same data begins lower."""
    steps = np.arange(10_001)
    found = find(stepped(-0.5), {"epoch": (steps, steps / boundary)})
    assert found is not None
    assert any("an epoch ended there" in line for line in found.evidence) is expected


def parted(val_up: float, own_up: float) -> dict[str, Any]:
    """Evals whose two splits rise by these at 6,000 and stay."""
    val, own = (3.5 + 30 / np.sqrt(EVALS + 100.0) + np.where(EVALS >= AT, up, 0.0) for up in (val_up, own_up))
    return {"val_loss": (EVALS, val), "eval_train_loss": (EVALS, own)}


@pytest.mark.parametrize(
    ("val_up", "own_up", "expected"), [(0.9, 0.1, True), (0.9, 0.8, False), (0.2, 0.0, False), (0.0, 0.0, False)]
)
def test_training_comes_back_and_validation_does_not(val_up: float, own_up: float, expected: bool) -> None:
    """A jump of 1.5 that is unlearnt within 100 rows: other data if validation alone stays up, by 0.3 at least."""
    steps, values = healthy_run(0).train
    values = values + np.where(steps >= AT, 1.5 * np.exp(-np.clip(steps - AT, 0, None) / 25), 0.0)
    found = find((steps, values), parted(val_up, own_up))
    assert (found is not None) is expected
    if found is not None:
        assert (found.severity, found.first_step) == ("warning", AT + 200)
        assert "validation did not come back" in found.title


def test_validation_that_rises_without_a_jump_is_another_rules() -> None:
    """Overfitting has no step at which training jumped."""
    assert find(healthy_run(0).train, parted(0.9, 0.1)) is None


def test_the_rows_show_what_evals_of_the_train_split_would() -> None:
    """Most trainers evaluate validation alone."""
    steps, values = healthy_run(0).train
    values = values + np.where(steps >= AT, 1.5 * np.exp(-np.clip(steps - AT, 0, None) / 25), 0.0)
    assert find((steps, values), {"val_loss": parted(0.9, 0.1)["val_loss"]}) is not None
    assert find((steps, values), {"val_loss": parted(0.0, 0.0)["val_loss"]}) is None


def test_the_injected_shift_of_a_real_small_run() -> None:
    """Other data from step 500 on: told from step 600 on, the second eval after it, and never before."""
    case = read_case(shared("lab/shift-nanogpt-11.log"))
    assert rule(cut(case, 599)) is None
    for until in (600, 750, 899):
        found = rule(cut(case, until))
        assert found is not None
        assert (found.severity, found.first_step) == ("warning", 600)


@pytest.mark.parametrize("name", ["spike", "divergence", "healthy", "healthy-wsd", "overfit", "restart", "lr-too-high"])
def test_other_real_small_runs_have_none(name: str) -> None:
    """Whatever else was injected."""
    assert rule(read_case(shared(f"lab/{name}-nanogpt-11.log"))) is None
