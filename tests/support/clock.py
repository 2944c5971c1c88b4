"""A clock for tests."""

from __future__ import annotations


class Clock:
    """Stands until it is moved."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
