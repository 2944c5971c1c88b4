"""Rule outlier-batches."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.column import Column
from diagnosis.finding import Finding
from diagnosis.needs import TRAIN_LOSS
from diagnosis.periods import said_of_period
from diagnosis.reference import reference_of
from diagnosis.series import Series
from diagnosis.spikes import FULL_BATCH_FLOOR, MICRO_BATCH_FLOOR
from diagnosis.statistics import running_count
from diagnosis.summaries import summary_of

ID = "outlier-batches"
NEEDS = (TRAIN_LOSS,)

SIGMAS = 6.0
"""OLMo-core's limit, skip_step_optimizer.py."""
CALM_SIGMAS = 3.0
CALM_ROWS = 3
"""What follows must be as usual: 1 of 740 rows of normal noise is not within 3 deviations."""
MANY_IN_10_000 = 5.0
"""Clean build-nanogpt runs have 1.6 to 3.7 by this rule; llm.c, which reads its shards in order, 11.8."""
MANY = 3
"""Fewer are chance at any rate."""
SHUFFLE = "Shuffle the data across files and sources: their order shows in the loss."
SLAB = 131_072
"""Rows that are judged together, so that what is computed from them stays small."""


def rule(case: Case) -> Finding | None:
    """Single rows far above their neighbours: bad batches, counted. Not an instability.

    Fires when one training loss is above the 128 rows before it by 6 robust standard deviations, and by 0.12 nats (0.3
    where a row is one micro-batch), the next 3 rows are within 3, and none of the 3 rows before it was so far up. Only
    a note, whatever the number.

    Why: losses of batches have heavy tails; a healthy 124M run of 20,000 steps has some 15 such rows. Taken for
    instability they lead to a learning rate that is lowered for nothing.
    Do: nothing; above 5 in 10,000 rows, and 3 in all, look at the documents of those steps. Where the loss also comes
    and goes with a period (autocorrelation of 0.2 and more at it and at twice it), shuffle across files and sources.
    False alarms: none, it only counts.
    Sources: OLMo-core's 6-sigma rule fires 1.4 to 11.9 times in 10,000 steps of healthy runs; all are single batches.
    Periods of a shard or source: torchtitan issue 128, minimind issue 503.
    """
    train = case.metric("train_loss").finite
    floor = MICRO_BATCH_FLOOR if case.traits.train_loss == "micro-batch" else FULL_BATCH_FLOOR
    found = summary_of(train, OutlierRows, floor)
    alone, excess, sigma, judged = found.alone.view(), found.excess.view(), found.sigma.view(), found.judged
    if not len(alone):
        return None
    top = int(np.argmax(excess))
    rate = len(alone) / judged * 10_000
    at, size = int(train.steps[alone[top]]), excess[top] / sigma[top]
    many = rate > MANY_IN_10_000 and len(alone) >= MANY
    period = said_of_period(case)
    return Finding(
        id=ID,
        severity="info",
        confidence=0.99,
        title=f"{len(alone):,} single bad batch{'es' if len(alone) > 1 else ''}, no instability",
        evidence=(
            f"{rate:.1f} in 10,000 rows ({judged:,} judged)",
            f"the worst at step {at:,}: {excess[top]:+.2f} nats, {size:.0f} standard deviations",
            *period,
        ),
        advice=(SHUFFLE if period else f"Look at the documents of step {at:,}." if many else "Nothing to do.",),
        first_step=int(train.steps[alone[0] + CALM_ROWS]),
        step=int(train.steps[-1]),
    )


class OutlierRows:
    """The rows that stand alone, by how much each is above its reference, and how many were judged."""

    def __init__(self, floor: float) -> None:
        self.rows = self.judged = self.judged_to = 0
        self.alone: Column[np.int64] = Column(np.empty(0, np.int64))
        self.excess: Column[np.float64] = Column(np.empty(0))
        self.sigma: Column[np.float64] = Column(np.empty(0))
        self._floor = floor

    def extend(self, series: Series) -> None:
        """Judges the rows that have 3 after them now; values must be finite."""
        self.rows = len(series)
        while self.judged_to < len(series) - CALM_ROWS:
            self._take(series, min(self.judged_to + SLAB, len(series) - CALM_ROWS))

    def _take(self, series: Series, stop: int) -> None:
        begin = max(0, self.judged_to - CALM_ROWS)
        levels = reference_of(series).of(begin, stop + CALM_ROWS)
        with np.errstate(over="ignore", invalid="ignore"):
            excess = series.values[begin : stop + CALM_ROWS] - levels.centre
            far = excess > np.maximum(self._floor, SIGMAS * levels.sigma)
            calm = excess < CALM_SIGMAS * levels.sigma
        followed = running_count(calm, CALM_ROWS)[CALM_ROWS:] == CALM_ROWS
        alone = (far & (running_count(far, CALM_ROWS + 1) == 1))[:-CALM_ROWS] & followed
        mine = slice(self.judged_to - begin, None)
        rows = np.flatnonzero(alone[mine]) + (self.judged_to - begin)
        self.alone.extend(rows + begin)
        self.excess.extend(excess[rows])
        self.sigma.extend(levels.sigma[rows].astype(np.float64))
        self.judged += int(np.isfinite(levels.centre[:-CALM_ROWS][mine]).sum())
        self.judged_to = stop
