"""The header of a table of metrics: which columns are taken, and what counts its rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from parsers.columns import numbers, steps_of
from parsers.names import Meaning, columns_of, step_of

DELIMITERS = (b",", b";", b"\t")
HINTS = (b"loss", b"step", b"iter", b"entropy", b"update", b"val")
"""A header holds one of them."""
LONGEST = 1 << 16
"""A longer line is neither a header nor a row."""
LONGEST_NAME = 80
CLOCKS = frozenset({"_timestamp", "timestamp", "time", "wall_time", "walltime"})
LOSSES = frozenset({"train_loss", "val_loss", "eval_train_loss", "val_bpb"})

_NUMBER = re.compile(rb"\d\.\d|\d:\d|: ?-?\d")
"""A line with decimals, a time or `name: 5` in it is a row of some log; nobody calls a column so."""
_NAME = re.compile(rb"[^\"'`=<>{}]*")

Counts = Literal["updates", "epochs", "rows"]


@dataclass(frozen=True, slots=True)
class Header:
    """What a header row says. Columns are given by their place, from 0."""

    names: tuple[str, ...]
    delimiter: bytes
    step: int | None
    epoch: int | None
    clock: int | None
    taken: Mapping[int, Meaning]

    def fits(self, cells: Sequence[bytes]) -> bool:
        """Whether a row has as many cells, a step where one belongs, and a number in a column that is taken."""
        if len(cells) != len(self.names):
            return False
        taken = [cells[place] for place in self.taken]
        if not numbers(taken)[1].any():
            return False
        return self.step is None or bool(steps_of([cells[self.step]])[0] >= 0)


def header_of(line: bytes) -> Header | None:
    """The header that a line is; None where it is none, or names no metrics of a training run."""
    if len(line) > LONGEST or _NUMBER.search(line):
        return None
    delimiter = max(DELIMITERS, key=line.count)
    line = line.removeprefix(b"\xef\xbb\xbf").removeprefix(b"#")
    cells = [cell.strip(b' "') for cell in cells_of(line, delimiter)]
    if len(cells) < 2 or not all(len(cell) <= LONGEST_NAME and _NAME.fullmatch(cell) for cell in cells):
        return None
    if numbers(cells)[1].any():
        return None
    names = tuple(cell.decode("utf-8", "replace") for cell in cells)
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    taken = columns_of(names)
    step = step_of(names)
    if not enough(taken, counted=step is not None):
        return None
    epoch = next((name for name, meaning in taken.items() if meaning.metric == "epoch"), None)
    clock = next((name for name in names if name.lower() in CLOCKS), None)
    return Header(
        names=names,
        delimiter=delimiter,
        step=None if step is None else places[step],
        epoch=None if epoch is None else places[epoch],
        clock=None if clock is None else places[clock],
        taken={places[name]: meaning for name, meaning in taken.items()},
    )


def enough(taken: Mapping[str, Meaning], *, counted: bool) -> bool:
    """Whether these columns are those of a training run: a loss and one more, or two others that steps count."""
    metrics = {meaning.metric for meaning in taken.values()}
    if metrics & LOSSES or any(metric.startswith("val_loss/") for metric in metrics):
        return counted or len(metrics) > 1
    return counted and len(metrics - {"epoch"}) > 1


def cells_of(line: bytes, delimiter: bytes) -> list[bytes]:
    """The cells of one line; a quote that is not closed ends with the line."""
    if b'"' not in line:
        return line.split(delimiter)
    text = line.decode("utf-8", "surrogateescape")
    try:
        row = next(csv.reader([text], delimiter=delimiter.decode()), [])
    except csv.Error:
        return []
    return [cell.encode("utf-8", "surrogateescape") for cell in row]
