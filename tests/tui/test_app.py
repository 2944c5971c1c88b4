"""The app: keys, sizes, snapshots from a thread. Drawing itself is tested without it."""

from __future__ import annotations

import pytest
from app_runner import running, screen
from snapshots import SNAPSHOTS, founding

from tui.app import TraintopApp
from tui.frame import strips
from tui.keys import KEYS
from tui.look import Look
from tui.steer import PURE

SIZES = [(120, 36), (80, 24), (60, 15)]


@pytest.mark.parametrize("size", SIZES)
async def test_the_app_shows_what_the_frame_shows(size: tuple[int, int]) -> None:
    """The widgets together are the same lines that a frame without an app gives."""
    async with running(size=size) as (app, _):
        expected = [strip.text for strip in strips(founding(), *size, Look(utc=True))]
        assert screen(app).split("\n") == expected


@pytest.mark.parametrize("name", SNAPSHOTS)
async def test_the_app_shows_every_snapshot(name: str) -> None:
    """Empty, partial, hostile, huge."""
    async with running(SNAPSHOTS[name](), (80, 24)) as (app, _):
        assert len(screen(app).split("\n")) == 24


async def test_a_resize_lays_out_anew() -> None:
    """From wide to small to tiny and back."""
    async with running() as (app, pilot):
        wide = screen(app)
        for size in ((80, 24), (60, 15), (20, 5), (1, 1), (120, 36)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert [len(line) for line in screen(app).split("\n")] == [size[0]] * size[1]
        assert screen(app) == wide


async def test_help_opens_and_closes() -> None:
    """With ? and with escape."""
    async with running(size=(80, 24)) as (app, pilot):
        await pilot.press("question_mark")
        assert "the job is never touched" in screen(app)
        await pilot.press("escape")
        assert "Diagnosis" in screen(app)


@pytest.mark.parametrize("size", SIZES)
async def test_a_finding_opens_to_its_details(size: tuple[int, int]) -> None:
    """Down, down, enter: the second finding; n: the third."""
    async with running(size=size) as (app, pilot):
        await pilot.press("down", "down", "enter")
        assert "Finding 2 of 6" in screen(app)
        assert "printed 11.3 % × 312 TFLOP/s" in screen(app)
        await pilot.press("n")
        assert "Finding 3 of 6" in screen(app)


@pytest.mark.parametrize("size", SIZES)
async def test_help_and_details_scroll_to_their_end(size: tuple[int, int]) -> None:
    """Nothing is out of reach on a small screen."""
    async with running(size=size) as (app, pilot):
        await pilot.press("question_mark", "end")
        assert "a restart" in screen(app)
        await pilot.press("question_mark", "enter", "end")
        assert "traintop explain size-mismatch" in screen(app)
        await pilot.press("home")
        assert "not ~125 M" in screen(app)


async def test_a_panel_takes_the_full_screen() -> None:
    """Tab, enter; escape gives it back."""
    async with running(size=(80, 24)) as (app, pilot):
        await pilot.press("tab", "enter")
        assert app.look.full == "loss"
        assert "Diagnosis" not in screen(app)
        await pilot.press("escape")
        assert "Diagnosis" in screen(app)
        await pilot.press("4", "4")
        assert "compute capability" in screen(app)


async def test_the_chart_keys() -> None:
    """Axes, x, smoothing, zoom, cursor, reset, by the keys of help."""
    async with running() as (app, pilot):
        await pilot.press("g", "x", "s", "plus", "v")
        look = app.look
        assert (look.log_y, look.x_kind, look.smoothing, look.zoom) == (True, "tokens", 0.9, 2.0)
        assert look.cursor == 14_500
        assert "log y · by tokens · smoothing 0.9 · zoom 2×" in screen(app)
        await pilot.press("left", "h", "0", "minus")
        assert app.look.zoom == 1
        assert app.look.cursor is not None
        assert app.look.cursor < 14_500


async def test_l_is_log_axes_unless_something_can_move_right() -> None:
    """The one letter with two meanings."""
    async with running() as (app, pilot):
        await pilot.press("l")
        assert app.look.log_y
        await pilot.press("v", "left", "left")
        before = app.look.cursor
        await pilot.press("l")
        assert (app.look.cursor or 0) > (before or 0)
        assert app.look.log_y


async def test_a_filter_is_typed_kept_and_dropped() -> None:
    """While it is typed all letters are letters, also q; what is pasted goes in too."""
    async with running() as (app, pilot):
        await pilot.press("slash", "m", "q", "backspace", "f", "u")
        assert app.look.filter == "mfu"
        assert "1 of 6" in screen(app)
        await pilot.press("enter")
        assert "/mfu" in screen(app)
        await pilot.press("escape")
        assert "1 of 6" not in screen(app)
        assert app.is_running


async def test_the_advice_goes_to_the_clipboard() -> None:
    """By OSC 52, and the footer says so until the next key."""
    async with running() as (app, pilot):
        await pilot.press("down", "y")
        assert app.clipboard.startswith("Set n_embd = 768")
        assert "copied the advice of size-mismatch" in screen(app)
        await pilot.press("end", "y")
        assert "no advice to copy" in screen(app)


async def test_a_live_screen_can_be_held() -> None:
    """Newer snapshots wait until space is pressed again."""
    async with running() as (app, pilot):
        await pilot.press("space")
        app.publish(founding(15_000))
        await pilot.pause()
        assert "14,500 / 20,000" in screen(app)
        assert "❚❚ held" in screen(app)
        await pilot.press("space")
        assert "15,000 / 20,000" in screen(app)


async def test_no_color_takes_the_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The curves then differ by their signs; textual's filter needs a style on every segment or it crashes."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with running() as (app, pilot):
        await pilot.press("question_mark", "escape", "1", "1")
        assert "o val 3.555" in screen(app)
        assert app.look.palette.val.color is None


async def test_an_ascii_screen_is_ascii() -> None:
    """Help, details and full screens too."""
    async with running(look=Look(ascii=True)) as (app, pilot):
        for keys in ((), ("question_mark",), ("escape", "enter"), ("escape", "1", "1"), ("4",), ("slash", "m")):
            await pilot.press(*keys)
            assert screen(app).isascii()


def test_every_key_has_its_action() -> None:
    """No key of help leads nowhere, and what is not built yet has none."""
    app = TraintopApp()
    names = [name for key in KEYS for name in key.keys.split(",")]
    assert len(set(names)) == len(names)
    assert not {"c", "e", "b"} & set(names)
    for key in KEYS:
        assert key.action in PURE or hasattr(app, f"_do_{key.action}")
