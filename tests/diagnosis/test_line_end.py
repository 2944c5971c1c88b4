"""The end of a line through noisy rows: not moved by outliers, bent by a decay, with an honest error."""

from __future__ import annotations

import numpy as np
import pytest

from diagnosis.line_end import line_end, widened
from parsers.records import Floats


def rows(count: int, sd: float, seed: int = 0) -> tuple[Floats, Floats]:
    """Places from -1 to 0 and independent noise about a line that ends at 3."""
    x = np.linspace(-1, 0, count)
    return x, 3 - 0.1 * x + np.random.default_rng(seed).normal(0, sd, count)


def test_the_end_is_that_of_the_line() -> None:
    """Known to 2 sd / sqrt(n), as the end of a line is known half as well as its middle."""
    x, y = rows(400, 0.04)
    end = line_end(x, y, 0.0)
    assert end is not None
    assert end.error == pytest.approx(0.04 * 2 / np.sqrt(400), rel=0.4)
    assert end.value == pytest.approx(3.0, abs=0.012)


def test_outliers_do_not_move_it() -> None:
    """Two bad batches, one of them the last row."""
    x, y = rows(100, 0.04)
    clean = line_end(x, y, 0.0)
    y[[-1, -20]] = [9.0, 12.0]
    end = line_end(x, y, 0.0)
    assert clean is not None
    assert end is not None
    assert end.value == pytest.approx(clean.value, abs=0.01)
    assert end.error == pytest.approx(clean.error, rel=0.2)


def test_a_decay_bends_the_line() -> None:
    """Within a decay of the learning rate a straight line would end 0.017 below."""
    x, y = rows(200, 0.002)
    end = line_end(x, y + 0.1 * x**2, 0.0)
    assert end is not None
    assert end.value == pytest.approx(3.0, abs=0.003)


def test_rows_that_move_together_are_fewer() -> None:
    """Each row twice is half as many rows."""
    x, y = rows(200, 0.04)
    once, twice = line_end(x, y, 0.0), line_end(np.linspace(-1, 0, 400), np.repeat(y, 2), 0.0)
    assert once is not None
    assert twice is not None
    assert twice.error == pytest.approx(once.error, rel=0.25)


def test_dense_rows_are_averaged() -> None:
    """100,000 rows give the line and the error of all of them."""
    x, y = rows(100_000, 0.04)
    end = line_end(x, y, 0.0)
    assert end is not None
    assert end.value == pytest.approx(3.0, abs=0.001)
    assert end.error == pytest.approx(0.04 * 2 / np.sqrt(100_000), rel=0.4)


def test_rounding_is_the_least_noise() -> None:
    """Rows that all say 3.21 are not known better than they are printed."""
    x = np.linspace(-1, 0, 100)
    end = line_end(x, np.full(100, 3.21), 0.01 / np.sqrt(12))
    assert end is not None
    assert end.value == pytest.approx(3.21)
    assert end.error == pytest.approx(0.0029 * 2 / 10, rel=0.05)


def test_seven_rows_are_too_few() -> None:
    """Eight are enough; rows at one place are no line."""
    assert line_end(*rows(7, 0.04), 0.0) is None
    assert line_end(*rows(8, 0.04), 0.0) is not None
    assert line_end(np.zeros(20), np.arange(20.0), 0.0) is None


def test_a_loss_beyond_all_numbers_is_no_fault() -> None:
    """A diverged run of 1e308: no warning, and no error that is none."""
    x = np.linspace(-1, 0, 100)
    for y in (np.where(x > -0.02, 1e308, 3.0), np.where(np.arange(100) % 2 == 0, 1e308, -1e308)):
        end = line_end(x, np.asarray(y, np.float64), 0.0)
        assert end is None or np.isfinite(np.array([end.value, end.error], np.float64)).all()


def test_few_values_widen_an_error() -> None:
    """As Student's t does: 2.57 for 5 degrees of freedom, 2.09 for 20, to a normal's 1.96."""
    assert [widened(n) for n in (5, 20)] == pytest.approx([2.571 / 1.96, 2.086 / 1.96], rel=0.06)
