"""Levanter (stanford-crfm/levanter, src/levanter/callbacks/_metrics.py and eval.py; tqdm-loggable, tqdm_logging.py)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.configs.written import LEVANTER
from parsers.records import Record, Traits
from parsers.rows.row_patterns import Attach, Fields, Layout
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.text import TextFormat

FASTEST_ROUNDED = 1.0
"""Iterations per second below which the one decimal that is printed says too little."""
LOGGER = rb"(?:\btqdm_loggable\.tqdm_logging\b[^\n]{0,60}? )?"
MODULE = rb"(?:\blevanter\.[\w.]{1,40}[^\n]{0,60}? )?"
"""Some launchers print a logger's name alone before what it says."""
COUNT = rb"[\d.]{1,6}[kMG]?"
PROGRESS = Layout(
    hint=b"progress on:train ",
    text=LOGGER + rb"\bProgress on:train (?P<done>" + COUNT + rb")it/(?:(?P<planned_steps>" + COUNT + rb")it|-)"
    rb" rate:(?:{step_seconds}s/it|{rate}it/s|-) remaining:[\d:?, days]{1,24} elapsed:[\d:, days]{1,24}"
    rb" postfix:loss={train_loss}",
    start=rb"^Progress on:train |tqdm_loggable\.tqdm_logging\b",
)
"""Its steps are taken from `done`, which may be 1.23k."""
EVAL = Fields(
    hint=b" loss: ",
    turn=1,
    anchor=rb"levanter\.(?:eval|callbacks)\b[^\n]{0,120}?(?::: ?|\s)"
    rb"(?=(?:eval|[\w./-]{1,120} validation|validation|[\w./-]{1,120}) loss: )",
    item=rb"(?P<name>(?:[\w./-]{1,120} validation|[\w./-]{1,120}) loss): {value}",
    translate=lambda name: _set_of(name.removesuffix(" loss").removesuffix("validation").strip()),
    attach=Attach("before"),
    ends=rb"\s*$",
    start=rb"levanter\.(?:eval|callbacks)\b",
)


def _set_of(name: str) -> tuple[str, float] | None:
    if name in ("macro", "micro"):
        return None
    return ("val_loss" if name in ("", "eval") else f"val_loss/{name}"), 1.0


class Levanter(TextFormat):
    """Levanter, callbacks/_metrics.py (pbar_logger) at 0175308 (2025) and eval.py at 05b4318; tqdm-loggable 0.4.1.

    Levanter logs its metrics to a tracker; on the screen stands a line a minute with the number of updates done and
    the loss, each rounded to three digits: 1.23kit is update 1225 to 1234, and of several lines that show the same
    number the first is taken. The loss is the mean over the tokens of one step, that of the update before the one that
    the line counts. The rate is tqdm's running mean and contains evaluations and checkpoints; below one iteration per
    second older versions print one decimal, which is left out. Planned steps are rounded to three digits too. An
    evaluation prints no step: it is put at the last line before it. It is the mean over the tokens of all sets; single
    sets go by their names, and means over sets (macro loss) are left out.
    """

    name: ClassVar[str] = "levanter"
    title: ClassVar[str] = "Levanter"
    about: ClassVar[str] = "Levanter: `Progress on:train 1.23kit/10.0kit rate:1.2it/s ... postfix:loss=3.21`"
    example: ClassVar[str] = (
        "2025-09-10T12:00:00 - 0 - tqdm_loggable.tqdm_logging - tqdm_logging.py:145 - INFO :: "
        "Progress on:train 1.23kit/10.0kit rate:1.2it/s remaining:2:01:48 elapsed:17:05 postfix:loss=3.21"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        step_seconds_contain_eval=True,
        settings=LEVANTER,
    )
    rows: ClassVar = (PROGRESS, EVAL)
    said: ClassVar = (
        Said(
            b"no checkpoint found. starting from scratch.", rb"\blevanter\.main\b.*Starting from scratch", begins=True
        ),
        Said(b"resuming training from step ", MODULE + rb"\bResuming training from step \d", resumes=True, own=False),
        Said(b"rounding vocab size from ", rb"\bRounding vocab size from \d+ to {vocab_size} for partitioning"),
    )
    checkpoint: ClassVar = Said(b"saving checkpoint at step ", MODULE + rb"\bSaving checkpoint at step \d")

    def finish(self, half: bytes) -> list[Record]:
        """The records of a last line that has no end; of a number that may be cut there are none."""
        return super().finish(b"" if b"loss=" in half or b" loss: " in half else half)

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows, with steps from rounded counts and seconds from rates."""
        return [done for batch in batches for done in (_counted(batch) if batch.pattern is PROGRESS else [batch])]


def _counted(batch: Batch) -> list[Batch]:
    columns = dict(zip(batch.metrics, batch.columns, strict=True))
    steps = np.rint(np.nan_to_num(columns.pop("done"))).astype(np.int64)
    rate = columns.pop("rate", None)
    plain = replace(batch, metrics=tuple(columns), columns=[columns[name] for name in columns], steps=steps)
    if rate is None:
        return [plain]
    fast = np.flatnonzero(rate >= FASTEST_ROUNDED)
    told = plain.only(fast)
    timed = replace(told, metrics=(*told.metrics, "step_seconds"), columns=[*told.columns, 1.0 / rate[fast]])
    return [timed, plain.only(np.flatnonzero(rate < FASTEST_ROUNDED))]
