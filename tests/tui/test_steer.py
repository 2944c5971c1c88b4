"""What the keys do to the look."""

from __future__ import annotations

from dataclasses import replace

from cases import make_case
from snapshots import NOW, founding

from tui import steer
from tui.controls import SPEEDS, next_speed
from tui.look import Look
from tui.snapshot import Snapshot
from tui.steer import PURE, Stage

STAGE = Stage(founding(), most_scroll=20)
EMPTY = Stage(Snapshot(NOW, "x"))


def press(look: Look, *actions: str, by: int = 1, stage: Stage = STAGE) -> Look:
    """Several actions one after the other."""
    for action in actions:
        look = PURE[action](look, stage, by)
    return look


def test_axes_go_round() -> None:
    """Linear, log y, log x, both, linear."""
    seen = [Look()]
    for _ in range(4):
        seen.append(press(seen[-1], "axes"))
    assert [(look.log_x, look.log_y) for look in seen] == [
        (False, False),
        (False, True),
        (True, False),
        (True, True),
        (False, False),
    ]


def test_smoothing_goes_round() -> None:
    """0.6, 0.9, 0.99, none; a strength that is not among them starts anew."""
    look = press(Look(), "smoothing", "smoothing", "smoothing")
    assert look.smoothing == 0
    assert press(look, "smoothing").smoothing == 0.6
    assert press(Look(smoothing=0.5), "smoothing").smoothing == 0.6


def test_the_x_axis_offers_only_what_is_known() -> None:
    """Tokens and time where the log gives them; else a sentence says why nothing happens."""
    assert press(Look(), "x_axis").x_kind == "tokens"
    assert press(Look(), "x_axis", "x_axis").x_kind == "time"
    assert press(Look(), "x_axis", "x_axis", "x_axis").x_kind == "steps"
    said = press(Look(), "x_axis", stage=Stage(Snapshot(NOW, "x", make_case()))).said
    assert said is not None
    assert "neither tokens" in said


def test_zoom_in_and_out_again_is_where_it_was() -> None:
    """And it ends at the whole run."""
    assert press(Look(), "zoom", "zoom").zoom == 4
    back = press(press(Look(), "zoom", "zoom"), "zoom", "zoom", "zoom", by=-1)
    assert (back.zoom, back.centre) == (1, None)
    assert press(replace(Look(), zoom=8.0, centre=5.0), "reset") == Look()


def test_zoom_goes_to_the_cursor() -> None:
    """What was looked at stays in view."""
    assert press(Look(cursor=3_000.0), "zoom").centre == 3_000.0


def test_the_cursor_starts_at_the_newest_step_and_moves_from_point_to_point() -> None:
    """Each press reaches a step that has a value."""
    look = press(Look(), "cursor")
    assert look.cursor == 14_500
    moved = steer.sideways(look, STAGE, -1)
    assert moved.cursor is not None
    assert moved.cursor < 14_500
    assert moved.cursor % 200 == 0
    assert press(moved, "cursor").cursor is None


def test_the_cursor_stops_at_the_ends() -> None:
    """It never leaves the run."""
    look = Look(cursor=200.0)
    for _ in range(5):
        look = steer.sideways(look, STAGE, -10)
    assert look.cursor == 0
    for _ in range(50):
        look = steer.sideways(look, STAGE, 10)
    assert look.cursor == 14_400


def test_a_zoomed_window_follows_the_cursor_out() -> None:
    """Moved beyond the edge, the window comes along."""
    look = Look(cursor=7_000.0, zoom=8.0, centre=7_000.0)
    for _ in range(60):
        look = steer.sideways(look, STAGE, 3)
    assert look.centre is not None
    assert look.centre > 7_000


def test_panning_moves_the_window_by_an_eighth() -> None:
    """Without a cursor left and right move what is shown."""
    look = steer.sideways(Look(zoom=4.0, centre=10_000.0), STAGE, 1)
    assert look.centre == 10_000 + 5_000 / 8


def test_nothing_to_move_nothing_moves() -> None:
    """No case, no zoom, no cursor."""
    assert steer.sideways(Look(), STAGE, 1) == Look()
    assert steer.sideways(Look(cursor=1.0), EMPTY, 1) == Look(cursor=1.0)
    assert press(Look(), "cursor", stage=EMPTY) == Look()
    assert press(Look(), "cursor", stage=Stage(Snapshot(NOW, "x", make_case()))) == Look()
    assert steer.sideways(Look(cursor=1.0), Stage(Snapshot(NOW, "x", make_case())), 1) == Look(cursor=1.0)


def test_tab_goes_through_the_panels_that_are_shown() -> None:
    """Forwards and backwards, and round."""
    stage = Stage(founding(), shown=("loss", "gpu"))
    assert steer.focus(Look(), stage, 1).focus == "loss"
    assert steer.focus(Look(focus="loss"), stage, 1).focus == "gpu"
    assert steer.focus(Look(focus="gpu"), stage, 1).focus == "loss"
    assert steer.focus(Look(), stage, -1).focus == "gpu"
    assert steer.focus(Look(), Stage(founding(), shown=()), 1).focus is None


def test_tab_in_the_full_screen_goes_to_the_next_panel_there() -> None:
    """All five, whether or not they had a place."""
    look = steer.focus(Look(full="loss", focus="loss"), STAGE, 1)
    assert (look.full, look.focus) == ("tokens", "tokens")


def test_a_number_twice_takes_the_full_screen() -> None:
    """And once more gives it back; numbers without a panel do nothing."""
    once = steer.panel(Look(), 4)
    twice = steer.panel(once, 4)
    assert (once.focus, once.full) == ("gpu", None)
    assert twice.full == "gpu"
    assert steer.panel(twice, 4).full is None
    assert steer.panel(twice, 1).full == "loss"
    assert steer.panel(Look(), 9) == Look()


def test_enter_opens_what_has_the_focus() -> None:
    """A finding its details, a panel the full screen; the full screen closes again."""
    assert steer.open_chosen(Look(), STAGE).page == "details"
    assert steer.open_chosen(Look(), STAGE).selected == "size-mismatch"
    assert steer.open_chosen(Look(focus="speed"), STAGE).full == "speed"
    assert steer.open_chosen(Look(focus="speed", full="speed"), STAGE).full is None
    assert steer.open_chosen(Look(focus="diagnosis", full="diagnosis"), STAGE).page == "details"
    assert steer.open_chosen(Look(page="help"), STAGE).page == "help"
    assert steer.open_chosen(Look(), EMPTY) == Look()


def test_escape_goes_back_one_step_at_a_time() -> None:
    """Page, full screen, filter, cursor, zoom, focus: the nearest first."""
    look = Look(page="help", full="loss", filter="mfu", cursor=5.0, zoom=2.0, focus="loss", selected="x")
    steps = []
    for _ in range(6):
        look = press(look, "back")
        steps.append((look.page, look.full, look.filter, look.cursor, look.zoom, look.focus))
    assert steps[0] == (None, "loss", "mfu", 5.0, 2.0, "loss")
    assert steps[1] == (None, None, "mfu", 5.0, 2.0, "loss")
    assert steps[2] == (None, None, "", 5.0, 2.0, "loss")
    assert steps[3] == (None, None, "", None, 2.0, "loss")
    assert steps[4] == (None, None, "", None, 1.0, "loss")
    assert look == Look()


def test_up_and_down_choose_a_finding_or_scroll() -> None:
    """In a page and in the full GPU panel they scroll, within what there is."""
    look = steer.move(Look(), STAGE, 1)
    assert look.selected == "size-mismatch"
    assert steer.move(look, STAGE, 1).selected == "mfu-reference"
    assert steer.move(look, STAGE, -1).selected == "size-mismatch"
    assert steer.move(look, STAGE, 100).selected == "harmless-message"
    assert steer.move(Look(page="help"), STAGE, 7).scroll == 7
    assert steer.move(Look(full="gpu"), STAGE, 99).scroll == 20
    assert steer.move(Look(page="help", scroll=3), STAGE, -10).scroll == 0
    assert steer.move(Look(), EMPTY, 1) == Look()


def test_next_finding_goes_round() -> None:
    """After the last comes the first, also on the page of details."""
    look = press(Look(page="details", selected="harmless-message"), "next_finding")
    assert (look.selected, look.page) == ("size-mismatch", "details")


def test_help_is_a_toggle() -> None:
    """The same key closes it."""
    assert press(Look(), "help").page == "help"
    assert press(Look(), "help", "help").page is None


def test_typing_a_filter() -> None:
    """Letters, backspace, a word, all, keep, drop."""
    look = press(Look(), "filter")
    for key, character in (("m", "m"), ("f", "f"), ("u", "u"), ("space", " "), ("exclamation_mark", "!"), ("up", None)):
        look = steer.typed(look, key, character)
    assert look.filter == "mfu !"
    assert steer.typed(look, "backspace", None).filter == "mfu "
    assert steer.typed(replace(look, filter="mfu gpu"), "ctrl+w", None).filter == "mfu"
    assert steer.typed(look, "ctrl+u", None).filter == ""
    assert steer.typed(look, "enter", None) == replace(look, typing=False)
    assert steer.typed(look, "escape", None) == replace(look, typing=False, filter="")


def test_speeds_have_ends() -> None:
    """Slower than the slowest and faster than the fastest stay."""
    assert next_speed(60.0, 1) == 120.0
    assert next_speed(60.0, -1) == 30.0
    assert next_speed(45.0, 1) == 60.0
    assert next_speed(SPEEDS[-1], 1) == SPEEDS[-1]
    assert next_speed(SPEEDS[0], -1) == SPEEDS[0]
