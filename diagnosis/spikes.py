"""Jumps of a loss that last: found by what the rows before them make one expect, never by one bad batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from diagnosis.series import Series
from diagnosis.statistics import (
    MAD_TO_SD,
    Reference,
    begins_at_start,
    rolling_reference,
    running_count,
    window_medians,
)
from parsers.records import Floats, Ints

MEDIAN_ERROR = 1.2533
"""Standard error of a median over that of a mean, for normal noise: sqrt(pi / 2)."""
SIGMAS = 5.0
FULL_BATCH_FLOOR = 0.12
"""Nats. With it the rule of 8 in 128 rows gave no alarm in 153,607 steps of 9 healthy runs; with .05 it gave 8."""
MICRO_BATCH_FLOOR = 0.3
"""Nats: what one micro-batch of 16 sequences can resolve (its noise is .09 to .16)."""
DENSE_INTERVAL = 10
"""Rows at most so many steps apart are judged by 8 rows against 128, others by 4 against 32."""
ACUTE_JUMP, ACUTE_SIGMAS, ACUTE_ROWS = 1.0, 8.0, 3
"""A jump this high needs no 8 rows: 2 of 3 are enough, for no two bad batches come so close."""
EARLY_ROWS = 16
EARLIEST = 3
"""A row needs as many before it to be judged."""
LEAST_UNTRAINED = 4.0
"""Nats. A lower first loss is no untrained language model's of 64 tokens or more."""
ROWS_OF_PEAK = 500
MOST = 50
"""Spikes are followed one by one up to this number; PaLM had some 20 in 540 billion parameters."""


@dataclass(frozen=True, slots=True)
class Spike:
    """One lasting jump. Losses in nats."""

    first_step: int
    """The first step by which the loss was up by half."""
    seen_step: int
    """When the evidence was complete."""
    level: float
    """The loss before it."""
    noise: float
    """Robust standard deviation of a row before it."""
    height: float
    """Of the highest median of the window over `level`."""
    peak: float
    """The highest single row."""
    back_step: int | None
    """When the loss was back within two standard deviations of `level`; None while it is not."""


@dataclass(frozen=True, slots=True)
class _Gauge:
    """How rows of a given spacing are judged."""

    width: int
    allowed_below: int
    block: int


def find_spikes(train: Series, floor: float, early_steps: float = 0.0) -> list[Spike]:
    """The spikes of a training loss, in order, at most MOST; `floor` is the least height in nats that counts.

    Lasting: the median of 8 rows is above that of the 128 before them by max(floor, 5 standard errors), and 7 of the
    8 are above by one standard deviation. Acute: 2 of 3 rows are above by max(1 nat, 8 standard deviations). Up to
    `early_steps` one row 1 nat above the first loss of an untrained model is enough: no batch is so hard for a model
    that knows next to nothing, unless its last update threw it. Sources: the rule was tuned on 9 healthy runs (0
    alarms in 153,607 steps) with injected spikes (0.3 nats: all found).
    """
    known = train.finite
    if len(known) < 5:
        return []
    gauge = _gauge(known.steps)
    reference = _with_early_rows(known.values, rolling_reference(known.values, gauge.block))
    with np.errstate(over="ignore", invalid="ignore"):  # a loss of 1e300 is above nothing that is infinite
        lasting = _lasting(known.values, reference, gauge, floor)
        acute = _acute(known.values, reference)
        thrown = _thrown(known, early_steps)
        return _followed(known, reference, ((lasting, gauge.width), (acute, ACUTE_ROWS), (thrown, 1)))


def _gauge(steps: Ints) -> _Gauge:
    interval = float(np.median(np.diff(steps[-200:])))
    return _Gauge(8, 1, 32) if interval <= DENSE_INTERVAL else _Gauge(4, 0, 8)


def _with_early_rows(values: Floats, reference: Reference) -> Reference:
    """The reference, filled in with that of up to 16 rows before a row where it had none yet.

    There the loss may fall fast, so that the spread is that of the rows or of their differences, the lesser.
    """
    count = int(np.argmax(np.isfinite(reference.centre))) if np.isfinite(reference.centre[-1]) else len(values)
    padded = np.concatenate((np.full(EARLY_ROWS, np.nan), values[:count]))
    rows = np.lib.stride_tricks.sliding_window_view(padded, EARLY_ROWS)[:count]
    falls = np.diff(rows, axis=1)
    spread = _known_medians(np.abs(falls - _known_medians(falls)[:, None]))
    centre, sigma = reference.centre, reference.sigma
    middles = _known_medians(rows)
    spread = np.minimum(spread / sqrt(2), _known_medians(np.abs(rows - middles[:, None])))
    with np.errstate(over="ignore"):
        centre[:count], sigma[:count] = middles, MAD_TO_SD * spread
    centre[:EARLIEST] = np.nan
    return Reference(centre, sigma)


def _known_medians(rows: Floats) -> Floats:
    """The median of what is no NaN in each row; NaN where nothing is."""
    ordered = np.sort(rows, axis=1)
    known = np.sum(np.isfinite(rows), axis=1)
    index = np.arange(len(rows))
    return np.asarray((ordered[index, np.maximum(0, (known - 1) // 2)] + ordered[index, known // 2]) / 2)


def _lasting(values: Floats, reference: Reference, gauge: _Gauge, floor: float) -> Ints:
    """Last rows of windows that are high as a whole."""
    width = gauge.width
    above = values > reference.centre + reference.sigma
    ends = np.flatnonzero(running_count(above, width) >= width - gauge.allowed_below)
    ends = ends[ends >= width - 1]
    starts = ends - (width - 1)
    needed = np.maximum(floor, SIGMAS * MEDIAN_ERROR / sqrt(width) * reference.sigma[starts])
    risen = window_medians(values, ends, width) - reference.centre[starts] > needed
    found: Ints = ends[risen]
    return found


def _acute(values: Floats, reference: Reference) -> Ints:
    """Last rows of windows of 3 in which the last and another are far out of what was known before the window."""
    limit = (reference.centre + np.maximum(ACUTE_JUMP, ACUTE_SIGMAS * reference.sigma))[:-2]
    before = (values[:-2] > limit) | (values[1:-1] > limit)
    return np.flatnonzero(before & (values[2:] > limit)) + 2


def _thrown(known: Series, early_steps: float) -> Ints:
    """Early rows that are worse than no training at all."""
    early = known.until(early_steps).values
    if len(early) <= EARLIEST or early[0] < LEAST_UNTRAINED or not begins_at_start(known.steps):
        return np.empty(0, np.int64)
    return np.flatnonzero(early[EARLIEST:] > early[0] + ACUTE_JUMP) + EARLIEST


def _followed(known: Series, reference: Reference, found: Sequence[tuple[Ints, int]]) -> list[Spike]:
    """One spike per stretch: from its first high row until the loss is back. `found` are last rows and widths."""
    ends = np.concatenate([last_rows for last_rows, _ in found])
    widths = np.repeat([width for _, width in found], [len(last_rows) for last_rows, _ in found])
    order = np.argsort(ends, kind="stable")
    ends, widths = ends[order], widths[order]
    spikes: list[Spike] = []
    at = 0
    while at < len(ends) and len(spikes) < MOST:
        spike, over = _spike(known, reference, int(ends[at]), int(widths[at]))
        spikes.append(spike)
        at = int(np.searchsorted(ends, over, side="right"))
    return spikes


def _spike(known: Series, reference: Reference, end: int, rows: int) -> tuple[Spike, int]:
    """The spike whose evidence is complete at row `end`, over `rows` rows, and the row at which it is over."""
    values, window = known.values, slice(max(0, end - rows + 1), end + 1)
    level, noise = float(reference.centre[window.start]), float(reference.sigma[window.start])
    half_up = (level + float(np.median(values[window]))) / 2
    first = window.start + int(np.argmax(values[window] > max(half_up, level + noise)))
    back = _back(values, end, rows, level + 2 * noise)
    over = len(known) if back is None else back
    until = min(over, end + ROWS_OF_PEAK)
    highest = window_medians(values, np.arange(end, until), rows).max()
    spike = Spike(
        first_step=int(known.steps[first]),
        seen_step=int(known.steps[end]),
        level=level,
        noise=noise,
        height=float(highest - level),
        peak=float(values[first:until].max()),
        back_step=None if back is None else int(known.steps[back]),
    )
    return spike, over


def _back(values: Floats, end: int, width: int, limit: float) -> int | None:
    """The first row after `end` by which the loss is within `limit` again, None where there is none.

    That is when most of the last 8 (or 4) rows are, or all of the last 3 after an acute jump.
    """
    needed = width if width == ACUTE_ROWS else width // 2 + 1
    found = np.flatnonzero(running_count(values[end + 1 :] <= limit, width) >= needed)
    return end + 1 + int(found[0]) if len(found) else None
