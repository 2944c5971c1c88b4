"""Rule outlier-batches."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.spikes import FULL_BATCH_FLOOR, MICRO_BATCH_FLOOR
from diagnosis.statistics import rolling_reference, running_count

ID = "outlier-batches"

SIGMAS = 6.0
CALM_SIGMAS = 3.0
CALM_ROWS = 3
MANY_IN_10_000 = 5.0


def rule(case: Case) -> Finding | None:
    """Single rows far above their neighbours: bad batches, counted. Not an instability.

    Fires when one training loss is above the 128 rows before it by 6 robust standard deviations, and by 0.12 nats (0.3
    where a row is one micro-batch), and the next 3 rows are within 3. Only a note, whatever the number.

    Why: losses of batches have heavy tails; a healthy 124M run of 20,000 steps has some 15 such rows. Taken for
    instability they lead to a learning rate that is lowered for nothing.
    Do: nothing; above 5 in 10,000 rows look at the documents of those steps.
    False alarms: none, it only counts.
    Sources: OLMo-core's 6-sigma rule fires 1.4 to 11.9 times in 10,000 steps of healthy runs; all are single batches.
    """
    train = case.metric("train_loss").finite
    reference = rolling_reference(train.values)
    floor = MICRO_BATCH_FLOOR if case.traits.train_loss == "micro-batch" else FULL_BATCH_FLOOR
    excess = train.values - reference.centre
    far = excess > np.maximum(floor, SIGMAS * reference.sigma)
    if not far.any():
        return None
    calm = excess < CALM_SIGMAS * reference.sigma
    followed = np.zeros(len(train), dtype=bool)
    followed[:-CALM_ROWS] = running_count(calm, CALM_ROWS)[CALM_ROWS:] == CALM_ROWS
    alone = np.flatnonzero(far & followed)
    if not len(alone):
        return None
    worst = alone[int(np.argmax(excess[alone]))]
    judged = int(np.isfinite(reference.centre).sum())
    rate = len(alone) / judged * 10_000
    at, size = int(train.steps[worst]), excess[worst] / reference.sigma[worst]
    many = rate > MANY_IN_10_000 and len(alone) >= 3
    return Finding(
        id=ID,
        severity="info",
        confidence=0.99,
        title=f"{len(alone):,} single bad batch{'es' if len(alone) > 1 else ''}, no instability",
        evidence=(
            f"{rate:.1f} in 10,000 rows ({judged:,} judged)",
            f"the worst at step {at:,}: {excess[worst]:+.2f} nats, {size:.0f} standard deviations",
        ),
        advice=(f"Look at the documents of step {at:,}." if many else "Nothing to do.",),
        first_step=int(train.steps[alone[0] + CALM_ROWS]),
        step=int(train.steps[-1]),
    )
