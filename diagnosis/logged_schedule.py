"""The schedule as the logged learning rates show it, where the config does not tell or tells otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from diagnosis.schedule import Kind, Schedule, schedule_of
from diagnosis.series import Series
from parsers.records import Fact, Floats

AT_PEAK = 0.99
FEWEST = 8
"""Rows after the warm-up before a form is looked for."""
POINTS = 96
"""A series is thinned to so many rows before the fits."""
FALLEN = 0.02
"""By so much of its peak the learning rate has to have come down: before, no form shows."""
MISFIT = 0.004
"""Root mean square, of the peak. Rates printed with two digits are off by .0015; a cosine is off a line by .04."""
MISFIT_RESTARTS = 0.04
"""The step of a restart is known to within one row only."""
AGREES = 0.05
"""The same for a config that is right but for its convention (counting from 0 or 1, a warm-up from 0)."""
JUMP = 0.3
"""Of the peak, between two rows: a restart. A warm-up after a resume rises over many rows."""
HIGHEST_FLOOR = 0.5
LEVELS = (0.96, 0.88)
"""Shares of the peak from which a decay is followed back to where it began."""
LATE_START = 0.1
"""A log that begins after this share of the run may have begun below the peak."""
FLAT_SHARE = 0.05
"""Of the steps seen: a plateau that is none of the cosine's own."""
FARTHEST = 3.0
GRID = 200
"""Ends that are tried: 1.1 % apart."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What the logged learning rates show by themselves."""

    peak: float
    """The highest so far."""
    peak_step: int
    """The first row within 1 % of it."""
    from_start: bool
    """Whether the rows begin with the run, so that the warm-up, if there was one, is in them."""
    rising: bool
    """Whether the newest row is its peak and the one before was lower: the warm-up may go on."""
    now: float
    """The newest, as a share of the peak."""
    spent_step: int | None
    """The first row of the floor on which it stands after it came down; None while it falls, stays up or rises."""
    spent_since: int | None
    """The row at which the floor had lasted so long that no rounding of a slow end explains it."""


@dataclass(frozen=True, slots=True)
class Believed:
    """The schedule to reckon with; None is open. `known` says whether the steps to come are known with it."""

    schedule: Schedule | None
    known: bool


OPEN = Believed(None, known=False)


def believed_schedule(facts: Mapping[str, Fact], logged: Series, planned: int | None) -> Believed:
    """What the config says where the logged rates do not contradict it, else the form that fits them."""
    told = schedule_of(facts)
    if told is not None and _agrees(told, logged):
        return Believed(told, known=True)
    return fitted_schedule(logged, planned)


def rates_of(logged: Series) -> Rates | None:
    """What the series tells; None for an empty one and where no rate is above 0."""
    known = logged.finite
    if not len(known) or not float(known.values.max()) > 0:
        return None
    values, steps = known.values, known.steps
    peak = float(values.max())
    top = int(np.argmax(values >= AT_PEAK * peak))
    spent, since = _floor(known, peak, top)
    return Rates(
        peak=peak,
        peak_step=int(steps[top]),
        from_start=int(steps[0]) <= max(1, int(steps[1] - steps[0]) if len(steps) > 1 else 1),
        rising=bool(values[-1] >= peak and (len(values) < 2 or values[-2] < peak)),
        now=float(values[-1]) / peak,
        spent_step=spent,
        spent_since=since,
    )


def _floor(known: Series, peak: float, top: int) -> tuple[int | None, int | None]:
    """Where the newest value begins, if it is a floor; and the row at which that was sure.

    The end of a cosine is flat within the digits that are printed. Rounding makes its last value 1.4 times as long as
    the one before: three times as long, and 5 % of all steps, is none of that.
    """
    values, steps = known.values, known.steps
    changes = np.flatnonzero(np.diff(values) != 0) + 1
    if not len(changes) or changes[-1] <= top or values[-1] >= values[changes[-1] - 1]:
        return None, None
    begin = int(changes[-1])
    before = int(steps[begin] - steps[changes[-2]]) if len(changes) > 1 else 0
    since = steps[begin] + max(3 * before, FLAT_SHARE / (1 - FLAT_SHARE) * float(steps[begin]))
    at = int(np.searchsorted(steps, since, side="right"))
    sure = at < len(steps) and values[-1] <= HIGHEST_FLOOR * peak
    return (int(steps[begin]), int(steps[at])) if sure else (None, None)


def fitted_schedule(logged: Series, planned: int | None) -> Believed:
    """The form that the rates have: cosine, linear, WSD, constant, inverse square root or warm restarts.

    Open where the log begins late, while the rates have not come down yet (a constant rate may still decay), and where
    no form fits. Known where its end is seen, is the planned one, or follows from its bend.
    """
    seen, known = rates_of(logged), logged.finite
    if seen is None or len(known) < FEWEST or known.steps[0] > LATE_START * max(known.steps[-1], planned or 0):
        return OPEN
    after = known.since(seen.peak_step)
    if len(after) < FEWEST:
        return OPEN
    jumps = _jumps(after, seen.peak)
    if len(jumps):
        return _restarts(after, seen, jumps, planned)
    steps, rates = _thinned(after, seen.peak)
    if rates.min() > 1 - FALLEN:
        over = planned is not None and 2 * after.steps[-1] - after.steps[-2] >= planned
        return Believed(Schedule("constant", seen.peak_step, 0, 0, 1), known=True) if over else OPEN
    return _decay(steps, rates, _starts(after, seen.peak), seen.spent_step is not None, planned)


def _agrees(told: Schedule, logged: Series) -> bool:
    """Whether the newer half of the rates after the warm-up is that of the schedule, up to a factor.

    The older half may lag: fp16 skips steps until its loss scale is found. Too few rows contradict none.
    """
    known = logged.finite.since(told.warmup_steps + 1)
    newer = known.since(float(known.steps[len(known) // 2])) if len(known) else known
    if len(newer) < FEWEST or not float(known.values.max()) > 0:
        return True
    steps, rates = _thinned(newer, float(known.values.max()))
    expected = told(steps) / max(1e-12, float(told(known.steps.astype(np.float64)).max()))
    return _rms(expected - rates) <= AGREES


def _jumps(after: Series, peak: float) -> Floats:
    """The rows that stand high above the one before."""
    return after.steps[np.flatnonzero(np.diff(after.values) > JUMP * peak) + 1].astype(np.float64)


def _restarts(after: Series, seen: Rates, jumps: Floats, planned: int | None) -> Believed:
    start, last = float(seen.peak_step), float(after.steps[-1])
    scale = float(jumps[0]) - start
    growth = round((float(jumps[1]) - float(jumps[0])) / scale, 1) if len(jumps) > 1 else 1.0
    end = float(planned) if planned is not None and planned > last else np.inf
    steps, rates = _thinned(after, seen.peak)
    floor = min(float(rates.min()), HIGHEST_FLOOR)
    found = Schedule("restarts", start, start, end, floor if floor > FALLEN else 0.0, scale, max(growth, 1.0))
    off = np.abs(found(steps) - rates)
    # At a restart itself the row may be on either side.
    if _rms(np.sort(off)[: int(0.9 * len(off))]) > MISFIT_RESTARTS:
        return OPEN
    return Believed(found, known=len(jumps) > 1)


def _starts(after: Series, peak: float) -> dict[Kind, tuple[float, ...]]:
    """Where a decay may begin: where the peak is reached or, after a plateau, where it is left.

    A line leaves it at once, a cosine as a parabola: both are followed back to it from two rows further down.
    """
    steps, rates = after.steps.astype(np.float64), after.values / peak
    start, flat = float(steps[0]), float(steps[np.flatnonzero(rates >= 1 - MISFIT / 2)[-1]])
    rows = [int(np.argmax(rates <= level)) for level in LEVELS]
    if flat - start <= FLAT_SHARE * (steps[-1] - start) or not 0 < rows[0] < rows[1]:
        return {"cosine": (start,), "linear": (start,)}
    fallen, at = 1 - rates[rows], steps[rows]
    return {"cosine": (start, max(start, _zero(at, np.sqrt(fallen)))), "linear": (start, max(start, _zero(at, fallen)))}


def _zero(across: Floats, up: Floats) -> float:
    """Where the line through two points, of which the second is higher, is 0."""
    return float((across[0] * up[1] - across[1] * up[0]) / (up[1] - up[0]))


def _decay(
    steps: Floats, rates: Floats, starts: Mapping[Kind, tuple[float, ...]], floor_seen: bool, planned: int | None
) -> Believed:
    """The best of the forms that fall; one that ends with the run is preferred to one that ends elsewhere."""
    last, pairs = float(steps[-1]), [(kind, start) for kind, each in starts.items() for start in each]
    if planned is not None and planned > last / (1 + FLAT_SHARE):
        fits = [_fit(kind, start, np.array([float(planned)]), steps, rates) for kind, start in pairs]
        best = min(fits, key=lambda fit: fit[0])
        if best[0] <= MISFIT:
            return Believed(best[1], known=True)
    slow = _inverse_sqrt(steps, rates)
    if _rms(slow(steps) - rates) <= MISFIT:
        return Believed(slow, known=True)
    ends = np.geomspace(last / FARTHEST, FARTHEST * last, GRID)
    fits = [_fit(kind, start, ends[ends > start + 1], steps, rates) for kind, start in pairs]
    misfit, found = min(fits, key=lambda fit: fit[0])
    if misfit > MISFIT:
        return OPEN
    bent = found.kind == "cosine" and found(np.array([last]))[0] <= found.floor + (1 - found.floor) / 2
    return Believed(found, known=floor_seen or bool(bent))


def _fit(kind: Kind, start: float, ends: Floats, steps: Floats, rates: Floats) -> tuple[float, Schedule]:
    """The floor by least squares for each possible end, and the end that leaves least: (root mean square, schedule)."""
    done = np.clip((steps[None, :] - start) / np.maximum(ends[:, None] - start, 1.0), 0.0, 1.0)
    left = 0.5 * (1 + np.cos(np.pi * done)) if kind == "cosine" else 1 - done
    floors = np.sum((rates - left) * (1 - left), axis=1) / np.maximum(np.sum((1 - left) ** 2, axis=1), 1e-12)
    floors = np.clip(floors, 0.0, HIGHEST_FLOOR)[:, None]
    misfits = np.sqrt(np.mean((floors + (1 - floors) * left - rates) ** 2, axis=1))
    best = int(np.argmin(misfits))
    return float(misfits[best]), Schedule(kind, float(steps[0]), start, float(ends[best]), float(floors[best, 0]))


def _inverse_sqrt(steps: Floats, rates: Floats) -> Schedule:
    since = steps - steps[0]
    scale = float(np.sum(since**2)) / max(float(np.sum((np.maximum(rates, 1e-3) ** -2 - 1) * since)), 1e-12)
    return Schedule("inverse-sqrt", float(steps[0]), float(steps[0]), 0, 0, scale=scale)


def _thinned(series: Series, peak: float) -> tuple[Floats, Floats]:
    chosen = np.unique(np.linspace(0, len(series) - 1, min(POINTS, len(series))).astype(np.int64))
    return series.steps[chosen].astype(np.float64), np.asarray(series.values[chosen] / peak)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
