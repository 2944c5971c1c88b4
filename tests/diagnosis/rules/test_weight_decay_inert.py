"""Rule weight-decay-inert: a decay without time, a beta2 without memory."""

from __future__ import annotations

import pytest
from pretraining import BATCH, pretraining

from diagnosis.optimiser import beta2_for, decayed_share
from diagnosis.rules.weight_decay_inert import rule
from parsers.records import Value

SHARE = decayed_share(pretraining())
assert SHARE is not None


@pytest.mark.parametrize(("share", "fires"), [(0.49, True), (0.51, False)])
def test_half_a_time_constant_from_both_sides(share: float, fires: bool) -> None:
    """By the weight decay, all else equal."""
    assert SHARE is not None
    found = rule(pretraining(facts={"weight_decay": 0.1 * share / SHARE}))

    assert (found is not None) is fires


def test_the_second_founding_run() -> None:
    """124M at 3e-4 for 12,000 steps: 0.20, five times longer than the run."""
    facts: dict[str, Value | None] = {
        "learning_rate": 3e-4, "min_lr": 3e-5, "warmup_steps": 500, "planned_steps": 12_000, "decay_steps": 12_000,
    }  # fmt: skip
    found = rule(pretraining(facts=facts))

    assert found is not None
    assert found.severity == "info"
    assert "0.20 in 12,000 steps" in found.evidence[0]
    assert "5.1 x the run" in found.evidence[1]


def test_a_run_of_few_new_tokens_needs_no_decay() -> None:
    """Under 5 tokens per parameter nothing is said, unless they come again."""
    short: dict[str, Value | None] = {"planned_steps": 1000, "decay_steps": 1000}

    assert rule(pretraining(facts=short)) is None
    assert rule(pretraining(facts={**short, "unique_tokens": 1e8})) is not None
    assert rule(pretraining(facts={**short, "unique_tokens": 1e9})) is None


@pytest.mark.parametrize("facts", [{"weight_decay": 0.0}, {"weight_decay": None}])
def test_no_decay_is_no_inert_one(facts: dict[str, Value | None]) -> None:
    """Nothing is expected of it."""
    assert rule(pretraining(facts={"learning_rate": 1e-4, "min_lr": 1e-5, **facts})) is None


@pytest.mark.parametrize(
    "facts", [{"optimizer": "adam"}, {"optimizer": "sgd"}, {"init_from": "gpt2"}, {"decay_steps": None}]
)
def test_coupled_decay_other_runs_and_unknown_schedules_are_silent(facts: dict[str, Value | None]) -> None:
    """The sum means something for AdamW alone, and only over a known schedule."""
    assert rule(pretraining(facts={"weight_decay": 0.01, **facts})) is None


@pytest.mark.parametrize(
    ("tokens", "fires"), [(1.9e6, True), (2.1e6, False), (390e6, False), (1.9e9, False), (2.2e9, True)]
)
def test_the_memory_of_beta2_from_both_sides(tokens: float, fires: bool) -> None:
    """2M tokens below; above, 400M or a fifth of these 10B, whichever is more."""
    assert (rule(pretraining(facts={"beta2": beta2_for(tokens, BATCH)})) is not None) is fires


def test_a_short_run_may_have_a_short_memory() -> None:
    """A tiny model on 1M tokens with 1,152 a step: 16k tokens are a sixtieth of all."""
    tiny = pretraining(facts={"weight_decay": 0.0}, tokens_per_step=1152.0, tokens_planned=1e6)

    assert rule(tiny) is None


def test_the_beta2_that_is_given_is_silent_itself() -> None:
    """And keeps about 10M tokens."""
    facts: dict[str, Value | None] = {"weight_decay": 0.0}
    found = rule(pretraining(facts=facts, tokens_per_step=12_288.0, tokens_planned=7e9))

    assert found is not None
    told = dict(found.settings)
    assert rule(pretraining(facts={**facts, **told}, tokens_per_step=12_288.0, tokens_planned=7e9)) is None


@pytest.mark.parametrize("missing", ["tokens_per_step", "tokens_planned"])
def test_unknown_tokens_are_silent(missing: str) -> None:
    """No memory in tokens without them."""
    assert rule(pretraining(facts={"weight_decay": 0.0, "beta2": 0.5}, **{missing: None})) is None


@pytest.mark.parametrize(
    ("planned", "memory", "fires"),
    [
        (100e9, 1.9e6, True),
        (100e9, 2.1e6, False),
        (1e9, 0.19e6, True),
        (1e9, 0.21e6, False),
        (1e9, 390e6, False),
        (1e9, 410e6, True),
    ],
)
def test_what_is_little_or_much_memory_in_short_and_in_long_runs(planned: float, memory: float, fires: bool) -> None:
    """2M tokens, or a five-thousandth of a short run; 400M, or a fifth of a long one."""
    facts: dict[str, Value | None] = {"weight_decay": 0.0, "beta2": beta2_for(memory, BATCH)}

    assert (rule(pretraining(facts=facts, tokens_planned=planned)) is not None) is fires


def test_the_beta2_that_is_given_half_forgets_after_10m_tokens() -> None:
    """0.5 ** (524,288 / 10M) = 0.9643."""
    found = rule(pretraining(facts={"weight_decay": 0.0, "beta2": 0.5}))

    assert found is not None
    assert found.settings == (("beta2", 0.9643),)


@pytest.mark.parametrize(("steps", "fires"), [(1170, False), (1190, True)])
def test_five_tokens_a_parameter_may_want_a_decay(steps: int, fires: bool) -> None:
    """618M tokens for 123.6M parameters: 1,179 steps."""
    assert (rule(pretraining(facts={"planned_steps": steps, "decay_steps": steps})) is not None) is fires
