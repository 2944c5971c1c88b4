"""Rule warmup: none, short, long, or as long as the run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case
from pretraining import STEPS, losses, pretraining

from diagnosis.rules.warmup import rule
from parsers.records import Traits, Value


def severity(facts: dict[str, Value | None], **fields: Any) -> str | None:
    found = rule(pretraining(facts=facts, **fields))
    return found.severity if found else None


@pytest.mark.parametrize("steps", [500, 700, 1900])
def test_usual_warm_ups_are_silent(steps: int) -> None:
    """Of nanoGPT's runs, llm.c's and of a tenth of the run."""
    assert severity({"warmup_steps": steps}) is None


@pytest.mark.parametrize(("rate", "expected"), [(6e-4, "info"), (3e-3, "warning")])
def test_none_weighs_more_at_a_high_rate(rate: float, expected: str) -> None:
    """Beyond the middle of the band it is a warning."""
    assert severity({"warmup_steps": 0, "learning_rate": rate}) == expected


@pytest.mark.parametrize(("steps", "title"), [(9, "no warm-up"), (10, "short")])
def test_a_handful_of_steps_is_none(steps: int, title: str) -> None:
    """From both sides of ten."""
    found = rule(pretraining(facts={"warmup_steps": steps}))

    assert found is not None
    assert title in found.title


def test_decay_lr_off_leaves_the_warm_up_out() -> None:
    """In nanoGPT that takes the learning rate as it is, whatever warmup_iters says; a new one would change nothing."""
    found = rule(pretraining(facts={"decay_lr": False}))

    assert found is not None
    assert "no warm-up" in found.title
    assert found.settings == ()


@pytest.mark.parametrize(
    ("facts", "fires"),
    [
        ({"warmup_steps": 39}, True),
        ({"warmup_steps": 41, "planned_steps": 2000}, False),
        ({"warmup_steps": 117}, True),
        ({"warmup_steps": 119}, False),
    ],
)
def test_short_is_by_steps_and_by_tokens(facts: dict[str, Value | None], fires: bool) -> None:
    """40 steps are two memories of beta2 = 0.95; 118 of 0.5M tokens are half a token for each of 124M parameters."""
    assert (severity(facts) == "info") is fires


def test_two_per_cent_of_a_short_run_are_not_short() -> None:
    """60 steps of 900, as 124M parameters would see only 31M tokens."""
    assert severity({"warmup_steps": 60, "planned_steps": 900, "decay_steps": 900}) is None


def test_half_a_thousand_steps_are_never_short() -> None:
    """Small batches make few tokens of them."""
    assert severity({"warmup_steps": 380}, tokens_per_step=8192.0) == "info"
    assert severity({"warmup_steps": 500, "planned_steps": 600_000}, tokens_per_step=8192.0) is None


@pytest.mark.parametrize(
    ("steps", "planned", "expected"),
    [
        (210, 2000, "info"),
        (190, 1900, None),
        (199, 1000, None),
        (1590, 2000, "info"),
        (1610, 2000, "warning"),
        (2000, 2000, "warning"),
        (2000, 200, "info"),
    ],
)
def test_long_by_its_share(steps: int, planned: int, expected: str | None) -> None:
    """Over a tenth and 200 steps; from 80 % on the peak is never used. A test of 200 steps means nothing by it."""
    assert severity({"warmup_steps": steps, "planned_steps": planned, "decay_steps": planned}) == expected


def test_a_long_one_is_long_in_any_training() -> None:
    """Also in fine-tuning with any optimiser, where a missing one is not said."""
    other: dict[str, Value | None] = {"init_from": "gpt2", "optimizer": "adafactor", "planned_steps": 3000}

    assert severity({**other, "warmup_steps": 3000}) == "warning"
    assert severity({**other, "warmup_steps": 0}) is None


@pytest.mark.parametrize("facts", [{"init_from": "resume"}, {"init_from": "gpt2"}, {"optimizer": "Muon"}])
def test_none_is_not_said_of_what_needs_none(facts: dict[str, Value | None]) -> None:
    """Resumed, fine-tuned, or of another optimiser."""
    assert severity({"warmup_steps": 0, **facts}) is None


def test_where_nothing_names_the_optimiser_none_is_a_note_and_short_is_silent() -> None:
    """A loop of one's own: what is a warning of AdamW, by its steep rate, is a note that says what it hangs on."""
    unnamed: dict[str, Value | None] = {"optimizer": None, "beta2": None}
    steep = {"warmup_steps": 0, "learning_rate": 6e-3}
    found = rule(pretraining(facts={**steep, **unnamed}, traits=Traits(optimizer=None)))

    assert severity(dict(steep)) == "warning"
    assert found is not None
    assert found.severity == "info"
    assert "if it trains with Adam" in found.advice[0]
    assert rule(pretraining(facts={"warmup_steps": 20, **unnamed}, traits=Traits(optimizer=None))) is None


def test_a_resumed_log_is_not_judged() -> None:
    """Its warm-up was long ago."""
    assert severity({"warmup_steps": 0}, segments=(0, 1000)) is None


def test_the_advice_is_silent_itself() -> None:
    """What is to be set is neither short nor long."""
    for facts in ({"warmup_steps": 0}, {"warmup_steps": 20}, {"warmup_steps": STEPS}):
        found = rule(pretraining(facts={**facts}))

        assert found is not None
        assert severity(dict(found.settings)) is None


def test_the_logged_rates_show_that_there_was_none() -> None:
    """Known at step 100 and no earlier; a rate that rises over some rows is a warm-up."""
    steps = np.arange(400)
    flat = np.full(400, 6e-4)
    rising = np.minimum(1.0, (steps + 1) / 150) * 6e-4
    unknown: dict[str, Value | None] = {"warmup_steps": None, "learning_rate": None}
    none = rule(pretraining({"learning_rate": (steps, flat)}, unknown))
    some = rule(pretraining({"learning_rate": (steps, rising)}, unknown))

    assert none is not None
    assert "no warm-up" in none.title
    assert none.first_step == 100
    assert rule(pretraining({"learning_rate": (steps[:99], flat[:99])}, unknown)) is None
    assert some is None


def test_rows_far_apart_may_hide_a_warm_up() -> None:
    """One row in 50 steps: the first may be behind it."""
    steps = np.arange(0, 20_000, 50)
    unknown: dict[str, Value | None] = {"warmup_steps": None, "learning_rate": None}

    assert rule(pretraining({"learning_rate": (steps, np.full(400, 6e-4))}, unknown)) is None


def test_the_unknown_is_silent() -> None:
    """Neither config nor rates; planned steps that nobody knows make nothing short or long."""
    assert rule(make_case({"train_loss": losses()})) is None
    assert severity({"warmup_steps": 50, "planned_steps": None}) is None
    assert severity({"warmup_steps": 5000, "planned_steps": None}) is None


@pytest.mark.parametrize(("steps", "fires"), [(39, True), (41, False)])
def test_two_memories_of_beta2_are_enough(steps: int, fires: bool) -> None:
    """2 / (1 - .95) = 40 steps, where the batch is so large that they are tokens enough."""
    assert (severity({"warmup_steps": steps}, tokens_per_step=5e6) is not None) is fires


@pytest.mark.parametrize(("planned", "expected"), [(200, "info"), (201, "warning")])
def test_a_test_of_200_steps_means_nothing_by_its_warm_up(planned: int, expected: str) -> None:
    """From both sides."""
    assert severity({"warmup_steps": 2000, "planned_steps": planned, "decay_steps": planned}) == expected
