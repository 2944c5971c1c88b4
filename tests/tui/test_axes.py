"""Which part of a run is shown."""

from __future__ import annotations

import numpy as np
import pytest

from diagnosis.series import Series
from tui.axes import whole_axis, x_axis, y_axis
from tui.look import Look
from tui.raster import columns, smoothed


def run(first: int, last: int, every: int = 100) -> Series:
    """A loss that falls as a real one does."""
    steps = np.arange(first, last + 1, every)
    return Series("train_loss", steps, 3.3 + 7.5 * np.exp(-steps / 300.0) + 0.3 * np.exp(-steps / 9000.0))


def test_the_axis_reaches_to_the_planned_end() -> None:
    """At 72 % of the plan the forecast's place is on the chart."""
    axis = whole_axis((run(0, 14_500),), 20_000, log=False)
    assert (axis.low, axis.high) == (0, 20_000)


def test_a_far_end_does_not_squeeze_the_curve() -> None:
    """At 1,000 of 600,000 steps the axis ends at a round number near the newest step."""
    axis = whole_axis((run(0, 1_000),), 600_000, log=False)
    assert axis.high == 1_000
    assert whole_axis((run(0, 1_100),), 600_000, log=False).high == 1_200


def test_a_log_that_starts_in_the_middle_starts_the_axis_there() -> None:
    """A run whose log begins at step 27,800 has no empty left half."""
    axis = whole_axis((run(27_800, 30_000),), None, log=False)
    assert 26_000 <= axis.low <= 27_800
    assert axis.high >= 30_000


def test_one_point_has_an_axis_too() -> None:
    """Step 0 alone: the plan, or one step."""
    assert whole_axis((run(0, 0),), 20_000, log=False).high == 20_000
    assert whole_axis((run(0, 0),), None, log=False).high == 1
    assert whole_axis((), None, log=True).low > 0


def test_a_log_axis_begins_at_the_first_step_above_zero() -> None:
    """Step 0 has no place on it."""
    axis = whole_axis((run(0, 14_500),), 20_000, log=True)
    assert (axis.low, axis.high) == (100, 20_000)
    assert axis.at(axis.share(1_000)) == pytest.approx(1_000)
    assert whole_axis((run(0, 0),), None, log=True).high > 1


def test_a_zoomed_window_follows_the_newest_step_in_jumps() -> None:
    """Zoomed without a centre the newest step stays inside, and most steps do not move the window."""
    windows = set()
    for last in range(10_000, 12_000, 100):
        axis = x_axis((run(0, last),), 20_000, Look(zoom=8.0))
        assert axis.low < last <= axis.high
        windows.add(axis.low)
    assert len(windows) <= 8


def test_a_centre_keeps_the_window_inside_the_run() -> None:
    """Panned beyond an end it stops there."""
    left = x_axis((run(0, 20_000),), 20_000, Look(zoom=4.0, centre=-5e6))
    right = x_axis((run(0, 20_000),), 20_000, Look(zoom=4.0, centre=5e6))
    assert (left.low, left.high) == (0, 5_000)
    assert (right.low, right.high) == (15_000, 20_000)


def test_a_window_is_never_narrower_than_a_step() -> None:
    """However far the zoom goes."""
    axis = x_axis((run(0, 200),), None, Look(zoom=4096.0))
    assert axis.high - axis.low >= 1


def ranges(series: Series, *, log: bool = False) -> tuple[float, float, float | None]:
    """The default range of a curve, and what lies above it."""
    edges = np.linspace(0, series.steps[-1], 161)
    raw = columns(series, edges)
    empty = columns(Series("val_loss", np.empty(0, np.int64), np.empty(0)), edges)
    axis = y_axis(raw, smoothed(series, raw, edges, 0.6), empty, (), log=log)
    return axis.low, axis.high, axis.above


def test_the_first_cliff_does_not_flatten_the_rest() -> None:
    """A run that falls from 10.8 and is at 3.4 is shown from about 3 to 6, and the axis knows what it leaves out."""
    low, high, above = ranges(run(0, 14_500))
    assert 2.9 <= low <= 3.4
    assert high <= 6.5
    assert above == pytest.approx(11.1, abs=0.1)


def test_an_early_run_shows_its_cliff() -> None:
    """With ten points all there is to see is the fall."""
    low, high, above = ranges(run(0, 900))
    assert high >= 9
    assert low <= 4
    assert above is None or above > high


def test_a_divergence_comes_into_view() -> None:
    """A loss that stays at 7 for a tenth of the run is inside of the range."""
    series = run(0, 14_500)
    values = series.values.copy()
    values[-15:] = 7.0
    assert ranges(Series("train_loss", series.steps, values))[1] >= 7.0


def test_a_log_axis_needs_positive_values() -> None:
    """A curve that goes below 0 gets a linear axis instead of none."""
    series = Series("train_loss", np.arange(3), np.array([3.0, 1.0, -1.0]))
    edges = np.linspace(0, 2, 9)
    raw = columns(series, edges)
    assert not y_axis(raw, raw.mean, raw, (), log=True).log
    assert ranges(run(0, 14_500), log=True)[0] > 0


def test_rows_count_from_the_top() -> None:
    """The highest value is in dot row 0, on both kinds of axes; NaN has no row."""
    series = run(0, 14_500)
    edges = np.linspace(0, 20_000, 161)
    raw = columns(series, edges)
    for log in (False, True):
        axis = y_axis(raw, raw.mean, raw, (), log=log)
        rows = axis.rows(np.array([axis.high, axis.low, np.nan]), 40)
        assert rows[0] == pytest.approx(0)
        assert rows[1] == pytest.approx(39)
        assert np.isnan(rows[2])


def test_a_constant_loss_is_a_flat_line() -> None:
    """The last digits of a float are no curve: a range is never narrower than half a per cent of its values."""
    low, high, above = ranges(Series("train_loss", np.arange(100, dtype=np.int64), np.full(100, 2.5) + 1e-13))
    assert low < 2.497
    assert high > 2.503
    assert above is None
