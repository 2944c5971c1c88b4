"""Rule divergence."""

from __future__ import annotations

from math import sqrt

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.series import Series
from diagnosis.spike_rows import MEDIAN_ERROR
from diagnosis.statistics import begins_at_start, block_medians, mann_kendall, noise_sd
from parsers.records import Floats

ID = "divergence"

LEAST_RISE = 0.5
ERRORS = 8.0
ROWS, FEWEST_ROWS = 50, 4
BLOCKS_NEEDED = 5
STILL_UP = 0.75
START_ROWS = 8
POINTS = 60
FALLING_Z = 2.3
"""One-sided p = .01 of Mann-Kendall."""
RECOVERING = 0.1


def rule(case: Case) -> Finding | None:
    """The training loss has left its best for good.

    Fires when the median of the last 50 rows (a tenth of the log, 4 at least, where it is shorter) is above the best
    such median by 0.5 nats and by 8 standard errors, was so in the 50 rows before too, and is not coming back: it came
    back by less than a quarter since, also in the newest quarter of the rows, and the rows since the jump do not fall
    (Mann-Kendall z < -2.3 over their later half) by a tenth of the height. Or when the median of the last 8 rows is
    twice the loss that the run began with.

    Why: a run that far off does not find back; each further step is lost.
    Do: stop it, restart from the last good checkpoint with half of the learning rate or less.
    False alarms: a spike that comes back, until it is seen to; a curriculum or another data set. Within 100 rows after
    a restart it stays silent.
    Sources: rule of thumb from logs; nanoGPT issue 303 and BigScience's 104B chronicles show the picture.
    """
    train = case.metric("train_loss").finite
    if len(train) < BLOCKS_NEEDED * FEWEST_ROWS:
        return _beyond_start(case, train)
    rows = int(np.clip(len(train) // 10, FEWEST_ROWS, ROWS))
    kept = train.values[len(train) % rows :].reshape(-1, rows)
    medians = np.median(kept, axis=1)
    best = int(np.argmin(medians[:-2]))
    level = float(medians[best])
    error = MEDIAN_ERROR * (noise_sd(train.values[-20 * rows :]) or 0.0) / sqrt(rows)
    needed = max(LEAST_RISE, ERRORS * error)
    before, now = medians[-2:] - level
    newest = float(np.median(train.values[-max(FEWEST_ROWS, rows // 4) :])) - level
    if min(before, now, newest) <= needed or min(now, newest) < STILL_UP * before:
        return _beyond_start(case, train)
    best_step = int(train.steps[len(train) % rows + best * rows + rows // 2])
    high = np.flatnonzero(medians[best:] - level > needed)
    left_row = min(len(train) - 1, len(train) % rows + (best + int(high[0])) * rows)
    if _comes_back(train.values[left_row:], now) or _just_restarted(case, train, 2 * rows):
        return _beyond_start(case, train)
    left = int(train.steps[left_row])
    return _finding(
        case,
        train,
        title=f"The loss left its best and stays {now:.2f} above it",
        evidence=(
            f"median of the last {rows} rows {level + now:.2f}, best {level:.2f} near step {best_step:,}",
            f"above since about step {left:,}; {needed:.2f} would be noise",
        ),
        restart=int(train.steps[max(0, left_row - rows)]),
        first_step=int(train.steps[min(len(train) - 1, len(train) % rows + (best + int(high[0]) + 2) * rows - 1)]),
    )


def _comes_back(values: Floats, height: float) -> bool:
    """Whether the later half of the rows since the jump falls, by more than a healthy run's own progress."""
    later = block_medians(values[len(values) // 2 :], POINTS)
    third = max(1, len(later) // 3)
    fall = float(np.median(later[:third]) - np.median(later[-third:]))
    return mann_kendall(later)[0] < -FALLING_Z and fall > RECOVERING * height


def _beyond_start(case: Case, train: Series) -> Finding | None:
    """Twice the loss that the run began with."""
    if len(train) < START_ROWS + 1 or not begins_at_start(train.steps):
        return None
    began = float(train.values[0])
    recent = train.values[-START_ROWS:]
    now, noise = float(np.median(recent)), noise_sd(train.values[-100:]) or 0.0
    if now <= max(2 * began, began + ERRORS * MEDIAN_ERROR * noise / sqrt(START_ROWS)) or began <= 0:
        return None
    return _finding(
        case,
        train,
        title=f"The loss is {now / began:.1f} times what it began with",
        evidence=(f"first {began:.2f}, median of the last {START_ROWS} rows {now:.2f}",),
        restart=None,
        first_step=int(train.steps[-1]),
    )


def _just_restarted(case: Case, train: Series, rows: int) -> bool:
    return len(case.segments) > 1 and len(train.since(case.segments[-1])) < rows


def _finding(
    case: Case, train: Series, *, title: str, evidence: tuple[str, ...], restart: int | None, first_step: int
) -> Finding:
    rate, clip = case.number("learning_rate"), case.number("grad_clip")
    lower = f"`learning_rate = {rate / 2:.2g}`" if rate else "half the learning rate"
    clipped = " and `grad_clip = 1.0`" if clip == 0 else ""
    where = f"from a checkpoint before step {restart:,}" if restart is not None else "from the start"
    return Finding(
        id=ID,
        severity="critical",
        confidence=0.9,
        title=title,
        evidence=evidence,
        advice=(f"Stop it and begin again {where} with {lower}{clipped}.",),
        first_step=first_step,
        step=int(train.steps[-1]),
    )
