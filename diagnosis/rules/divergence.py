"""Rule divergence."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding, Severity
from diagnosis.needs import TRAIN_LOSS
from diagnosis.reference import BlockMedians
from diagnosis.series import Series
from diagnosis.shifts import DENSE_INTERVAL, KNOWN_ROWS, data_shifts, may_be_data
from diagnosis.spike_rows import MEDIAN_ERROR
from diagnosis.statistics import begins_at_start, block_medians, looks, mann_kendall, noise_sd, running_count
from diagnosis.summaries import summary_of
from diagnosis.wording import count
from parsers.records import Floats

ID = "divergence"
NEEDS = (TRAIN_LOSS,)

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
GPT2_RATE, GPT2_TOKENS, LEAST_PARAMETERS, SMALL_BATCH = 6e-4, 2.0**19, 5e7, 0.5
"""nanoGPT and llm.c train 124M parameters with 6e-4 and 0.5M tokens a step; issue 468 blew up with 40 % of them."""
LONG = 2000
EARLY_LOOKS = (*(n for n in looks(500, BLOCKS_NEEDED * FEWEST_ROWS) if n < 500), *range(500, LONG, ROWS // 2))
"""Rows at which a short log is looked at; a longer one at each block of ROWS. The same ones however much later one
reads it, so that what was said stays said."""
LATER = 1.1


@dataclass(frozen=True, slots=True)
class _Departure:
    """What one look saw; rows count from the first of the log. Losses in nats."""

    seen_row: int
    best_row: int
    left_row: int
    rows: int
    """Of a block."""
    level: float
    """The best."""
    needed: float


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
    beyond, found = _beyond_start(case, train), _departure(case, train)
    if found is None:
        return beyond
    left_best = _left_best(case, train, found[0], holds=found[1])
    steps = [f.first_step for f in (left_best, beyond) if f is not None and f.first_step is not None]
    return replace(left_best, first_step=min(steps))


def _left_best(case: Case, train: Series, first: _Departure, *, holds: bool) -> Finding:
    """The finding on a loss that left its best; `holds` says whether it still does."""
    now = float(np.median(train.values[-first.rows :]))
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


def _departure(case: Case, train: Series) -> tuple[_Departure, bool] | None:
    """The first look that saw it, and whether the newest one does."""
    starts = [0, *(shift.row for shift in data_shifts(case) if shift.height > 0)]
    ends = [*(start + KNOWN_ROWS for start in starts[1:]), len(train)]
    first, holds = None, False
    for start, end in zip(starts, ends, strict=True):
        seen, newest = _first_seen(case, train, start, end), _newest_look(end - start, short=start == 0)
        holds = seen is not None and newest is not None and _look(case, train, start, newest) is not None
        first = first or seen
    return None if first is None else (first, holds)


def _first_seen(case: Case, train: Series, start: int, end: int) -> _Departure | None:
    """What the first look at the rows from `start` on saw that saw anything. Looks of before are not taken again."""
    key = (_first_seen, start, case.segments, case.number("vocab_size"))
    looked, seen = train.memo.get(key, (0, None))
    if seen is None:
        medians = summary_of(train, BlockMedians, ROWS, start).values
        worth = (n for n in _worth(medians[: (end - start) // ROWS], end - start, short=start == 0) if n > looked)
        seen = next((one for n in worth if (one := _look(case, train, start, n)) is not None), None)
        train.memo[key] = (end - start, seen)
    found: _Departure | None = seen
    return found


def _newest_look(known: int, *, short: bool) -> int | None:
    """The last number of rows at which the log was looked at as it grew to `known`."""
    late = LONG if short else BLOCKS_NEEDED * ROWS
    if known >= late:
        return known - (known - late) % ROWS
    return EARLY_LOOKS[bisect_right(EARLY_LOOKS, known) - 1] if short and known >= EARLY_LOOKS[0] else None


def _worth(medians: Floats, known: int, *, short: bool) -> list[int]:
    """The looks at `known` rows that may see something; of many in a row each a tenth later than the one before."""
    early = list(EARLY_LOOKS[: bisect_right(EARLY_LOOKS, known)]) if short else []
    late = LONG if short else BLOCKS_NEEDED * ROWS
    if known < late:
        return early
    high = np.minimum(medians[1:-1], medians[2:]) - np.minimum.accumulate(medians)[:-2] > LEAST_RISE
    chosen: list[int] = []
    before = 0
    for n in (np.flatnonzero(high) + 3) * ROWS:
        if late <= n <= known and (not chosen or n - before > ROWS or n >= LATER * chosen[-1]):
            chosen.append(int(n))
        before = int(n)
    return early + chosen


def _look(case: Case, train: Series, start: int, known: int) -> _Departure | None:
    """What `known` rows from row `start` on show, and nothing later. The newest is asked again and again."""
    asked = (_look, start, case.segments, case.number("vocab_size"))
    last = train.memo.get(asked)
    if last is None or last[0] != known:
        last = train.memo[asked] = (known, _seen(case, train, start, known))
    found: _Departure | None = last[1]
    return found


def _seen(case: Case, train: Series, start: int, known: int) -> _Departure | None:
    rows = int(np.clip(known // 10, FEWEST_ROWS, ROWS))
    lead = start + known % rows
    values = train.values[lead : start + known]
    if float(np.median(values[-rows:])) - float(values.min()) <= LEAST_RISE:
        return None
    medians = np.median(values.reshape(-1, rows), axis=1)
    best = int(np.argmin(medians[:-2]))
    level = float(medians[best])
    error = MEDIAN_ERROR * (noise_sd(values[-20 * rows :]) or 0.0) / sqrt(rows)
    needed = max(LEAST_RISE, ERRORS * error)
    before, now = medians[-2:] - level
    newest = float(np.median(values[-max(FEWEST_ROWS, rows // 4) :])) - level
    if min(before, now, newest) <= needed or min(now, newest) < STILL_UP * before:
        return None
    left = (best + int(np.argmax(medians[best:] - level > needed))) * rows
    if _comes_back(values[left:], now) or _just_restarted(case, train, start + known, 2 * rows):
        return None
    if len(values) - left < KNOWN_ROWS and _may_be_shift(case, train, level + now):
        return None
    return _Departure(start + known - 1, lead + best * rows + rows // 2, lead + left, rows, level, needed)


def _comes_back(values: Floats, height: float) -> bool:
    """Whether the later half of the rows since the jump falls, by more than a healthy run's own progress."""
    later = block_medians(values[len(values) // 2 :], POINTS)
    third = max(1, len(later) // 3)
    fall = float(np.median(later[:third]) - np.median(later[-third:]))
    return mann_kendall(later)[0] < -FALLING_Z and fall > RECOVERING * height


def _may_be_shift(case: Case, train: Series, loss: float) -> bool:
    """Whether some more rows may show that it is the data that changed."""
    return float(np.median(np.diff(train.steps[:ROWS]))) <= DENSE_INTERVAL and may_be_data(case, loss)


def _just_restarted(case: Case, train: Series, known: int, rows: int) -> bool:
    """Whether the last restart among the first `known` rows is fewer than `rows` rows old."""
    starts = np.searchsorted(train.steps[:known], np.array(case.segments[1:], np.int64))
    return bool(((starts < known) & (starts > known - rows)).any())


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
    now = float(np.median(train.values[-START_ROWS:]))
    holds = bool(far[-1])
    came = (
        f"The loss was {float(np.median(train.values[first - START_ROWS + 1 : first + 1])) / began:.1f} times its first"
    )
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
    return len(values) > START_ROWS and float(np.median(values[-START_ROWS:])) > limit


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
