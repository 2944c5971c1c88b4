"""Rule data-repeated: by the data set's tokens, by the log's epochs, and the steps at the ends of epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.budget import repetition_cost
from diagnosis.case import Case
from diagnosis.model import ModelSize, Shape
from diagnosis.rules.data_repeated import NEEDS, rule
from parsers.records import Traits, Value

PER_STEP = 524_288
SMALL = ModelSize(41e6, None, None, None, None, "a test", Shape())


def seen_often(
    epochs: float, unique: float = 5e8, planned: float | None = None, facts: Mapping[str, Value] | None = None, **f: Any
) -> Case:
    """A run of 41M parameters that saw its unique tokens so often, and plans so many epochs."""
    last = round(epochs * unique / PER_STEP)
    given = {
        "size": SMALL,
        "tokens_per_step": PER_STEP,
        "tokens_seen": epochs * unique,
        "tokens_planned": None if planned is None else planned * unique,
        **f,
    }
    rows = {"train_loss": ([0, max(last, 1)], [10.9, 3.6])}
    return make_case(rows, {"unique_tokens": unique, **(facts or {})}, **given)


def counted(epochs: float, facts: Mapping[str, Value] | None = None, **fields: Any) -> Case:
    """A fine-tuning run whose log counts epochs, 50 rows each."""
    steps = np.arange(1, round(50 * epochs) + 1)
    return make_case({"epoch": (steps, steps / 50), "train_loss": (steps, np.full(len(steps), 1.5))}, facts, **fields)


@pytest.mark.parametrize(
    ("epochs", "severity"),
    [
        (0.3, None),
        (2.0, None),
        (4.0, None),
        (4.1, "warning"),
        (16.0, "warning"),
        (16.1, "critical"),
        (76.0, "critical"),
    ],
)
def test_four_epochs_are_free_and_sixteen_are_spent(epochs: float, severity: str | None) -> None:
    """Two epochs of half the data end as well as one of all."""
    found = rule(seen_often(epochs))
    assert (None if found is None else found.severity) == severity


def test_the_cost_is_that_of_the_law() -> None:
    """15.2 epochs over 0.5B tokens: 0.08 nats by Muennighoff's law; it was beyond the fourth after 3,815 steps."""
    found = rule(seen_often(15.2))
    assert found is not None
    assert found.first_step == 3815
    assert f"costs {repetition_cost(41e6, 7.6e9, 5e8):.2f} nats" in found.evidence[1]
    assert "costs 0.08 nats" in found.evidence[1]
    assert "15.2 passes done" in found.evidence[0]


def test_the_step_of_the_fourth_epoch_stays_as_the_run_goes_on() -> None:
    """Later looks say the same."""
    assert {f.first_step for f in (rule(seen_often(e)) for e in (4.5, 9.0, 30.0)) if f} == {3815}


@pytest.mark.parametrize(
    ("epochs", "low", "high", "dear", "cheap"),
    [(5, 1e8, 1e10, "warning", "info"), (20, 1e8, 1e10, "critical", "warning")],
)
def test_the_cost_decides_how_grave_it_is(epochs: float, low: float, high: float, dear: str, cheap: str) -> None:
    """Over the unique tokens at which 41M parameters pay 0.01 nats for 5 epochs, or 0.05 for 20; 3 % to either side."""
    limit = 0.01 if epochs == 5 else 0.05
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if repetition_cost(41e6, epochs * middle, middle) > limit else (low, middle)
    severities = [getattr(rule(seen_often(epochs, unique=low * share)), "severity", None) for share in (0.97, 1.03)]

    assert severities == [dear, cheap]


def test_what_is_planned_counts_before_it_is_done() -> None:
    """At the start, when it can still be mended; once the run is over only what was done."""
    found = rule(seen_often(0.1, planned=20))
    assert found is not None
    assert (found.severity, found.first_step) == ("critical", 0)
    assert found.title == "The data are to be seen 20.0 times"
    assert rule(seen_often(0.1, planned=20, state="stopped")) is None


@pytest.mark.parametrize(
    "fields", [{"size": None}, {"size": ModelSize(1e6, None, None, None, None, "a test", Shape(vocab_size=256))}]
)
def test_outside_the_law_there_is_no_cost_and_nothing_critical(fields: dict[str, Any]) -> None:
    """An unknown size, a toy model, bytes."""
    found = rule(seen_often(60, **fields))
    assert found is not None
    assert found.severity == "warning"
    assert not any("costs" in line for line in found.evidence)


def test_fine_tuning_is_not_judged_by_the_law() -> None:
    """A model that was not new is told that its data repeat, no more; so is one whose first loss is a trained one's."""
    stated = rule(seen_often(30, facts={"init_from": "gpt2-xl"}))
    case = seen_often(30)
    trained = make_case({"train_loss": ([0, 9000], [2.5, 2.0])}, {"unique_tokens": 5e8}, size=SMALL,
                        tokens_per_step=PER_STEP, tokens_seen=case.tokens_seen)  # fmt: skip
    shown = rule(trained)
    assert stated is not None
    assert shown is not None
    assert stated.severity == shown.severity == "info"


@pytest.mark.parametrize(("epochs", "fires"), [(3.0, False), (4.0, False), (4.2, True), (30.0, True)])
def test_the_logs_epochs_are_a_note(epochs: float, fires: bool) -> None:
    """Three are usual in fine-tuning, and overfitting has a rule of its own."""
    found = rule(counted(epochs))
    assert (found is not None) is fires
    if found is not None:
        assert (found.severity, found.first_step) == ("info", 200)
        assert "Log a validation loss" in found.advice[0]


def test_planned_epochs_count_too() -> None:
    """As the start of the log has them."""
    found = rule(counted(0.5, {"planned_epochs": 10}))
    assert found is not None
    assert found.title == "The data are to be seen 10.0 times"
    assert rule(counted(0.5, {"planned_epochs": 3})) is None


def test_a_new_model_whose_log_counts_epochs_is_held_to_the_law() -> None:
    """The unique tokens follow from the epochs and the tokens seen."""
    facts: dict[str, Value] = {"init_from": "scratch"}
    found = rule(counted(20.0, facts, size=SMALL, tokens_seen=2e9))
    assert found is not None
    assert found.severity == "critical"
    assert f"costs {repetition_cost(41e6, 2e9, 1e8):.2f} nats" in found.evidence[1]


def test_the_logs_epochs_without_a_law_are_a_note() -> None:
    """BERT was trained for 40 of them: where no law holds, nobody can say that they cost anything."""
    found = rule(counted(40.0, {"init_from": "scratch"}))
    assert found is not None
    assert found.severity == "info"


def test_what_the_law_is_not_of_has_no_cost() -> None:
    """Bits per byte, and a vocabulary of characters: only that the data repeat is known."""
    for more in ({"traits": Traits(loss_unit="bits per byte")}, {"facts": {"vocab_size": 65, "init_from": "scratch"}}):
        found = rule(seen_often(60, **more))
        assert found is not None
        assert found.severity == "warning"
        assert not any("costs" in line for line in found.evidence)


@pytest.mark.parametrize(
    ("first", "last", "fires"), [(0, 4, False), (0, 5, True), (1, 5, False), (1, 6, True), (7, 8, True)]
)
def test_whole_epochs_are_counted_when_they_are_over(first: int, last: int, fires: bool) -> None:
    """From 0 or from 1; a log that begins later may count from either."""
    steps = np.arange(first * 100, (last + 1) * 100)
    case = make_case({"epoch": (steps, steps // 100), "train_loss": (steps, np.full(len(steps), 2.0))})
    assert (rule(case) is not None) is fires


def staircase(seed: int, drop: float, epochs: int = 3, rows: int = 200, val_drop: float = 0.0) -> Case:
    """A fine-tuning run that falls by `drop` where its data begin anew, with an evaluation every 100 rows."""
    steps = np.arange(epochs * rows)
    noise = 0.08 * np.random.default_rng(seed).standard_t(5, len(steps))
    train = 1.6 + 0.4 * np.exp(-steps / 40) - 0.0001 * steps - drop * (steps // rows) + noise
    evals = np.arange(50, len(steps), 100)
    val = 1.55 - val_drop * (evals // rows) + 0.002 * np.random.default_rng(seed + 1).normal(size=len(evals))
    return make_case(
        {"train_loss": (steps, train), "epoch": (steps, steps / rows), "val_loss": (evals, val)},
        traits=Traits(train_loss="window mean"),
    )


@pytest.mark.parametrize("seed", range(5))
def test_steps_at_the_ends_of_epochs_are_explained(seed: int) -> None:
    """Users of FastChat and others took them for a fault; validation does not go along."""
    found = rule(staircase(seed, 0.2))
    assert found is not None
    assert found.severity == "info"
    assert "at the end of pass 1 (step 200)" in found.evidence[0]
    assert found.first_step == 279


def test_the_step_at_which_they_were_seen_stays() -> None:
    """However much later one looks."""
    assert {f.first_step for f in (rule(staircase(1, 0.2, epochs)) for epochs in (2, 3, 4)) if f} == {279}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("drop", "val_drop"), [(0.0, 0.0), (0.03, 0.0), (0.2, 0.15)])
def test_a_loss_without_such_steps_is_not_explained(seed: int, drop: float, val_drop: float) -> None:
    """Nor are steps too small to matter, or steps that validation takes as well."""
    assert rule(staircase(seed, drop, val_drop=val_drop)) is None


def test_without_validation_two_steps_are_needed() -> None:
    """One may be the order of the data."""
    for epochs, fires in ((2, False), (3, True)):
        case = staircase(3, 0.25, epochs)
        rows = {name: (case.metric(name).steps, case.metric(name).values) for name in ("train_loss", "epoch")}
        assert (rule(make_case(rows, traits=case.traits)) is not None) is fires


def test_what_is_unknown_is_not_said() -> None:
    """No epochs and no data set, a loss of unknown kind, tokens seen that nobody knows."""
    bare = make_case({"train_loss": ([0, 9], [9.0, 8.0])})
    assert rule(bare) is None
    assert not NEEDS[0].known(bare)
    assert rule(counted(30, traits=Traits(loss_unit="unknown"))) is None
    assert rule(seen_often(30, tokens_seen=None)) is None
