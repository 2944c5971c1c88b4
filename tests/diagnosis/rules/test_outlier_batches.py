"""Rule outlier-batches: counts single rows, warns of nothing."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from cases import make_case

from diagnosis.finding import Finding
from diagnosis.rules.outlier_batches import rule
from parsers.records import Traits


def find(values: Any, traits: Traits | None = None) -> Finding | None:
    return rule(make_case({"train_loss": (np.arange(len(values)), values)}, traits=traits or Traits()))


def flat(count: int = 20_000, noise: float = 0.03) -> Any:
    return 3.3 + np.random.default_rng(0).normal(0, noise, count)


def test_single_rows_are_counted_and_the_worst_is_named() -> None:
    """Three bad batches in 20,000 rows: a note with the worst one's step, and nothing to do."""
    values = flat()
    for at, height in ((5000, 0.5), (9000, 1.5), (15_000, 0.6)):
        values[at] = 3.3 + height
    found = find(values)
    assert found is not None
    assert (found.severity, found.title) == ("info", "3 single bad batches, no instability")
    assert "step 9,000" in found.evidence[1]
    assert found.first_step == 5003
    assert found.advice == ("Nothing to do.",)


def test_many_of_them_send_one_to_the_data() -> None:
    """More than 5 in 10,000 rows is still a note, with other advice."""
    values = flat()
    values[1000::1000] += 0.5
    found = find(values)
    assert found is not None
    assert found.severity == "info"
    assert "Look at the documents" in found.advice[0]


@pytest.mark.parametrize(("height", "expected"), [(0.15, False), (0.3, True)])
def test_six_standard_deviations_are_the_limit(height: float, expected: bool) -> None:
    """With noise of .03 a row must be .18 up."""
    values = flat()
    values[5000] = 3.3 + height
    assert (find(values) is not None) is expected


def test_what_lasts_is_no_outlier() -> None:
    """Four high rows in a row are not single ones; the last of them is followed by calm and has high ones before."""
    values = flat()
    values[5000:5040] += 1.0
    found = find(values)
    assert found is None or found.title.startswith("1 ")


@pytest.mark.parametrize(("gap", "expected"), [(1, False), (3, False), (4, True)])
def test_the_last_row_of_a_spike_does_not_stand_alone(gap: int, expected: bool) -> None:
    """Two far rows, 1 to 3 rows apart, are a spike; 4 apart they are two bad batches."""
    values = flat()
    values[[5000, 5000 + gap]] += 1.0
    assert (find(values) is not None) is expected


def test_a_micro_batch_needs_03_nats() -> None:
    """Where a row is one micro-batch, 0.25 is not worth counting however small the noise."""
    values = flat(noise=0.01)
    values[5000] = 3.55
    assert find(values, make_case().traits) is None
    assert find(values) is not None


def test_healthy_noise_without_tails_is_silent() -> None:
    """20,000 rows of normal noise have none."""
    assert find(flat()) is None


def test_a_period_of_the_data_is_told_with_them() -> None:
    """Files that are not shuffled: harder and easier again every 100 rows, and one bad batch."""
    values = flat() + 0.04 * np.sin(2 * np.pi * np.arange(20_000) / 100)
    values[5000] += 1.0
    found = find(values)
    assert found is not None
    assert any(re.search(r"period of (9[89]|10[012]) steps", line) for line in found.evidence)
    assert found.advice[0].startswith("Shuffle")


@pytest.mark.parametrize(("after", "expected"), [(0.07, True), (0.13, False)])
def test_what_follows_must_be_within_three_deviations(after: float, expected: bool) -> None:
    """.09 of noise of .03: a row that stays above is no single one."""
    values = flat()
    values[5000], values[5001:5004] = 3.8, 3.3 + after
    assert (find(values) is not None) is expected


@pytest.mark.parametrize(("count", "expected"), [(9, False), (11, True)])
def test_five_in_ten_thousand_are_many(count: int, expected: bool) -> None:
    """Of 19,869 rows that can be judged, 9 are 4.5 in 10,000."""
    values = flat()
    values[1000 : 1000 + 100 * count : 100] += 0.5
    found = find(values)
    assert found is not None
    assert ("Look at the documents" in found.advice[0]) is expected
