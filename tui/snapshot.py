"""One frozen picture of everything, published by the monitor and drawn by the panels."""

from __future__ import annotations

from dataclasses import dataclass

from diagnosis.case import Case
from diagnosis.finding import Finding
from gpu.sample import GpuSample


@dataclass(frozen=True, slots=True)
class ReplayClock:
    """Where a replay is, in the run's own seconds."""

    position_seconds: float
    duration_seconds: float
    speed: float
    paused: bool


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding as the screen shows it: with whether its evidence is gone."""

    finding: Finding
    cleared: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one tick. `taken_at` is seconds since 1970."""

    taken_at: float
    label: str
    """What is read, as the user named it."""
    case: Case | None = None
    """None until the first line was read."""
    findings: tuple[FindingView, ...] = ()
    gpus: tuple[GpuSample, ...] = ()
    gpu_fault: str | None = None
    """Why there is no GPU panel, in a few words."""
    utilization_history: tuple[tuple[float, ...], ...] = ()
    """The last busy shares of each GPU, 0 to 1, oldest first."""
    waiting_for: str | None = None
    source_done: bool = False
    replay: ReplayClock | None = None
    catching_up: float | None = None
    """Share of the log read so far while an old log is still being read, else None."""
