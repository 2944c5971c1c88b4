"""Measures the reading of a `.wandb` file of 100,000 rows with five metrics against a bare protobuf pass over it.

    python benchmarks/wandb_history.py

The file is as wandb-core writes it: each row also has `_step`, `_runtime` and `_timestamp`, and is followed by the two
summary records of a real run, so that half of its bytes are no history. The bare pass has the whole schema of a record
that it needs, parses each record with the protobuf library, takes the name of each item and turns each value into a
float, and keeps none: no checksum, no half record, no rows, no names looked up, no damage. It is the least that a
reader which treats each item as a message must do.

The ratio is fair because both are whole processes of the same interpreter that read the same file, run in turn
(A B A B ...) so that a busy machine slows both, and each is charged its user and system time less its own start-up,
which is the same command on a file of ten rows.

The peak memory is the kernel's ru_maxrss of the child. A child starts at its parent's, so this process stays small and
leaves the making of the file to another.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from process_cost import MIB, Cost, run, spread  # noqa: E402  the path must be set first

from benchmarks.store_cost import cost_beyond_start_up, print_table, reader_of  # noqa: E402

NAMES = ("train/loss", "train/lr", "train/grad_norm", "perf/mfu", "tokens")

READER = reader_of("parsers.formats.wandb", "Wandb")
BARE_READER = r"""
import struct, sys
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
file = descriptor_pb2.FileDescriptorProto(name="bare.proto", package="bare", syntax="proto3")
item, history, record = (file.message_type.add(name=name) for name in ("Item", "History", "Record"))
item.field.add(name="key", number=1, label=1, type=9)
item.field.add(name="nested_key", number=2, label=3, type=9)
item.field.add(name="value_json", number=16, label=1, type=9)
history.field.add(name="item", number=1, label=3, type=11, type_name=".bare.Item")
record.field.add(name="history", number=2, label=1, type=11, type_name=".bare.History")
pool = descriptor_pool.DescriptorPool()
pool.AddSerializedFile(file.SerializeToString())
parse = message_factory.GetMessageClass(pool.FindMessageTypeByName("bare.Record")).FromString
data = open(sys.argv[1], "rb").read()
at, parts, rows = 7, [], 0
while at < len(data):
    room = 32768 - at % 32768
    if room < 7:
        at += room
        continue
    _, size, kind = struct.unpack_from("<IHB", data, at)
    parts.append(data[at + 7 : at + 7 + size])
    at += 7 + size
    if kind in (1, 4):
        items = parse(b"".join(parts)).history.item
        parts = []
        rows += bool(items)
        for entry in items:
            name = entry.key or ".".join(entry.nested_key)
            float(entry.value_json)
assert rows == int(sys.argv[2]), rows
"""


def make_file(path: Path, rows: int) -> Path:
    """A run of so many rows, made by a process of its own."""
    run([sys.executable, str(Path(__file__).resolve()), "--make", str(path), "--rows", str(rows)])
    return path


def write_file(path: Path, rows: int) -> None:
    """A run of so many rows, the same numbers each time."""
    from wandb_files import SUMMARY, history, item, text, write

    def records() -> Iterator[bytes]:
        draw = random.Random(1)
        for row in range(rows):
            values = {name: draw.random() for name in NAMES[:-1]} | {NAMES[-1]: row * 524_288}
            whole = {**values, "_step": row, "_runtime": row / 2, "_timestamp": 1.7e9 + row / 2}
            yield history(whole)
            yield text(SUMMARY, b"".join(text(1, item(name, value)) for name, value in whole.items()))
            yield text(SUMMARY, text(1, item("_runtime", row // 2)))

    write(path, records())


def report(pairs: list[tuple[Cost, Cost]]) -> list[tuple[str, str, str]]:
    """Rows of the table: what, measured, goal. Each ratio is of one pair; the median of the pairs is shown first."""
    return [
        ("history read, processor time", spread([ours.cpu for ours, _ in pairs], "s"), "<= 2 s"),
        ("bare protobuf pass, processor time", spread([bare.cpu for _, bare in pairs], "s"), ""),
        ("ratio of processor time", spread([ours.cpu / bare.cpu for ours, bare in pairs], ""), "1.0"),
        ("history read, peak memory", spread([ours.peak / MIB for ours, _ in pairs], "MiB", 1), "< 60 MiB"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--make", type=Path, metavar="PATH", help="only writes the file that is measured")
    given = parser.parse_args()
    if given.make is not None:
        write_file(given.make, given.rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        short = make_file(Path(folder) / "short.wandb", 10), 10
        whole = make_file(Path(folder) / "long.wandb", given.rows), given.rows
        run([sys.executable, "-c", READER, str(short[0]), "10"])  # compiles what was never imported here
        pairs = [
            (cost_beyond_start_up(READER, whole, short), cost_beyond_start_up(BARE_READER, whole, short))
            for _ in range(given.pairs)
        ]
        size = whole[0].stat().st_size / 1e6
    print_table(f"{given.rows:,} rows x {len(NAMES)}, {size:.1f} MB", given.pairs, report(pairs))


if __name__ == "__main__":
    main()
