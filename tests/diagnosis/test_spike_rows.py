"""Which rows complete the evidence of a jump does not hang on how the rows came."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.rules import loss_spike, outlier_batches
from diagnosis.series import Series
from diagnosis.spike_rows import gauge_of, spike_rows
from diagnosis.spikes import find_spikes


def loss(spacing: int = 1) -> Series:
    """A falling loss with two jumps, some bad batches, and a jump among its first rows."""
    rng = np.random.default_rng(7)
    values = 3 + 4 / np.sqrt(1 + np.arange(3000)) + rng.normal(0, 0.04, 3000)
    for at, height, tau in ((20, 2.0, 5), (900, 0.4, 40), (1800, 2.5, 10)):
        values[at:] += height * np.exp(-np.arange(3000 - at) / tau)
    values[[400, 1300, 2500]] += 0.8
    return Series("train_loss", np.arange(3000) * spacing, values)


@pytest.mark.parametrize("spacing", [1, 20])
@pytest.mark.parametrize("poll", [1, 50, 999])
def test_rows_that_come_in_parts_are_judged_as_those_of_the_whole(poll: int, spacing: int) -> None:
    """Dense rows by 8 against 128, rows 20 steps apart by 4 against 32; both in parts and at once."""
    whole = loss(spacing)
    gauge = gauge_of(whole.steps)
    memo: dict[Hashable, Any] = {}
    counts = [*range(poll, 3000, poll), 3000]
    for count in counts if poll > 1 else counts[2900:]:
        grown = spike_rows(Series("train_loss", whole.steps[:count], whole.values[:count], memo), gauge, 0.12)

    at_once = spike_rows(whole, gauge, 0.12)
    assert len(at_once.lasting)
    assert len(at_once.acute)
    np.testing.assert_array_equal(grown.lasting, at_once.lasting)
    np.testing.assert_array_equal(grown.acute, at_once.acute)


def test_the_findings_are_the_same_live_and_afterwards() -> None:
    """Spikes with their heights, and the count of bad batches."""
    whole = loss()
    memo: dict[Hashable, Any] = {}
    for count in range(100, 3001, 100):
        grown = Series("train_loss", whole.steps[:count], whole.values[:count], memo)
        live = replace(make_case(), series={"train_loss": grown})
        spikes, outliers = find_spikes(grown, 0.12), outlier_batches.rule(live)
    afterwards = make_case({"train_loss": (whole.steps, whole.values)})

    assert len(spikes) >= 2
    assert spikes == find_spikes(whole, 0.12)
    assert outliers is not None
    assert outliers == outlier_batches.rule(afterwards)
    assert loss_spike.rule(live) == loss_spike.rule(afterwards)
