"""The rolling reference: causal, robust, and the same however the rows came."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest

from diagnosis.reference import BlockMedians, RollingReference, medians_until, reference_of
from diagnosis.series import Series
from diagnosis.summaries import summary_of


def series(values: np.ndarray, memo: dict[Hashable, Any] | None = None) -> Series:
    return Series("train_loss", np.arange(len(values)), values, {} if memo is None else memo)


def whole(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = reference_of(series(values)).of(0, len(values))
    return found.centre, found.sigma


def test_it_knows_only_rows_before_a_row() -> None:
    """Whatever comes later, the reference of the rows so far stays as it was."""
    values = np.random.default_rng(1).normal(3, 0.1, 400)

    for all_rows, first in zip(whole(values), whole(values[:300]), strict=True):
        np.testing.assert_array_equal(all_rows[:300], first)
        assert np.isnan(all_rows[:128]).all()
        assert np.isfinite(all_rows[128:]).all()


def test_it_gives_level_and_noise_past_a_bad_block() -> None:
    """One whole block of 32 rows five sigma too high moves neither the level by a sigma nor the spread by a third."""
    values = np.random.default_rng(2).normal(3, 0.1, 256)
    values[160:192] += 0.5
    centre, sigma = whole(values)

    assert centre[-1] == pytest.approx(3, abs=0.1)
    assert sigma[-1] == pytest.approx(0.1, rel=0.33)


@pytest.mark.parametrize("poll", [1, 31, 32, 33, 100, 4999])
def test_rows_that_come_in_parts_have_the_same_reference(poll: int) -> None:
    """Live in single rows or read at once: a finding must not hang on it."""
    values = np.random.default_rng(3).normal(3, 0.1, 5000 if poll > 1 else 300)
    memo: dict[Hashable, Any] = {}
    for count in range(poll, len(values) + 1, poll):
        grown = reference_of(series(values[:count], memo))
    centre, sigma = whole(values[:count])

    np.testing.assert_array_equal(grown.of(0, count).centre, centre)
    np.testing.assert_array_equal(grown.of(0, count).sigma, sigma)


def test_single_rows_are_those_of_the_whole() -> None:
    """Asked for some rows, in any order."""
    values = np.random.default_rng(4).normal(3, 0.1, 400)

    np.testing.assert_array_equal(
        reference_of(series(values)).at(np.array([399, 5, 200])).centre, whole(values)[0][[399, 5, 200]]
    )


def test_too_few_rows_have_no_reference() -> None:
    """127 rows before a row are too few."""
    reference = RollingReference()
    reference.extend(series(np.ones(100)))

    assert np.isnan(reference.of(0, 100).centre).all()


def test_a_loss_beyond_single_precision_is_infinite_and_warns_nobody() -> None:
    """A diverged loss of 1e300 is above nothing."""
    assert np.isinf(whole(np.full(200, 1e300))[0][128:]).all()


@pytest.mark.parametrize("first", [0, 7])
def test_medians_of_blocks_that_come_in_parts_are_those_of_the_whole(first: int) -> None:
    """Counted from a row on, whole blocks alone."""
    values = np.random.default_rng(5).normal(3, 0.1, 503)
    memo: dict[Hashable, Any] = {}
    for count in range(1, 504, 13):
        grown = summary_of(series(values[:count], memo), BlockMedians, 50, first)
    rows = values[first:count]

    np.testing.assert_array_equal(grown.values, np.median(rows[: len(rows) // 50 * 50].reshape(-1, 50), axis=1))


def test_a_median_until_a_step_is_that_of_the_rows_before_and_at_it() -> None:
    """Four of them; of fewer at the start, and of none NaN. A step between two rows has those before it."""
    rows = Series("train_loss", np.arange(0, 100, 10), np.arange(10.0))
    levels = medians_until(rows, np.array([-1, 0, 10, 35, 90, 500]), 4)

    np.testing.assert_array_equal(levels, [np.nan, 0.0, 0.5, 1.5, 7.5, 7.5])
    assert np.isnan(medians_until(rows.until(-1), np.array([3]), 4)).all()
