"""Rule initial-loss: the loss before the first update against ln(vocabulary)."""

from __future__ import annotations

from typing import Any

import pytest
from cases import make_case

from diagnosis.finding import Finding
from diagnosis.rules.initial_loss import rule
from parsers.records import Traits, Value

GPT2: dict[str, Value] = {"vocab_size": 50304, "n_embd": 384, "init_from": "scratch"}
"""ln 50304 = 10.826, and 0.077 for the width."""


def find(first: float, facts: dict[str, Value] | None = None, step: int = 0, **more: Any) -> Finding | None:
    series = {"val_loss": ([step, step + 500], [first, 6.0]), "train_loss": ([step, step + 200], [first, 7.0])}
    return rule(make_case(series, GPT2 if facts is None else facts, **more))


@pytest.mark.parametrize(
    ("loss", "width"), [(10.868, 384), (10.879, 384), (10.997, 768), (11.055, 1600), (10.826, 768)]
)
def test_real_first_losses_are_fine(loss: float, width: int) -> None:
    """Those of nanoGPT, llm.c and others at four widths, and ln(V) itself (a head that starts at 0)."""
    assert find(loss, {**GPT2, "n_embd": width}) is None


@pytest.mark.parametrize(("loss", "expected"), [(10.30, True), (10.35, False), (11.38, False), (11.42, True)])
def test_the_limits_are_half_a_nat_to_either_side(loss: float, expected: bool) -> None:
    """Below 10.826 - 0.5 and above 10.826 + 0.077 + 0.5."""
    found = find(loss)
    assert (found is not None) is expected
    if found is not None:
        assert found.severity == "critical"


@pytest.mark.parametrize(("loss", "severity"), [(12.05, None), (12.15, "warning")])
def test_where_nothing_says_how_it_began_a_second_task_may_be_in_it(loss: float, severity: str | None) -> None:
    """Another ln 2 for BERT's next sentence, and the weights may have been loaded: no more than a warning."""
    found = find(loss, {"vocab_size": 50304, "n_embd": 384})

    assert (found.severity if found else None) == severity


def test_a_loss_summed_over_micro_batches_is_told_as_such() -> None:
    """86.9 = 8 x 10.83: the mean was forgotten over 8 micro-batches."""
    found = find(86.9)
    assert found is not None
    assert "8 times ln(V)" in found.advice[0]


@pytest.mark.parametrize(("times", "told"), [(2.12, True), (2.18, False), (1.12, False)])
def test_only_whole_factors_are_called_a_sum(times: float, told: bool) -> None:
    """The random logits add a little to each; 1.12 times it is no sum."""
    found = find(times * 10.826)
    assert found is not None
    assert ("summed" in found.advice[0]) is told


@pytest.mark.parametrize(("steps", "told"), [(8, True), (7.4, True), (7.2, False), (4, False)])
def test_the_accumulation_is_named_where_it_is_the_factor(steps: float, told: bool) -> None:
    """8 times ln(V) with gradient_accumulation_steps = 8: not divided; with 4 of them it is something else."""
    found = find(86.9, {**GPT2, "gradient_accumulation_steps": steps})
    assert found is not None
    assert ("probably not divided by the accumulation" in found.advice[0]) is told


@pytest.mark.parametrize(
    "facts",
    [
        {"n_embd": 384, "init_from": "scratch"},
        {**GPT2, "init_from": "resume"},
        {**GPT2, "init_from": "gpt2-xl"},
        {"vocab_size": 50304, "n_embd": 384},
    ],
    ids=["vocabulary unknown", "resumed", "fine-tuned", "start unknown"],
)
def test_a_low_first_loss_needs_a_fresh_start_and_a_vocabulary(facts: dict[str, Value]) -> None:
    """3.4 at the start is a fine-tune, or another vocabulary than one knows."""
    assert find(3.4, facts) is None


def test_a_log_from_the_middle_is_silent() -> None:
    """Step 27,800 measured trained weights."""
    assert find(3.3, step=27_800) is None


def test_a_mean_over_the_first_ten_steps_is_no_first_loss() -> None:
    """A trainer that prints step 10 first has updated ten times; where it prints step 1, only once was measured."""
    updates_printed = Traits(updates_at_train_row=0, train_loss="window mean")
    late = make_case({"train_loss": ([10, 20], [9.0, 7.0])}, GPT2, traits=updates_printed)
    first = make_case({"train_loss": ([1, 2], [9.0, 7.0])}, GPT2, traits=updates_printed)
    assert rule(late) is None
    assert rule(first) is not None


def test_without_the_width_the_upper_limit_is_generous() -> None:
    """0.6 for the random logits of any width seen, then half a nat."""
    known: dict[str, Value] = {"vocab_size": 50304, "init_from": "scratch"}
    assert find(11.9, known) is None
    assert find(12.0, known) is not None
