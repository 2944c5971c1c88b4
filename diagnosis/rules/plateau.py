"""Rule plateau."""

from __future__ import annotations

import numpy as np

from diagnosis.annealing import PRIOR
from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import TRAIN_LOSS, VAL_LOSS, either

ID = "plateau"
NEEDS = (either(TRAIN_LOSS, VAL_LOSS),)

HIGH_RATE = 0.3
"""Of its peak. Above, most of what annealing brings is still to come, and a slow fall is by design."""
SPENT_RATE = 0.11
"""Of its peak: cosines end at a tenth (Hoffmann 2022; nanoGPT's min_lr)."""


def rule(case: Case) -> Finding | None:
    """The loss no longer falls as the tail of its power law would.

    Fires when over the last 30 % of the tokens (8 points at least, 12 where the model's size is unknown) Mann-Kendall
    finds no fall (p > 0.1) and the 90 % upper bound of the decline is below a quarter of the expected slope, and when
    that was so a third of that window before, too. Expected is the data term of the fitted law, else the run's own
    earlier fall. A note only while the learning rate is above 0.3 of its peak, or where nothing says what to expect.

    Why: a loss that falls by less than it did is not stuck; the tail of a power law is slow by nature, and noise
    between evals hides it. Only a slope that is surely too small is a plateau.
    Do: if the learning rate is spent, plan a new and longer schedule; if it is high, let it decay (worth about 0.13
    nats); else the model or the data are the limit.
    False alarms: the stable phase of a warm-up, stable, decay schedule; a validation set too small to resolve the
    tail (then the verdict is that one cannot tell).
    Sources: Besiroglu 2024 for the slope (a healthy 41M run measured 0.8 of it), Tissue 2024 for the annealing.
    """
    trend = case.trend
    if trend is None or trend.verdict != "plateau" or trend.slope is None or trend.window is None:
        return None
    rate = _rate_now(case)
    by_design = rate is not None and rate > HIGH_RATE
    expected = trend.expected_slope
    interval = "" if trend.low is None or trend.high is None else f"[{trend.low:+.4f}, {trend.high:+.4f}]"
    test = "" if trend.p_value is None else f", Mann-Kendall p = {trend.p_value:.2f}"
    shown = (f"the tail of a power law would give {expected:+.4f}",) if expected is not None else ()
    return Finding(
        id=ID,
        severity="info" if by_design or expected is None else "warning",
        confidence=0.8,
        title=f"{trend.metric} is on a plateau since about step {trend.window[0]:,}",
        evidence=(
            f"{trend.slope:+.4f} nats per 1,000 steps {interval} over {trend.points:,} points{test}",
            *shown,
            *(() if rate is None else (f"learning rate at {rate:.0%} of its peak",)),
        ),
        advice=(_advice(rate),),
        first_step=trend.window[1],
        step=case.steps.last,
    )


def _rate_now(case: Case) -> float | None:
    """The learning rate as a share of its peak, as logged, else as the schedule has it."""
    logged = case.metric("learning_rate").finite
    if len(logged) and float(logged.values.max()) > 0:
        return float(logged.values[-1] / logged.values.max())
    if case.schedule is None or case.steps.last is None:
        return None
    return float(case.schedule(np.array([float(case.steps.last)]))[0])


def _advice(rate: float | None) -> str:
    if rate is not None and rate > HIGH_RATE:
        return f"Let the learning rate decay: that is still worth about {PRIOR.gain} nats."
    if rate is not None and rate <= SPENT_RATE:
        return "The learning rate is spent: to train longer, begin a new run with a longer schedule."
    return "More steps of this kind gain little: a larger model, more or other data, or a longer schedule would."
