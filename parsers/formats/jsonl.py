"""Metrics as one JSON object a line: loops that people write, exports of trackers, log_history as lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from parsers.columns import Frame, Rows, numbers, steps_of, told, wall_seconds
from parsers.format import Format
from parsers.formats.csv_header import CLOCKS, LOSSES, Counts, enough
from parsers.formats.json_layout import Row, Shape, Shapes, Values, flat, json_in
from parsers.names import ONE_RUN, Meaning, Taken, meaning_of, step_of, unit_told
from parsers.records import Fact, Floats, Notice, Recognised, Record, Traits
from parsers.rows.foreign import words
from parsers.rows.segments import At, Segments
from parsers.rows.tables import Table, merged

LINES_SNIFFED = 64
ROWS_TOLD = 3
PLANS = {"total_steps": "planned_steps", "max_steps": "planned_steps", "num_training_steps": "planned_steps"}


class Jsonl(Format):
    """One JSON object a line, nested one level at most ({"train": {"loss": 2.3}} is train/loss).

    What the numbers mean their keys tell, by parsers/names.py. Numbers may be strings ("2.346"), NaN and Infinity are
    what they say, null is absent, and text may stand before the object. A row without a step belongs to the step of
    the row before; in a log without steps the epochs are counted, else the rows, from 1. What the losses are measured
    in is unknown unless other keys tell of a language model.
    """

    name: ClassVar[str] = "jsonl"
    title: ClassVar[str] = "JSON lines"
    about: ClassVar[str] = 'one JSON object a line: {"step": 10, "loss": 2.3}'
    example: ClassVar[str] = '{"step": 10, "loss": 2.3456, "lr": 0.0003}'
    traits: ClassVar[Traits] = Traits(updates_at_train_row=0, updates_at_eval_row=0, loss_unit="unknown")
    own: ClassVar[Mapping[str, Meaning]] = {}
    """Keys that mean in this trainer's log what their names alone do not tell."""
    texts: ClassVar[frozenset[str]] = frozenset()
    """Further keys whose values are kept."""

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1: lines of JSON whose keys name a loss and what goes with it."""
        taken = Taken()
        rows = rows_in(window)
        with_metrics = sum(bool(taken.row(row)) for row in rows)
        if not enough(taken.columns, counted=any(step_of(row) is not None for row in rows)):
            return 0.0
        return 0.3 + 0.1 * min(with_metrics, ROWS_TOLD)

    def __init__(self) -> None:
        self._shapes = Shapes(self._is_wanted)
        self._seen: set[Shape] = set()
        self._with_metrics: set[Shape] = set()
        self._taken = Taken(self.own)
        self._counts: Counts | None = None
        """What counts the rows, None until a row tells."""
        self._step = ""
        """The key that does, where they count updates."""
        self._rows = Rows()
        self._counted = 0
        self._planned: dict[str, bytes] = {}
        self._traits = self.traits
        self._lines_before = 0
        self._segments = Segments()

    def feed(self, lines: bytes) -> list[Record]:
        """The records of whole lines. A line that is no JSON object gives none."""
        texts = lines.split(b"\n")
        events: list[At] = []
        tables: list[Table] = []
        rows: list[Row] = []
        seen = self._seen
        for row in self._shapes.rows(texts):
            at, shape, values = row
            if shape not in seen:
                tables += self._tables(rows, events)
                rows = []
                events += [(at, record) for record in self._learn(shape, values)]
            rows.append(row)
        tables += self._tables(rows, events)
        self._lines_before += len(texts) - 1
        return self._segments.arrange(merged(tables), events, [])

    def _is_wanted(self, name: str) -> bool:
        return (
            name in self.own
            or name in self.texts
            or name in PLANS
            or name.lower() in CLOCKS
            or name.lower() == "norm"
            or name in ONE_RUN
            or unit_told([name]) is not None
            or meaning_of(name) is not None
            or step_of([name]) is not None
        )

    def _learn(self, shape: Shape, values: Values) -> list[Record]:
        """Takes in the names of a new kind of row. Gives what it tells of the log."""
        self._seen.add(shape)
        metrics = {meaning.metric for meaning in self._taken.row(shape.names).values()}
        if metrics:
            self._with_metrics.add(shape)
        step = step_of([self._step, *shape.names] if self._step else shape.names)
        if step is not None and metrics:
            self._counts, self._step = "updates", step
        elif self._counts is None and metrics & LOSSES:
            self._counts = _counts(self._taken.columns, dict(zip(shape.names, values, strict=True)))
        names = {name for known in self._seen for name in known.names}
        traits = told(self.traits, self._taken.columns, unit_told(names), self._counts or "updates")
        if traits == self._traits:
            return []
        self._traits = traits
        shown = ", ".join(words(name.encode("utf-8", "replace")) for name in self._taken.columns)
        return [Recognised(self.name, self.title, traits, f"its rows hold {shown}")]

    def _tables(self, rows: Sequence[Row], events: list[At]) -> list[Table]:
        """The tables of rows whose shapes are all known, and the facts among them as events."""
        if not rows:
            return []
        cells = _aligned(rows)
        frame = self._frame(rows, cells)
        for name in cells.keys() & PLANS.keys():
            events += self._plans(name, rows, cells[name])
        events += _ends(frame, cells.get("train_runtime", ()))
        return self._rows.tables(frame)

    def _frame(self, rows: Sequence[Row], cells: Mapping[str, Sequence[bytes]]) -> Frame:
        columns, present = {}, {}
        for name, meaning in self._taken.columns.items():
            if name in cells:
                values, there = numbers(cells[name])
                columns[meaning.metric] = values if meaning.scale == 1 else values * meaning.scale
                present[meaning.metric] = there
        frame = Frame(np.array([at for at, _, _ in rows], np.int64), np.empty(0), columns, present)
        self._without_summaries(rows, frame)
        frame.steps = self._steps(frame, cells)
        clock = next((name for name in cells if name.lower() in CLOCKS), None)
        frame.seconds = None if clock is None else wall_seconds(cells[clock])
        return frame

    def _without_summaries(self, rows: Sequence[Row], frame: Frame) -> None:
        """Takes out the mean loss of the whole run, which the HF Trainer writes at its end as train_loss."""
        if "train_loss" not in frame.present:
            return
        shapes = {shape for _, shape, _ in rows}
        with_loss = {
            shape for shape in shapes if any(m.metric == "train_loss" for m in self._taken.row(shape.names).values())
        }
        if with_loss < shapes:
            frame.present["train_loss"] &= np.array([shape in with_loss for _, shape, _ in rows], np.bool_)

    def _steps(self, frame: Frame, cells: Mapping[str, Sequence[bytes]]) -> Floats:
        count = len(frame.lines)
        if self._counts == "rows":
            there = np.any(list(frame.present.values()) or [np.zeros(count, np.bool_)], axis=0)
            steps: Floats = self._counted + np.cumsum(there).astype(np.float64)
            self._counted = int(steps[-1])
            return steps
        if self._counts == "epochs":
            epochs = next(name for name, meaning in self._taken.columns.items() if meaning.metric == "epoch")
            return steps_of(cells[epochs]) if epochs in cells else np.full(count, np.nan)
        return steps_of(cells[self._step]) if self._step in cells else np.full(count, np.nan)

    def _plans(self, name: str, rows: Sequence[Row], texts: Sequence[bytes]) -> list[At]:
        """The plan of the run, as a fact on each line where it changes."""
        found: list[At] = []
        for (at, shape, _), text in zip(rows, texts, strict=True):
            if text and shape in self._with_metrics and text != self._planned.get(name):
                self._planned[name] = text
                value, there = numbers([text])
                if there[0] and value[0] >= 1 and value[0] == np.floor(value[0]):
                    where = f"line {self._lines_before + at + 1}"
                    found.append((at, Fact(PLANS[name], int(value[0]), "log", where)))
        return found


def rows_in(window: bytes) -> list[dict[str, bytes]]:
    """The newest JSON objects among some lines that name a metric, LINES_SNIFFED at most."""
    found: list[dict[str, bytes]] = []
    for line in reversed(window.split(b"\n")):
        text = json_in(line)
        row = None if text is None else flat(text)
        if row is not None and any(meaning_of(name) is not None for name in row):
            found.append(row)
        if len(found) == LINES_SNIFFED:
            break
    return found[::-1]


def _aligned(rows: Sequence[Row]) -> dict[str, Sequence[bytes]]:
    """The values of each name, one for each row, empty where a row has none."""
    shapes = {shape for _, shape, _ in rows}
    if len(shapes) == 1:
        return dict(zip(rows[0][1].names, zip(*(values for _, _, values in rows), strict=True), strict=True))
    cells: dict[str, list[bytes]] = {}
    for shape in sorted(shapes, key=lambda shape: shape.names):
        places = [place for place, (_, own, _) in enumerate(rows) if own is shape]
        for name, column in zip(shape.names, zip(*(rows[place][2] for place in places), strict=True), strict=True):
            texts = cells.setdefault(name, [b""] * len(rows))
            for place, text in zip(places, column, strict=True):
                texts[place] = text
    return dict(cells)


def _ends(frame: Frame, runtimes: Sequence[bytes]) -> list[At]:
    """That the run is over, where a row says how long it took."""
    ends = ((place, text) for place, text in enumerate(runtimes) if text)
    return [
        (int(frame.lines[place]), Notice("end", f"train_runtime {words(text)} s", _step_at(frame, place)))
        for place, text in ends
    ]


def _step_at(frame: Frame, place: int) -> int | None:
    known = frame.steps[: place + 1][frame.steps[: place + 1] >= 0]
    return int(known[-1]) if len(known) else None


def _counts(taken: Mapping[str, Meaning], row: Mapping[str, bytes]) -> Counts:
    """What counts the rows of a log without steps: whole epochs, else the rows."""
    epochs: Iterable[bytes] = (row.get(name, b"") for name, meaning in taken.items() if meaning.metric == "epoch")
    return "epochs" if any(text.strip(b'"').isdigit() for text in epochs) else "rows"
