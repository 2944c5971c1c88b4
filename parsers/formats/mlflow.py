"""MLflow: the directory of a run in its file store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from parsers.clean import printable
from parsers.growing_file import GrowingFile
from parsers.open_file import POLL_BYTES
from parsers.records import Fact, Notice, NoticeKind, Recognised, Record, Restart, Traits
from parsers.stores.mlflow_files import (
    META,
    METRICS,
    PARAMS,
    Lines,
    Meta,
    files_below,
    newest_run,
    param,
    read_lines,
    read_meta,
)
from parsers.stores.store import Store
from parsers.stores.stored_facts import StoredFacts
from parsers.stores.stored_rows import Metrics, StoredColumn, StoredRows

ENDINGS: dict[str, NoticeKind] = {"FINISHED": "end", "FAILED": "traceback", "KILLED": "warning"}
"""A run that was killed is over, but not done."""


class MetricFile:
    """One metric: the file, and what was read of it and not told yet."""

    def __init__(self, path: Path) -> None:
        self.file = GrowingFile(path)
        self.unstepped = False
        """Whether it was logged without steps, as its second line tells: MLflow then writes 0."""
        self._lots: list[Lines] = []
        self._rows = 0
        self._latest = 0.0

    def read(self, most: int) -> bool:
        """Reads whole lines, `most` bytes at most; whether the file began anew."""
        piece = self.file.look(most)
        anew = piece is None
        if piece is None:
            self._lots, self._rows, self._latest, self.unstepped = [], 0, 0.0, False
            piece = self.file.look(most) or b""
        whole = piece[: piece.rfind(b"\n") + 1] or (piece if len(piece) == most else b"")
        self.file.use(whole)
        if whole:
            self._lots.append(read_lines(whole))
        return anew

    def column(self) -> StoredColumn | None:
        """What was read since the last call, the steps numbered where none were logged; None for nothing."""
        if not self._lots:
            return None
        seconds, values, steps = (
            np.concatenate([getattr(lot, part) for lot in self._lots]) for part in ("seconds", "values", "steps")
        )
        self._lots = []
        if self._rows < 2 <= self._rows + len(steps):
            self.unstepped = not steps.any()
        if self.unstepped:
            steps = np.arange(self._rows, self._rows + len(steps))
        self._rows += len(steps)
        order = np.maximum.accumulate(np.concatenate(([self._latest], seconds)))[1:]
        self._latest = float(order[-1]) if len(order) else self._latest
        return StoredColumn(order, steps, values, seconds)


class MLflow(Store):
    """A run's metrics as `mlflow.log_metric` got them, and its params.

    The numbers are the user's own, the steps those that his code passed. Where it passed none MLflow writes 0 for
    each; then the values of a metric are numbered. Each line is on the disk as soon as it is logged. A run that was
    resumed goes on in the same files.

    Read in mlflow/mlflow 3.17, mlflow/store/tracking/file_store.py.
    """

    name: ClassVar[str] = "mlflow"
    title: ClassVar[str] = "MLflow"
    about: ClassVar[str] = "MLflow's file store: mlruns/EXPERIMENT/RUN, or the newest run below mlruns"
    example: ClassVar[str] = "mlruns"
    traits: ClassVar[Traits] = Traits(
        updates_at_train_row=0,
        loss_unit="unknown",
        explanations={"train_loss": "as the training code gave it to mlflow.log_metric"},
    )

    @classmethod
    def holds(cls, path: Path, head: bytes) -> bool:
        """Whether it is the directory of a run, or of an experiment or a store with runs."""
        return not head and newest_run(path) is not None

    def __init__(self, path: Path) -> None:
        self.label = printable(str(path))
        self._path = path
        self._run: Path | None = None
        self._files: dict[str, MetricFile] = {}
        self._metrics, self._rows = Metrics(), StoredRows()
        self._facts = StoredFacts("mlflow params")
        self._params: dict[str, str] = {}
        self._told = False
        self._end: str | None = None
        self._known = (0, Meta(None, 0, None))
        """When meta.yaml was written, and what it said then."""

    @property
    def waiting_for(self) -> str | None:
        """No run yet, or nothing logged so far; else None."""
        if self._run is None:
            return f"{self.label} holds no MLflow run yet"
        return None if self._files else f"{self.label}: the run {printable(self._run.name)} has no metric so far"

    @property
    def problem(self) -> str | None:
        """Why nothing can be read, in one line with the path and the mend; None where it can, or may yet."""
        refused = [f.file.reason for f in self._files.values() if f.file.refused]
        return refused[0] if refused and len(refused) == len(self._files) else None

    @property
    def caught_up(self) -> bool:
        """Whether the last poll reached the end of what there is now."""
        return all(f.file.at_end for f in self._files.values())

    @property
    def progress(self) -> float | None:
        """Share of the bytes read so far while there is more to read at once, else None."""
        size = sum(f.file.size for f in self._files.values())
        return None if self.caught_up or not size else min(1.0, sum(f.file.offset for f in self._files.values()) / size)

    @property
    def silence_seconds(self) -> float | None:
        """Seconds since a metric was last logged."""
        known = [f.file.silence_seconds for f in self._files.values()]
        return min((silence for silence in known if silence is not None), default=None)

    @property
    def done(self) -> bool:
        """Whether the run ended and all was read."""
        return self._end is not None and self.caught_up

    @property
    def half_line(self) -> bool:
        """Whether a metric's file ends within a line."""
        return self.caught_up and any(f.file.offset < f.file.size for f in self._files.values())

    def poll(self) -> list[Record]:
        """What came since the last call. The first rows are told when all files were read to their end.

        Until then nobody knows which of their rows stand before a restart and which after it.
        """
        if self._run is None:
            self._run = newest_run(self._path)
        if self._run is None:
            return []
        meta = self._meta(self._run)  # before the metrics: an end that it tells now comes after all of them
        self._find(self._run)
        share = max(4096, POLL_BYTES // max(1, len(self._files)))
        anew = [f.read(share) for f in self._files.values()]
        records: list[Record] = []
        if any(anew) and self._told:
            self._rows = StoredRows()
            records = [Restart(None, "the metrics were replaced")]
        if not self.caught_up:
            return records
        facts = [*self._settings(self._run, meta.name)]
        rows = self._points()
        if not self._told:
            self._told = True
            records.insert(0, self._recognised(self._run))
        records += [*facts, *rows]
        if meta.end != self._end:
            self._end = meta.end
            records += self._ended()
        return records

    def close(self) -> None:
        """Nothing is held open between two polls."""

    def _meta(self, run: Path) -> Meta:
        try:
            now = (run / META).stat().st_mtime_ns
        except OSError:
            return self._known[1]
        if now != self._known[0]:
            self._known = now, read_meta(run)
        return self._known[1]

    def _find(self, run: Path) -> None:
        """Learns of new metric files, and keeps those that are metrics here."""
        found = files_below(run / METRICS)
        self._metrics.add(sorted(found))
        for name in self._metrics.meanings:
            if name in found and name not in self._files:
                self._files[name] = MetricFile(found[name])

    def _settings(self, run: Path, name: str | None) -> list[Fact]:
        fresh = {key: path for key, path in files_below(run / PARAMS).items() if key not in self._params}
        read = {key: value for key, path in fresh.items() if (value := param(path)) is not None}
        self._params.update(read)
        facts = self._facts.changed(self._params) if read else []
        if name is not None and self._facts.told.get("run_name") != name:
            self._facts.told["run_name"] = name
            facts.append(Fact("run_name", name, "config", "meta.yaml"))
        return facts

    def _points(self) -> list[Record]:
        meanings = self._metrics.meanings
        columns = {}
        for name, file in self._files.items():
            column, meaning = file.column(), meanings.get(name)
            if column is not None and meaning is not None:
                values = self._metrics.scaled(meaning, column.values)
                columns[meaning.metric] = StoredColumn(column.order, column.steps, values, column.seconds)
        return self._rows.arrange(columns)

    def _recognised(self, run: Path) -> Recognised:
        traits = replace(
            self.traits,
            loss_unit=self._metrics.unit,
            steps_count="rows" if any(f.unstepped for f in self._files.values()) else "updates",
            tokens_per_second_of="device" if self._metrics.per_device else "run",
        )
        why = f"the directory of run {printable(run.name)}"
        return Recognised(self.name, self.title, traits, why if run == self._path else f"{why}, the newest below it")

    def _ended(self) -> list[Record]:
        if self._end is None:
            return []
        return [Notice(ENDINGS[self._end], f"MLflow: {self._end}", self._rows.last_step)]
