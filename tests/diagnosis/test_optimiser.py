"""The laws of learning rate and batch, and which runs they are asked about."""

from __future__ import annotations

import numpy as np
import pytest
from cases import make_case
from pretraining import BATCH, pretraining

from diagnosis.optimiser import (
    best_batch,
    beta2_for,
    decayed_share,
    is_adam,
    memory_tokens,
    peak_rate,
    pretrains,
    rate_band,
)
from parsers.records import Traits, Value

LINGLE = [
    (46.0e6, 128e6, 0.001953, 32_768),
    (109e6, 128e6, 0.000977, 32_768),
    (368e6, 256e6, 0.000977, 65_536),
    (46.0e6, 1.024e9, 0.003906, 131_072),
    (109e6, 1.024e9, 0.001953, 131_072),
    (872e6, 1.024e9, 0.000691, 131_072),
    (2944e6, 128e6, 0.000244, 32_768),
]
"""Optima of another group's grids: parameters, tokens, learning rate, batch in tokens."""


@pytest.mark.parametrize(("parameters", "tokens", "rate", "batch"), LINGLE)
def test_the_laws_hold_for_the_optima_of_another_group(
    parameters: float, tokens: float, rate: float, batch: float
) -> None:
    """Neither law was fitted to them: each learning rate is in the band, each batch within a factor of 2."""
    band = rate_band(parameters, parameters, tokens, batch)

    assert band is not None
    assert band.low <= rate <= band.high
    assert 0.5 <= best_batch(tokens) / batch <= 2


@pytest.mark.parametrize(
    ("parameters", "rate"),
    [(125e6, 6e-4), (350e6, 3e-4), (1.3e9, 2e-4), (6.7e9, 1.2e-4), (13e9, 1e-4), (175e9, 0.6e-4)],
)
def test_gpt3s_own_rates_are_near_the_safe_one(parameters: float, rate: float) -> None:
    """They are the lower law, within 40 % of it, for batches that lowered it no more than theirs."""
    band = rate_band(parameters, None, 300e9)

    assert band is not None
    assert band.safe / 1.4 <= rate <= 1.4 * band.safe


PUBLISHED = [
    (70e6, 19e6, 300e9, 2.1e6, 1e-3),
    (1.4e9, 1.2e9, 300e9, 2.1e6, 2e-4),
    (11.8e9, 11.3e9, 300e9, 2.1e6, 1.2e-4),
    (6.7e9, 6.5e9, 1e12, 4e6, 3e-4),
    (65e9, 64e9, 1.4e12, 4e6, 1.5e-4),
    (405e9, 400e9, 15.6e12, 16e6, 8e-5),
    (1.1e9, 0.97e9, 3e12, 2e6, 4e-4),
    (176e9, 172e9, 366e9, 4.2e6, 6e-5),
    (355e6, 302e6, 31.5e9, 0.5e6, 3e-4),
    (1.56e9, 1.48e9, 32e9, 1e6, 6e-4),
    (124e6, 85e6, 295e9, 0.49e6, 6e-4),
    (10.65e6, 10.6e6, 82e6, 16_384, 1e-3),
]
"""Pythia 70M, 1.4B and 12B, Llama 7B and 65B, Llama 3 405B, TinyLlama, BLOOM, llm.c's 350M and 1558M, nanoGPT's GPT-2
and its Shakespeare of characters: all parameters, those without embedding, tokens, batch, learning rate."""


@pytest.mark.parametrize(("parameters", "others", "tokens", "batch", "rate"), PUBLISHED)
def test_published_runs_that_went_well_are_in_the_band(
    parameters: float, others: float, tokens: float, batch: float, rate: float
) -> None:
    """From 10M to 405B parameters, and their batches are not called odd either."""
    band = rate_band(parameters, others, tokens, batch)

    assert band is not None
    assert band.low <= rate <= band.high
    assert 1 / 16 <= batch / best_batch(tokens) <= 4


def test_the_rate_that_opt_175b_had_to_lower_is_above_it() -> None:
    """1.2e-4 on 180B tokens, twice GPT-3's: its owners lowered it by a tenth, then to below GPT-3's."""
    band = rate_band(175e9, 174e9, 180e9, 2e6)

    assert band is not None
    assert 1.2e-4 > band.high > 0.6e-4


def test_the_founding_runs_band() -> None:
    """40.56M parameters on 10.5B tokens at 0.5M a step: laws of 6e-4 and 1.3e-2, twice as wide on both sides."""
    band = rate_band(40.56e6, 21.24e6, 10.486e9, BATCH)

    assert band is not None
    assert band.safe == pytest.approx(6.3e-4, rel=0.05)
    assert band.low == pytest.approx(band.safe / 2, rel=0.01)
    assert not band.extrapolated
    assert band.high == pytest.approx(2 * 1.28e-2, rel=0.05)


def test_a_small_batch_lowers_what_to_try_but_not_what_is_too_high() -> None:
    """A sixteenth of the best batch: a quarter of the rate."""
    usual, small = rate_band(124e6, 85e6, 10e9), rate_band(124e6, 85e6, 10e9, best_batch(10e9) / 16)

    assert usual is not None
    assert small is not None
    assert small.low == pytest.approx(usual.low / 4)
    assert small.middle == pytest.approx(usual.middle / 4)
    assert small.high == usual.high


def test_where_nothing_was_fitted_the_band_is_wider() -> None:
    """Two decades below: 1.5 squared and the laws' own error together, and it says so."""
    inside, outside = rate_band(46e6, None, 128e6), rate_band(46e4, None, 128e6)

    assert inside is not None
    assert outside is not None
    assert not inside.extrapolated
    assert outside.extrapolated
    assert outside.safe / outside.low == pytest.approx(np.exp(np.hypot(np.log(2), 2 * np.log(1.5))))


@pytest.mark.parametrize(("parameters", "tokens"), [(0.0, 1e9), (1e8, 0.0), (-1.0, 1e9)])
def test_no_band_for_numbers_without_sense(parameters: float, tokens: float) -> None:
    """Nothing is divided by nothing."""
    assert rate_band(parameters, None, tokens) is None


@pytest.mark.parametrize(("beta2", "tokens"), [(0.95, 7.1e6), (0.99, 36e6), (0.999, 363e6)])
def test_the_memory_of_adam(beta2: float, tokens: float) -> None:
    """Half-lives at 0.5M tokens a step, and back."""
    assert memory_tokens(beta2, BATCH) == pytest.approx(tokens, rel=0.02)
    assert beta2_for(tokens, BATCH) == pytest.approx(beta2, rel=1e-3)


@pytest.mark.parametrize("beta2", [0.0, 1.0, 1.5])
def test_a_beta2_that_is_none_has_no_memory(beta2: float) -> None:
    """At 1 it never forgets."""
    assert memory_tokens(beta2, BATCH) is None


@pytest.mark.parametrize(
    ("name", "adam"),
    [("AdamW", True), ("fused AdamW", True), ("adam8bit", True), ("Muon", False), ("adafactor", False), ("sgd", False)],
)
def test_adam_goes_by_many_names(name: str, adam: bool) -> None:
    """Those who scale the steps otherwise are not it."""
    assert is_adam(pretraining(facts={"optimizer": name})) is adam


@pytest.mark.parametrize(("beta2", "adam"), [(0.95, True), (None, False)])
def test_without_a_name_a_beta2_tells(beta2: float | None, adam: bool) -> None:
    """A config that has one is Adam's; without it nobody knows."""
    assert is_adam(pretraining(facts={"optimizer": None, "beta2": beta2})) is adam


@pytest.mark.parametrize(
    "facts",
    [{"init_from": "gpt2"}, {"init_from": None, "vocab_size": None}, {"optimizer": "muon"}],
)
def test_the_laws_are_not_of_fine_tuning_nor_of_the_unknown(facts: dict[str, Value | None]) -> None:
    """Loaded weights, a beginning that nobody can tell, another optimiser."""
    low = {"train_loss": ([0, 1, 2], [5.0, 4.9, 4.8])}

    assert pretrains(pretraining())
    assert not pretrains(pretraining(low, facts))


def test_the_laws_are_of_language() -> None:
    """A loss that may be anything is left alone."""
    assert not pretrains(pretraining(traits=Traits(loss_unit="unknown")))


def test_the_peak_is_read_off_the_log_once_it_is_passed() -> None:
    """While the rate still rises its peak is to come."""
    up = [1e-4, 2e-4, 3e-4]
    rising = make_case({"learning_rate": ([0, 1, 2], up)})
    passed = make_case({"learning_rate": ([0, 1, 2, 3], [*up, 2.9e-4])})

    assert peak_rate(rising) is None
    assert peak_rate(passed) == 3e-4


def test_the_decay_that_a_run_gets() -> None:
    """llm.c's 124M: rate x decay x steps x the mean of the cosine, 0.6."""
    assert decayed_share(pretraining()) == pytest.approx(0.59, rel=0.1)


@pytest.mark.parametrize("missing", ["weight_decay", "learning_rate", "planned_steps", "decay_steps"])
def test_without_a_known_schedule_no_sum(missing: str) -> None:
    """Each of them is needed."""
    assert decayed_share(pretraining(facts={missing: None})) is None
