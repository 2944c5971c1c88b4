"""A monitor that a test asks for each look, on a log that the test writes."""

from __future__ import annotations

from pathlib import Path

from diagnosis.case import Case
from parsers.sources import LogFile
from tui.hardware import Hardware
from tui.monitor import Monitor
from tui.options import Options
from tui.reading import Reading
from tui.snapshot import Snapshot

LINE = "iter {0}: loss {1:.4f}, time 500.00ms, mfu 10.00%\n"


def lines(start: int, end: int) -> str:
    return "".join(LINE.format(i, 3.0 + 5 / (1 + i)) for i in range(start, end))


class Seat:
    """A monitor without a thread: each look is asked for."""

    def __init__(self, path: Path) -> None:
        self.shown: list[Snapshot] = []
        source = LogFile(path)
        options = Options(gpu="RTX 4070")
        self.monitor = Monitor(Reading(source, options, path), Hardware(options), self.shown.append)

    def look(self) -> Snapshot:
        self.monitor.tick()
        return self.shown[-1]


def case_of(snapshot: Snapshot) -> Case:
    assert snapshot.case is not None
    return snapshot.case
