"""Curves as dots: nothing is lost on the way from a million points to eighty columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnosis.series import Series
from tui.raster import ASCII, BRAILLE, Dots, columns, joined, pack, settled_columns, smoothed, smoothed_at, spans

Values = npt.NDArray[np.float64]


def series(values: list[float] | Values) -> Series:
    """Values at steps 0, 1, 2, ..."""
    return Series("train_loss", np.arange(len(values), dtype=np.int64), np.asarray(values, np.float64))


def edges(n: int, last: float) -> Values:
    """N equal columns from 0 to last."""
    return np.linspace(0.0, last, n + 1)


def test_a_single_spike_among_a_million_points_is_seen() -> None:
    """Each column holds the lowest and highest of its points."""
    values = np.full(1_000_000, 3.5)
    values[123_456] = 9.0
    found = columns(series(values), edges(160, 999_999))
    assert np.nanmax(found.high) == 9.0
    assert int(np.nanargmax(found.high)) == 123_456 * 160 // 999_999
    assert found.count.sum() == 1_000_000


@given(st.lists(st.floats(), min_size=1, max_size=60), st.integers(1, 30))
def test_columns_agree_with_a_loop(values: list[float], n: int) -> None:
    """The vectorised columns are what a plain loop over the points gives, NaN and infinity included."""
    shown = series(values)
    cuts = edges(n, max(1, len(values) - 1))
    found = columns(shown, cuts)
    for at in range(n):
        last = at == n - 1
        inside = [
            v for s, v in enumerate(values) if cuts[at] <= s and (s < cuts[at + 1] or (last and s == cuts[at + 1]))
        ]
        finite = [v for v in inside if np.isfinite(v)]
        assert found.bad[at] == (len(finite) < len(inside))
        assert found.count[at] == len(finite)
        if finite:
            assert (found.low[at], found.high[at]) == (min(finite), max(finite))
        else:
            assert np.isnan(found.low[at])


@given(st.lists(st.lists(st.floats(), max_size=20), min_size=1, max_size=6), st.floats(-5, 30), st.floats(1, 60))
def test_columns_of_a_growing_series_are_those_of_the_whole(
    pieces: list[list[float]], low: float, width: float
) -> None:
    """However it grew in its memory, and whatever part of it is looked at."""
    store, n = Series("grown", np.arange(200, dtype=np.int64), np.zeros(200)), 0
    cuts = np.linspace(low, low + width, 17)
    for piece in pieces:
        store.values[n : n + len(piece)] = piece
        n += len(piece)
        shown = Series("grown", store.steps[:n], store.values[:n])
        grown, whole = settled_columns(shown, cuts), columns(shown, cuts)
        for name in ("low", "high", "mean", "count", "bad"):
            assert np.array_equal(getattr(grown, name), getattr(whole, name), equal_nan=name not in ("count", "bad"))


def test_another_series_of_the_same_name_starts_anew() -> None:
    """A restart splices the points into other memory: nothing of the old columns is kept."""
    cuts = edges(10, 99)
    settled_columns(series(np.full(100, 1.0)), cuts)
    found = settled_columns(series(np.full(100, 2.0)), cuts)
    assert set(found.low) == {2.0}


def test_only_the_newest_columns_are_read_again() -> None:
    """A million settled points are not passed over at each tick: what changes there is not even seen."""
    values = np.full(1_000, 3.0)
    steps = np.arange(1_000, dtype=np.int64)
    settled_columns(Series("long", steps[:900], values[:900]), edges(10, 1_000))
    values[0] = 9.0
    assert settled_columns(Series("long", steps, values), edges(10, 1_000)).high[0] == 3.0


def test_smoothing_is_the_usual_debiased_mean_at_the_newest_point() -> None:
    """At the last point it is what TensorBoard shows: sum of s^k x over sum of s^k."""
    values = np.array([10.0, 6.0, 5.0, 4.5, 4.2])
    weights = 0.6 ** np.arange(4, -1, -1.0)
    expected = float((weights * values).sum() / weights.sum())
    shown = series(values)
    line = smoothed(shown, columns(shown, edges(5, 4)), edges(5, 4), 0.6)
    assert line[-1] == pytest.approx(expected)
    assert smoothed_at(shown, 4, 0.6) == pytest.approx(expected)


def test_smoothing_does_not_shift_a_falling_curve() -> None:
    """On a straight fall the smoothed value in the middle is the value itself: train is not drawn above val."""
    values = np.linspace(6.0, 4.0, 81)
    shown = series(values)
    line = smoothed(shown, columns(shown, edges(81, 80)), edges(81, 80), 0.9)
    assert line[40] == pytest.approx(5.0, abs=1e-3)


def test_smoothing_does_not_change_with_the_zoom() -> None:
    """Points outside of the window warm the mean up."""
    rng = np.random.default_rng(3)
    shown = series(4 + rng.normal(0, 0.1, 400))
    whole = smoothed(shown, columns(shown, edges(400, 399)), edges(400, 399), 0.9)
    window = np.linspace(100.0, 150.0, 51)
    zoomed = smoothed(shown, columns(shown, window), window, 0.9)
    assert zoomed[20] == pytest.approx(whole[120], abs=1e-4)


def test_no_smoothing_gives_the_points() -> None:
    """A share of 0 keeps nothing of the old value."""
    shown = series([5.0, 4.0, 3.0])
    assert smoothed(shown, columns(shown, edges(3, 2)), edges(3, 2), 0.0).tolist() == [5.0, 4.0, 3.0]
    assert smoothed_at(shown, 1, 0.0) == 4.0
    assert smoothed_at(series([float("nan")]), 0, 0.6) is None


def test_a_line_has_no_holes() -> None:
    """Between two far points every column has a dot, and neighbours touch."""
    low = np.full(40, np.nan)
    low[0], low[39] = 0.0, 30.0
    dots: Dots = joined(low, low, np.zeros(40, np.bool_), (32, 40))
    assert dots.any(axis=0).all()
    rows = [np.flatnonzero(dots[:, x]) for x in range(40)]
    tops, bottoms = np.array([found[0] for found in rows]), np.array([found[-1] for found in rows])
    assert (np.maximum(tops[1:], tops[:-1]) - np.minimum(bottoms[1:], bottoms[:-1]) <= 1).all()


def test_a_steep_fall_is_joined_both_ways() -> None:
    """Up as well as down: the dots of neighbouring columns meet half way."""
    for rows in ([0.0, 20.0], [20.0, 0.0]):
        values = np.array(rows)
        dots = joined(values, values, np.zeros(2, np.bool_), (24, 2))
        assert dots[:21].any(axis=1).all()


def test_no_line_goes_through_a_column_of_nan() -> None:
    """A gap stays a gap: nothing is invented where the log said NaN."""
    low = np.array([3.0, np.nan, np.nan, 3.0])
    broken = np.array([False, True, True, False])
    assert joined(low, low, broken, (8, 4)).any(axis=0).tolist() == [True, False, False, True]


def test_points_beyond_the_edges_are_drawn_at_them() -> None:
    """What is clipped is seen at the edge, not lost."""
    dots = spans(np.array([-50.0, 4.0]), np.array([2.0, 99.0]), (8, 2))
    assert dots[:3, 0].all()
    assert dots[4:, 1].all()


def test_dots_become_braille() -> None:
    """Unicode's order of the eight dots."""
    dots = np.zeros((4, 4), np.bool_)
    dots[0, 0] = dots[3, 1] = True
    dots[:, 2:] = True
    cells = pack(dots)
    assert "".join(BRAILLE[cells][0]) == "⢁⣿"
    assert "".join(ASCII[cells][0]) == ":|"
    assert all(sign.isascii() for sign in ASCII)


def test_no_line_crosses_a_stretch_that_is_no_number() -> None:
    """Columns without points between two bad ones are part of the gap."""
    height = np.array([1.0, np.nan, np.nan, np.nan, np.nan, np.nan, 1.0, np.nan, 1.0])
    bad = np.array([False, False, True, False, True, False, False, False, False])
    drawn = joined(height, height, bad, (4, 9)).any(axis=0)
    assert drawn.tolist() == [True, False, False, False, False, False, True, True, True]
