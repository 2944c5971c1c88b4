"""The forms that a falling learning rate may have, fitted to what is logged of it."""

from __future__ import annotations

from collections.abc import Mapping

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
CLOSER = 0.06
"""Then ends so near to the best of these, and nearer still, each time by a factor of 10."""
TOLD_APART = 0.03
"""An end is known where ends so much off fit worse than the digits that are printed explain."""
WORSE = 3.0
EXACT = 1e-6
"""Root mean square, of the peak, below which two misfits are the same: seven digits."""


def decay_starts(after: Series, peak: float) -> dict[Kind, tuple[float, ...]]:
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
    bent = found.kind == "cosine" and found(np.array([last]))[0] <= found.floor + (1 - found.floor) / 2
    others = [unlike, *(fit[0] for fit in fits if fit[1].kind != found.kind)]
    known = floor_seen or bool(bent) or _stands_out(misfit, found, others, steps, rates)
    return Believed(found, known=known)


def _closer(fit: tuple[float, Schedule], steps: Floats, rates: Floats) -> tuple[float, Schedule]:
    """The fit with the best end near its own, to some five digits."""
    for width in (CLOSER, CLOSER / 10, CLOSER / 100):
        end, start = fit[1].decay_end, fit[1].decay_start
        ends = np.maximum(end * (1 + width * np.linspace(-1, 1, 25)), start + 1)
        finer = _fit(fit[1].kind, start, ends, steps, rates)
        fit = finer if finer[0] <= fit[0] + EXACT else fit
    return fit


def _stands_out(misfit: float, found: Schedule, others: list[float], steps: Floats, rates: Floats) -> bool:
    """Whether neither another form nor another end fits about as well: rates of many digits show a cosine's early."""
    ends = np.array([found.decay_end / (1 + TOLD_APART), found.decay_end * (1 + TOLD_APART)])
    around = [_fit(found.kind, found.decay_start, np.array([end]), steps, rates)[0] for end in ends]
    return min([*around, *others]) > WORSE * max(misfit, EXACT)


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
