"""Several runs followed at once: each is read, one is shown, and the keys change which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app_runner import screen
from snapshots import founding
from watching import lines

from parsers.sources import LogFile
from tui.app import TraintopApp
from tui.hardware import Hardware
from tui.look import Look
from tui.options import Options
from tui.reading import Reading
from tui.several import Seat, Several
from tui.snapshot import Snapshot


def several(tmp_path: Path, *lengths: int) -> tuple[Several, list[Snapshot]]:
    """Runs of so many steps each, and what is published; each look is asked for."""
    seats, shown = [], list[Snapshot]()
    options = Options(gpu="RTX 4070")
    for at, length in enumerate(lengths):
        path = tmp_path / f"{at}.log"
        path.write_text(lines(0, length))
        seats.append(Seat(Reading(LogFile(path), options, path), Hardware(options), None))
    return Several(seats, shown.append, interval=1.0), shown


def last_step(snapshot: Snapshot) -> int | None:
    """The run's last step."""
    return None if snapshot.case is None else snapshot.case.steps.last


def test_only_the_run_that_is_shown_is_published_and_says_which_it_is(tmp_path: Path) -> None:
    """The first at the start."""
    runs, shown = several(tmp_path, 10, 20)
    for monitor in reversed(runs.monitors):
        monitor.tick()

    assert [last_step(snapshot) for snapshot in shown] == [9]
    assert shown[-1].label == f"{tmp_path / '0.log'} (run 1 of 2, r: next)"


def test_a_switch_publishes_what_the_other_run_has_had_meanwhile(tmp_path: Path) -> None:
    """At once, without another look; round the ends in both directions."""
    runs, shown = several(tmp_path, 10, 20, 30)
    for monitor in runs.monitors:
        monitor.tick()

    assert runs.switch(1) == "run 2 of 3"
    assert last_step(shown[-1]) == 19
    assert runs.switch(-2) == "run 3 of 3"
    assert last_step(shown[-1]) == 29
    assert runs.switch(1) == "run 1 of 3"


def test_a_run_that_was_not_read_yet_is_shown_by_its_name(tmp_path: Path) -> None:
    """Its monitor may hang on a dead network share."""
    runs, shown = several(tmp_path, 10, 20)
    runs.switch(1)

    assert shown[-1].case is None
    assert "1.log" in shown[-1].label


def test_all_monitors_are_asked_to_end(tmp_path: Path) -> None:
    """None is waited for."""
    runs, _ = several(tmp_path, 10, 20)
    runs.start()
    runs.stop()
    for monitor in runs.monitors:
        monitor.join(30)

    assert not any(monitor.is_alive() for monitor in runs.monitors)


async def test_the_keys_show_the_next_run_and_the_one_before() -> None:
    """What was chosen in one run is not chosen in another, and a held screen goes on."""
    asked: list[int] = []

    def switch(by: int) -> str:
        asked.append(by)
        app.publish(replace(founding(2_000 * len(asked)), label=f"run{len(asked)}"))
        return f"run {len(asked)} of 9"

    app = TraintopApp(Look(utc=True), switch_run=switch)
    app.publish(founding(14_500))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("n", "plus", "v", "space", "enter", "r")
        assert "run1" in screen(app)
        assert "2,000" in screen(app)
        assert app.look == replace(Look(utc=True), said="run 1 of 9")
        await pilot.press("R")
        assert "run2" in screen(app)
    assert asked == [1, -1]


async def test_with_one_run_the_key_says_how_to_watch_two() -> None:
    """And changes nothing."""
    app = TraintopApp(Look(utc=True))
    app.publish(founding())
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("r")
        assert "traintop A B" in screen(app)
