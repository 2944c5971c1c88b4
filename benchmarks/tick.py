"""What one look at a growing run costs: a new row comes, every number is worked out, every rule is asked.

    python benchmarks/tick.py [--points 100000] [--ticks 60]

The baseline is the same look by somebody who remembers nothing: the summaries of all series are thrown away before it.
Both are taken in turn on the same run, as processor time of this process, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "support")]

from process_cost import spread  # noqa: E402  the path must be set first

from diagnosis.case import Case  # noqa: E402
from diagnosis.rules import diagnose, rules  # noqa: E402
from tui.opening import open_log, whole  # noqa: E402
from tui.options import Options  # noqa: E402
from tui.reading import Moment, Reading  # noqa: E402

LINE = "iter {0}: loss {1:.4f}, time 250.00ms, mfu 41.00%\n"
ROUNDS = 4
SEEN = 0.3
"""Milliseconds of a rule that are worth a line."""


def opened(log: Path) -> Reading:
    """The log as a monitor has it, read to its end."""
    source = open_log(str(log), Options(), may_wait=False)
    reading = Reading(source.source, Options(), source.path)
    for block in whole(source):
        reading.apply(block)
    return reading


class Live:
    """A log that grows by a row at each look."""

    def __init__(self, log: Path) -> None:
        self.log, self.reading, self.moment = log, opened(log), Moment(over=False)
        self.step = self.reading.run.last_step or 0

    def look(self, after: Callable[[Case], object]) -> float:
        """Milliseconds of processor time from the row to the findings."""
        self.step += 1
        with self.log.open("a") as log:
            log.write(LINE.format(self.step, 3.45 + 0.03 * (self.step * 0.618 % 1)))
        began = time.process_time()
        self.reading.take(1.0)
        after(self.reading.case(self.moment))
        return 1e3 * (time.process_time() - began)

    def forget(self) -> None:
        """Throws away what was summed up of the rows."""
        for name in self.reading.run.metrics():
            self.reading.run.series(name).memo.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--ticks", type=int, default=60)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "train.log"
        maker = [sys.executable, str(HERE / "make_log.py"), str(log), "--iterations", str(args.points)]
        subprocess.run(maker, check=True)
        live = Live(log)
        live.look(diagnose)
        remembering, forgetting = [], []
        for _ in range(ROUNDS):
            remembering += [live.look(diagnose) for _ in range(args.ticks // ROUNDS + 1)][1:]
            for _ in range(args.ticks // ROUNDS):
                live.forget()
                forgetting.append(live.look(diagnose))
        _print(live, args.points, remembering, forgetting)


def _print(live: Live, points: int, remembering: list[float], forgetting: list[float]) -> None:
    print(f"one look at {points:,} points, {len(remembering)} looks, milliseconds of processor time")
    print(f"| with running summaries | {spread(remembering, 'ms')} | goal 5 |")
    print(f"| without               | {spread(forgetting, 'ms')} | |")
    live.look(diagnose)
    nothing = min(live.look(lambda _: None) for _ in range(10))
    print(f"| of it read, numbers, laws | {nothing:.2f} ms | |")
    for name, rule in rules().items():
        cost = min(live.look(rule) for _ in range(5)) - nothing
        if cost > SEEN:
            print(f"| {name} | {cost:.2f} ms | |")


if __name__ == "__main__":
    main()
