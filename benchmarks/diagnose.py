"""Measures `traintop diagnose --json` on a log of a million iterations against a bare `re` + `float` pass over it.

    python benchmarks/diagnose.py

The ratio is fair because both are whole processes of the same interpreter that read the same lines, run in turn
(A B A B ...) so that a busy machine slows both, and each is charged its user and system time less its own start-up,
which is the same command on a log of ten iterations. The bare pass matches each line and turns every number of it into
a float, and keeps none: the least that any reader written in plain Python must do.

The peak memory is the kernel's ru_maxrss of the child. A child starts at its parent's, so this process stays small and
leaves the making of the log to another.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

from process_cost import MIB, Cost, run, spread  # noqa: E402  the path must be set first

TRAINTOP = Path(sysconfig.get_path("scripts")) / "traintop"

BARE_READER = r"""
import re, sys
iter_line = re.compile(r"iter (\d+): loss ([\d.]+), time ([\d.]+)ms, mfu (-?[\d.]+)%")
step_line = re.compile(r"step (\d+): train loss ([\d.]+), val loss ([\d.]+)")
with open(sys.argv[1], encoding="utf-8") as log:
    for line in log:
        found = iter_line.match(line) or step_line.match(line)
        if found:
            for number in found.groups():
                float(number)
"""


def diagnose(log: Path) -> list[str]:
    return [str(TRAINTOP), "diagnose", "--json", str(log)]


def bare_pass(log: Path) -> list[str]:
    return [sys.executable, "-c", BARE_READER, str(log)]


def measure(command: Callable[[Path], list[str]], log: Path, short: Path) -> Cost:
    """The cost of the command on `log` less its start-up; the peak is the whole process's."""
    start_up, whole = run(command(short)), run(command(log))
    return Cost(whole.cpu - start_up.cpu, whole.wall - start_up.wall, whole.peak)


def make_log(path: Path, iterations: int) -> Path:
    maker = [sys.executable, str(HERE / "make_log.py"), str(path), "--iterations", str(iterations)]
    subprocess.run(maker, check=True)
    return path


def report(ours: list[Cost], bare: list[Cost]) -> list[tuple[str, str, str]]:
    """Rows of the table: what, measured, goal. Each ratio is of one pair; the median of the pairs is shown first."""
    cpu = [a.cpu / b.cpu for a, b in zip(ours, bare, strict=True)]
    wall = [a.wall / b.wall for a, b in zip(ours, bare, strict=True)]
    return [
        ("diagnose, processor time", spread([cost.cpu for cost in ours], "s"), ""),
        ("bare re + float pass, processor time", spread([cost.cpu for cost in bare], "s"), ""),
        ("ratio of processor time", spread(cpu, ""), "1.0"),
        ("ratio of wall time", spread(wall, ""), ""),
        ("diagnose, peak memory", spread([cost.peak / MIB for cost in ours], "MiB", 1), "< 100 MiB"),
        ("bare pass, peak memory", spread([cost.peak / MIB for cost in bare], "MiB", 1), ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--iterations", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        short = make_log(Path(folder) / "short.log", 10)
        log = make_log(Path(folder) / "long.log", given.iterations)
        run(diagnose(short))  # compiles what was never imported here
        size = log.stat().st_size / 1e6
        measured = [(measure(diagnose, log, short), measure(bare_pass, log, short)) for _ in range(given.pairs)]
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"{given.iterations:,} iterations, {size:.1f} MB, {given.pairs} pairs, {load}: median (min - max)\n")
    print("| what | measured | goal |\n|---|---|---|")
    for row in report([ours for ours, _ in measured], [bare for _, bare in measured]):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
