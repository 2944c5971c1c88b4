"""What reaches the app from outside and leaves it: snapshots from threads, the replay's controls, quitting."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from app_runner import FakeControls, running, screen
from snapshots import founding, replayed

from tui.app import SnapshotTaken, TraintopApp
from tui.look import Look
from tui.snapshot import ReplayClock


async def test_the_replay_keys_ask_the_controls() -> None:
    """Play, speed, seek, step, start and end."""
    controls = FakeControls()
    async with running(replayed(), controls=controls) as (app, pilot):
        await pilot.press("space", "right_square_bracket", "left_square_bracket", "right", "shift+left", "full_stop")
        await pilot.press("home", "end")
        assert controls.asked == [
            ("resume", 0),
            ("speed", 120.0),
            ("speed", 60.0),
            ("seek", 1310.0),
            ("seek", -13100.0),
            ("step", 0),
            ("seek", -float("inf")),
            ("seek", float("inf")),
        ]
        playing = replace(replayed(), replay=ReplayClock(1.0, 10.0, 60.0, paused=False))
        app.publish(playing)
        await pilot.pause()
        await pilot.press("space")
        assert controls.asked[-1] == ("pause", 0)


async def test_a_second_press_goes_on_from_the_first() -> None:
    """Though no snapshot has come in between."""
    controls = FakeControls()
    async with running(replayed(), controls=controls) as (_, pilot):
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert controls.asked == [("speed", 120.0), ("speed", 300.0)]


async def test_enter_in_the_details_goes_to_the_step_of_the_finding() -> None:
    """In a replay: the source step."""
    controls = FakeControls()
    async with running(replayed(), controls=controls) as (_, pilot):
        await pilot.press("n", "n", "enter", "enter")
        assert controls.asked == [("seek_step", 200)]


async def test_replay_keys_do_nothing_without_a_replay() -> None:
    """And without controls."""
    async with running() as (app, pilot):
        await pilot.press("right_square_bracket", "full_stop", "left", "home", "f5", "c", "e", "b")
        assert app.look == replace(Look(utc=True), selected="size-mismatch")


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_quit(key: str) -> None:
    """At once, with exit code 0, and the feeder is told."""
    controls = FakeControls(is_replay=False)
    async with running(controls=controls) as (app, pilot):
        await pilot.press(key)
        await pilot.pause()
        assert app.return_code == 0
        assert controls.asked == [("quit", 0)]


async def test_snapshots_come_from_any_thread_and_the_newest_wins() -> None:
    """A thousand in a burst end with the last on the screen."""
    async with running(founding(1_000)) as (app, pilot):
        made = [founding(step) for step in (2_000, 3_000, 4_000)]

        def feed() -> None:
            for at in range(1_000):
                app.publish(made[at % 3])
            app.publish(founding(12_000))

        thread = threading.Thread(target=feed)
        thread.start()
        thread.join()
        await pilot.pause()
        assert "12,000 / 20,000" in screen(app)
    assert SnapshotTaken().can_replace(SnapshotTaken())


async def test_publishing_before_the_start_and_after_the_end_is_harmless() -> None:
    """The monitor's thread knows nothing of the screen's life."""
    app = TraintopApp()
    app.publish(founding())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "14,500" in screen(app)
    app.publish(founding(15_000))


async def test_an_unchanged_snapshot_rewrites_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is refreshed when the same is published again."""
    async with running() as (app, pilot):
        counted: list[int] = []
        for widget in app._lines.values():
            show = widget.show
            monkeypatch.setattr(widget, "show", lambda strips, show=show: counted.append(show(strips)))
        app.publish(founding())
        await pilot.pause()
        assert counted
        assert sum(counted) == 0
