"""Training and validation part: the data changed at a jump that training came back from and validation did not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.parting import onset, parting_of
from parsers.records import Traits

AT = 1500
EVALS = np.arange(0, 3001, 100)


def parted(val_up: float, own: Any = None, scatter: float = 0.0) -> Any:
    """A training loss that jumps by 1.5 nats and is back 100 rows later; evals that rise there, and stay up."""
    steps, rng = np.arange(3001), np.random.default_rng(2)
    jump = np.where(steps >= AT, 1.5 * np.exp(-np.clip(steps - AT, 0, None) / 25), 0.0)
    val = 3 + rng.normal(0, 1, len(EVALS)) * scatter + np.where(EVALS >= AT, val_up, 0.0)
    series = {"train_loss": (steps, 3 + rng.normal(0, 0.04, 3001) + jump), "val_loss": (EVALS, val)}
    return make_case(series | ({} if own is None else {"eval_train_loss": (EVALS, own)}), traits=Traits())


@pytest.mark.parametrize("own", [None, np.full(len(EVALS), 3.0)], ids=["rows", "evals"])
@pytest.mark.parametrize(("val_up", "parts"), [(0.25, False), (0.4, True)])
def test_validation_must_stay_03_nats_up(val_up: float, parts: bool, own: Any) -> None:
    """At two evals in a row, with the training loss at them by its rows or by its own evals."""
    found = parting_of(parted(val_up, own))

    assert (found is not None) is parts
    if found is not None:
        assert (found.jump_step, found.eval_steps, found.seen_step) == (AT, (1400, 1700), 1700)
        assert found.val == pytest.approx((3.0, 3.4))
        assert found.train == pytest.approx((3.0, 3.0), abs=0.05)


@pytest.mark.parametrize(("scatter", "parts"), [(0.02, True), (0.2, False)])
def test_evals_that_scatter_must_rise_by_eight_of_their_errors(scatter: float, parts: bool) -> None:
    """Half a nat is 25 errors of one kind of eval, and two and a half of another."""
    assert (parting_of(parted(0.5, scatter=scatter)) is not None) is parts


def test_where_training_stays_up_too_nothing_parts() -> None:
    """Both splits rose: whatever it was, it was no change of the training data alone."""
    assert parting_of(parted(0.5, np.where(EVALS >= AT, 3.4, 3.0))) is None


def test_the_data_changed_where_they_part() -> None:
    """The step of the jump, although it takes two evals more to be known; nothing where nothing parts."""
    assert onset(parted(0.5)) == AT
    assert onset(parted(0.0)) is None
