"""Rule outlier-batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.spikes import FULL_BATCH_FLOOR, MICRO_BATCH_FLOOR
from diagnosis.statistics import rolling_reference, running_count
from parsers.records import Floats, Ints

ID = "outlier-batches"

SIGMAS = 6.0
CALM_SIGMAS = 3.0
CALM_ROWS = 3
MANY_IN_10_000 = 5.0
LEAD = 128
"""The rows that a reference is made of; slabs begin at multiples of its blocks."""
SLAB = 131_072


def rule(case: Case) -> Finding | None:
    """Single rows far above their neighbours: bad batches, counted. Not an instability.

    Fires when one training loss is above the 128 rows before it by 6 robust standard deviations, and by 0.12 nats (0.3
    where a row is one micro-batch), the next 3 rows are within 3, and none of the 3 rows before it was so far up. Only
    a note, whatever the number.

    Why: losses of batches have heavy tails; a healthy 124M run of 20,000 steps has some 15 such rows. Taken for
    instability they lead to a learning rate that is lowered for nothing.
    Do: nothing; above 5 in 10,000 rows look at the documents of those steps.
    False alarms: none, it only counts.
    Sources: OLMo-core's 6-sigma rule fires 1.4 to 11.9 times in 10,000 steps of healthy runs; all are single batches.
    """
    train = case.metric("train_loss").finite
    floor = MICRO_BATCH_FLOOR if case.traits.train_loss == "micro-batch" else FULL_BATCH_FLOOR
    found = [_outliers(train.values, start, floor) for start in range(0, len(train), SLAB)]
    alone = np.concatenate([one.rows for one in found]) if found else np.empty(0, np.int64)
    if not len(alone):
        return None
    excess, sigma = (np.concatenate(parts) for parts in zip(*((one.excess, one.sigma) for one in found), strict=True))
    top = int(np.argmax(excess))
    judged = sum(one.judged for one in found)
    rate = len(alone) / judged * 10_000
    at, size = int(train.steps[alone[top]]), excess[top] / sigma[top]
    many = rate > MANY_IN_10_000 and len(alone) >= 3
    return Finding(
        id=ID,
        severity="info",
        confidence=0.99,
        title=f"{len(alone):,} single bad batch{'es' if len(alone) > 1 else ''}, no instability",
        evidence=(
            f"{rate:.1f} in 10,000 rows ({judged:,} judged)",
            f"the worst at step {at:,}: {excess[top]:+.2f} nats, {size:.0f} standard deviations",
        ),
        advice=(f"Look at the documents of step {at:,}." if many else "Nothing to do.",),
        first_step=int(train.steps[alone[0] + CALM_ROWS]),
        step=int(train.steps[-1]),
    )


@dataclass(frozen=True, slots=True)
class _Outliers:
    """Rows of one slab that stand alone, by how much they are above their reference, and how many were judged."""

    rows: Ints
    excess: Floats
    sigma: Floats
    judged: int


def _outliers(values: Floats, start: int, floor: float) -> _Outliers:
    """Those of the rows from `start` on, a slab of them: its arrays stay small however long the run is."""
    begin = max(0, start - LEAD)
    slab = values[begin : start + SLAB + CALM_ROWS]
    reference = rolling_reference(slab)
    with np.errstate(over="ignore", invalid="ignore"):
        excess = slab - reference.centre
        far = excess > np.maximum(floor, SIGMAS * reference.sigma)
        calm = excess < CALM_SIGMAS * reference.sigma
    followed = np.zeros(len(slab), dtype=bool)
    followed[:-CALM_ROWS] = running_count(calm, CALM_ROWS)[CALM_ROWS:] == CALM_ROWS
    mine = slice(start - begin, start - begin + SLAB)
    alone = running_count(far, CALM_ROWS + 1) == 1
    rows = np.flatnonzero((far & alone & followed)[mine]) + (start - begin)
    judged = int(np.isfinite(reference.centre[mine]).sum())
    return _Outliers(rows + begin, excess[rows], reference.sigma[rows].astype(np.float64), judged)
