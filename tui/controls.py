"""What the screen may ask of whoever feeds it. The screen works without one."""

from __future__ import annotations

from typing import Protocol

SPEEDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0)
"""Seconds of the run in one second, in the order of the keys for slower and faster."""


class Controls(Protocol):
    """The keys that reach beyond the screen. All may be called from the screen's thread and return at once."""

    @property
    def is_replay(self) -> bool:
        """Whether a finished log is played; only then are the others but request_quit called."""

    def pause(self) -> None:
        """Stops the replay's clock."""

    def resume(self) -> None:
        """Lets the replay's clock run on."""

    def set_speed(self, factor: float) -> None:
        """Plays so many seconds of the run in one second."""

    def seek(self, by_seconds: float) -> None:
        """Moves by so many seconds of the run, back where negative; infinite goes to the start or the end."""

    def seek_step(self, step: int) -> None:
        """Goes to where the log first reached a step."""

    def step_once(self) -> None:
        """Pauses, and goes to the next line of numbers."""

    def request_quit(self) -> None:
        """The screen closes: stop reading, without waiting for a read that hangs."""


def next_speed(speed: float, by: int) -> float:
    """The next faster or slower speed."""
    if by > 0:
        return next((s for s in SPEEDS if s > speed * 1.001), SPEEDS[-1])
    return next((s for s in reversed(SPEEDS) if s < speed * 0.999), SPEEDS[0])
