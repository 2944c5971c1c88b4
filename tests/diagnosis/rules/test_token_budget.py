from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cases import make_case
from runs import FACTS, TOKENS_PER_STEP, founding_case, founding_size

from diagnosis.budget import budget_of
from diagnosis.case import Case
from diagnosis.rules.token_budget import rule
from diagnosis.series import Series
from parsers.records import Value


def at(per_parameter: float, planned: float | None = None, facts: dict[str, Value] | None = None) -> Case:
    """The founding model after so many tokens per parameter."""
    size = founding_size()
    count = size.parameters or 0.0
    budget = budget_of(
        size,
        tokens_seen=per_parameter * count,
        tokens_planned=None if planned is None else planned * count,
        unique_tokens=1e9,
    )
    return make_case(
        {"train_loss": ([0, 1], [10.8, 5])},
        facts,
        size=size,
        budget=budget,
        tokens_seen=per_parameter * count,
        tokens_planned=None if planned is None else planned * count,
    )


def test_the_founding_run() -> None:
    """10.49B tokens are 12.9 x 20 N, and twice as many would still help: never a reason to stop."""
    found = rule(founding_case())

    assert found is not None
    assert found.severity == "info"
    assert found.title == "12.9 x 20 tokens per parameter: inference-style"
    assert found.evidence[0] == "10.49B tokens / (20 x 40.56M parameters) = 12.9"
    assert "twice the tokens would lower the loss by 0.10" in found.evidence
    assert any("without the embedding (21.24M)" in line and "24.7" in line for line in found.evidence)
    assert any("0.12 lower" in line for line in found.evidence)
    assert "stop" not in " ".join(found.advice).lower()
    assert found.step == 20_000


@pytest.mark.parametrize(
    ("per_parameter", "word"), [(4.9, "under-trained"), (5.1, ""), (59, ""), (61, "inference-style")]
)
def test_the_words_from_both_sides(per_parameter: float, word: str) -> None:
    """Below 5 tokens per parameter the data, above 60 the model limits the loss; between there is no such word."""
    found = rule(at(per_parameter))

    assert found is not None
    for known in ("under-trained", "inference-style"):
        assert (known in found.title) is (known == word)
    assert "stop" not in " ".join(found.advice).lower()


def test_a_run_under_way_is_judged_by_its_plan() -> None:
    """One token per parameter so far is not under-trained when 20 are planned."""
    found = rule(at(1, planned=20))

    assert found is not None
    assert found.title == "0.05 x 20 tokens per parameter (plan: 1.0)"
    assert any(line.startswith("twice the planned tokens would lower the loss by 0.2") for line in found.evidence)


def test_a_run_that_crashed_is_judged_by_its_plan_too() -> None:
    """Nobody who planned 20 tokens per parameter is told to plan more: the run is to be resumed."""
    found = rule(replace(at(1, planned=20), state="crashed"))

    assert found is not None
    assert "under-trained" not in found.title
    assert "Plan more" not in found.advice[0]


def test_repeated_data_are_said() -> None:
    """1B unique tokens seen 8.1 times are named with their cost."""
    found = rule(at(200))

    assert found is not None
    assert any("8.1 epochs over 1B unique tokens, which costs 0.0" in line for line in found.evidence)


@pytest.mark.parametrize(
    ("origin", "fires"), [("scratch", True), ("resume", True), ("gpt2", False), ("gpt2-xl", False)]
)
def test_a_finetune_is_silent(origin: str, fires: bool) -> None:
    """The budget is of training from scratch, a resumed one included."""
    assert (rule(founding_case(facts={**FACTS, "init_from": origin})) is not None) is fires


def test_a_tiny_model_has_a_ratio_without_a_law() -> None:
    """A 7,264-parameter model after 3M tokens: the ratio, and no loss that the law does not know."""
    size = founding_size(n_layer=1, n_embd=16, vocab_size=257, n_head=1)
    seen = 3_072_000
    case = make_case(size=size, tokens_seen=seen, budget=budget_of(size, tokens_seen=seen))
    found = rule(case)

    assert found is not None
    assert found.title == "21.2 x 20 tokens per parameter"
    assert not any("lower" in line or "costs" in line for line in found.evidence)
    assert "no law was fitted" in found.advice[0]


def test_characters_have_a_ratio_without_a_law() -> None:
    """10.7M parameters on 65 characters: no fit is of characters."""
    size = founding_size(n_layer=6, n_head=6, vocab_size=65, block_size=256)
    case = make_case(size=size, tokens_seen=1e9, budget=budget_of(size, tokens_seen=1e9, unique_tokens=1e6))
    found = rule(case)

    assert found is not None
    assert not any("lower" in line or "costs" in line for line in found.evidence)


def test_experts_are_silent() -> None:
    """The law counts the parameters that a token meets, and nobody says how many that are worth."""
    size = founding_size(n_expert=8, n_expert_active=2)

    assert rule(replace(founding_case(), size=replace(founding_size(), shape=size.shape))) is None


def test_a_first_loss_of_a_trained_model_is_a_finetune() -> None:
    """A config that does not say so and a first loss of 1.9 with 50,304 tokens: nothing is to be pre-trained."""
    case = replace(founding_case(), series={"train_loss": Series("train_loss", np.arange(2), np.array([1.9, 1.8]))})

    assert rule(case) is None


def test_unknown_is_silent() -> None:
    """Without the size, or before the first token, there is nothing to say."""
    size = founding_size()

    assert rule(make_case(tokens_seen=TOKENS_PER_STEP)) is None
    assert rule(make_case(size=size, tokens_seen=0.0, budget=budget_of(size, tokens_seen=0.0))) is None
    assert rule(make_case(size=size, budget=budget_of(size, tokens_seen=None))) is None
