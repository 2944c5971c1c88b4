"""Where MLflow's file store keeps a run: its directories, its metric files, its params, its end.

Source: mlflow/store/tracking/file_store.py (3.17). mlruns/EXPERIMENT/RUN has meta.yaml, params/NAME (one value a file)
and metrics/NAME with a line "timestamp_ms value step" for each value (old ones without a step, those of a data set
with its name and digest behind it); a slash in a name makes a folder.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from parsers.records import Floats, Ints

META = "meta.yaml"
METRICS, PARAMS, MODELS = "metrics", "params", "models"
DEPTH = 8
"""Folders below metrics/ that a name may make."""
MOST_FILES = 10_000
MOST_RUNS = 64
"""Of the runs that changed last, so many are asked when they began."""
MOST_BYTES = 64 << 10
"""Of a param or a meta.yaml."""
ENDS = {"3": "FINISHED", "4": "FAILED", "5": "KILLED"}
"""RunStatus of service.proto, as meta.yaml spells it; newer and older writers may also use the words."""
INT64 = 2.0**63


@dataclass(frozen=True, slots=True)
class Meta:
    """What meta.yaml says: the status in words once the run ended, when it began (ms since 1970), its name."""

    end: str | None
    started: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Lines:
    """The values of whole lines of a metric file, each of shape (n,); `seconds` since 1970."""

    seconds: Floats
    values: Floats
    steps: Ints


def is_run(folder: Path) -> bool:
    """Whether a directory is a run's. That of an experiment has a meta.yaml too, but no metrics."""
    return (folder / META).is_file() and (folder / METRICS).is_dir()


def newest_run(folder: Path) -> Path | None:
    """The directory itself where it is a run, else the run below it (an experiment, mlruns) that began last.

    A run without any metric (the parent of a sweep) counts only where there is no other.
    """
    if is_run(folder):
        return folder
    experiments = [folder] if (folder / META).is_file() else [e for e in _folders(folder) if (e / META).is_file()]
    aged = []
    for run in (run for experiment in experiments for run in _folders(experiment) if is_run(run)):
        with suppress(OSError):
            aged.append(((run / META).stat().st_mtime, run))
    recent = [run for _, run in sorted(aged, reverse=True)[:MOST_RUNS]]
    return max(recent, key=_rank, default=None)


def read_meta(run: Path) -> Meta:
    """What the run's meta.yaml says; Meta(None, 0, None) for one that cannot be read."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # each value as text: no value can be malformed
    try:
        with (run / META).open("rb") as file:
            said: Any = yaml.load(file.read(MOST_BYTES), loader)  # noqa: S506  it makes nothing but text
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        said = None
    if not isinstance(said, dict):
        return Meta(None, 0, None)
    status, started, name = (str(said.get(key) or "") for key in ("status", "start_time", "run_name"))
    end = ENDS.get(status, status if status in ENDS.values() else None)
    return Meta(end, int(started) if re.fullmatch("[0-9]{1,18}", started) else 0, name or None)


def files_below(folder: Path) -> dict[str, Path]:
    """The files of params/ or metrics/: name (with slashes) -> path. What cannot be read is left out."""
    found: dict[str, Path] = {}
    for here, folders, files in os.walk(folder):
        below = Path(here).relative_to(folder)
        if len(below.parts) >= DEPTH:
            folders.clear()
        for name in files[: MOST_FILES - len(found)]:
            found[(below / name).as_posix()] = Path(here) / name
    return found


def param(path: Path) -> str | None:
    """The value of a param; None for one that cannot be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None


def read_lines(text: bytes) -> Lines:
    """The values of whole lines. What is no such line is left out."""
    words = text.split()
    rows = text.count(b"\n")
    table = np.empty((0, 3))
    with suppress(ValueError):
        if len(words) == 3 * rows:
            table = np.fromiter(map(float, words), np.float64, len(words)).reshape(rows, 3)
    if len(table) < rows:
        parsed = [row for line in text.splitlines() if (row := _row(line)) is not None]
        table = np.array(parsed, np.float64).reshape(len(parsed), 3)
    whole = (np.abs(table[:, 2]) < INT64) & np.isfinite(table[:, 0])
    seconds, values, steps = table[whole].T.copy()
    return Lines(seconds / 1000, values, steps.astype(np.int64))


def _row(line: bytes) -> tuple[float, float, float] | None:
    words = line.split()
    try:
        if len(words) not in (2, 3, 5):
            return None
        return float(words[0]), float(words[1]), float(words[2]) if len(words) > 2 else 0.0
    except ValueError:
        return None


def _rank(run: Path) -> tuple[bool, int]:
    return bool(files_below(run / METRICS)), read_meta(run).started


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(e.path) for e in entries if e.is_dir() and not e.name.startswith(".") and e.name != MODELS]
    except OSError:
        return []
