"""Measures the screen through a real pseudo-terminal: start, paint, idle, following a log, and leaving on a slow link.

    python benchmarks/screen.py

The terminal is 120 x 30, truecolor, and answers the query for synchronised output (DEC 2026) as a modern one does.
Each figure has its baseline from the same run, so that a slow or busy machine slows both: for the start and the
memory a Textual application with one label, taken in turn with ours; for the bytes of following `tail -f` on the same
growing log. Processor time and memory are the kernel's (/proc), so this runs on Linux only.

Following is at one new line a second. On the slow link the terminal is read at 20 kB/s from the first byte on, with
no buffer but the kernel's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from benchmarks.make_log import write_log
from benchmarks.terminal import COLUMNS, ROWS, Terminal

TRAINTOP = str(Path(sysconfig.get_path("scripts")) / "traintop")
SLOW_LINK = 20_000.0

ONE_LABEL = [
    sys.executable,
    "-c",
    """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    BINDINGS = [("q", "quit", "quit")]
    def compose(self):
        yield Static("step 14,500  loss 3.57")
Minimal().run()
""",
]


class GrowingLog:
    """A log that is half written and gets one more line a second while somebody watches."""

    def __init__(self, path: Path, whole: Path) -> None:
        lines = whole.read_bytes().splitlines(keepends=True)
        self.path = path
        self.path.write_bytes(b"".join(lines[: len(lines) // 2]))
        self._rest = iter(lines[len(lines) // 2 :])
        self._next = perf_counter() + 1.0

    def grow(self) -> None:
        if perf_counter() < self._next:
            return
        self._next += 1.0
        with self.path.open("ab") as log:
            log.write(next(self._rest))


Row = tuple[str, str, str, str]


def median(values: list[float], unit: str, digits: int = 2) -> str:
    return f"{statistics.median(values):.{digits}f} {unit} ({min(values):.{digits}f} - {max(values):.{digits}f})"


@dataclass(slots=True)
class Starts:
    """What several starts of one command gave, one value a start."""

    paint: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    still: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def add(self, command: list[str]) -> None:
        terminal = Terminal(command)
        self.total.append(terminal.settle())
        if terminal.over or terminal.paint is None:
            raise SystemExit(
                f"{command[0]} is not on the screen; its last words: {terminal.tail.decode(errors='replace')}"
            )
        self.paint.append(terminal.paint[0])
        self.processor.append(terminal.paint[1])
        self.still.append(terminal.last_write)
        self.memory.append(terminal.memory_mib())
        terminal.seconds_to_exit(b"q")


def start(log: Path, big: Path, rounds: int) -> list[Row]:
    """First paint, bytes of the start and memory once it stands still, each against the application with one label."""
    for command in ([TRAINTOP, str(log)], ONE_LABEL):
        Starts().add(command)  # compiles what was never imported here
    ours, label, long = Starts(), Starts(), Starts()
    for _ in range(rounds):
        ours.add([TRAINTOP, str(log)])
        label.add(ONE_LABEL)
        long.add([TRAINTOP, str(big)])
    return [
        ("first paint", median(ours.paint, "s"), median(label.paint, "s") + " one label", "<= 0.6 s"),
        ("processor to first paint", median(ours.processor, "s"), median(label.processor, "s") + " one label", ""),
        ("first paint, 1M iterations", median(long.paint, "s"), "", "<= 1 s"),
        ("all shown, 1M iterations", median(long.still, "s"), "", "<= 5 s"),
        ("bytes until it stands still", median(ours.total, "B", 0), median(label.total, "B", 0) + " one label", ""),
        ("memory", median(ours.memory, "MiB", 1), median(label.memory, "MiB", 1) + " one label", "<= 60 MiB"),
        ("memory, 1M iterations", median(long.memory, "MiB", 1), "", "<= 150 MiB"),
    ]


def idle(log: Path, seconds: float) -> list[Row]:
    """What a finished run costs while nothing happens."""
    terminal = Terminal([TRAINTOP, str(log)])
    terminal.settle()
    busy = terminal.processor_seconds()
    written = terminal.watch(seconds)
    share = (terminal.processor_seconds() - busy) / seconds
    left = terminal.seconds_to_exit(b"q")
    return [
        ("idle, bytes a second", f"{written / seconds:.0f} B", "", "0"),
        ("idle, share of one core", f"{share:.2%}", "", "<= 1 %"),
        ("q to exit", f"{left:.2f} s", "", "<= 0.5 s"),
    ]


def follow(folder: Path, whole: Path, seconds: float) -> list[Row]:
    """What following a line a second costs, and the bytes that `tail -f` writes for the same."""
    log = GrowingLog(folder / "growing.log", whole)
    tail = Terminal(["tail", "-n", "1", "-f", str(log.path)])
    tail.watch(1.0)
    tail_bytes = tail.watch(seconds, log.grow)
    tail.close()
    log = GrowingLog(folder / "growing.log", whole)
    terminal = Terminal([TRAINTOP, str(log.path)])
    terminal.watch(4.0, log.grow)
    busy = terminal.processor_seconds()
    written = terminal.watch(seconds, log.grow)
    share = (terminal.processor_seconds() - busy) / seconds
    memory = terminal.memory_mib()
    terminal.seconds_to_exit(b"q")
    return [
        (
            "following, bytes a second",
            f"{written / seconds:.0f} B",
            f"{tail_bytes / seconds:.0f} B tail -f",
            "<= 2,500 B",
        ),
        ("following, share of one core", f"{share:.2%}", "", "<= 1 %"),
        ("following, memory", f"{memory:.1f} MiB", "", "<= 60 MiB"),
    ]


def slow_link(folder: Path, whole: Path, seconds: float) -> list[Row]:
    """From `q` to the end of the process where the terminal takes 20 kB a second."""
    label = Terminal(ONE_LABEL, SLOW_LINK)
    label.watch(3.0)
    baseline = label.seconds_to_exit(b"q")
    log = GrowingLog(folder / "slow.log", whole)
    ours = Terminal([TRAINTOP, str(log.path)], SLOW_LINK)
    ours.watch(seconds, log.grow)
    left = ours.seconds_to_exit(b"q")
    return [("q to exit on 20 kB/s", f"{left:.2f} s", f"{baseline:.2f} s one label", "<= 0.5 s")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="starts of each kind")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each state is watched")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log, big = folder / "run.log", folder / "big.log"
        write_log(log, 20_000, log_interval=10)
        write_log(big, 1_000_000)
        rows = start(log, big, given.rounds)
        rows += idle(log, given.seconds)
        rows += follow(folder, log, given.seconds)
        rows += slow_link(folder, log, given.seconds)
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"{COLUMNS} x {ROWS}, {given.rounds} rounds, {load}: median (min - max)\n")
    print("| what | traintop | baseline | goal |\n|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
