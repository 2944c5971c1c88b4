"""What the benchmark found, as plain values. FLOP/s, seconds, hertz, watts; None is unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gpu.bench_plan import Case
from gpu.sample import Throttle

Outcome = Literal["done", "refused", "interrupted", "error"]


@dataclass(frozen=True, slots=True)
class Rate:
    """FLOP/s over all timed runs. p10 is the rate that 90 % of the runs reach; best is a burst, not a headline."""

    median: float
    p10: float
    p90: float
    best: float


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the GPU did while the runs were timed: medians, and every throttle reason seen."""

    sm_clock_hz: float | None = None
    power_watts: float | None = None
    temperature_c: float | None = None
    throttle: tuple[Throttle, ...] | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A rate as a share of what the table says: at the spec's clock, and at the clock that the GPU held."""

    of_spec: float | None = None
    at_clock: float | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """Shares of CPU time while the runs were timed.

    `ours`: what our threads got, of all that they could have got; `others`: what everybody else took, of all that the
    CPUs that we may use have.
    """

    ours: float
    others: float | None

    @property
    def contended(self) -> bool:
        """Whether others took more than 10 %, or, where the system does not tell, we missed as much."""
        return self.others > 0.1 if self.others is not None else self.ours < 0.9


@dataclass(frozen=True, slots=True)
class Measurement:
    """One case, measured. `settled`: the times had found their level; `cold_cache`: operands came from memory."""

    case: Case
    rate: Rate
    median_seconds: float
    runs: int
    launches_per_run: int
    settled: bool
    cold_cache: bool
    deviation: float
    """Largest |D - A @ B| / sqrt(K) of the sampled values."""
    flags: Mapping[str, bool]
    conditions: Conditions = Conditions()
    share: Share = Share()
    load: Load | None = None
    contended: bool | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A case that was not measured, and why."""

    case: Case
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Case `number` of `total` has come to a phase."""

    case: Case
    number: int
    total: int
    phase: Literal["warming up", "measuring"]


@dataclass(frozen=True, slots=True)
class BenchDevice:
    """What was measured. A CPU has no UUID and no driver."""

    kind: Literal["cuda", "cpu"]
    name: str | None
    uuid: str | None = None
    driver: str | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class BenchResult:
    """All that one call found. Measurements are there also when it was interrupted or failed later."""

    outcome: Outcome
    reason: str | None = None
    """One line: why it refused or failed, and the mend."""
    device: BenchDevice | None = None
    torch: str | None = None
    contended: bool | None = None
    """Whether something else used the device; None where that cannot be known."""
    measurements: tuple[Measurement, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @property
    def peak(self) -> dict[str, Measurement]:
        """By type, the measurement with the best median."""
        ordered = sorted(self.measurements, key=lambda one: one.rate.median)
        best = {one.case.dtype: one for one in ordered}
        return {one.case.dtype: best[one.case.dtype] for one in self.measurements}


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value at `share` (0 to 1) of sorted values, linear between neighbours."""
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def measurement(case: Case, event: Mapping[str, Any], cold_cache: bool) -> Measurement:
    """The child's `result` event; raises ValueError for one that makes no sense."""
    try:
        seconds = sorted(float(one) for one in _listed(event["seconds"]))
        launches, deviation = int(event["launches_per_run"]), float(event["deviation"])
        flags = {str(name): bool(value) for name, value in dict(event["flags"]).items()}
        settled = bool(event["settled"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no result: {error!r}") from None
    if not seconds or not all(math.isfinite(one) and one > 0 for one in (*seconds, launches)):
        raise ValueError("no result: its times are no times")
    if not math.isfinite(deviation):
        raise ValueError("no result: its product was not checked")
    return Measurement(
        case=case,
        rate=rate(case.flop, seconds),
        median_seconds=quantile(seconds, 0.5),
        runs=len(seconds),
        launches_per_run=launches,
        settled=settled,
        cold_cache=cold_cache,
        deviation=deviation,
        flags=flags,
    )


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value


def rate(flop: float, ordered: Sequence[float]) -> Rate:
    """FLOP/s from the sorted seconds of the runs."""
    median, p10, p90 = (flop / quantile(ordered, share) for share in (0.5, 0.9, 0.1))
    return Rate(median, p10, p90, best=flop / ordered[0])
