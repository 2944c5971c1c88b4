"""Several runs followed at once, each by a monitor of its own; the screen shows one of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tui.hardware import Hardware
from tui.monitor import Monitor
from tui.reading import Reading
from tui.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Seat:
    """One run: what reads it, its GPU, and the file whose changes wake its monitor."""

    reading: Reading
    hardware: Hardware
    wake_for: Path | None


class Several:
    """Keeps the newest snapshot of each run, and publishes those of the run that is shown."""

    def __init__(self, seats: Sequence[Seat], publish: Callable[[Snapshot], None], *, interval: float) -> None:
        self._publish = publish
        self._lock = threading.Lock()
        self._shown = 0
        self._newest = [Snapshot(time.time(), seat.reading.source.label) for seat in seats]
        self.monitors = [
            Monitor(seat.reading, seat.hardware, partial(self._take, at), interval=interval, wake_for=seat.wake_for)
            for at, seat in enumerate(seats)
        ]

    def start(self) -> None:
        """Starts to read all of them."""
        for monitor in self.monitors:
            monitor.start()

    def stop(self) -> None:
        """Asks all monitors to end; waits for none."""
        for monitor in self.monitors:
            monitor.stop()

    def switch(self, by: int) -> str:
        """Shows the run that is so many further, round the end, and publishes it; its number, for people."""
        with self._lock:
            self._shown = (self._shown + by) % len(self._newest)
            self._publish(self._named(self._shown))
            return f"run {self._shown + 1} of {len(self._newest)}"

    def _take(self, at: int, snapshot: Snapshot) -> None:
        # Locked, so that no snapshot of the run before comes after the switch.
        with self._lock:
            self._newest[at] = snapshot
            if at == self._shown:
                self._publish(self._named(at))

    def _named(self, at: int) -> Snapshot:
        """The newest of a run, its number behind its path: the end of a long name is what is shown."""
        snapshot = self._newest[at]
        return replace(snapshot, label=f"{snapshot.label} (run {at + 1} of {len(self._newest)}, r: next)")
