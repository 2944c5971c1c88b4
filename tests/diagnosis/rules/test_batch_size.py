"""Rule batch-size: the tokens of a step against the Step Law's."""

from __future__ import annotations

import pytest
from pretraining import pretraining

from diagnosis.case import Case
from diagnosis.optimiser import best_batch, beta2_for
from diagnosis.rules.batch_size import rule
from parsers.records import Value

TOKENS = 10e9
BEST = best_batch(TOKENS)


def run(batch: float | None, tokens: float = TOKENS, **facts: Value | None) -> Case:
    return pretraining(facts=facts, tokens_per_step=batch, tokens_planned=tokens)


@pytest.mark.parametrize("batch", [131_072.0, 524_288.0, 1_048_576.0])
def test_usual_batches_are_silent(batch: float) -> None:
    """For 10B tokens 0.13M to 1M have been used."""
    assert rule(run(batch)) is None


@pytest.mark.parametrize(("times", "fires"), [(4.1, True), (3.9, False)])
def test_too_large_from_both_sides(times: float, fires: bool) -> None:
    """Four times the law."""
    assert (rule(run(times * BEST)) is not None) is fires


@pytest.mark.parametrize(("share", "fires"), [(1 / 16.5, True), (1 / 15.5, False)])
def test_too_small_from_both_sides(share: float, fires: bool) -> None:
    """A sixteenth of the law, with a beta2 of 0.95."""
    assert (rule(run(share * BEST)) is not None) is fires


def test_a_small_batch_with_a_long_memory_is_fine() -> None:
    """Its beta2 keeps the half-life in tokens: the advice, followed, is silent."""
    found = rule(run(8192.0))

    assert found is not None
    told = dict(found.settings)["beta2"]
    assert rule(run(8192.0, beta2=told)) is None
    assert rule(run(8192.0, beta2=None, optimizer="AdamW")) is None


@pytest.mark.parametrize(("tokens", "limit"), [(50e9, 2e6), (5e9, 1e6)])
def test_a_memory_is_too_short_from_both_sides(tokens: float, limit: float) -> None:
    """2M tokens or, of a run of less than 10 billion, a 5,000th of them."""
    batch = best_batch(tokens) / 20

    assert rule(run(batch, tokens, beta2=beta2_for(0.97 * limit, batch))) is not None
    assert rule(run(batch, tokens, beta2=beta2_for(1.03 * limit, batch))) is None


@pytest.mark.parametrize(("tokens", "told"), [(10e9, 7e6), (1e9, 2e6)])
def test_the_advised_memory_is_the_usual_or_fits_the_run(tokens: float, told: float) -> None:
    """7M tokens, but no more than a 500th of them all."""
    batch = best_batch(tokens) / 20
    found = rule(run(batch, tokens, beta2=0.9))

    assert found is not None
    assert dict(found.settings)["beta2"] == pytest.approx(beta2_for(told, batch), abs=1e-4)


def test_less_accumulation_is_given_where_there_is_some() -> None:
    """8 times too large with 64 micro-batches: 8 are left."""
    found = rule(run(8 * BEST, gradient_accumulation_steps=64))

    assert found is not None
    assert found.settings == (("gradient_accumulation_steps", 8),)
    unlike: tuple[dict[str, Value], ...] = (
        {"gradient_accumulation_steps": 1},
        {"gradient_accumulation_steps": 64, "global_batch_size": 512},
    )
    for facts in unlike:
        other = rule(run(8 * BEST, tokens=TOKENS, **facts))
        assert other is not None
        assert other.settings == ()


@pytest.mark.parametrize("facts", [{"init_from": "gpt2"}, {"optimizer": "Muon"}])
def test_other_runs_are_not_judged(facts: dict[str, Value]) -> None:
    """The law is of Adam from scratch."""
    assert rule(run(8 * BEST, tokens=TOKENS, **facts)) is None


def test_unknown_inputs_are_silent() -> None:
    """The tokens of a step, or those planned."""
    assert rule(run(None)) is None
    assert rule(pretraining(tokens_per_step=8 * BEST, tokens_planned=None)) is None
