"""modded-nanogpt (KellerJordan/modded-nanogpt): its log of all generations, and the trainers made from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from parsers.formats.known_values import with_known
from parsers.records import Floats, Record, Traits
from parsers.rows.row_patterns import Attach, Layout
from parsers.rows.said import Said
from parsers.rows.tables import Table
from parsers.rows.text import TextFormat

MILLISECONDS = 1e-3
MIB = 2.0**20
IN_MS, IN_S = "train_time_of_ms", "train_time_of_s"
SCALES = {IN_MS: MILLISECONDS, "memory_bytes": MIB}
STEP = rb"\bstep:(?P<step>\d{1,12})/{planned_steps}(?: \|)? "
TIME = rb"train_time: ?(?:{train_time_of_ms}ms|{train_time_of_s}s)(?: |$|\|)"
SOURCE_BEGINS = b"open(sys.argv[0]"
SOURCE_ENDS = b"=" * 100
LONGEST_SOURCE = 20_000
"""Lines; a trainer that goes on for longer is none."""


class ModdedNanoGPT(TextFormat):
    """modded-nanogpt, train_gpt.py from October 2024 to f411b3d (August 2026); the Parameter Golf trainers.

    The log begins with the trainer's whole source, which is passed over. A training row is printed after update N,
    counted from 1, a validation row after N updates too. train_loss, which there is until January 2025 alone, is that
    of the last micro-batch of rank 0; val_loss is a mean over the whole validation set. train_time is a running total
    that leaves validation out and that starts again after the first ten steps of the logs of 2024; seconds a step are
    its differences, between two validations where no other rows are printed. Training rows do not wait for the GPU,
    so that single ones may be too short. Batch size and length change within a run since November 2025, so that
    tokens a step are no constant. Memory is the peak that was allocated, on rank 0. val_bpb is printed by the trainers
    of Parameter Golf.
    """

    name: ClassVar[str] = "modded-nanogpt"
    title: ClassVar[str] = "modded-nanogpt"
    about: ClassVar[str] = "modded-nanogpt: `step:N/M train_loss:X train_time:Xms step_avg:Xms`"
    example: ClassVar[str] = "step:5099/5100 train_loss:3.2174 train_time:910369ms step_avg:178.89ms"
    traits: ClassVar[Traits] = Traits(
        train_loss="micro-batch",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        step_work_changes=True,
    )
    rows: ClassVar = (
        Layout(
            hint=b"step:",
            text=STEP + rb"(?:(?:train_loss:|train loss |loss ){train_loss}(?: \|)? )?(?:lr:\S+ )?" + TIME,
            start=rb"\bstep:\d+/\d+ (?:t|$)",
            scales=SCALES,
        ),
        Layout(
            hint=b"step:",
            turn=1,
            text=STEP + rb"val(?:_loss:| loss ){val_loss} (?:val_bpb:{val_bpb} )?" + TIME,
            start=rb"\bstep:\d+/\d+ (?:v|$)",
            scales=SCALES,
        ),
        Layout(
            hint=b"peak memory ",
            turn=1,
            text=rb"(?i:^peak memory (?:allocated|consumption)): {memory_bytes} MiB",
            attach=Attach("before"),
            scales=SCALES,
            own=False,
        ),
    )
    said: ClassVar = (
        Said(
            b"compiled for cuda",
            rb"^Running [Pp]y[Tt]orch \S+ compiled for CUDA [\d.]+(?: on (?P<gpu_name>\S.{0,80}?) with"
            rb" world_size {world_size})?\s*$",
            begins=True,
        ),
        Said(
            b" 00000000:",
            rb"^\| +\d+ +(?P<gpu_name>[A-Z](?:[^|.]|\.(?!\.)){2,40}?) +(?:On|Off|N/A) +\| +[0-9A-F]{8}:",
            own=False,
        ),
    )
    more_hints: ClassVar[tuple[bytes, ...]] = (SOURCE_BEGINS,)

    def __init__(self) -> None:
        super().__init__()
        self._source_lines: int | None = None
        """How much of the source has passed; None outside of it."""
        self._step_at_source: int | None = None
        self._before: tuple[int, float] | None = None
        """The step and the training time, in seconds, of the last row."""

    @property
    def open(self) -> bool:
        """Whether every line is source, until its end."""
        return self._source_lines is not None

    def read_line(self, number: int, line: bytes) -> list[Record] | None:
        """Nothing for a line of the source, whatever it looks like."""
        del number
        if SOURCE_BEGINS in line:
            self._source_lines, self._step_at_source = 0, self._step
        if self._source_lines is None:
            return None
        self._source_lines += 1
        rows_came = self._step != self._step_at_source
        if line.startswith(SOURCE_ENDS) or rows_came or self._source_lines > LONGEST_SOURCE:
            self._source_lines = None
        return None if rows_came else []

    def derived(self, tables: list[Table]) -> list[Table]:
        """The tables with seconds a step instead of the running total."""
        timed = [table for table in tables if _place(table) is not None]
        if not timed:
            return tables
        counts = [len(table.lines) for table in timed]
        seconds = np.split(self._step_seconds(timed), np.cumsum(counts)[:-1])
        parts = [
            part
            for table, values in zip(timed, seconds, strict=True)
            for part in with_known(table, "step_seconds", values, instead_of=table.kind.metrics[_place(table) or 0])
        ]
        return [*(table for table in tables if _place(table) is None), *parts]

    def _step_seconds(self, tables: Sequence[Table]) -> Floats:
        """Seconds a step up to each row of the tables, one after the other; NaN where they are not known."""
        lines = np.concatenate([table.lines for table in tables])
        order = np.argsort(lines, kind="stable")
        steps = np.concatenate([table.steps for table in tables])[order].astype(np.float64)
        totals = np.concatenate([table.columns[_place(table) or 0] for table in tables])[order]
        step, total = self._before or (steps[0], totals[0])
        self._before = int(steps[-1]), float(totals[-1])
        passed = np.diff(steps, prepend=step)
        spent = np.diff(totals, prepend=total)
        known = (passed > 0) & (spent > 0) & np.isfinite(spent)
        values = np.empty(len(order))
        values[order] = np.where(known, spent, np.nan) / np.where(known, passed, 1.0)
        return values


def _place(table: Table) -> int | None:
    return next((at for at, name in enumerate(table.kind.metrics) if name in (IN_MS, IN_S)), None)
