"""What holds for every text format, whatever it prints: checks that a format's own tests call with a log of its own."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

from diagnosis.run import Run
from parsers.clean import clean
from parsers.format import Format
from parsers.records import Record

Curves = dict[str, list[tuple[int, float]]]

JUNK = (
    b"",
    b"hello world",
    b"  warnings.warn(message, UserWarning)",
    b"def train(model, step): return model(step)",
    b"GET /index.html HTTP/1.1 200 5123",
    b"| 0  N/A  N/A  1234  C  python  10000MiB |",
    b"$ ",
)

LONGEST_CUT = 600
"""Bytes: more than any row but those of progress bars."""


def read(kind: type[Format], log: bytes, lines_a_time: int | None = None) -> list[Record]:
    """The records of a whole log, fed at once or so many lines at a time; a last line without an end is finished."""
    reader = kind()
    *whole, half = clean(log).split(b"\n")
    size = lines_a_time or max(1, len(whole))
    records: list[Record] = []
    for start in range(0, len(whole), size):
        records += reader.feed(b"".join(line + b"\n" for line in whole[start : start + size]))
    if half:
        records += reader.finish(half)
    return [*records, *reader.close()]


def run_of(records: Iterable[Record]) -> Run:
    """The run that the records make."""
    run = Run()
    for record in records:
        run.apply(record)
    return run


def curves(kind: type[Format], log: bytes, lines_a_time: int | None = None) -> Curves:
    """Every metric of a log as (step, value), as a user sees it; NaN as itself is unequal, so it becomes text."""
    run = run_of(read(kind, log, lines_a_time))
    return {
        name: [(step, _same(value)) for step, value in zip(s.steps.tolist(), s.values.tolist(), strict=True)]
        for name in run.metrics()
        for s in [run.series(name)]
    }


def facts(kind: type[Format], log: bytes) -> dict[str, object]:
    """The facts of a log, by name."""
    return {name: fact.value for name, fact in run_of(read(kind, log)).facts.items()}


def wrapped(log: bytes, width: int, *, stripped: bool = False) -> bytes:
    """The log as a terminal of that width shows it; `stripped` as a capture that drops blanks at line ends."""
    lines = clean(log).decode("utf-8", "replace").split("\n")
    pieces = [line[at : at + width] for line in lines for at in range(0, max(1, len(line)), width)]
    return "\n".join(piece.rstrip() if stripped else piece for piece in pieces).encode()


def with_junk(log: bytes, seed: int = 7) -> bytes:
    """The log with lines of other programs between its own."""
    dice = random.Random(seed)
    lines = []
    for line in log.split(b"\n"):
        lines.append(line)
        if dice.random() < 0.3:
            lines.append(dice.choice(JUNK))
    return b"\n".join(lines)


def assert_sturdy(kind: type[Format], log: bytes) -> None:
    """Cutting the stream at line ends, junk lines, ranks, colours and a terminal's margin change no point."""
    expected = curves(kind, log)
    assert expected, "the sample log has no points"
    for size in (1, 3, 40):
        assert curves(kind, log, size) == expected, f"{size} lines at a time"
    assert curves(kind, with_junk(log)) == expected, "junk lines between"
    assert curves(kind, log.replace(b"\n", b"\r\n")) == expected, "Windows line ends"
    for width in (80, 100):
        assert curves(kind, wrapped(log, width)) == expected, f"wrapped at {width} columns"
        assert curves(kind, wrapped(log, width, stripped=True)) == expected, f"wrapped at {width}, blanks dropped"


def assert_cut_rows_give_no_wrong_number(kind: type[Format], log: bytes) -> None:
    """A log that ends anywhere, within a number too, has only points that the whole log has."""
    expected = curves(kind, log)
    # A line of progress bars is as long as a log; its last bars are as good as any.
    cut_at = max(log.rstrip(b"\n").rfind(b"\n", 0, len(log) - 2) + 1, len(log) - LONGEST_CUT)
    for end in range(cut_at, len(log)):
        for name, points in curves(kind, log[:end]).items():
            assert set(points) <= set(expected.get(name, [])), (name, log[cut_at:end])


def assert_survives_noise(kind: type[Format], log: bytes, rounds: int = 60, seed: int = 3) -> None:
    """Random bytes, and rows with random bytes in them, raise nothing."""
    dice = random.Random(seed)
    for _ in range(rounds):
        noisy = bytearray(log[: 4 << 10])
        for _ in range(dice.randrange(1, 200)):
            noisy[dice.randrange(len(noisy))] = dice.randrange(256)
        read(kind, bytes(noisy) + b"\n")
        read(kind, dice.randbytes(dice.randrange(1, 400)).replace(b"\n", b" ") + b"\n")
        kind.sniff(clean(bytes(noisy)))


def _same(value: float) -> float:
    return -12345.678 if math.isnan(value) else value
