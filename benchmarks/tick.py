"""What one look at a growing run costs: a new row comes, every number is worked out, every rule is asked.

    python benchmarks/tick.py [--points 100000] [--ticks 60]

The run goes on as it was, and then its loss jumps by half a nat, which gives several rules more to do. The baseline is
the same look by somebody who remembers nothing: the summaries of all series are thrown away before it. Both are taken
in turn on the same run, as processor time of this process, so that a busy machine slows both. On one, the lowest figure
is nearest to what a quiet machine shows.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "support")]

from process_cost import spread  # noqa: E402  the path must be set first

from benchmarks.make_log import ITER_LINE  # noqa: E402
from diagnosis.case import Case  # noqa: E402
from diagnosis.rules import diagnose, rules  # noqa: E402
from tui.opening import open_log, whole  # noqa: E402
from tui.options import Options  # noqa: E402
from tui.reading import Moment, Reading  # noqa: E402

JUMP_NATS = 0.5
AGAIN = 500
"""Rows that are written again and again as the newest; the last of the log timed an evaluation."""
ROUNDS = 4
SEEN = 0.1
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
        self.step, self.jump = self.reading.run.last_step or 0, 0.0
        loss, seconds, mfu = (
            self.reading.run.series(name).values[-1 - AGAIN : -1] for name in ("train_loss", "step_seconds", "mfu")
        )
        self.rows = list(zip(loss.tolist(), (1e3 * seconds).tolist(), (100 * mfu).tolist(), strict=True))

    def look(self) -> float:
        """Milliseconds of processor time from a new row to the findings."""
        self.grow()
        began = time.process_time()
        diagnose(self.case())
        return 1e3 * (time.process_time() - began)

    def grow(self) -> None:
        """Writes a row."""
        self.step += 1
        loss, *rest = self.rows[self.step % AGAIN]
        with self.log.open("a") as log:
            log.write(ITER_LINE % (self.step, loss + self.jump, *rest))

    def case(self) -> Case:
        """What is known now, the newest row read."""
        self.reading.take(1.0)
        return self.reading.case(self.moment)

    def forget(self) -> None:
        """Throws away what was summed up of the rows."""
        for name in self.reading.run.metrics():
            self.reading.run.series(name).memo.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--ticks", type=int, default=60)
    args = parser.parse_args()
    args.ticks = max(args.ticks, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "train.log"
        maker = [sys.executable, str(HERE / "make_log.py"), str(log), "--iterations", str(args.points)]
        subprocess.run(maker, check=True)
        live = Live(log)
        print(f"one look at {args.points:,} points, {args.ticks} looks, milliseconds of processor time\n")
        print("| what | it goes on | the loss jumped |\n|---|---|---|")
        columns = [_looks(live, args.ticks)]
        live.jump = JUMP_NATS
        columns.append(_looks(live, args.ticks))
    for name in columns[0]:
        each = [column[name] for column in columns]
        if name in WHOLE or max(map(statistics.median, each)) > SEEN:
            print(f"| {name} | " + " | ".join(spread(taken, "ms") for taken in each) + " |")


WHOLE = ("with running summaries, goal 5 ms", "without", "reading, numbers, laws")


def _looks(live: Live, ticks: int) -> dict[str, list[float]]:
    """The milliseconds of each look, of one that remembers nothing, and of the parts of a look."""
    taken: dict[str, list[float]] = {name: [] for name in (*WHOLE, *rules())}
    live.look()
    for _ in range(ROUNDS):
        taken[WHOLE[0]] += [live.look() for _ in range(ticks // ROUNDS + 1)][1:]
        for _ in range(ticks // ROUNDS):
            live.forget()
            taken[WHOLE[1]].append(live.look())
    for _ in range(ticks):
        _parts(live, taken)
    return taken


def _parts(live: Live, taken: dict[str, list[float]]) -> None:
    """One look, in parts; what two rules need is charged to the one that is asked first."""
    live.grow()
    began = time.process_time()
    case = live.case()
    taken[WHOLE[2]].append(1e3 * (time.process_time() - began))
    for name, rule in rules().items():
        began = time.process_time()
        rule(case)
        taken[name].append(1e3 * (time.process_time() - began))


if __name__ == "__main__":
    main()
