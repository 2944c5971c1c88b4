"""Everything that is known about a run at one moment, frozen: what rules read and panels draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from diagnosis.budget import Budget
from diagnosis.efficiency import Efficiency
from diagnosis.forecast import Forecast
from diagnosis.gpu_past import GpuPast
from diagnosis.memory import MemoryEstimate
from diagnosis.model import ModelSize
from diagnosis.outlook import Outlook
from diagnosis.schedule import Schedule
from diagnosis.series import Series
from diagnosis.trend import Trend
from gpu.sample import GpuSample
from parsers.records import Fact, Notice, Traits

State = Literal["waiting", "running", "stalled", "finished", "stopped", "crashed", "diverged"]


@dataclass(frozen=True, slots=True)
class Steps:
    """Where the run is. `last` is as printed; `updates` counts the optimiser steps done."""

    first: int | None = None
    last: int | None = None
    planned: int | None = None
    updates: int | None = None


@dataclass(frozen=True)
class Case:
    """A run as far as it is known: what the log said, what the laws make of it, what the GPU shows."""

    path: str
    format: str | None
    format_title: str | None
    format_why: str | None
    traits: Traits
    state: State
    steps: Steps
    facts: Mapping[str, Fact]
    """The most trustworthy fact of each name."""
    series: Mapping[str, Series]
    """By metric name, all segments spliced: where a segment went back, its steps replace the older ones."""
    notices: tuple[Notice, ...]
    segments: tuple[int, ...]
    """First step of each segment; one where nothing was restarted."""
    configured: Mapping[str, Fact] = field(default_factory=dict)
    """What the run's config files say, also where the log is believed more: their names for its settings."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """How many points of each metric the log holds, those of every segment."""
    tokens_per_step: float | None = None
    tokens_seen: float | None = None
    tokens_planned: float | None = None
    size: ModelSize | None = None
    budget: Budget | None = None
    trend: Trend | None = None
    forecast: Forecast | None = None
    outlook: Outlook | None = None
    schedule: Schedule | None = None
    """The learning rate over the steps, as the config says or, where it does not, as the logged rates show."""
    known_schedule: bool = False
    """Whether `schedule` holds for the steps to come too, and is no guess from the part that was seen."""
    efficiency: Efficiency | None = None
    memory: MemoryEstimate | None = None
    gpus: tuple[GpuSample, ...] = ()
    gpu_past: tuple[GpuPast, ...] = ()
    """What the GPUs showed since they are watched; empty where they were looked at once, or not at all."""
    silence_seconds: float | None = None
    """How long the log has been silent when this was read; None for a log that is over."""
    silence_limit_seconds: float | None = None
    """Silence longer than evals and checkpoints explain."""
    eta_seconds: float | None = None
    eval_standard_error: float | None = None
    """Sampling error of one eval, nats; None where it cannot be known."""
    notes: tuple[str, ...] = field(default=())
    """What the user should know about the reading itself."""

    @property
    def decay_end(self) -> float | None:
        """The step at which the learning rate's decay ends; None where that is not known, or where it never does."""
        return self.schedule.spent_step if self.schedule is not None and self.known_schedule else None

    def metric(self, name: str) -> Series:
        """The series of that name, empty where the log has none."""
        found = self.series.get(name)
        return found if found is not None else Series(name, np.empty(0, np.int64), np.empty(0))

    def number(self, name: str) -> float | None:
        """The fact of that name as a number, None where it is unknown or is none."""
        fact = self.facts.get(name)
        if fact is None or isinstance(fact.value, (bool, str)):
            return None
        return float(fact.value)

    def text(self, name: str) -> str | None:
        """The fact of that name as text."""
        fact = self.facts.get(name)
        return None if fact is None else str(fact.value)

    def flag(self, name: str) -> bool | None:
        """The fact of that name as a truth value."""
        fact = self.facts.get(name)
        return fact.value if fact is not None and isinstance(fact.value, bool) else None
