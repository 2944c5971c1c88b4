"""Rule learning-rate: outside what the laws give, or seen to be too high."""

from __future__ import annotations

import numpy as np
import pytest
from cases import Points
from pretraining import FACTS, SMALL, pretraining

from diagnosis.case import Case
from diagnosis.model import size_of
from diagnosis.optimiser import rate_band
from diagnosis.rules.learning_rate import rule
from parsers.records import Traits, Value

SIZE = size_of(SMALL)
assert SIZE is not None
assert SIZE.parameters is not None
FOUND = rate_band(SIZE.parameters, SIZE.non_embedding, 524_288.0 * 19_560, 524_288.0)
assert FOUND is not None
BAND = FOUND


def run(rate: float, **facts: Value | None) -> Case:
    return pretraining(facts={"learning_rate": rate, "min_lr": rate / 10, **facts})


@pytest.mark.parametrize(
    ("rate", "severity"),
    [
        (1.01 * BAND.high, "info"),
        (0.99 * BAND.high, None),
        (2.02 * BAND.high, "warning"),
        (1.98 * BAND.high, "info"),
        (0.99 * BAND.low, "info"),
        (1.01 * BAND.low, None),
        (BAND.low / 4.04, "warning"),
        (BAND.low / 3.96, "info"),
    ],
)
def test_both_edges_from_both_sides(rate: float, severity: str | None) -> None:
    """A note outside of the band, a warning beyond twice or a quarter of it."""
    found = rule(run(rate))

    assert (found.severity if found else None) == severity


@pytest.mark.parametrize("rate", [3e-4, 6e-4, 1.8e-3, 4e-3])
def test_rates_that_served_gpt2_small_well_are_silent(rate: float) -> None:
    """The founding run's, GPT-3's and llm.c's, a tuned AdamW's, the Step Law's."""
    assert rule(run(rate)) is None


def test_the_advice_is_a_rate_to_paste_that_is_silent_itself() -> None:
    """With a floor that keeps its share of the peak."""
    for rate in (1e-5, 0.1):
        found = rule(run(rate))

        assert found is not None
        settings = dict(found.settings)
        new = settings["learning_rate"]
        assert isinstance(new, float)
        assert settings["min_lr"] == pytest.approx(new / 10, rel=0.05)
        assert rule(run(new)) is None
        assert f"{new:.2g}" in found.advice[0]


@pytest.mark.parametrize(
    "facts",
    [
        {"init_from": "gpt2"},
        {"optimizer": "Muon"},
        {"optimizer": "sgd"},
        {"optimizer": None, "beta2": None},
        {"planned_steps": None},
        {"n_expert": 8},
        {"learning_rate": None},
        {"learning_rate": 0.0},
    ],
)
def test_the_laws_are_not_asked(facts: dict[str, Value | None]) -> None:
    """Fine-tuning, other optimisers, unknown tokens, experts, no rate; 0 is another rule's."""
    assert rule(pretraining(facts={"learning_rate": 1.0, **facts})) is None


def test_without_a_size_or_a_language_loss_nothing_is_said() -> None:
    """The laws are of neither."""
    assert rule(pretraining(facts={"learning_rate": 1.0}, size=None)) is None
    assert rule(pretraining(facts={"learning_rate": 1.0}, traits=Traits(loss_unit="unknown"))) is None


def blown_up(rise: float, at: float = 0.5, back: bool = False, noise: float = 0.04, every: int = 1) -> Points:
    """A loss that falls until the share `at` of 700 steps of warm-up, then rises by so much and stays up."""
    steps = np.arange(0, 4000, every)
    turn = int(at * 700)
    low = 10.9 - 4.4 * (1 - np.exp(-np.minimum(steps, turn) / 120))
    up = np.clip((steps - turn) / 60, 0, 1) * rise
    if back:
        up = np.where(steps > 1500, -0.5, up)
    return steps, low + up + noise * np.random.default_rng(3).normal(size=len(steps))


def test_a_loss_that_rises_in_the_warm_up_tells_what_the_model_bore() -> None:
    """Whatever the laws say: 6e-4 is GPT-3's own. Half of what it bore is advised."""
    found = rule(pretraining({"train_loss": blown_up(1.0)}))

    assert found is not None
    assert found.severity == "warning"
    assert found.first_step == 800
    assert dict(found.settings)["learning_rate"] == pytest.approx(1.5e-4, rel=0.1)


@pytest.mark.parametrize(("rise", "fires"), [(0.4, True), (0.2, False), (0.0, False)])
def test_small_rises_are_no_matter(rise: float, fires: bool) -> None:
    """0.3 nats: the loss needs not fall all the time."""
    assert (rule(pretraining({"train_loss": blown_up(rise)})) is not None) is fires


@pytest.mark.parametrize(("noise", "fires"), [(0.2, True), (0.5, False)])
def test_a_rise_must_stand_out_of_the_noise(noise: float, fires: bool) -> None:
    """1 nat is some 11 standard errors of a median of 8 rows of 0.2, and 4.5 of 0.5."""
    assert (rule(pretraining({"train_loss": blown_up(1.0, noise=noise)})) is not None) is fires


def test_a_rise_that_is_over_soon_after_the_warm_up_is_none() -> None:
    """Each 8 of the 32 rows that end 100 steps after it must be higher: one that is not says that it came back."""
    steps, losses = blown_up(1.0)
    at = np.asarray(steps)
    again = losses - np.where((at >= 765) & (at < 785), 1.2, 0.0)

    assert rule(pretraining({"train_loss": (steps, losses)})) is not None
    assert rule(pretraining({"train_loss": (steps, again)})) is None


@pytest.mark.parametrize(("every", "fires"), [(40, True), (50, False)])
def test_the_warm_up_must_show_sixteen_rows(every: int, fires: bool) -> None:
    """700 steps of it: 18 rows or 14. A rise of 3 nats, as few rows of a steep fall look noisy."""
    assert (rule(pretraining({"train_loss": blown_up(3.0, every=every)})) is not None) is fires


@pytest.mark.parametrize("traits", [Traits(loss_unit="unknown"), Traits(steps_count="micro-batches")])
def test_other_losses_and_other_steps_tell_nothing_of_the_rate(traits: Traits) -> None:
    """A reward may rise; where rows count something else than updates nobody knows where the warm-up ends."""
    assert rule(pretraining({"train_loss": blown_up(1.0)}, traits=traits)) is None


def test_a_log_that_begins_within_the_warm_up_tells_nothing_of_it() -> None:
    """Its lowest loss may have been before."""
    steps, losses = blown_up(1.0)

    assert rule(pretraining({"train_loss": (steps[300:], losses[300:])})) is None


def test_a_rise_after_the_warm_up_is_not_of_the_rate() -> None:
    """At 0.97 of the peak the peak is borne as well."""
    assert rule(pretraining({"train_loss": blown_up(1.0, at=0.97)})) is None


def test_once_the_loss_is_lower_again_it_is_a_note() -> None:
    """It came to no lasting harm."""
    found = rule(pretraining({"train_loss": blown_up(1.0, back=True)}))

    assert found is not None
    assert found.severity == "info"


@pytest.mark.parametrize("until", [1000, 2000, 4000])
def test_what_was_seen_is_seen_alike_later(until: int) -> None:
    """Nothing that comes later moves its first step, and before step 800 nothing is said."""
    steps, losses = blown_up(1.0)
    found = rule(pretraining({"train_loss": (steps[:until], losses[:until])}))

    assert found is not None
    assert found.first_step == 800
    assert rule(pretraining({"train_loss": (steps[:790], losses[:790])})) is None


@pytest.mark.parametrize(
    ("facts", "more"),
    [({"warmup_steps": None}, {}), ({"warmup_steps": 0}, {}), ({}, {"segments": (0, 500)})],
)
def test_without_a_plain_warm_up_the_loss_tells_nothing(facts: dict[str, Value], more: dict[str, object]) -> None:
    """No warm-up, an unknown one, or a resume in it."""
    assert FACTS["learning_rate"] == 6e-4
    assert rule(pretraining({"train_loss": blown_up(1.0)}, facts, **more)) is None
