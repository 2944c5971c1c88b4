"""What one file or folder is: a log that a format recognises, a store, or neither."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parsers import formats
from parsers.binary import no_text
from parsers.intake import Intake
from parsers.records import Points, Recognised, Record
from parsers.stores.store import Store

HEAD_BYTES = 8 << 10
TAIL_BYTES = 24 << 10
"""Where a log begins with its source code or a long config, its end has the steps."""
STORE_HEAD_BYTES = 16 << 10
LOG_NAME = re.compile(r"(?:^[^.]+|\.(?:log|txt|out|err|stdout|stderr|jsonl|json|csv|tsv|[oe]\d+))$", re.IGNORECASE)
"""No suffix, a suffix of logs and of tables, or PBS's job.o123."""
NO_LOG = re.compile(
    r"(?:readme|licen[sc]e|copying|changelog|requirements|tokenizer|special_tokens|added_tokens|package|config|generation"
    r"_config|vocab|merges|cmakelists|tsconfig)\b.*|makefile|dockerfile|.*[-_]lock\.json",
    re.IGNORECASE,
)
"""What lies in most projects and model folders, and would cost a look each."""
STORE_NAME = re.compile(r"tfevents|\.wandb$|^trainer_state\.json$|^meta\.yaml$", re.IGNORECASE)
"""Files that stores consist of; a folder without one is not asked whether it is a store."""
CHECKPOINT = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at one text log showed: its format, why, and the points of its first and last lines."""

    format: str
    why: str
    metrics: dict[str, tuple[tuple[int, float], ...]]
    """By metric, (step, value) in the order of the log."""


def store_of(path: Path) -> type[Store] | None:
    """The store that the file or folder at `path` is, or that a path of its name will be; else None.

    None as well for what may not be read. Raises nothing.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _holding(path, b"")
        if not stat.S_ISREG(mode):
            return None
        with path.open("rb") as file:
            return _holding(path, file.read(STORE_HEAD_BYTES))
    except FileNotFoundError:
        return _holding(path, b"")
    except (OSError, ValueError):
        return None


def store_by_name(name: str) -> type[Store] | None:
    """The store with that id, else None."""
    return next((kind for kind in formats.STORES if kind.name == name), None)


def _holding(path: Path, head: bytes) -> type[Store] | None:
    for kind in formats.STORES:
        try:
            if kind.holds(path, head):
                return kind
        except (OSError, ValueError):
            continue
    return None


def look_at_log(path: Path, format_name: str | None = None) -> Look | None:
    """Reads the log's first and last lines with the format that recognises them, or with the one that is named.

    None where none does, where the named one finds no step there, for what is no text, and for what may not be read.
    """
    window = _window(path)
    if window is None:
        return None
    intake = Intake(format_name)
    records = [*intake.feed(window), *intake.finish(b"")]
    found = next((record for record in records if isinstance(record, Recognised)), None)
    metrics = _metrics(records)
    if found is None or (format_name is not None and (found.format != format_name or not metrics)):
        return None
    why = found.why if found.why.startswith(found.title) else f"{found.title}: {found.why}"
    return Look(found.format, why, metrics)


def _window(path: Path) -> bytes | None:
    """Whole lines: the file, or its first and its last bytes."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe would wait for its writer
            return None
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if not head.strip() or no_text(head):
                return None
            rest = os.fstat(file.fileno()).st_size - len(head)
            file.seek(max(0, rest - TAIL_BYTES), os.SEEK_CUR)
            tail = file.read(TAIL_BYTES)
    except (OSError, ValueError):
        return None
    if rest > TAIL_BYTES:
        head, tail = head[: head.rfind(b"\n") + 1], tail[tail.find(b"\n") + 1 :]
    text = head + tail
    return text if text.endswith(b"\n") else text + b"\n"


def _metrics(records: list[Record]) -> dict[str, tuple[tuple[int, float], ...]]:
    rows: dict[str, list[tuple[int, float]]] = {}
    for record in records:
        if isinstance(record, Points):
            for name, values in record.columns.items():
                rows.setdefault(name, []).extend(zip(record.steps.tolist(), values.tolist(), strict=True))
    return {name: tuple(found) for name, found in rows.items()}


LOSSES = ("train_loss", "val_loss", "eval_train_loss")
ENOUGH_COMMON = 3
MOST_DIFFERENT = 0.1
ROUNDING = 1.5e-3
"""Two files of one run print the same loss with other numbers of digits, three at least."""


def say_the_same(one: Look, other: Look) -> bool:
    """Whether two logs are of one run: they share losses at the same steps, which other runs do not have.

    The steps may differ by one, as those of llm.c's main.log and its output do.
    """
    return any(_agree(one.metrics.get(n, ()), other.metrics.get(n, ()), by) for n in LOSSES for by in (0, 1, -1))


def _agree(one: tuple[tuple[int, float], ...], other: tuple[tuple[int, float], ...], by: int) -> bool:
    known = {step + by: value for step, value in other}
    pairs = np.array([(value, known[step]) for step, value in one if step in known])
    if len(pairs) < ENOUGH_COMMON:
        return False
    return float((np.abs(pairs[:, 0] - pairs[:, 1]) > ROUNDING).mean()) <= MOST_DIFFERENT
