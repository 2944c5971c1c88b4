"""The app without a terminal, with a snapshot shown and controls that note what they are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from snapshots import founding
from textual.pilot import Pilot

from tui.app import TraintopApp
from tui.look import Look
from tui.snapshot import Snapshot


class FakeControls:
    """Notes what it is asked for."""

    def __init__(self, *, is_replay: bool = True) -> None:
        self.is_replay = is_replay
        self.asked: list[tuple[str, float]] = []

    def pause(self) -> None:
        """Noted."""
        self.asked.append(("pause", 0))

    def resume(self) -> None:
        """Noted."""
        self.asked.append(("resume", 0))

    def set_speed(self, factor: float) -> None:
        """Noted."""
        self.asked.append(("speed", factor))

    def seek(self, by_seconds: float) -> None:
        """Noted."""
        self.asked.append(("seek", by_seconds))

    def seek_step(self, step: int) -> None:
        """Noted."""
        self.asked.append(("seek_step", step))

    def step_once(self) -> None:
        """Noted."""
        self.asked.append(("step", 0))

    def request_quit(self) -> None:
        """Noted."""
        self.asked.append(("quit", 0))


@asynccontextmanager
async def running(
    snapshot: Snapshot | None = None,
    size: tuple[int, int] = (120, 36),
    controls: FakeControls | None = None,
    look: Look | None = None,
) -> AsyncIterator[tuple[TraintopApp, Pilot[None]]]:
    """The app on a terminal of that size, with a snapshot shown."""
    app = TraintopApp(look or Look(utc=True), controls)
    app.publish(snapshot if snapshot is not None else founding())
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


def screen(app: TraintopApp) -> str:
    """What stands on the screen, as text."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())
