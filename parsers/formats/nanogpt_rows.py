"""nanoGPT's rows, `iter N: ...` and `step N: ...`: whole blocks at once, and one by one where a line is damaged."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from parsers.records import Ints
from parsers.rows.block import Block, Template
from parsers.rows.foreign import Hinted, credible
from parsers.rows.tables import Kind, Row, Table

ITER = Kind(("train_loss", "step_seconds", "mfu"), turn=1)
ITER_WITHOUT_MFU = Kind(("train_loss", "step_seconds"), turn=1)
EVAL = Kind(("eval_train_loss", "val_loss"), turn=0)
SCALE = {"step_seconds": 1000.0, "mfu": 100.0}
"""What the printed number is divided by: it is in milliseconds, in percent."""

TEMPLATES: tuple[tuple[Template, Kind], ...] = (
    ((b"iter ", 0, b": loss ", 4, b", time ", 2, b"ms, mfu ", 2, b"%\n"), ITER),
    ((b"iter ", 0, b": loss ", 4, b", time ", 2, b"ms, mfu -100.00%\n"), ITER_WITHOUT_MFU),
    ((b"iter ", 0, b": loss ", 4, b", time ", 2, b"ms\n"), ITER_WITHOUT_MFU),
    ((b"iter ", 0, b": loss ", math.nan, b", time ", 2, b"ms, mfu ", 2, b"%\n"), ITER),
    ((b"iter ", 0, b": loss ", math.nan, b", time ", 2, b"ms, mfu -100.00%\n"), ITER_WITHOUT_MFU),
    ((b"step ", 0, b": train loss ", 4, b", val loss ", 4, b"\n"), EVAL),
    ((b"step ", 0, b": train loss ", math.nan, b", val loss ", math.nan, b"\n"), EVAL),
)
FEWEST_LINES = 32
"""Below this the arrays cost more than they save."""
LONGEST_PREFIX = 32

NUMBER = rb"-?(?:\d{1,15}\.\d{1,15}(?![\d.])|nan|inf)"
ROW = re.compile(
    rb"iter (?P<iter>\d{1,15}): loss (?P<loss>%(n)s), time (?P<ms>\d{1,15}\.\d{1,15})ms(?:, mfu (?P<mfu>%(n)s)%%)?"
    rb"|step (?P<step>\d{1,15}): train loss (?P<train>%(n)s), val loss (?P<val>%(n)s)" % {b"n": NUMBER}
)
AFTER = re.compile(rb"[\s^\[\]A-D~;\d]*(?:$|iter |step |saving )")
"""A row ends its line, but for keys typed behind it and another record that lost its line break."""
CUT = re.compile(rb"(?:i|it|ite|iter|s|st|ste|step|(?:iter|step) (?:\d.{0,100})?)$")
"""A line that may be the beginning of a row, broken by a terminal's right margin."""
ENDS_TO_BLANKS = bytes.maketrans(b"\n", b" ")
LONGEST = 4096
DECIMALS = 4
"""Of a loss, as nanoGPT prints it."""


def block_rows(lines: bytes, block: Block) -> tuple[list[Table], Ints]:
    """The rows that a block holds undamaged, and the numbers of the other lines that are not empty."""
    left = np.flatnonzero(block.ends > block.starts)
    if len(left) < FEWEST_LINES:
        return [], left
    tables, left = _matched(block, b"", left)
    prefix = _prefix(lines, block, left)
    if prefix:
        more, left = _matched(block, prefix, left)
        tables += more
    return tables, left


def _matched(block: Block, prefix: bytes, left: Ints) -> tuple[list[Table], Ints]:
    tables = []
    taken = np.zeros(len(block.ends), np.bool_)
    for template, kind in TEMPLATES:
        found, (steps, *values) = block.match((prefix, *template), left)
        if len(found):
            scaled = tuple(v / SCALE.get(name, 1.0) for v, name in zip(values, kind.metrics, strict=True))
            tables.append(Table(kind, found, steps.astype(np.int64), scaled))
            taken[found] = True
            left = left[~taken[left]]
    return tables, left


def _prefix(lines: bytes, block: Block, left: Ints) -> bytes:
    """What a launcher wrote before each row ("[rank0]: "), read from the first row that has something before it."""
    for at in left[:FEWEST_LINES].tolist():
        start, *_ = next(_rows(lines[block.starts[at] : block.ends[at]]), (0,))
        if 0 < start <= LONGEST_PREFIX:
            return lines[block.starts[at] : block.starts[at] + start]
    return b""


def may_hold_rows(text: bytes) -> bool:
    """Whether it is worth looking for rows in these lines: a fast answer, and never a wrong no.

    A row that a right margin broke is whole again where the line ends are taken out, or made blanks.
    """
    joined = (text.translate(ENDS_TO_BLANKS), text.translate(None, b"\n"))
    return any(b"loss " in line and ROW.search(line) is not None for line in joined)


def lines_with_rows(hinted: Hinted) -> list[int]:
    """The numbers of the lines, in order, that may hold a row or the end of one."""
    found = hinted.lines((b"iter ", b"step ", b"loss "))
    return sorted(found | {at + 1 for at in found if at + 1 < hinted.count})


def find_rows(line: bytes) -> list[Row]:
    """The whole rows in a line: none from a row that is cut, and none from code, comments and prose."""
    return [row for _, _, row in _rows(line)]


def row_across(head: bytes, line: bytes) -> Row | None:
    """The one row that a right margin broke over two lines, if joining them makes it whole.

    A capture may have lost the blank at the margin.
    """
    for between in (b"", b" "):
        joined = head + between + line
        if b"loss " not in joined or CUT.search(head) is None:
            continue
        for start, end, row in _rows(joined):
            if start < len(head) and len(head) + len(between) < end:
                return row
    return None


def _rows(line: bytes) -> Iterator[tuple[int, int, Row]]:
    if b"loss " not in line or len(line) > LONGEST:
        return
    before = 0
    for found in ROW.finditer(line):
        row = _row(found)
        if row is not None and AFTER.match(line, found.end()) and credible(line[before : found.start()]):
            yield found.start(), found.end(), row
            before = found.end()


def _row(found: re.Match[bytes]) -> Row | None:
    if found["step"] is not None:
        train, val = found["train"], found["val"]
        if b"." in val and _decimals(val) != (_decimals(train) or DECIMALS):
            return None  # both are printed alike, so fewer in the last number show that the line is cut
        return Row(EVAL, int(found["step"]), (float(train), float(val)))
    step, loss, seconds = int(found["iter"]), float(found["loss"]), float(found["ms"]) / SCALE["step_seconds"]
    mfu = math.nan if found["mfu"] is None else float(found["mfu"]) / SCALE["mfu"]
    if found["mfu"] is None or mfu < 0:  # printed as -100 % until it is measured
        return Row(ITER_WITHOUT_MFU, step, (loss, seconds))
    return Row(ITER, step, (loss, seconds, mfu))


def _decimals(number: bytes) -> int:
    return len(number.partition(b".")[2])
