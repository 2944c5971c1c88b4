"""All that a log can say: points, facts, notices and restarts, as frozen values without behaviour.

Units are SI (seconds, bytes, FLOP/s, fractions) and losses are nats per token, whatever the trainer prints.
Something unknown is absent: no record carries 0, -1 or a guess in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Value = int | float | str | bool

Origin = Literal["flag", "log", "config", "comment"]
"""Where a fact is from, the most trustworthy first: the user's flag, what the log prints, a config, a comment."""

NoticeKind = Literal["checkpoint", "resume", "traceback", "out-of-memory", "warning", "disagreement", "reader", "end"]


Syntax = Literal["python", "flags", "overrides", "yaml", "toml", "json"]
"""How settings are written: `a = 1` in a Python file, `--a 1` and `a=1` on a command line, or as a config file is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a trainer's users write its settings. What is not here cannot be set there, or in another unit."""

    syntax: Syntax
    names: Mapping[str, str]
    """A fact's name -> the setting that means it in the fact's own unit, with dots where settings are nested."""
    shares: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """A fact's name -> a setting that is a share of another fact, and that fact: min_lr is one of learning_rate."""
    values: Mapping[tuple[str, Value], tuple[str, Value]] = field(default_factory=dict)
    """A fact's name and value -> a setting and its value: dtype bfloat16 may be a flag bf16."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a trainer's numbers mean. The rules read these, so that no rule names a trainer."""

    train_loss: Literal["micro-batch", "step mean", "window mean", "average"] = "step mean"
    """What one train_loss is of: the last micro-batch of the step, the whole step, all steps since the last
    line, or a running average."""
    train_loss_left_out: bool = False
    """Whether a train row is printed without its loss where that is no number, or where all its steps were skipped."""
    train_loss_in_train_mode: bool = True
    """Whether dropout is on while train_loss is measured. eval_train_loss and val_loss never have it on."""
    updates_at_train_row: int = 1
    """A train row printed with step N comes after N plus this many updates."""
    updates_at_eval_row: int = 0
    """An eval row printed with step N comes after N plus this many updates."""
    eval_draws_new_batches: bool = False
    """Whether each eval draws other random batches, so that two evals differ by sampling alone."""
    step_seconds: Literal["one step", "window mean"] = "one step"
    step_seconds_contain_eval: bool = False
    """Whether the row at a multiple of eval_interval also timed the evaluation and the checkpoint."""
    step_work_changes: bool = False
    """Whether batch or context may change within a run, so that slower steps may be larger ones."""
    mfu_peak_flops: float | None = None
    """The peak, in FLOP/s, behind the MFU that the trainer prints; None where it prints none or uses a table."""
    mfu_peak_name: str | None = None
    mfu_smoothing: float | None = None
    """The share of the old value in the running mean that is printed as MFU."""
    parameters_printed: Literal["all", "without position embedding", "non-embedding", "per shard"] = "all"
    loss_unit: Literal["nats", "bits per byte", "other", "unknown"] = "nats"
    """What train_loss and val_loss are in. "other" where the log shows that they are no language model's (RL, vision),
    "unknown" where a loop that nobody knows may print any loss: no law of language models holds for either."""
    optimizer: str | None = None
    """What it trains with unless it is told otherwise; None where it has no default, or trains with several."""
    steps_count: Literal["updates", "micro-batches", "epochs", "rows"] = "updates"
    """What the steps number: optimiser steps as a rule; rows of the log where it prints no step."""
    accumulation_of: Literal["all devices", "device"] = "device"
    """Whether gradient_accumulation_steps counts the micro-batches of all devices together or of each."""
    tokens_per_second_of: Literal["run", "device"] = "run"
    """Whether the printed tokens per second are those of all devices together or of one."""
    settings: Settings | None = None
    """How its settings are written; None where that is open, as for a log that any trainer may have made."""
    explanations: Mapping[str, str] | None = None
    """Sentences for people: metric name -> what this trainer's number is."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """The log's format was recognised; comes before all that was read with it."""

    format: str
    title: str
    traits: Traits
    why: str


@dataclass(frozen=True, slots=True)
class Points:
    """A block of rows that carry the same metrics, in the order of the log.

    `steps` is int64 of shape (n,), as the trainer prints them; each column is float64 of shape (n,).
    A NaN or an infinity in a column is what the log said. `seconds` are wall-clock seconds since 1970, of
    shape (n,), where the log has them.
    """

    steps: Ints
    columns: Mapping[str, Floats]
    seconds: Floats | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that holds for the run: `name` is the field's term (n_embd, planned_steps, dataset)."""

    name: str
    value: Value
    origin: Origin
    where: str
    """For people: "line 14", "config/train_fineweb.py", "--params"."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened, in the log's own words (`text`, one line, not yet stripped of control characters)."""

    kind: NoticeKind
    text: str
    step: int | None = None
    """The last step that the log had printed before it."""


@dataclass(frozen=True, slots=True)
class Restart:
    """The run began anew or went back to a checkpoint: what follows opens a new segment."""

    step: int | None
    """The first step of the new segment, where it is known already."""
    why: str


Record = Recognised | Points | Fact | Notice | Restart
