"""nanoGPT (karpathy/nanoGPT, train.py) and what descends from it without changing its lines."""

from __future__ import annotations

from itertools import islice
from typing import ClassVar

import numpy as np

from parsers.configs.written import NANOGPT
from parsers.format import Format
from parsers.formats import nanogpt_header
from parsers.formats.nanogpt_header import START_HINTS, Header, begins_run
from parsers.formats.nanogpt_rows import (
    EVAL,
    LONGEST,
    block_rows,
    find_rows,
    lines_with_rows,
    may_hold_rows,
    row_across,
)
from parsers.records import Ints, Notice, Record, Traits
from parsers.rows.block import Block
from parsers.rows.foreign import Hinted, words
from parsers.rows.messages import HINTS, TRACEBACK, Messages
from parsers.rows.segments import At, Segments
from parsers.rows.tables import Row, Table, merged, sequence, tables_of

CHECKPOINT = b"saving checkpoint to "
OTHER_HINTS = (CHECKPOINT, *nanogpt_header.HINTS, *HINTS)
ROWS_TOLD = 6
"""As many rows leave no doubt."""


class NanoGPT(Format):
    """nanoGPT's standard output.

    `iter N` is printed after update N (so N + 1 updates are done). Its loss is that of the last micro-batch alone,
    in train mode (dropout on), so single lines jump by sampling. Its time runs from the end of the iteration
    before: at a multiple of eval_interval it contains the evaluation and the checkpoint. Its MFU compares with an
    A100's 312 TFLOP/s, whatever the GPU, and is a running mean (0.9 old, 0.1 new) over the printed iterations;
    -100 % says that there is none yet.

    `step N` is printed before update N (N updates are done). Both its losses are means over eval_iters random
    batches in eval mode (dropout off), drawn anew at each evaluation.

    `number of parameters` leaves the position embedding out. Neither learning rate nor gradient norm is printed.
    """

    name: ClassVar[str] = "nanogpt"
    title: ClassVar[str] = "nanoGPT"
    about: ClassVar[str] = "nanoGPT's train.py: `iter N: loss ...` and `step N: train loss ..., val loss ...`"
    example: ClassVar[str] = "iter 200: loss 6.2977, time 3917.80ms, mfu 12.87%"
    traits: ClassVar[Traits] = Traits(
        train_loss="micro-batch",
        train_loss_in_train_mode=True,
        updates_at_train_row=1,
        updates_at_eval_row=0,
        eval_draws_new_batches=True,
        step_seconds="one step",
        step_seconds_contain_eval=True,
        accumulation_of="all devices",
        mfu_peak_flops=312e12,
        mfu_peak_name="NVIDIA A100",
        mfu_smoothing=0.9,
        parameters_printed="without position embedding",
        optimizer="AdamW",
        settings=NANOGPT,
        explanations={
            "train_loss": "the last micro-batch of the iteration, with dropout on; one line alone is mostly noise",
            "eval_train_loss": "mean over eval_iters random batches of the training split, with dropout off",
            "val_loss": "mean over eval_iters random batches of the validation split, with dropout off",
            "step_seconds": "one iteration; at a multiple of eval_interval it contains the evaluation and checkpoint",
            "mfu": "against an A100's 312 TFLOP/s, whatever the GPU is; a running mean over the printed iterations",
        },
    )

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1, that this is nanoGPT's: its rows and the lines of its start, three of a kind count."""
        small = window.lower()
        with_rows, with_start = may_hold_rows(window), any(hint in small for hint in START_HINTS)
        if not with_rows and not with_start:
            return 0.0
        lines = [b"", *window.split(b"\n")]
        hinted = Hinted(lines)
        found = (row for at in lines_with_rows(hinted) for row in _rows(lines[at - 1], lines[at]))
        rows = list(islice(found, ROWS_TOLD)) if with_rows else []
        evals = sum(row.kind == EVAL for row in rows)
        starts = sum(begins_run(lines[at]) for at in hinted.lines(START_HINTS))
        return min(1.0, 0.35 * (len(rows) - evals) + 0.3 * min(3, evals) + 0.25 * min(3, starts))

    def __init__(self) -> None:
        self._header = Header()
        self._messages = Messages()
        self._segments = Segments()
        self._lines_before = 0
        self._step: int | None = None
        """Of the last row."""
        self._last_line = b""
        """Of the block before, if it was no row: its row may go on in the next line."""
        self._events: list[At] = []
        self._starts: list[tuple[int, str]] = []

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines. A row that is cut gives none."""
        block = Block(lines)
        tables, others = block_rows(lines, block)
        self._events, self._starts = [], []
        found = self._read(lines, block, tables, others)
        self._lines_before += len(block.ends)
        return self._segments.arrange(merged([*tables, *tables_of(found)]), self._events, self._starts)

    def close(self) -> list[Record]:
        """The settings of an echo and the traceback that nothing followed."""
        return [*self._header.close(), *self._messages.close(self._step)]

    def _read(self, lines: bytes, block: Block, tables: list[Table], others: Ints) -> list[tuple[int, Row]]:
        """Reads the lines that the block left over, each with what is known before it. Gives (line, row) pairs."""
        at_lines, places = sequence(tables)
        before = [0, *np.searchsorted(at_lines, others).tolist()]
        spans = zip(block.starts[others].tolist(), block.ends[others].tolist(), strict=True)
        texts = [self._last_line, *(lines[start:end] for start, end in spans)]
        numbers = [-1, *others.tolist()]
        hinted = Hinted(texts)
        with_rows, wanted = set(lines_with_rows(hinted)), hinted.lines(OTHER_HINTS)
        found: list[tuple[int, Row]] = []
        passed = 0
        for index in range(1, len(texts)):
            at = numbers[index]
            if before[index] > passed:
                self._rows_came(int(at_lines[passed]), int(places[before[index] - 1]) // 2)
                passed = before[index]
            head = texts[index - 1] if numbers[index - 1] == at - 1 else b""
            rows = _rows(head, texts[index]) if index in with_rows else []
            if rows:
                texts[index] = b""  # it is whole, so nothing of it goes on in the next line
                self._rows_came(at, rows[-1].step)
                found += [(at, row) for row in rows]
            elif index in wanted or self._header.open or self._messages.open:
                self._events += [(at, record) for record in self._other_line(at, texts[index])]
        if len(at_lines) > passed:
            self._rows_came(int(at_lines[passed]), int(places[-1]) // 2)
        self._last_line = texts[-1][-LONGEST:] if numbers[-1] == len(block.ends) - 1 else b""
        return found

    def _rows_came(self, at: int, step: int) -> None:
        self._step = step
        self._events += [(at, record) for record in self._header.rows_came()]
        self._messages.rows_came()

    def _other_line(self, at: int, text: bytes) -> list[Record]:
        if text.startswith(CHECKPOINT):
            return [Notice("checkpoint", words(text), self._step)]
        if TRACEBACK in text:
            return [*self._header.close(), *self._messages.read(text, self._step)]
        records = self._header.read(self._lines_before + at + 1, text, self._step)
        if records is None:
            return [*self._messages.read(text, self._step)]
        if self._header.start is not None:
            self._starts.append((at, self._header.start))
            self._header.start = None
        return records


def _rows(head: bytes, line: bytes) -> list[Row]:
    """The rows in a line, or else the one that began in the line before it."""
    rows = find_rows(line)
    across = None if rows else row_across(head, line)
    return rows if across is None else [across]
