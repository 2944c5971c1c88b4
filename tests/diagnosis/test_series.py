from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnosis.series import Series

floats = st.floats(-1e3, 1e3) | st.sampled_from([math.inf, -math.inf, 1e300, -1e300])


def series(steps: list[int], values: list[float] | None = None) -> Series:
    known = [float(s) for s in steps] if values is None else values
    return Series("train_loss", np.array(steps, np.int64), np.array(known, np.float64))


@given(st.lists(st.integers(-500, 500), unique=True, max_size=30).map(sorted), floats)
def test_since_and_until_cut_at_a_step_of_any_kind(steps: list[int], at: float) -> None:
    """Both ends are inclusive."""
    whole = series(steps)

    assert whole.since(at).steps.tolist() == [s for s in steps if s >= at]
    assert whole.until(at).steps.tolist() == [s for s in steps if s <= at]


def test_last_and_best_pass_over_what_is_no_number() -> None:
    """NaN is neither."""
    some = series([0, 1, 2, 3], [3.0, 2.0, 2.5, math.nan])

    assert some.last == 2.5
    assert some.last_step == 3
    assert some.best == (1, 2.0)
    assert series([], []).last is None
    assert series([0], [math.inf]).best is None


def test_what_is_all_finite_is_not_copied() -> None:
    """A million points stay one array."""
    some = series([0, 1])

    assert some.finite is some


def test_between_points_it_is_linear_and_outside_unknown() -> None:
    """NaN, not the last value."""
    values = series([0, 10], [4.0, 2.0]).at(np.array([-1, 0, 5, 10, 11], np.int64))

    assert values[1:4].tolist() == pytest.approx([4.0, 3.0, 2.0])
    assert np.isnan(values[[0, 4]]).all()


def test_rows_that_are_no_numbers_are_left_out_wherever_they_come() -> None:
    """Three looks with the same memory: all finite, a NaN among the new rows, and the older one again."""
    memo: dict[Hashable, Any] = {}
    values = np.array([3.0, 2.0, math.nan, 1.0])
    looks = [Series("train_loss", np.arange(count), values[:count], memo) for count in (2, 4, 2)]

    assert [look.finite.values.tolist() for look in looks] == [[3.0, 2.0], [3.0, 2.0, 1.0], [3.0, 2.0]]


def test_every_series_begins_with_nothing() -> None:
    """And none with a longer one, or with other rows."""
    some = series([0, 1], [3.0, 2.0])

    assert some.begins_with(series([]))
    assert some.begins_with(series([0], [3.0]))
    assert not some.begins_with(series([0], [4.0]))
    assert not some.begins_with(series([0, 1, 2], [3.0, 2.0, 1.0]))
