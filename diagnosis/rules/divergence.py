"""Rule divergence."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np

from diagnosis.case import Case
from diagnosis.departures import ERRORS, LONG, Departure, departure_of
from diagnosis.finding import Finding, Severity
from diagnosis.needs import TRAIN_LOSS
from diagnosis.series import Series
from diagnosis.spike_rows import MEDIAN_ERROR
from diagnosis.statistics import begins_at_start, median_of, noise_sd, running_count
from diagnosis.wording import count
from parsers.records import Floats

ID = "divergence"
NEEDS = (TRAIN_LOSS,)

START_ROWS = 8
GPT2_RATE, GPT2_TOKENS, LEAST_PARAMETERS, SMALL_BATCH = 6e-4, 2.0**19, 5e7, 0.5
"""nanoGPT and llm.c train 124M parameters with 6e-4 and 0.5M tokens a step; issue 468 blew up with 40 % of them."""


def rule(case: Case) -> Finding | None:
    """The training loss has left its best for good.

    Fires when the median of the last 50 rows (a tenth of the log, 4 at least, where it is shorter) is above the best
    such median by 0.5 nats and by 8 standard errors, was so in the 50 rows before too, and is not coming back: it came
    back by less than a quarter since, also in the newest quarter of the rows, and the rows since the jump do not fall
    (Mann-Kendall z < -2.3 over their later half) by a tenth of the height. Or when the median of the last 8 rows is
    twice the loss that the run began with. Critical while that holds, a warning once the loss is on its way back, a
    note when it is there. After a change of the data's level (loss-shift) the best is counted anew.

    Why: a run that far off does not find back; each further step is lost.
    Do: stop it, restart from the last good checkpoint with half of the learning rate or less. If it comes again: a
    smaller initialisation, a longer warm-up, bfloat16 in place of float16. Skipping data did not help.
    False alarms: a spike that comes back, until it is seen to; a curriculum that changes the level slowly. Within 100
    rows after a restart it stays silent.
    Sources: rule of thumb from logs; nanoGPT issues 137 (a drop, then a steady rise) and 303; BigScience's lessons
    learned with 104B for what helped.
    """
    train = case.metric("train_loss").finite
    beyond, found = _beyond_start(case, train), departure_of(case, train)
    if found is None:
        return beyond
    left_best = _left_best(case, train, found[0], holds=found[1])
    steps = [f.first_step for f in (left_best, beyond) if f is not None and f.first_step is not None]
    return replace(left_best, first_step=min(steps))


def _left_best(case: Case, train: Series, first: Departure, *, holds: bool) -> Finding:
    """The finding on a loss that left its best; `holds` says whether it still does."""
    now = median_of(train.values[-first.rows :])
    above, left, best_step = now - first.level, *(int(train.steps[r]) for r in (first.left_row, first.best_row))
    back = above <= first.needed / 2
    gone = f"The loss left its best at step {left:,} and {'came back' if back else 'is on its way back'}"
    return _finding(
        case,
        train,
        title=f"The loss left its best and stays {above:.2f} above it" if holds else gone,
        severity="critical" if holds else "info" if back else "warning",
        evidence=(
            f"median of the last {first.rows} rows {now:.2f}, best {first.level:.2f} near step {best_step:,}",
            f"above since about step {left:,}; {first.needed:.2f} would be noise",
            *_small_batch(case),
        ),
        restart=int(train.steps[max(0, first.left_row - first.rows)]),
        first_step=int(train.steps[first.seen_row]),
    )


def _small_batch(case: Case) -> tuple[str, ...]:
    """A fact worth showing where nobody knows the cause: recipes of this rate have larger batches."""
    rate, tokens, size = case.number("learning_rate"), case.tokens_per_step, case.size
    parameters = None if size is None else size.parameters
    if not rate or not tokens or not parameters or parameters < LEAST_PARAMETERS or rate < GPT2_RATE:
        return ()
    if tokens > SMALL_BATCH * GPT2_TOKENS:
        return ()
    return (f"{count(tokens)} tokens a step at learning_rate = {rate:g}: GPT-2's recipes have {count(GPT2_TOKENS)}",)


def _beyond_start(case: Case, train: Series) -> Finding | None:
    """Twice the loss that the run began with."""
    if len(train) < START_ROWS + 1 or not begins_at_start(train.steps) or train.values[0] <= 0:
        return None
    began = float(train.values[0])
    if float(train.values.max()) <= 2 * began:
        return None
    far = running_count(train.values > 2 * began, START_ROWS) > START_ROWS // 2
    first = next((int(at) for at in np.flatnonzero(far)[:LONG] if _far(train.values[: at + 1], began)), None)
    if first is None:
        return None
    now = median_of(train.values[-START_ROWS:])
    holds = bool(far[-1])
    came = f"The loss was {median_of(train.values[first - START_ROWS + 1 : first + 1]) / began:.1f} times its first"
    return _finding(
        case,
        train,
        title=f"The loss is {now / began:.1f} times what it began with" if holds else f"{came} and came down again",
        severity="critical" if holds else "warning" if now > began else "info",
        evidence=(f"first {began:.2f}, median of the last {START_ROWS} rows {now:.2f}",),
        restart=None,
        first_step=int(train.steps[first]),
    )


def _far(values: Floats, began: float) -> bool:
    """Whether the last 8 rows are above twice the first loss by more than noise."""
    noise = noise_sd(values[-100:]) or 0.0
    limit = max(2 * began, began + ERRORS * MEDIAN_ERROR * noise / sqrt(START_ROWS))
    return len(values) > START_ROWS and median_of(values[-START_ROWS:]) > limit


def _finding(
    case: Case,
    train: Series,
    *,
    title: str,
    severity: Severity,
    evidence: tuple[str, ...],
    restart: int | None,
    first_step: int,
) -> Finding:
    rate, clip = case.number("learning_rate"), case.number("grad_clip")
    lower = f"`learning_rate = {rate / 2:.2g}`" if rate else "half the learning rate"
    clipped = " and `grad_clip = 1.0`" if clip == 0 else ""
    where = f"from a checkpoint before step {restart:,}" if restart is not None else "from the start"
    again = f"egin again {where} with {lower}{clipped}."
    settings = (*((("learning_rate", rate / 2),) if rate else ()), *((("grad_clip", 1.0),) if clip == 0 else ()))
    return Finding(
        id=ID,
        severity=severity,
        confidence=0.9,
        title=title,
        evidence=evidence,
        advice=(f"Stop it and b{again}" if severity == "critical" else f"If it leaves again, b{again}",),
        first_step=first_step,
        step=int(train.steps[-1]),
        settings=settings,
    )
