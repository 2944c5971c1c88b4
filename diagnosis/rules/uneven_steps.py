"""Rule uneven-steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.column import Column
from diagnosis.finding import Finding
from diagnosis.needs import STEP_SECONDS
from diagnosis.series import Series
from diagnosis.statistics import looks, median_of, row_medians
from diagnosis.steady import WARM_UP_ROWS, Bools, eval_rows
from diagnosis.summaries import remembered, summary_of
from diagnosis.wording import duration, percent, times
from parsers.records import Floats, Ints

ID = "uneven-steps"
NEEDS = (STEP_SECONDS,)

BLOCK = 50
"""Rows whose median a step is held against: long enough for a median, short enough to follow a run that slows down."""
SLOW, MIDDLING = 3.0, 1.5
"""Medians. A neighbour on the CPU doubles a step; a step that waits for its data takes many times as long."""
SHARES = (0.025, 0.35)
"""Of the rows. Fewer are hiccups of any machine; more are another speed."""
LOST = 0.15
"""Of the time: what is worth a look at the data loader."""
LEAST_EXTRA_SECONDS = 0.05
"""An operating system takes the processor away for some 5 to 20 ms at once (Linux's slices): no wait for data."""
LEAST_SLOW = 12
"""Rows. 5 % of the shortest stretch that is judged."""
SPREAD = 2 / 3
"""Of the blocks must have a slow row: single bad stretches pass."""
LASTING_SHARE, LASTING_BLOCKS = 0.15, (5, 40)
"""Of the blocks, the newest, must be uneven, within these bounds."""
REGULAR = 0.9
"""So many of the slow rows in step with one period are no accident."""
PLANNED_WORK = ("eval_interval", "save_interval", "checkpoint_interval", "log_interval")
EVENTS = ("val_loss", "eval_train_loss", "val_bpb")


class _Blocks:
    """Blocks of rows, and the rows that are slow in them. Counted from the first row, so that later ones move none."""

    def __init__(self) -> None:
        self.rows = self.count = 0
        self.seconds, self.middling = Column(np.empty(0)), Column(np.empty(0))
        self.slow_row, self.slow_extra = Column(np.empty(0, np.int64)), Column(np.empty(0))

    def extend(self, series: Series) -> None:
        """Takes in the blocks that have become whole."""
        start = WARM_UP_ROWS + self.count * BLOCK
        fresh = (len(series) - start) // BLOCK
        self.rows = len(series)
        if fresh < 1:
            return
        table = series.values[start : start + fresh * BLOCK].reshape(fresh, BLOCK)
        usual = row_medians(table)[:, None]
        slow = table > SLOW * usual
        self.seconds.extend(table.sum(axis=1))
        self.middling.extend(((table > MIDDLING * usual) & ~slow).sum(axis=1).astype(np.float64))
        self.slow_row.extend(start + np.flatnonzero(slow))
        self.slow_extra.extend((table - usual)[slow])
        self.count += fresh


@dataclass(frozen=True, slots=True)
class _Tally:
    """Sums over the first 0, 1, 2, ... blocks, planned work left out."""

    slow: Floats
    extra: Floats
    seconds: Floats
    middling: Floats
    touched: Floats
    """Blocks that have a slow row."""


@dataclass(frozen=True, slots=True)
class _Uneven:
    """The last rows of a log, and what is slow in them: rows and seconds."""

    rows: int
    slow: float
    extra: float
    seconds: float
    seen_row: int
    """By which the evidence was complete."""
    period: int | None
    """Of the slow rows in steps; None where they come at any time."""


def rule(case: Case) -> Finding | None:
    """Some steps take far longer than the rest, again and again: the run waits, as a rule for its data.

    Fires when 2.5 to 35 % of the rows (12 at least) take more than 3 times the median of their 50 neighbours, by 50 ms
    or more on average, and 15 % of the time goes there; in two of three stretches of 50 rows, over the last 15 % of the
    run or more (250 rows at least, 2,000 are enough). Rows of evaluations, checkpoints and the first 5 after a start
    are left out, and there must be no more rows between 1.5 and 3 medians than slow ones. A note where the slow rows
    come at one period: that is work which the loop does on purpose. Silent where a row is a mean of several steps,
    where the steps differ in size, and where the period is that of evaluations, checkpoints or log lines.

    Why: a GPU that waits for the next batch does nothing; the time is paid for all the same.
    Do: more workers and prefetching for the data loader, data on a local disk, no tokenising while training.
    False alarms: an optimiser that does extra work every few steps (then a note); a network that stalls.
    Sources: the NVIDIA and PyTorch tuning guides on data loading; thresholds by healthy runs on a shared CPU, where
    2 % of the rows or fewer exceed 3 medians unless a step takes a few milliseconds.
    """
    seconds = case.metric("step_seconds").finite
    if not _tells_single_steps(case, seconds):
        return None
    blocks = summary_of(seconds, _Blocks)
    if not _has_enough(blocks):
        return None
    events, interval = _events(case), case.number("eval_interval")
    # The last rows, which fill no block yet, change nothing.
    state = (blocks.count, events.tobytes(), case.segments, interval)
    uneven = remembered(seconds, state, lambda: _uneven(case, seconds, blocks, events), ID)
    if uneven is None:
        return None
    if uneven.period is not None and any(_is_multiple(uneven.period, case.number(name)) for name in PLANNED_WORK):
        return None
    return _finding(seconds, uneven)


def _tells_single_steps(case: Case, seconds: Series) -> bool:
    """Whether a row times one step, and all steps do the same work."""
    traits = case.traits
    if traits.step_work_changes or traits.steps_count != "updates" or len(seconds) < LASTING_BLOCKS[0] * BLOCK:
        return False
    # Where seconds are worked out of the rows' times, a row that stands for several steps is their mean.
    mean = traits.step_seconds == "window mean" or len(case.metric("wall_seconds")) > 0
    return not mean or median_of(np.diff(seconds.steps[-200:])) == 1


def _has_enough(blocks: _Blocks) -> bool:
    """Whether enough rows are slow where all are counted: planned work left out there are fewer."""
    widths = np.array([*_widths(blocks.count)], np.int64)
    rows = blocks.slow_row.view()
    slow = len(rows) - np.searchsorted(rows, WARM_UP_ROWS + (blocks.count - widths) * BLOCK)
    return bool((slow >= np.maximum(LEAST_SLOW, SHARES[0] * BLOCK * widths)).any())


def _events(case: Case) -> Ints:
    """The steps of evaluations and checkpoints."""
    saved = [notice.step for notice in case.notices if notice.kind == "checkpoint" and notice.step is not None]
    return np.concatenate([*(case.metric(name).steps for name in EVENTS), np.array(saved, np.int64)])


def _uneven(case: Case, seconds: Series, blocks: _Blocks, events: Ints) -> _Uneven | None:
    """The uneven stretch at the end of the log, None where there is none."""
    planned = _planned(case, seconds, blocks.slow_row.view(), events)
    tally = _tally(blocks, planned)
    width = _width(tally, blocks.count)
    seen = next((count for count in looks(blocks.count, LASTING_BLOCKS[0]) if _width(tally, count) is not None), None)
    if width is None or seen is None:
        return None
    since = blocks.count - width
    period = _period(seconds.steps[_slow_since(blocks, planned, since)])
    slow, extra, total = (float(sums[-1] - sums[since]) for sums in (tally.slow, tally.extra, tally.seconds))
    return _Uneven(width * BLOCK, slow, extra, total, WARM_UP_ROWS + seen * BLOCK - 1, period)


def _planned(case: Case, seconds: Series, rows: Ints, events: Ints) -> Bools:
    """Which of these rows hold an evaluation, a checkpoint or a start, or follow one."""
    at = np.searchsorted(seconds.steps, events)
    starts = np.searchsorted(seconds.steps, np.array(case.segments, np.int64))
    begun = (starts[:, None] + np.arange(WARM_UP_ROWS)).ravel()
    planned = np.isin(rows, np.concatenate((at, at + 1, begun)))
    interval = case.number("eval_interval")
    if case.traits.step_seconds_contain_eval and interval is not None:
        planned |= eval_rows(Series(seconds.name, seconds.steps[rows], seconds.values[rows]), interval)
    return np.asarray(planned)


def _tally(blocks: _Blocks, planned: Bools) -> _Tally:
    at = (blocks.slow_row.view() - WARM_UP_ROWS) // BLOCK
    extra = blocks.slow_extra.view()
    slow = np.bincount(at[~planned], minlength=blocks.count)
    lost = np.bincount(at[~planned], extra[~planned], blocks.count)
    seconds = blocks.seconds.view() - np.bincount(at[planned], extra[planned], blocks.count)
    return _Tally(_sums(slow), _sums(lost), _sums(seconds), _sums(blocks.middling.view()), _sums(slow > 0))


def _sums(values: Floats | Ints | Bools) -> Floats:
    return np.concatenate((np.zeros(1), np.cumsum(values, dtype=np.float64)))


def _width(tally: _Tally, count: int) -> int | None:
    """How many of the first `count` blocks, counted from the last, are uneven: the most that are; None where none."""
    widths = np.array([*_widths(count)], np.int64)
    if not len(widths):
        return None
    slow, extra, seconds, middling, touched = (
        sums[count] - sums[count - widths]
        for sums in (tally.slow, tally.extra, tally.seconds, tally.middling, tally.touched)
    )
    share = slow / (widths * BLOCK)
    uneven = (share >= SHARES[0]) & (share <= SHARES[1]) & (slow >= LEAST_SLOW) & (middling <= slow)
    uneven &= (extra >= LOST * seconds) & (extra >= LEAST_EXTRA_SECONDS * slow) & (touched >= SPREAD * widths)
    return int(widths[uneven][-1]) if bool(uneven.any()) else None


def _widths(count: int) -> Iterator[int]:
    width = int(np.clip(np.ceil(LASTING_SHARE * count), *LASTING_BLOCKS))
    while width < count:
        yield width
        width *= 2
    if count >= LASTING_BLOCKS[0]:
        yield count


def _slow_since(blocks: _Blocks, planned: Bools, block: int) -> Ints:
    """The slow rows from that block on."""
    rows = blocks.slow_row.view()[~planned]
    return rows[rows >= WARM_UP_ROWS + block * BLOCK]


def _period(steps: Ints) -> int | None:
    """The period that nearly all of these steps keep; None where they come at any time."""
    period = int(median_of(np.diff(steps)))
    if period < 2:
        return None
    return period if np.bincount(steps % period).max() >= REGULAR * len(steps) else None


def _is_multiple(period: int, interval: float | None) -> bool:
    return interval is not None and interval >= 2 and period % round(interval) == 0


def _finding(seconds: Series, found: _Uneven) -> Finding:
    rows, slow, period = found.rows, found.slow, found.period
    usual, late, lost = (found.seconds - found.extra) / rows, found.extra / slow, found.extra / found.seconds
    often, takes = (f"{percent(slow / rows)} of the steps", "take") if period is None else _every(period)
    return Finding(
        id=ID,
        severity="warning" if period is None else "info",
        confidence=0.8 if period is None else 0.7,
        title=f"{often} {takes} {times(1 + late / usual)} times as long: {percent(lost)} of the time is lost",
        evidence=(
            f"{duration(usual)} a step as a rule, {duration(usual + late)} for {slow:,.0f} of {rows:,} rows",
            "they come at any step, not at evaluations or checkpoints" if period is None else "all keep one period",
        ),
        advice=(_advice(period),),
        first_step=int(seconds.steps[found.seen_row]),
        step=int(seconds.steps[-1]),
    )


def _every(period: int) -> tuple[str, str]:
    ending = "th" if period % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(period % 10, "th")
    return f"Every {period}{ending} step", "takes"


def _advice(period: int | None) -> str:
    if period is None:
        return (
            "Give the data loader more workers and let it prefetch, keep the data on a local disk, and see what else "
            "reads that disk."
        )
    return (
        f"See what the loop does every {period} steps: a data loader that refills, an optimiser's extra work, a save."
    )
