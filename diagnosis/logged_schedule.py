"""The schedule as the logged learning rates show it, where the config does not tell or tells otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from diagnosis.decay_fits import FLAT_SHARE, HIGHEST_FLOOR, best_decay, decay_starts, rms
from diagnosis.schedule import OPEN, Believed, Schedule, schedule_of
from diagnosis.series import Series
from parsers.records import Fact, Floats

AT_PEAK = 0.99
FEWEST = 8
"""Rows after the warm-up before a form is looked for."""
POINTS = 96
"""A series is thinned to so many rows before the fits."""
FALLEN = 0.02
"""By so much of its peak the learning rate has to have come down: before, no form shows."""
MISFIT_RESTARTS = 0.04
"""Root mean square, of the peak. The step of a restart is known to within one row only."""
AGREES = 0.05
"""The same for a config that is right but for its convention (counting from 0 or 1, a warm-up from 0)."""
JUMP = 0.3
"""Of the peak, between two rows: a restart. A warm-up after a resume rises over many rows."""
LATE_START = 0.1
"""A log that begins after this share of the run may have begun below the peak."""


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
    return best_decay(steps, rates, decay_starts(after, seen.peak), seen.spent_step is not None, planned)


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
    return rms(expected - rates) <= AGREES


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
    if rms(np.sort(off)[: int(0.9 * len(off))]) > MISFIT_RESTARTS:
        return OPEN
    return Believed(found, known=len(jumps) > 1)


def _thinned(series: Series, peak: float) -> tuple[Floats, Floats]:
    chosen = np.unique(np.linspace(0, len(series) - 1, min(POINTS, len(series))).astype(np.int64))
    return series.steps[chosen].astype(np.float64), np.asarray(series.values[chosen] / peak)
