"""Rule loss-above-expected: above the law of a known data set, with what is left to anneal taken off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cases import make_case
from runs import FACTS, founding_case, founding_size

from diagnosis.budget import FINEWEB, budget_of, fitted_loss
from diagnosis.case import Case
from diagnosis.rules.loss_above_expected import rule
from diagnosis.series import Series
from parsers.records import Fact


def test_a_run_that_ends_too_high() -> None:
    """0.25 above the law at the end is said, with what was expected."""
    found = rule(founding_case(excess=0.25))

    assert found is not None
    assert found.severity == "warning"
    assert found.title == "Loss 0.25 above what this model reaches on fineweb"
    assert "expected 3.62 ± 0.05" in found.evidence[0]
    assert "annealed" in found.evidence[1]


def test_the_founding_run_is_silent() -> None:
    """The healthy look-alike ended 0.01 below its expectation."""
    assert rule(founding_case(excess=-0.011)) is None


@pytest.mark.parametrize(("excess", "fires"), [(0.09, False), (0.11, True)])
def test_a_tenth_when_annealed(excess: float, fires: bool) -> None:
    """At the end of the cosine 0.10 nats are the border."""
    assert (rule(founding_case(excess=excess)) is not None) is fires


@pytest.mark.parametrize(("excess", "fires"), [(0.17, False), (0.19, True)])
def test_what_is_left_to_anneal_is_allowed(excess: float, fires: bool) -> None:
    """Half-way down a cosine to 10 % the rate is at 0.58 of its peak, worth 0.08: the border is 0.18."""
    assert (rule(founding_case(step=10_250, excess=excess)) is not None) is fires


@pytest.mark.parametrize(("excess", "fires"), [(0.22, False), (0.25, True)])
def test_an_unknown_schedule_allows_all_of_it(excess: float, fires: bool) -> None:
    """Without a schedule the whole 0.135 may be still to come."""
    facts = {k: v for k, v in FACTS.items() if k not in ("min_lr", "decay_steps")}

    assert (rule(founding_case(facts=facts, excess=excess)) is not None) is fires


@pytest.mark.parametrize(("excess", "fires"), [(0.22, False), (0.25, True)])
def test_a_constant_rate_never_anneals(excess: float, fires: bool) -> None:
    """All of the 0.135 is still to be had, and nobody calls it annealed."""
    found = rule(founding_case(facts={**FACTS, "decay_lr": False}, excess=excess))

    assert (found is not None) is fires
    assert found is None or "0.14 of it may still come from annealing" in found.evidence[1]


@pytest.mark.parametrize(("share", "fires"), [(0.29, True), (0.31, False)])
def test_at_three_tenths_of_the_peak_it_is_annealed(share: float, fires: bool) -> None:
    """A cosine that ends there, 0.12 above the law."""
    assert (rule(founding_case(facts={**FACTS, "min_lr": share * 1e-3}, excess=0.12)) is not None) is fires


@pytest.mark.parametrize(("context", "fires"), [(1023, False), (1024, True), (None, True)])
def test_a_short_context_is_not_held_to_the_law(context: int | None, fires: bool) -> None:
    """All runs behind the offsets saw 1,024 tokens at once."""
    facts = {k: v for k, v in FACTS.items() if k != "block_size"} | ({} if context is None else {"block_size": context})

    assert (rule(founding_case(facts=facts, excess=0.25)) is not None) is fires


def test_a_data_set_that_nobody_named_is_unknown() -> None:
    """A trainer's default may stand for any text: its own train.py may have been changed."""
    case = founding_case(excess=0.25)
    default = Fact("dataset", "fineweb", "config", "nanoGPT's default")

    assert rule(case) is not None
    assert rule(replace(case, facts={**case.facts, "dataset": default})) is None


@pytest.mark.parametrize(("last_rate", "fires"), [(0.29e-3, True), (0.9e-3, False)])
def test_a_logged_learning_rate_tells_the_annealing(last_rate: float, fires: bool) -> None:
    """A trainer that prints its rate needs no schedule."""
    facts = {k: v for k, v in FACTS.items() if k not in ("min_lr", "decay_steps")}
    case = founding_case(facts=facts, excess=0.15)
    rates = np.linspace(1e-3, last_rate, 50)
    with_rate = {**case.series, "learning_rate": Series("learning_rate", np.arange(0, 20_001, 408)[:50], rates)}

    found = rule(make_case_of(case, with_rate))

    assert (found is not None) is fires


def make_case_of(case: Case, series: dict[str, Series]) -> Case:
    """The same case with other series."""
    fields = ("size", "budget", "tokens_seen", "tokens_per_step")
    points = {name: (s.steps, s.values) for name, s in series.items()}
    facts = {name: fact.value for name, fact in case.facts.items()}
    return make_case(points, facts, **{name: getattr(case, name) for name in fields})


def test_first_step_is_where_the_stretch_began() -> None:
    """A run that lies within the law until 15,000 and then 0.09 higher is dated there."""
    case = founding_case(excess=0.06)
    loss = case.metric("eval_train_loss")
    values = loss.values + np.where(loss.steps > 15_000, 0.09, 0.0)
    found = rule(make_case_of(case, {"eval_train_loss": Series("eval_train_loss", loss.steps, values)}))

    assert found is not None
    # Of three evaluations the lowest counts, so the third one after 15,000 is the first, and the next one confirms it.
    assert found.first_step == 17_000


def test_a_loss_that_jumped_is_left_to_the_rules_of_jumps() -> None:
    """1 nat up from 15,000 on is a spike or a divergence: nobody should look for shuffled fragments."""
    case = founding_case()
    loss = case.metric("eval_train_loss")
    values = loss.values + np.where(loss.steps > 15_000, 1.0, 0.0)
    assert rule(make_case_of(case, {"eval_train_loss": Series("eval_train_loss", loss.steps, values)})) is None


@pytest.mark.parametrize(("warmup", "fires"), [(10_000, False), (9000, True)])
def test_within_twice_the_warm_up_nothing_is_expected(warmup: int, fires: bool) -> None:
    """At step 20,000 of a run with excess 0.4."""
    facts = {**FACTS, "warmup_steps": warmup}
    assert (rule(founding_case(facts=facts, excess=0.4)) is not None) is fires


def test_one_high_evaluation_is_noise() -> None:
    """The lowest of the last three counts."""
    case = founding_case()
    loss = case.metric("eval_train_loss")
    values = loss.values.copy()
    values[-1] += 0.5
    assert rule(make_case_of(case, {"eval_train_loss": Series("eval_train_loss", loss.steps, values)})) is None


def test_validation_serves_where_train_is_not_evaluated() -> None:
    """Trainers without an evaluated train split are judged by their validation loss."""
    case = founding_case(excess=0.3)
    found = rule(make_case_of(case, {"val_loss": case.metric("eval_train_loss")}))

    assert found is not None
    assert "validation" in found.evidence[0]


def test_the_ill_run_of_the_same_author() -> None:
    """4.136 after 3.15B tokens of fragment-shuffled text is 0.27 above FineWeb's law."""
    size, seen = founding_size(), 3.15e9
    steps = np.array([5000, 5500, 6000])
    case = make_case(
        {"eval_train_loss": (steps, [4.161, 4.148, 4.136])},
        {**FACTS, "decay_steps": 6000, "planned_steps": 6000},
        size=size,
        tokens_seen=seen,
        tokens_per_step=524_288,
        budget=budget_of(size, tokens_seen=seen, dataset="fineweb"),
    )
    found = rule(case)

    assert found is not None
    assert found.title.startswith("Loss 0.27 above")


def test_early_rows_are_not_judged() -> None:
    """Before 5 tokens per parameter the law does not hold, so nothing is dated there."""
    found = rule(founding_case(excess=0.4))
    size = founding_size().parameters

    assert found is not None
    assert found.first_step is not None
    assert size is not None
    assert found.first_step * 524_288 >= 5 * size


@pytest.mark.parametrize("change", [{"dataset": "shakespeare"}, {"init_from": "gpt2"}])
def test_other_data_and_finetunes_are_silent(change: dict[str, str]) -> None:
    """Without a calibrated data set, or from other weights, nothing is expected."""
    assert rule(founding_case(facts={**FACTS, **change}, excess=1.0)) is None


def test_another_tokenizer_is_silent() -> None:
    """Losses of characters are not compared with those of BPE tokens."""
    assert rule(founding_case(size=founding_size(vocab_size=65), excess=1.0)) is None


def test_too_little_is_silent() -> None:
    """Two evaluations, or none, are too few; an empty case has nothing."""
    assert rule(make_case()) is None
    assert rule(founding_case(step=600, excess=1.0)) is None


def test_the_law_of_the_helper_is_the_law() -> None:
    """The test's own run lies on FineWeb's law at its end."""
    last = founding_case().metric("eval_train_loss").last
    assert last == pytest.approx(fitted_loss(40.56e6, 20_000 * 524_288) + FINEWEB.value)
