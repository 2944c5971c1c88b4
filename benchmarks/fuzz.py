"""Feeds every text format a million damaged lines, and asks whether anything is raised or grows faster than its input.

    python benchmarks/fuzz.py [--lines 1000000] [FORMAT ...]

The lines are those of a log of the format itself, some cut, doubled, shuffled, glued together, with bytes replaced,
digits made long, or brackets opened and never closed: what damage makes of real lines finds more than random bytes do.
For growth, the same damaged text is fed once and four times as long: time and memory may grow by the length, not more.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tracemalloc
from pathlib import Path
from time import process_time

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from sample_logs import kinds, sample  # noqa: E402  the path must be set first

from parsers.clean import clean  # noqa: E402
from parsers.format import Format  # noqa: E402

BLOCK_LINES = 5_000
GROWTH_LINES = 5_000
SLACK = 2.0
"""Of the growth: four times the input may take so much more than four times."""


def damaged(line: bytes, dice: random.Random) -> bytes:
    """One line, hurt in one way."""
    at, to = sorted((dice.randrange(len(line) + 1), dice.randrange(len(line) + 1)))
    match dice.randrange(10):
        case 0:
            return line[:at]
        case 1:
            return line[at:]
        case 2:
            return line[:at] + line[to:]
        case 3:
            return line[:at] + dice.randbytes(dice.randrange(1, 8)).replace(b"\n", b"?") + line[at:]
        case 4:
            return line + line
        case 5:
            return line.replace(b"1", b"1" * dice.randrange(2, 400))
        case 6:
            return (
                line[:at]
                + dice.choice([b"[", b"{", b"(", b"'", b'"', b"\x1b[", b"|", b": ", b"nan", b"-"]) * 40
                + line[at:]
            )
        case 7:
            return line.replace(b".", b"").replace(b" ", b"")
        case 8:
            return b"".join(dice.choice([bytes([c]), b""]) for c in line)
        case _:
            return line


def text_of(kind: type[Format], lines: int, dice: random.Random) -> bytes:
    """So many damaged lines of a log of the format."""
    source = sample(kind, 300).replace(b"\r", b"\n").split(b"\n")  # a bar drawn 75 times is 75 lines
    return b"".join(damaged(dice.choice(source), dice) + b"\n" for _ in range(lines))


def feed(kind: type[Format], text: bytes) -> None:
    reader = kind()
    lines = clean(text).splitlines(keepends=True)
    for start in range(0, len(lines), BLOCK_LINES):
        reader.feed(b"".join(lines[start : start + BLOCK_LINES]))
    reader.close()


def cost(kind: type[Format], text: bytes) -> tuple[float, int]:
    """Processor seconds and the peak of the memory that was taken."""
    tracemalloc.start()
    started = process_time()
    feed(kind, text)
    took = process_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return took, peak


def growth(kind: type[Format], dice: random.Random) -> tuple[float, float]:
    """By how much time and memory grow when the input grows four times."""
    short = text_of(kind, GROWTH_LINES, dice)
    (a, m), (b, n) = cost(kind, short), cost(kind, short * 4)
    return b / a, n / m


def main() -> None:
    """Prints one line a format; exit code 1 where one raised or grew too fast."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", help="ids; all without")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    failed = False
    for kind in kinds():
        if args.formats and kind.name not in args.formats:
            continue
        dice = random.Random(args.seed)
        faults, started = 0, process_time()
        said: set[str] = set()
        for _ in range(0, args.lines, BLOCK_LINES):
            text = text_of(kind, BLOCK_LINES, dice)
            try:
                feed(kind, text)
                kind.sniff(clean(text)[: 64 << 10])
            except Exception as error:  # noqa: BLE001  any exception is a finding
                faults += 1
                if repr(error) not in said:
                    said.add(repr(error))
                    print(f"{kind.name}: {error!r}")
        took = process_time() - started
        time_growth, memory_growth = growth(kind, dice) if not faults else (math.nan, math.nan)
        bad = faults or time_growth > 4 * SLACK or memory_growth > 4 * SLACK
        failed = failed or bool(bad)
        print(
            f"{kind.name:<16} {args.lines:,} lines  {faults} exceptions  {took:.0f} s  "
            f"x4 input: time x{time_growth:.1f}, memory x{memory_growth:.1f}{'  TOO MUCH' if bad else ''}"
        )
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
