"""What reading a whole store costs beyond the start-up of the process, and the table that the benchmarks print."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from process_cost import Cost, run

ROOT = Path(__file__).parent.parent
READER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from {module} import {kind}
store = {kind}(Path(sys.argv[1]))
rows = 0
while True:
    rows += sum(len(getattr(record, "steps", ())) for record in store.poll())
    if store.caught_up:
        break
assert rows == int(sys.argv[2]), rows
"""


def reader_of(module: str, kind: str) -> str:
    """A program that reads the store at its first argument to its end; its second is how many rows there must be."""
    return READER.format(root=str(ROOT), module=module, kind=kind)


def cost_beyond_start_up(reader: str, whole: tuple[Path, int], short: tuple[Path, int]) -> Cost:
    """What a program of two arguments, path and rows, takes for `whole` less what it takes for `short`.

    The peak is the whole process's.
    """
    start_up, full = (run([sys.executable, "-c", reader, str(path), str(rows)]) for path, rows in (short, whole))
    return Cost(full.cpu - start_up.cpu, full.wall - start_up.wall, full.peak)


def print_table(measured: str, pairs: int, rows: Iterable[tuple[str, str, str]]) -> None:
    """Rows of what, measured and goal, below a line that says what was measured and how busy the machine was."""
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"{measured}, {pairs} pairs, {load}: median (min - max)\n")
    print("| what | measured | goal |\n|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
