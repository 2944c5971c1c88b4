"""Which rules are asked: a loss that is no language model's is not held to what language models reach."""

from __future__ import annotations

import numpy as np
import pytest
from cases import make_case

from diagnosis.case import Case
from diagnosis.rules import diagnose
from parsers.records import Traits

STEPS = np.arange(2000)


def case_of(losses: np.ndarray, loss_unit: str) -> Case:
    traits = Traits(loss_unit="unknown") if loss_unit == "unknown" else Traits()
    return make_case({"train_loss": (STEPS, losses)}, {"vocab_size": 50304}, traits=traits)


def ids(case: Case) -> set[str]:
    return {finding.id for finding in diagnose(case)}


def test_a_loss_of_unknown_kind_is_not_said_to_learn_nothing() -> None:
    """A flat loss of 10.8 is an untrained GPT-2; of an unknown loop nobody can say so."""
    flat = 10.8 + 0.01 * np.random.default_rng(1).normal(size=2000)
    assert "not-learning" in ids(case_of(flat, "nats"))
    assert "not-learning" not in ids(case_of(flat, "unknown"))


@pytest.mark.parametrize(("shift", "judged"), [(0.0, True), (-4.0, False)])
def test_a_loss_that_may_be_negative_is_not_said_to_diverge(shift: float, judged: bool) -> None:
    """Policy losses wander around 0; one that stays above it and doubles is worth a word, whatever it is."""
    noise = 0.02 * np.random.default_rng(1).normal(size=2000)
    rising = np.where(STEPS < 1200, 5.0 - 2.0 * STEPS / 1200, 3.0 + 4.0 * (STEPS - 1200) / 300) + noise
    assert ("divergence" in ids(case_of(rising + shift, "unknown"))) is judged
