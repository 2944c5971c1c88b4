"""The forms that a falling learning rate may have, fitted to what is logged of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from diagnosis.schedule import OPEN, Believed, Kind, Schedule
from diagnosis.series import Series
from parsers.records import Floats

MISFIT = 0.006
"""Root mean square, of the peak. Rates near 6.0e-4 with two digits are off by .0048; a cosine is off a line by .04."""
LEVELS = (0.96, 0.88)
"""Shares of the peak from which a decay is followed back to where it began."""
FLAT_SHARE = 0.05
"""Of the steps seen: a plateau that is none of the cosine's own."""
HIGHEST_FLOOR = 0.5
"""Of the peak. What is left higher is no end of a decay."""
NEAREST, FARTHEST = 1 / 3, 12.0
"""Ends that are tried, in steps seen."""
GRID = 72
"""So many of them: 5 % apart."""
NEARER = (0.06, 0.006, 0.0006)
"""Then ends of a line so near to the best of these."""
ROUNDS = 4
"""Of steps for a cosine. One may lead uphill: the valley of ends and floors is bent."""
TOLD_APART = 0.03
"""An end is known where its error is below this share of it."""
WORSE = 3.0
EXACT = 1e-6
"""Root mean square, of the peak, below which two misfits are the same: seven digits."""


def decay_starts(after: Series, peak: float) -> dict[Kind, tuple[float, ...]]:
    """Where a decay may begin: where the peak is about reached and where it is, or, after a plateau, where it is left.

    A line leaves it at once, a cosine as a parabola: both are followed back to it from two rows further down.
    """
    steps, rates = after.steps.astype(np.float64), after.values / peak
    start, flat = float(steps[0]), float(steps[np.flatnonzero(rates >= 1 - MISFIT / 2)[-1]])
    rows = [int(np.argmax(rates <= level)) for level in LEVELS]
    if flat - start <= FLAT_SHARE * (steps[-1] - start) or not 0 < rows[0] < rows[1]:
        top = (start, float(steps[np.argmax(rates)]))
        return {"cosine": top, "linear": top}
    fallen, at = 1 - rates[rows], steps[rows]
    return {"cosine": (start, max(start, _zero(at, np.sqrt(fallen)))), "linear": (start, max(start, _zero(at, fallen)))}


def _zero(across: Floats, up: Floats) -> float:
    """Where the line through two points, of which the second is higher, is 0."""
    return float((across[0] * up[1] - across[1] * up[0]) / (up[1] - up[0]))


def best_decay(
    steps: Floats, rates: Floats, starts: Mapping[Kind, tuple[float, ...]], floor_seen: bool, planned: int | None
) -> Believed:
    """The best of the forms that fall; one that ends with the run is preferred to one that ends elsewhere."""
    last, pairs = float(steps[-1]), [(kind, start) for kind, each in starts.items() for start in each]
    if planned is not None and planned > last / (1 + FLAT_SHARE):
        fits = [_fit(kind, start, np.array([float(planned)]), steps, rates) for kind, start in pairs]
        best = min(fits, key=lambda fit: fit[0])
        if best[0] <= MISFIT:
            return Believed(best[1], known=True)
    ends = last * np.geomspace(NEAREST, FARTHEST, GRID)
    fits = [_closer(_fit(kind, start, ends[ends > start + 1], steps, rates), steps, rates) for kind, start in pairs]
    misfit, found = min(fits, key=lambda fit: fit[0])
    slow = _inverse_sqrt(steps, rates)
    unlike = rms(slow(steps) - rates)
    if unlike <= MISFIT and misfit > WORSE * max(unlike, EXACT):
        return Believed(slow, known=True)
    if misfit > MISFIT:
        return OPEN
    others = min(unlike, *(fit[0] for fit in fits if fit[1].kind != found.kind))
    stands_out = others > WORSE * max(misfit, EXACT) and _end_error(found, misfit, steps) < TOLD_APART
    return Believed(found, known=floor_seen or stands_out)


def _closer(fit: tuple[float, Schedule], steps: Floats, rates: Floats) -> tuple[float, Schedule]:
    """The fit brought closer: a line by nearer ends, a cosine by Gauss and Newton's steps of start, end and floor."""
    if fit[1].kind == "cosine":
        tried = [fit]
        for _ in range(ROUNDS):
            tried.append(_stepped(tried[-1][1], steps, rates))
        return min(tried, key=lambda each: each[0])
    for width in NEARER:
        end, start = fit[1].decay_end, fit[1].decay_start
        ends = np.maximum(end * (1 + width * np.linspace(-1, 1, 25)), start + 1)
        finer = _fit("linear", start, ends, steps, rates)
        fit = finer if finer[0] <= fit[0] + EXACT else fit
    return fit


def _stepped(old: Schedule, steps: Floats, rates: Floats) -> tuple[float, Schedule]:
    """One step of a cosine to where the squares are least; a floor that would go below 0 stays there."""
    slopes, off = _slopes(old, steps), rates - old(steps)
    start, end, floor = np.linalg.lstsq(slopes, off, rcond=None)[0]
    if old.floor + floor < 0:
        start, end = np.linalg.lstsq(slopes[:, :2], off + old.floor * slopes[:, 2], rcond=None)[0]
        floor = -old.floor
    first, last = max(0.0, old.decay_start + float(start)), old.decay_end + float(end)
    low = min(old.floor + float(floor), HIGHEST_FLOOR)
    warmup = min(old.warmup_steps, first)
    new = replace(old, warmup_steps=warmup, decay_start=first, decay_end=max(last, first + 1), floor=low)
    return rms(new(steps) - rates), new


def _slopes(cosine: Schedule, steps: Floats) -> Floats:
    """The derivatives of its rates by start, end and floor, of shape (n, 3)."""
    length = cosine.decay_end - cosine.decay_start
    done = np.clip((steps - cosine.decay_start) / length, 0.0, 1.0)
    by_done = -(1 - cosine.floor) * 0.5 * np.pi * np.sin(np.pi * done)
    return np.stack((by_done * (done - 1) / length, -by_done * done / length, 0.5 * (1 - np.cos(np.pi * done))), axis=1)


def _end_error(found: Schedule, misfit: float, steps: Floats) -> float:
    """Two standard errors of a cosine's end, as a share of it, by what its fit leaves; a line tells no end."""
    if found.kind != "cosine":
        return np.inf
    spread = np.linalg.pinv(_slopes(found, steps).T @ _slopes(found, steps))
    return 2 * max(misfit, EXACT) * float(np.sqrt(max(spread[1, 1], 0.0))) / found.decay_end


def _fit(kind: Kind, start: float, ends: Floats, steps: Floats, rates: Floats) -> tuple[float, Schedule]:
    """The floor by least squares for each possible end, and the end that leaves least: (root mean square, schedule).

    A line shows nothing of its end: of equal ones the last, which has the lowest floor.
    """
    done = np.clip((steps[None, :] - start) / np.maximum(ends[:, None] - start, 1.0), 0.0, 1.0)
    left = 0.5 * (1 + np.cos(np.pi * done)) if kind == "cosine" else 1 - done
    floors = np.sum((rates - left) * (1 - left), axis=1) / np.maximum(np.sum((1 - left) ** 2, axis=1), 1e-12)
    floors = np.clip(floors, 0.0, HIGHEST_FLOOR)[:, None]
    misfits = np.sqrt(np.mean((floors + (1 - floors) * left - rates) ** 2, axis=1))
    best = int(np.flatnonzero(misfits <= misfits.min() + EXACT)[-1])
    return float(misfits[best]), Schedule(kind, float(steps[0]), start, float(ends[best]), float(floors[best, 0]))


def _inverse_sqrt(steps: Floats, rates: Floats) -> Schedule:
    since = steps - steps[0]
    scale = float(np.sum(since**2)) / max(float(np.sum((np.maximum(rates, 1e-3) ** -2 - 1) * since)), 1e-12)
    return Schedule("inverse-sqrt", float(steps[0]), float(steps[0]), 0, 0, scale=scale)


def rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
