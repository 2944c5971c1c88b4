"""Rule restarted: says where a run began anew and what was different after it."""

from __future__ import annotations

import numpy as np
import pytest
from cases import make_case

from diagnosis.rules.restarted import rule
from parsers.records import Notice

STEPS = np.arange(2000)
LOSS = (STEPS, np.where(STEPS < 1000, 3.1, 3.4))


def test_one_segment_is_no_restart() -> None:
    """Whatever else is known."""
    assert rule(make_case({"train_loss": LOSS})) is None


def test_the_loss_before_and_after_is_told() -> None:
    """A note with the step, the log's own words and both levels."""
    said = Notice("resume", "Resuming training from out", 999)
    found = rule(make_case({"train_loss": LOSS}, notices=[said], segments=(0, 1000)))
    assert found is not None
    assert (found.severity, found.title, found.first_step) == ("info", "Restarted at step 1,000", 1000)
    assert "loss 3.10 in the 8 rows before, 3.40 after" in found.evidence
    assert "the log says: Resuming training from out" in found.evidence


@pytest.mark.parametrize(("after", "told"), [(3e-4, True), (1.4e-4, False), (1e-5, True)])
def test_a_learning_rate_that_jumped_is_told(after: float, told: bool) -> None:
    """By more than half, up or down."""
    rate = (STEPS, np.where(STEPS < 1000, 1e-4, after))
    found = rule(make_case({"train_loss": LOSS, "learning_rate": rate}, segments=(0, 1000)))
    assert found is not None
    assert any(line.startswith("learning rate") for line in found.evidence) is told


def test_several_restarts_are_counted() -> None:
    """Dated by the first."""
    found = rule(make_case({"train_loss": LOSS}, segments=(0, 500, 1000)))
    assert found is not None
    assert (found.title, found.first_step) == ("Restarted 2 times", 500)


def test_a_restart_without_rows_after_it_says_no_level() -> None:
    """Too few to compare."""
    found = rule(make_case({"train_loss": LOSS}, segments=(0, 1996)))
    assert found is not None
    assert not any(line.startswith("loss") for line in found.evidence)
