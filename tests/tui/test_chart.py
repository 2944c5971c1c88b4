"""The chart: what a person must be able to see in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from snapshots import founding_case, loss_at
from textual.strip import Strip

from diagnosis.forecast import Forecast
from diagnosis.series import Series
from tui.chart import draw
from tui.look import Look
from tui.panels.loss import curves_of
from tui.plot import Curves
from tui.theme import TERMINAL

LOOK = Look()
NONE = Series("val_loss", np.empty(0, np.int64), np.empty(0))


def curves(values: np.ndarray | list[float], val: Series = NONE, **fields: object) -> Curves:
    """Training losses at steps 0, 1, 2, ..."""
    found = np.asarray(values, np.float64)
    return replace(Curves(Series("train_loss", np.arange(len(found)), found), val), **fields)  # type: ignore[arg-type]


def shown(drawn: list[Strip]) -> str:
    """The chart as text."""
    return "\n".join(strip.text for strip in drawn)


def cells_of(drawn: list[Strip], style: object) -> int:
    """How many inked cells have a style."""
    return sum(len(segment.text.replace(" ", "")) for strip in drawn for segment in strip if segment.style is style)


def test_train_and_val_are_drawn_in_their_colours() -> None:
    """Both curves on the same axes, the noise of the raw points dimmer than either."""
    drawn = draw(curves_of(founding_case(), LOOK), 81, 18, LOOK).strips
    assert cells_of(drawn, TERMINAL.train) > 20
    assert cells_of(drawn, TERMINAL.val) > 20
    assert cells_of(drawn, TERMINAL.raw) > 3


def test_noise_does_not_hide_the_val_curve() -> None:
    """With 100,000 noisy points the val curve is still one unbroken line."""
    steps = np.arange(100_000)
    noisy = loss_at(steps / 7.0) + np.random.default_rng(1).normal(0, 0.4, len(steps))
    val = Series("val_loss", steps[::2500], loss_at(steps[::2500] / 7.0))
    drawn = draw(curves(noisy, val), 81, 18, LOOK).strips
    columns = set()
    for strip in drawn[:-1]:
        at = 0
        for segment in strip:
            if segment.style is TERMINAL.val:
                columns |= {at + i for i, sign in enumerate(segment.text) if sign != " "}
            at += len(segment.text)
    assert len(columns) >= 70


def test_points_above_the_range_are_said_on_the_axis() -> None:
    """The first cliff is cut off, and how high it was stands beside it."""
    assert "↑ 11.0" in shown(draw(curves_of(founding_case(), LOOK), 81, 18, LOOK).strips)


def test_a_late_spike_is_seen_though_it_is_cut() -> None:
    """One bad point in a long run leaves a mark in its column at the top edge."""
    values = np.full(10_000, 3.5) + np.random.default_rng(2).normal(0, 0.05, 10_000)
    values[5_000] = 30.0
    drawn = draw(curves(values), 81, 18, LOOK).strips
    top = drawn[0].text[6:]
    assert "↑ 30.00" in top
    assert top[0].isspace()
    assert not top[37].isspace()


def test_nan_is_marked_in_its_column_and_named() -> None:
    """A curve that ends in NaN does not just stop."""
    values = np.linspace(6, 4, 300)
    values[150:] = np.nan
    drawn = draw(curves(values), 81, 18, LOOK).strips
    assert "NaN or inf from 150" in shown(drawn)
    crosses = drawn[-2].text.count("✖")
    assert crosses > 30
    assert cells_of(drawn, TERMINAL.critical) > crosses


def test_an_infinite_value_is_marked_too() -> None:
    """One inf among good points: its column has a cross, the curve goes on."""
    values = np.linspace(6, 4, 300)
    values[30] = np.inf
    drawn = draw(curves(values), 81, 18, LOOK).strips
    assert drawn[-2].text.count("✖") == 1
    assert "NaN or inf from 30" in shown(drawn)


def test_only_nan_draws_no_curve_and_does_not_raise() -> None:
    """Nothing finite at all."""
    drawn = draw(curves([np.nan] * 50), 81, 12, LOOK).strips
    assert "✖" in shown(drawn)
    assert len(drawn) == 12


def test_the_forecast_stands_at_its_step_with_its_band() -> None:
    """A dotted line to the planned end and the value in words."""
    drawn = draw(curves_of(founding_case(), LOOK), 81, 18, LOOK)
    assert drawn.forecast_said
    assert "3.53 ± 0.03 at 20,000" in shown(drawn.strips)
    assert cells_of(drawn.strips, TERMINAL.forecast) > 25


def test_a_forecast_outside_of_the_window_is_not_drawn() -> None:
    """Zoomed away from it the caller is told to say it elsewhere."""
    look = Look(zoom=4.0, centre=3_000.0)
    drawn = draw(curves_of(founding_case(), look), 81, 18, look)
    assert not drawn.forecast_said
    assert "20,000" not in shown(drawn.strips)


def test_a_broken_forecast_is_left_out() -> None:
    """A band that is not finite draws nothing."""
    broken = Forecast(400, "val_loss", np.nan, 3.0, np.inf, "?")
    drawn = draw(
        curves(np.linspace(5, 4, 200), Series("val_loss", np.array([0, 199]), np.array([5.0, 4.0])), forecast=broken),
        81,
        18,
        LOOK,
    )
    assert not drawn.forecast_said


def test_the_best_eval_is_marked_once_later_ones_are_worse() -> None:
    """A diamond at the lowest eval; none while the newest is the best."""
    steps = np.arange(0, 1000, 100)
    worse = Series("val_loss", steps, np.array([9, 7, 5, 4, 3.5, 3.6, 3.8, 4.0, 4.2, 4.4]))
    better = Series("val_loss", steps, np.linspace(9, 3, 10))
    train = np.linspace(9, 3, 1000)
    assert "◆" in shown(draw(curves(train, worse), 81, 18, LOOK).strips)
    assert "◆" not in shown(draw(curves(train, better), 81, 18, LOOK).strips)


def test_restarts_are_marked() -> None:
    """An upright where a segment begins."""
    drawn = draw(curves(np.linspace(6, 4, 1000), restarts=(500,)), 81, 18, LOOK).strips
    assert sum("┊" in strip.text for strip in drawn) > 10


def test_the_value_cursor_is_an_upright_that_keeps_the_curve() -> None:
    """It stands on blank cells only."""
    look = Look(cursor=500.0)
    plain = draw(curves(np.linspace(6, 4, 1000)), 81, 18, LOOK).strips
    marked = draw(curves(np.linspace(6, 4, 1000)), 81, 18, look).strips
    assert sum("│" in strip.text for strip in marked) > 10
    assert shown(marked).replace("│", " ") == shown(plain)


def test_the_x_axis_counts_steps_tokens_or_time() -> None:
    """The same curve, other labels."""
    base = curves(np.linspace(6, 4, 1001))
    assert "1,000" in draw(base, 81, 12, LOOK).strips[-1].text
    tokens = replace(base, x_kind="tokens", unit_per_step=524_288.0)
    assert "500 M" in draw(tokens, 81, 12, LOOK).strips[-1].text
    hours = replace(base, x_kind="time", unit_per_step=36.0)
    assert "10 h" in draw(hours, 81, 12, LOOK).strips[-1].text


def test_log_axes_make_a_power_law_straight() -> None:
    """On log-log axes equal factors in steps are equal distances, and so are equal factors in loss."""
    steps = np.array([1, 10, 100, 1000, 10_000])
    law = Curves(Series("train_loss", steps, 16.0 * steps**-0.25), NONE)
    look = Look(log_x=True, log_y=True, smoothing=0.0)
    text = [strip.text[6:] for strip in draw(law, 87, 42, look).strips[:-1]]
    ends = [max((i for i, sign in enumerate(line) if sign != " "), default=None) for line in text]
    rows = [row for row, end in enumerate(ends) if end is not None]
    slope = [ends[row] for row in rows]
    steps_down = np.diff(np.array(slope, float))
    assert steps_down.std() < 1.0


def test_without_colour_the_val_points_have_their_own_sign() -> None:
    """In plain text the curves differ by their signs."""
    look = Look(colour=False)
    assert shown(draw(curves_of(founding_case(), look), 81, 18, look).strips).count("o") >= 25


@pytest.mark.parametrize("zoom", [1.0, 8.0])
def test_ascii_uses_ascii_only(zoom: float) -> None:
    """No braille, no box lines, no fine signs."""
    look = Look(ascii=True, zoom=zoom, cursor=3_000.0)
    base = replace(curves_of(founding_case(), look), restarts=(1_000,))
    assert shown(draw(base, 81, 18, look).strips).isascii()


def test_few_cells_change_when_a_point_comes() -> None:
    """One more line of the log changes a few cells at the tip: the axes stay where they are."""
    before = draw(curves_of(founding_case(12_000), LOOK), 81, 18, LOOK).strips
    after = draw(curves_of(founding_case(12_200), LOOK), 81, 18, LOOK).strips
    differing = sum(
        a != b for old, new in zip(before, after, strict=True) for a, b in zip(old.text, new.text, strict=True)
    )
    assert 0 < differing <= 40
    assert before[-1].text == after[-1].text


def test_a_tick_without_new_points_costs_no_drawing() -> None:
    """The same curves give the very same strips back, though the case was made anew."""
    one = draw(curves_of(founding_case(), LOOK), 80, 18, LOOK)
    assert draw(curves_of(founding_case(), LOOK), 80, 18, LOOK) is one
    assert draw(curves_of(founding_case(14_000), LOOK), 80, 18, LOOK) is not one


def test_a_point_that_moves_no_dot_costs_no_drawing() -> None:
    """Most lines of a long log do not change the picture; the very same strips are not even compared."""
    values = np.linspace(5.0, 4.0, 100_000)
    one = draw(curves(values[:99_990]), 80, 18, LOOK)
    assert draw(curves(values[:99_991]), 80, 18, LOOK) is one


def test_a_million_points_are_all_looked_at() -> None:
    """A spike at an odd place in a million points changes the picture."""
    values = np.full(1_000_000, 4.0)
    calm = shown(draw(curves(values), 81, 18, LOOK).strips)
    values = values.copy()
    values[777_777] = 12.0
    values[-1] = 4.001
    assert "↑ 12.00" in shown(draw(curves(values), 81, 18, LOOK).strips)
    assert "↑" not in calm


def test_too_small_a_chart_is_blank() -> None:
    """Below its smallest size it draws nothing rather than rubbish."""
    assert [strip.text for strip in draw(curves([5.0, 4.0]), 10, 2, LOOK).strips] == [" " * 10] * 2
