"""Jumps of a loss that last: found by what the rows before them make one expect, never by one bad batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.series import Series
from diagnosis.spike_rows import ACUTE_JUMP, ACUTE_ROWS, EARLIEST, gauge_of, levels_at, spike_rows
from diagnosis.statistics import begins_at_start, running_count, window_medians
from parsers.records import Floats, Ints

FULL_BATCH_FLOOR = 0.12
"""Nats. With it the rule of 8 in 128 rows gave no alarm in 153,607 steps of 9 healthy runs; with .05 it gave 8."""
MICRO_BATCH_FLOOR = 0.3
"""Nats: what one micro-batch of 16 sequences can resolve (its noise is .09 to .16)."""
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
    gauge = gauge_of(known.steps)
    rows, thrown = spike_rows(known, gauge, floor), _thrown(known, early_steps)
    return _followed(known, gauge.block, ((rows.lasting, gauge.width), (rows.acute, ACUTE_ROWS), (thrown, 1)))


def _thrown(known: Series, early_steps: float) -> Ints:
    """Early rows that are worse than no training at all."""
    early = known.until(early_steps).values
    if len(early) <= EARLIEST or early[0] < LEAST_UNTRAINED or not begins_at_start(known.steps):
        return np.empty(0, np.int64)
    return np.flatnonzero(early[EARLIEST:] > early[0] + ACUTE_JUMP) + EARLIEST


def _followed(known: Series, block: int, found: Sequence[tuple[Ints, int]]) -> list[Spike]:
    """One spike per stretch: from its first high row until the loss is back. `found` are last rows and widths."""
    ends = np.concatenate([last_rows for last_rows, _ in found])
    widths = np.repeat([width for _, width in found], [len(last_rows) for last_rows, _ in found])
    order = np.argsort(ends, kind="stable")
    ends, widths = ends[order], widths[order]
    spikes: list[Spike] = []
    at = 0
    while at < len(ends) and len(spikes) < MOST:
        spike, over = _spike(known, block, int(ends[at]), int(widths[at]))
        spikes.append(spike)
        at = int(np.searchsorted(ends, over, side="right"))
    return spikes


def _spike(known: Series, block: int, end: int, rows: int) -> tuple[Spike, int]:
    """The spike whose evidence is complete at row `end`, over `rows` rows, and the row at which it is over."""
    values, window = known.values, slice(max(0, end - rows + 1), end + 1)
    before = levels_at(known, block, np.array([window.start]))
    level, noise = float(before.centre[0]), float(before.sigma[0])
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
