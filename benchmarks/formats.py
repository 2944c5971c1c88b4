"""Measures each text format on a log of its own against a bare `re` + `float` pass over the same lines.

    python benchmarks/formats.py [FORMAT ...]

The bare pass is given one regular expression for each kind of line in the log, made from the line itself: its numbers
are groups, all else is fixed but for blanks and the cells of a progress bar. It searches the whole text with each and
turns every group into a float, and keeps none: the least that a reader in plain Python must do. Both run in turn in one
process, so that a busy machine slows both; the figure is the ratio of processor seconds, the least of several rounds.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from sample_logs import kinds, sample  # noqa: E402  the path must be set first

from parsers.clean import clean  # noqa: E402
from parsers.format import Format  # noqa: E402
from parsers.open_file import POLL_BYTES  # noqa: E402

NUMBER = re.compile(rb"[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
PIECE = re.compile(rb"(%\|[^|\n]*\| *)|( +)|([-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?)|([^ \d+-]+|[-+])")
FEWEST = 0.02
"""A kind of line with a smaller share of all lines costs nothing and is left out of the bare pass."""


def bare_patterns(text: bytes) -> list[re.Pattern[bytes]]:
    """One pattern for each kind of line that has numbers."""
    counts: dict[bytes, int] = {}
    lines = text.split(b"\n")
    for line in lines:
        if NUMBER.search(line):
            pieces = (
                rb"%\|[^|\n]*\| *" if bar else b" *" if gap else b"(%s)" % NUMBER.pattern if num else re.escape(other)
                for bar, gap, num, other in PIECE.findall(line)
            )
            key = b"".join(pieces)
            counts[key] = counts.get(key, 0) + 1
    return [re.compile(rb"^%s$" % key, re.MULTILINE) for key, n in counts.items() if n >= FEWEST * len(lines)]


def bare_pass(text: bytes, patterns: list[re.Pattern[bytes]]) -> None:
    for pattern in patterns:
        for found in pattern.finditer(text):
            for number in found.groups():
                float(number.replace(b",", b""))


def blocks(text: bytes) -> list[bytes]:
    """As a file is polled: whole lines, 1 MiB at a time."""
    pieces, start = [], 0
    while start < len(text):
        end = len(text) if len(text) - start <= POLL_BYTES else text.rfind(b"\n", start, start + POLL_BYTES) + 1
        pieces.append(text[start:end])
        start = end
    return pieces


def our_pass(kind: type[Format], text: bytes) -> None:
    reader = kind()
    for block in blocks(clean(text)):  # bars end in a carriage return, which cleaning makes a line end
        reader.feed(block)
    reader.close()


def seconds(work: Callable[[], None]) -> float:
    started = process_time()
    work()
    return process_time() - started


def measure(kind: type[Format], rows: int, rounds: int) -> tuple[float, float, int]:
    """Seconds of the bare pass, seconds of ours, bytes of the log."""
    text = sample(kind, rows)
    patterns = bare_patterns(clean(text))
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(seconds(lambda: bare_pass(clean(text), patterns)))
        ours.append(seconds(lambda: our_pass(kind, text)))
    return min(bare), min(ours), len(text)


def main() -> None:
    """Prints one line a format: its ratio, and how many MB a second it reads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", help="ids; all without")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    for kind in kinds():
        if args.formats and kind.name not in args.formats:
            continue
        bare, ours, size = measure(kind, args.rows, args.rounds)
        print(f"{kind.name:<16} {ours / bare:5.2f} x bare   {size / ours / 1e6:6.1f} MB/s   {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
