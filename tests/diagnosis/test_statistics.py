"""Robust statistics: against brute force, against known distributions, and blind to what they should not see."""

from __future__ import annotations

from itertools import combinations
from math import sqrt

import numpy as np
import pytest

from diagnosis.statistics import (
    autocorrelation,
    begins_at_start,
    block_medians,
    mann_kendall,
    median_of,
    noise_sd,
    robust_sd,
    row_medians,
    running_count,
    theil_sen,
    window_medians,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 49, 50])
def test_medians_are_those_of_numpy(count: int, rng: np.random.Generator) -> None:
    """To the last bit, of odd and even numbers of values, of whole numbers too; the values stay in their order."""
    table = rng.normal(0, 1, (5, count))
    before = table.copy()

    assert [median_of(row) for row in table] == np.median(table, axis=1).tolist() == row_medians(table).tolist()
    assert median_of(np.arange(count)) == np.median(np.arange(count))
    np.testing.assert_array_equal(table, before)


def test_robust_sd_is_the_standard_deviation_of_normal_noise_and_ignores_outliers(rng: np.random.Generator) -> None:
    """1.4826 MAD estimates sigma within 3 % from 20,000 values, and 5 % of wild values move it by less than 10 %."""
    values = rng.normal(0, 2, 20_000)
    spoilt = values.copy()
    spoilt[::20] = 1e6
    assert robust_sd(values) == pytest.approx(2, rel=0.03)
    assert robust_sd(spoilt) == pytest.approx(2, rel=0.1)


def test_spreads_of_too_few_values_are_unknown() -> None:
    """One value has no spread, two no noise about a trend; NaN counts as nothing."""
    assert robust_sd(np.array([1.0, np.nan])) is None
    assert noise_sd(np.array([1.0, 2.0])) is None


def test_noise_sd_does_not_see_the_trend(rng: np.random.Generator) -> None:
    """A steep slope, 100 times the noise from end to end, does not change the noise that is found."""
    noise = rng.normal(0, 0.1, 5000)
    assert noise_sd(noise + np.linspace(10, 0, 5000)) == pytest.approx(0.1, rel=0.05)


def test_mann_kendall_equals_the_definition_with_ties() -> None:
    """S and its tie-corrected variance are those that one gets by counting pairs and groups by hand."""
    values = np.array([3.0, 1, 2, 2, 2, 5, 4, 4, 6, 1])
    score = sum(np.sign(b - a) for a, b in combinations(values, 2))
    ties = [2, 3, 2]
    variance = (10 * 9 * 25 - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    assert mann_kendall(values)[0] == pytest.approx((score - 1) / sqrt(variance))


def test_mann_kendall_of_a_monotone_row_of_eight() -> None:
    """Eight falling values: S = -28, z = -27 / sqrt(65.33) = -3.34, p = .0008."""
    z, p = mann_kendall(np.arange(8.0)[::-1])
    assert z == pytest.approx(-27 / sqrt(8 * 7 * 21 / 18))
    assert p == pytest.approx(0.00084, abs=0.00002)


def test_mann_kendall_p_is_uniform_without_a_trend(rng: np.random.Generator) -> None:
    """In 1,000 rows of pure noise about one in ten has p < .1, also for rows so long that they are thinned."""
    for count, runs in ((20, 1000), (1000, 300)):
        low = sum(mann_kendall(rng.normal(size=count))[1] < 0.1 for _ in range(runs)) / runs
        assert 0.06 < low < 0.145


@pytest.mark.parametrize("values", [[], [1.0, 2, 3], [2.0] * 30, [np.nan] * 9])
def test_mann_kendall_without_evidence_is_no_evidence(values: list[float]) -> None:
    """Too few, equal or unknown values give z = 0 and p = 1, not an error."""
    assert mann_kendall(np.array(values)) == (0.0, 1.0)


def test_theil_sen_interval_holds_the_true_slope_nine_times_in_ten(rng: np.random.Generator) -> None:
    """Sen's 90 % interval covers the slope in 84 to 96 % of 400 rows of 20 heavy-tailed points."""
    x = np.arange(20.0)
    inside = 0
    for _ in range(400):
        found = theil_sen(x, -0.3 * x + rng.standard_t(3, 20))
        assert found is not None
        inside += found[1] <= -0.3 <= found[2]
    assert 0.84 < inside / 400 < 0.96


def test_theil_sen_is_not_moved_by_a_fifth_of_bad_points(rng: np.random.Generator) -> None:
    """Every fifth point a hundred off leaves the slope within 10 %."""
    x = np.arange(50.0)
    y = 2 * x + rng.normal(0, 0.1, 50)
    y[::5] += 100
    found = theil_sen(x, y)
    assert found is not None
    assert found[0] == pytest.approx(2, rel=0.1)


def test_theil_sen_of_a_long_series_is_thinned_and_still_right(rng: np.random.Generator) -> None:
    """A million points cost no more pairs than 400, and the slope stays within 2 %."""
    x = np.arange(1_000_000.0)
    found = theil_sen(x, 1e-6 * x + rng.normal(0, 0.1, len(x)))
    assert found is not None
    assert found[0] == pytest.approx(1e-6, rel=0.02)
    assert found[1] < found[0] < found[2]


def test_theil_sen_of_too_little_is_unknown() -> None:
    """Two points, or many at the same place, have no slope with an interval."""
    assert theil_sen(np.array([1.0, 2]), np.array([1.0, 2])) is None
    assert theil_sen(np.ones(9), np.arange(9.0)) is None


def test_autocorrelation_tells_a_running_average_from_fresh_noise(rng: np.random.Generator) -> None:
    """An AR(1) series of .6 is seen as such; fresh noise on a parabola, and a row too short to tell, as none."""
    fresh = rng.normal(size=2000)
    smooth = fresh.copy()
    for i in range(1, len(smooth)):
        smooth[i] += 0.6 * smooth[i - 1]
    assert autocorrelation(smooth) == pytest.approx(0.6, abs=0.06)
    assert autocorrelation(fresh + np.linspace(-9, 9, 2000) ** 2) < 0.06
    assert autocorrelation(smooth[:11]) == 0


def test_block_medians_keep_short_series_and_count_the_rest() -> None:
    """Five values in two blocks: the medians of the first three and the last two."""
    assert block_medians(np.array([1.0, 9, 2, 4, 6]), 2).tolist() == [2, 5]
    assert block_medians(np.array([3.0, 1]), 5).tolist() == [3, 1]


def test_running_count_equals_counting(rng: np.random.Generator) -> None:
    """The number of true flags among the last five rows, for every row."""
    flags = rng.random(200) < 0.3
    expected = [int(flags[max(0, i - 4) : i + 1].sum()) for i in range(200)]
    assert running_count(flags, 5).tolist() == expected


def test_window_medians_are_the_medians_of_the_rows_before_and_with_the_end() -> None:
    """Ends 2 and 4 with width 3 are rows 0-2 and 2-4."""
    values = np.array([5.0, 1, 3, 9, 4])
    assert window_medians(values, np.array([2, 4]), 3).tolist() == [3, 4]
    assert len(window_medians(values, np.array([], np.int64), 3)) == 0


@pytest.mark.parametrize(
    ("steps", "expected"), [([0, 200], True), ([1], True), ([10, 20], True), ([27_800, 27_850], False), ([], False)]
)
def test_a_log_begins_at_the_start_if_its_first_row_is_the_first_there_could_be(
    steps: list[int], expected: bool
) -> None:
    """Step 0 or 1, or 10 where every tenth is printed; not step 27,800 of a cut log."""
    assert begins_at_start(np.array(steps, np.int64)) is expected
