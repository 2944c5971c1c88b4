"""Measures the reading of an event file of 1,000,000 scalars against the loader that TensorBoard itself uses.

    python benchmarks/events.py

The baseline is TensorBoard's fast loader, RustBoard (tensorboard_data_server), from its start to the log line that its
load is finished; with --checksum it checks each record as our reader does, by default it does not. It keeps 1,000
scalars of each tag, ours keeps all. Where it is not installed the baseline is TensorBoard's Python loader on a tenth of
the scalars, times ten.

Both are whole processes that read the same file, run in turn (A B A B ...) so that a busy machine slows both. Ours is
charged its processor and wall time less its own start-up, which is the same command on a file of ten scalars.

This process stays small and leaves the making of the file to another: a child's peak memory starts at its parent's.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "support")]

from process_cost import MIB, RSS_UNIT, Cost, run, spread  # noqa: E402  the path must be set first

from benchmarks.store_cost import cost_beyond_start_up, print_table, reader_of  # noqa: E402

LOADED = b"Finished load cycle"

READER = reader_of("parsers.formats.tensorboard", "TensorBoard")
PYTHON_LOADER = r"""
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
loader = EventAccumulator(sys.argv[1], size_guidance={"scalars": 1000})
loader.Reload()
assert len(loader.Tags()["tensors"] + loader.Tags()["scalars"]) == 4
"""


def make_events(folder: Path, scalars: int) -> Path:
    """An event file of so many scalars in a folder of its own, made by another process."""
    folder.mkdir()
    path = folder / "events.out.tfevents.1700000000.host.1.0"
    subprocess.run([sys.executable, str(HERE / "make_events.py"), str(path), "--scalars", str(scalars)], check=True)
    return path


def loaded_by_rustboard(path: Path, *options: str) -> Cost:
    """What RustBoard takes to load the folder of `path`."""
    binary: str = importlib.import_module("tensorboard_data_server").server_binary()
    command = [binary, "--logdir", str(path.parent), "--reload", "once", "--port", "0"]
    started = perf_counter()
    server = subprocess.Popen([*command, "-v", *options], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    lines = iter(server.stderr.readline if server.stderr else bytes, b"")
    if not any(LOADED in line for line in lines):
        raise SystemExit("RustBoard ended before it had loaded the file")
    wall = perf_counter() - started
    server.kill()
    _, _, usage = os.wait4(server.pid, 0)
    server.returncode = 0
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * RSS_UNIT)


def loaded_by_python(path: Path) -> Cost:
    """Ten times what TensorBoard's Python loader takes for a tenth of the file."""
    cost = run([sys.executable, "-W", "ignore", "-c", PYTHON_LOADER, str(path.parent)])
    return Cost(10 * cost.cpu, 10 * cost.wall, cost.peak)


def report(measured: list[Cost], baselines: dict[str, list[Cost]]) -> list[tuple[str, str, str]]:
    """Rows of the table: what, measured, goal. Each ratio is of one pair; the median of the pairs is shown first."""
    rows = [
        ("traintop, wall time", spread([cost.wall for cost in measured], "s"), "<= 1.2 s"),
        ("traintop, processor time", spread([cost.cpu for cost in measured], "s"), ""),
        ("traintop, peak memory", spread([cost.peak / MIB for cost in measured], "MiB", 1), ""),
    ]
    for name, costs in baselines.items():
        ratios = [a.wall / b.wall for a, b in zip(measured, costs, strict=True)]
        rows += [
            (f"{name}, wall time", spread([cost.wall for cost in costs], "s"), ""),
            (f"{name}, processor time", spread([cost.cpu for cost in costs], "s"), ""),
            (f"{name}, peak memory", spread([cost.peak / MIB for cost in costs], "MiB", 1), ""),
            (f"ratio of wall time to {name}", spread(ratios, ""), "1.0"),
        ]
    return rows


def baselines_of(path: Path, tenth: Callable[[], Path]) -> dict[str, Callable[[], Cost]]:
    """The loaders that are installed, by name."""
    if importlib.util.find_spec("tensorboard_data_server") is not None:
        return {
            "RustBoard": lambda: loaded_by_rustboard(path),
            "RustBoard --checksum": lambda: loaded_by_rustboard(path, "--checksum"),
        }
    if importlib.util.find_spec("tensorboard") is not None:
        short = tenth()
        return {"TensorBoard's Python loader": lambda: loaded_by_python(short)}
    raise SystemExit("install tensorboard, which is the baseline: pip install 'traintop[real-tensorboard]'")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scalars", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    scalars = given.scalars // 4 * 4
    with tempfile.TemporaryDirectory() as folder:
        path, short = make_events(Path(folder) / "long", scalars), make_events(Path(folder) / "short", 12)
        loaders = baselines_of(path, lambda: make_events(Path(folder) / "tenth", scalars // 10))
        run([sys.executable, "-c", READER, str(short), "12"])  # compiles what was never imported here
        measured: list[Cost] = []
        baselines: dict[str, list[Cost]] = {name: [] for name in loaders}
        for _ in range(given.pairs):
            measured.append(cost_beyond_start_up(READER, (path, scalars), (short, 12)))
            for name, loader in loaders.items():
                baselines[name].append(loader())
        size = path.stat().st_size / 1e6
    print_table(f"{scalars:,} scalars, {size:.1f} MB", given.pairs, report(measured, baselines))


if __name__ == "__main__":
    main()
