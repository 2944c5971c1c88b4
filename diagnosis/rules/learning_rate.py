"""Rule learning-rate."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding, Severity
from diagnosis.needs import LEARNING_RATE, PARAMETERS, PEAK_RATE, TOKENS_PLANNED, either
from diagnosis.optimiser import Band, band_of, peak_rate, pretrains
from diagnosis.spike_rows import MEDIAN_ERROR
from diagnosis.statistics import begins_at_start, median_of, noise_sd, row_medians
from diagnosis.wording import count, times
from parsers.records import Floats, Value

ID = "learning-rate"
NEEDS = (either(PEAK_RATE, LEARNING_RATE), PARAMETERS, TOKENS_PLANNED)

FAR_LOW, FAR_HIGH = 4.0, 2.0
"""Of the band, whose edges are twice as far out as the laws: an eighth and four times. There a quarter of the best rate
cost up to .04 nats, four times the rate .04 to .16 or the run."""
BLOCK = 8
"""Rows whose median is compared, so that no single batch counts."""
LEAST_RISE, ERRORS = 0.3, 6.0
"""Nats and standard errors, by judgement: twice what annealing is worth, and no accident among hundreds of blocks."""
AFTER_STEPS, AFTER_BLOCKS = 100, 4
"""By judgement: a loss that rose for a moment when the warm-up ended is down again by then."""
NOT_YET = 0.9
"""A lowest loss at a higher share of the peak says nothing against the peak."""


def rule(case: Case) -> Finding | None:
    """The peak learning rate is outside what the laws give for this size, these tokens and this batch.

    The laws are a power law through GPT-3's rates (0.13 N^-0.31) and the Step Law (1.79 N^-0.713 D^0.307, N without
    embedding), the lower one less for batches below the optimal. The band goes from half of the lower to twice the
    higher, farther out by 1.5 for each factor of 10 outside of 46M to 175B parameters or 0.13B to 300B tokens (errors
    added in quadrature). A note outside of it; a warning above twice or below a quarter of the band.
    Also a warning, whatever the laws say: some 8 rows of the warm-up, at less than 0.9 of the peak rate, had a loss
    that is 0.3 nats and 6 standard errors below each 8 of the 32 rows that end 100 steps after the warm-up (a note once
    the loss is lower again).

    Why: too low is cheap (a quarter of the best rate costs 0.01 to 0.04 nats), too high is a cliff (four times the
    rate costs 0.04 to 0.16 nats or the run).
    Do: set the rate that is given; too high, or where the loss rose in the warm-up, halve it first.
    False alarms: muP, layer-wise rates; data that change in the warm-up. The laws are not asked unless it is surely
    Adam or AdamW, and from scratch by the first loss; nor with experts, nor without planned tokens and a size.
    Sources: Brown 2020, table 2.1; Li 2025 (arXiv 2503.04715); Lingle 2025 for the low end; the costs are computed
    from Li's 17 published grids.
    """
    rate = peak_rate(case)
    if not rate:
        return None
    return _seen_too_high(case, rate) or _outside(case, rate)


def _outside(case: Case, rate: float) -> Finding | None:
    """By the laws."""
    band = band_of(case) if pretrains(case) else None
    if band is None or band.low <= rate <= band.high:
        return None
    high = rate > band.high
    off = rate / band.high if high else band.low / rate
    severity: Severity = "warning" if off > (FAR_HIGH if high else FAR_LOW) else "info"
    told = band.middle if high else band.safe
    beyond = ", beyond the sizes that they were fitted on" if band.extrapolated else ""
    return Finding(
        id=ID,
        severity=severity,
        confidence=0.5 if severity == "info" else 0.7,
        title=f"The learning rate {rate:.3g} is {times(off)} x {'above' if high else 'below'} the usual band",
        evidence=(
            f"{band.low:.2g} to {band.high:.2g} by GPT-3's table and the Step Law{beyond}",
            _of_what(case),
        ),
        advice=(_advice(band, told, high=high),),
        first_step=case.steps.first,
        step=case.steps.last,
        settings=_settings(case, rate, told),
    )


def _of_what(case: Case) -> str:
    parameters = case.size.parameters if case.size else None
    batch = f", {count(case.tokens_per_step)} a step" if case.tokens_per_step else ""
    return f"{count(parameters or 0)} parameters, {count(case.tokens_planned or 0)} tokens{batch}"


def _advice(band: Band, told: float, *, high: bool) -> str:
    if high:
        return f"Set it to about {told:.2g}: too high is a cliff; {band.safe:.2g} is on the safe side."
    return f"Raise it to about {told:.2g}: too low wastes steps, but costs less than too high would."


def _settings(case: Case, rate: float, told: float) -> tuple[tuple[str, Value], ...]:
    """The rate in two digits, and a floor that keeps its share of it."""
    new = float(f"{told:.2g}")
    floor = case.number("min_lr")
    lower = (("min_lr", float(f"{floor * new / rate:.2g}")),) if floor else ()
    return (("learning_rate", new), *lower)


@dataclass(frozen=True, slots=True)
class _Lowest:
    """The lowest loss of the warm-up. Losses in nats."""

    step: int
    loss: float
    share: float
    """The learning rate there, by its peak."""
    after: float
    """When the warm-up had been over for 100 steps."""
    seen_step: int
    back: bool
    """Whether it was lower again later."""


def _seen_too_high(case: Case, rate: float) -> Finding | None:
    """By the loss itself."""
    lowest = _lowest(case)
    if lowest is None:
        return None
    told = lowest.share * rate / 2
    return Finding(
        id=ID,
        severity="info" if lowest.back else "warning",
        confidence=0.75,
        title=f"The loss rose when the learning rate went beyond {lowest.share * rate:.2g}",
        evidence=(
            f"{lowest.loss:.2f} at step {lowest.step:,}, in the warm-up to {rate:.3g}",
            f"{lowest.after:.2f} by step {lowest.seen_step:,}",
        ),
        advice=(
            f"Begin anew with about {told:.2g}, half of what it bore; a longer warm-up may let it bear more.",
            "If the data changed there, or a resume did, that may be the cause instead.",
        ),
        first_step=lowest.seen_step,
        step=case.steps.last,
        settings=_settings(case, rate, told),
    )


def _lowest(case: Case) -> _Lowest | None:
    """None unless the loss stayed up after the warm-up. Only what was known soon after it counts."""
    train, schedule, warmup = case.metric("train_loss").finite, case.schedule, _warmup(case)
    if warmup is None or schedule is None or not _is_plain(case) or not begins_at_start(train.steps):
        return None
    began, end = (int(at) for at in np.searchsorted(train.steps, (warmup, warmup + AFTER_STEPS)))
    end = max(end, began + AFTER_BLOCKS * BLOCK - 1)
    if end >= len(train) or began < 2 * BLOCK:
        return None
    rows = train.values[: end + 1]
    medians, since = _medians(rows[:began]), _medians(rows[-AFTER_BLOCKS * BLOCK :])
    best = int(np.argmin(medians))
    step = int(train.steps[best * BLOCK + BLOCK // 2])
    share = float(schedule(np.array([float(step)]))[0])
    rise = float(since.min() - medians[best])
    if share >= NOT_YET or rise <= max(LEAST_RISE, ERRORS * MEDIAN_ERROR * (noise_sd(rows) or 0.0) / sqrt(BLOCK)):
        return None
    return _Lowest(
        step=step,
        loss=float(medians[best]),
        share=share,
        after=median_of(since),
        seen_step=int(train.steps[end]),
        back=bool((_medians(train.values[end + 1 :]) < medians[best]).any()),
    )


def _medians(values: Floats) -> Floats:
    whole = len(values) // BLOCK * BLOCK
    return row_medians(values[:whole].reshape(-1, BLOCK))


def _warmup(case: Case) -> float | None:
    """Its steps, None for none."""
    stated = case.number("warmup_steps")
    if stated is None and case.schedule is not None:
        stated = case.schedule.warmup_steps
    return stated or None


def _is_plain(case: Case) -> bool:
    """Whether nothing but the learning rate changes in the rows, as far as the log tells."""
    return len(case.segments) < 2 and case.traits.loss_unit == "nats" and case.traits.steps_count == "updates"
