"""Steps in the level of a loss: flat before, flat after, and changed from one row to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log

import numpy as np

from diagnosis.case import Case
from diagnosis.series import Series
from diagnosis.spike_rows import MEDIAN_ERROR
from diagnosis.spikes import FULL_BATCH_FLOOR, MICRO_BATCH_FLOOR
from diagnosis.statistics import MAD_TO_SD, begins_at_start, median_of, noise_sd, row_medians
from diagnosis.summaries import summary_of
from parsers.records import Floats, Ints

SIDE = 48
"""Rows on either side of the change. Half of them judge whether the level is flat there."""
BLOCK = 8
"""Rows whose median is looked at first."""
SIGMAS = 6.0
"""Standard errors of a median of SIDE rows that a change must have."""
USUAL = 4.0
"""Robust deviations of how such medians changed before that it must have."""
DRIFT, DRIFT_ERRORS = 0.1, 1.5
"""Within either side the level may move by a tenth of the change and by noise: more is a trend, or a spike on its way
back."""
BLUR = 0.3
"""The share of the change by which the 8 rows next to it may differ from their side's level: it takes one row."""
ROUGHLY = 0.75
"""The share of the change that the medians of two blocks must show for it to be looked at."""
ROUGH_NOISE, SCATTER_BLOCKS = 3.0, 16
DENSE_INTERVAL = 10
"""Rows further apart cannot tell a step from a rise over a hundred updates."""
BACK = 0.5
"""The share of the change by which the level must have gone back."""
EARLIER_BLOCKS = 64
"""Blocks before a change that tell how the level changes as a rule."""
KNOWN_ROWS = SIDE + 3 * BLOCK
"""By so many rows after it a change has been looked at."""
SLAB = 8192
"""Blocks that are looked at together, so that what is computed from them stays small."""
LEAD_BLOCKS = 32
"""What a look needs before it."""
MOST, MOST_LOOKS = 20, 1000
"""Changes that are told, and blocks that are looked at closely: a loss that jumps all the time has no level."""
DOWNWARD = 2.0
"""A fall must be so many times as large: a loss that falls is what training is for."""
UNIGRAM_SHARE = 0.68
"""Of the untrained loss, and up: a model thrown so far has lost its weights, whatever its batches are."""
EXPLODED = 5.0
"""BLOOM-176B's gradient norm rose from 0.24 to 145 in the 4 rows before its loss did; other data raise it by less."""
NORM_ROWS = 50
"""Rows whose median is the usual gradient norm."""
SCALE_FELL = 4.0
"""Two halvings of the fp16 loss scale: skipped steps, while the loss stays flat where it was thrown to."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One change of level. Losses in nats."""

    row: int
    """Of the first row on the new level."""
    first_step: int
    seen_step: int
    """When the evidence was complete."""
    before: float
    after: float
    noise: float
    """Robust standard deviation of a row before it."""
    back_step: int | None = None
    """When the level was back by half of the change; None while it is not."""

    @property
    def height(self) -> float:
        """How far up the level went; negative where it fell."""
        return self.after - self.before


def find_shifts(train: Series, floor: float) -> list[Shift]:
    """The changes of level of a training loss, in order; `floor` is the least change in nats that counts.

    The medians of the 48 rows before and after differ by max(floor, 6 standard errors) and by 4 robust deviations of
    how such medians differed before; neither side moves by more than a tenth of that and 1.5 standard errors; the 8
    rows next to the change are on their side's level. Each is judged by rows up to 48 after it alone. None where rows
    are sparse.
    """
    known = train.finite
    return [] if len(known) < 2 * SIDE else summary_of(known, _Shifts, floor).found


class _Shifts:
    """The changes of level, kept as the loss grows: each is judged once, when 48 rows follow it."""

    def __init__(self, floor: float) -> None:
        self.rows = 0
        self.found: list[Shift] = []
        self._floor = floor
        self._block = SIDE // BLOCK
        """The next to be looked at."""
        self._looks = 0

    def extend(self, series: Series) -> None:
        """Looks at the blocks whose rows are all there now; values must be finite."""
        self.found = [_followed(series, shift, self.rows) for shift in self.found]
        self.rows = len(series)
        end = (len(series) - KNOWN_ROWS) // BLOCK + 1
        while self._block < end and _is_dense(series):
            stop = min(self._block + SLAB, end)
            lead = max(0, self._block - LEAD_BLOCKS) * BLOCK
            seen = series.values[lead : (stop - 1) * BLOCK + KNOWN_ROWS]
            for block in _candidates(seen, self._floor) + lead // BLOCK:
                if self._block <= block < stop and not self._too_near(int(block)):
                    self._look(series, int(block))
            self._block = stop

    def _too_near(self, block: int) -> bool:
        """Whether the last change still explains what happens there, or enough was seen."""
        near = bool(self.found) and block * BLOCK < self.found[-1].row + SIDE
        return near or len(self.found) >= MOST or self._looks >= MOST_LOOKS

    def _look(self, series: Series, block: int) -> None:
        self._looks += 1
        row = _sharpest(series.values, block * BLOCK)
        if _is_shift(series.values, row, self._floor):
            self.found.append(_shift(series, row))


def _is_dense(series: Series) -> bool:
    return median_of(np.diff(series.steps[: 2 * SIDE])) <= DENSE_INTERVAL


def data_shifts(case: Case) -> list[Shift]:
    """The changes of level of the training loss that no broken weights explain, in order.

    A rise is left out where the gradient norm exploded before it, where both evals within the evidence rose with it,
    and where the new level is that of a model that has learnt nothing.
    """
    floor = MICRO_BATCH_FLOOR if case.traits.train_loss == "micro-batch" else FULL_BATCH_FLOOR
    found = find_shifts(case.metric("train_loss"), floor)
    return [s for s in found if s.height < -DOWNWARD * floor or (s.height > 0 and not _damaged(case, s))]


def _damaged(case: Case, shift: Shift) -> bool:
    """Whether it was the weights that went wrong, for all that was known when the evidence was complete."""
    if not may_be_data(case, shift.after):
        return True
    norms = case.metric("grad_norm").finite.until(shift.seen_step).values
    before = case.metric("grad_norm").finite.until(shift.first_step - 1).values[-NORM_ROWS:]
    if len(before) >= BLOCK and median_of(before) > 0:
        usual = median_of(before)
        after = norms[-SIDE:]
        if float(np.max(before[-BLOCK:])) > EXPLODED * usual or median_of(after) > EXPLODED * usual:
            return True
    scale = case.metric("loss_scale").finite.since(shift.first_step - BLOCK).until(shift.seen_step).values
    if len(scale) > 1 and scale.max() >= SCALE_FELL * scale.min() > 0:
        return True
    rises = [_rise_of(case.metric(name).finite, shift) for name in ("val_loss", "eval_train_loss")]
    return all(rise is not None and rise > shift.height / 2 for rise in rises)


def may_be_data(case: Case, loss: float) -> bool:
    """Whether a model that knows something may have this loss on other data; False for one that has learnt nothing."""
    vocabulary, train = case.number("vocab_size"), case.metric("train_loss").finite
    if vocabulary is not None and vocabulary >= 2:
        return loss <= UNIGRAM_SHARE * log(vocabulary)
    return not begins_at_start(train.steps) or loss <= UNIGRAM_SHARE * float(train.values[0])


def _rise_of(evals: Series, shift: Shift) -> float | None:
    """From the last eval before the change to the first after it, where both are known by then."""
    before, after = evals.until(shift.first_step - 1).last, evals.since(shift.first_step).until(shift.seen_step)
    return None if before is None or not len(after) else float(after.values[0]) - before


def _candidates(values: Floats, floor: float) -> Ints:
    """Blocks that may begin on another level than the ones before them had; flat on both sides, roughly."""
    whole = len(values) // BLOCK
    medians = row_medians(values[: whole * BLOCK].reshape(whole, BLOCK))
    half = SIDE // BLOCK // 2
    pairs = np.lib.stride_tricks.sliding_window_view(medians, half).mean(axis=1)
    # The halves of the side before block i and, past the block that the change may cut, of the side after.
    early, late, after, last = (pairs[i : len(pairs) - 3 * half - 1 + i] for i in (0, half, 2 * half + 1, 3 * half + 1))
    with np.errstate(invalid="ignore", over="ignore"):
        change = after - late
        flat = np.maximum(np.abs(late - early), np.abs(last - after)) < np.abs(change) / 2
        likely = flat & (np.abs(change) > np.maximum(ROUGHLY * floor, ROUGH_NOISE * _scatter(medians, len(change))))
    return np.flatnonzero(likely) + 2 * half


def _scatter(medians: Floats, count: int) -> Floats:
    """The usual difference of two neighbours among the 16 blocks before each candidate; 0 where there are fewer."""
    if len(medians) <= SCATTER_BLOCKS:
        return np.zeros(count)
    differences = np.lib.stride_tricks.sliding_window_view(np.abs(np.diff(medians)), SCATTER_BLOCKS)
    ends = np.arange(count) + SIDE // BLOCK - 1 - SCATTER_BLOCKS
    return np.where(ends < 0, 0.0, row_medians(differences)[np.maximum(ends, 0)])


def _sharpest(values: Floats, row: int) -> int:
    """The row near this one at which the means of 8 rows before and after differ most."""
    first, last = max(SIDE, row - BLOCK), row + 2 * BLOCK
    sums = np.cumsum(np.concatenate(([0.0], values[first - BLOCK : last + BLOCK])))
    means = (sums[BLOCK:] - sums[:-BLOCK]) / BLOCK
    return first + int(np.argmax(np.abs(means[BLOCK:] - means[:-BLOCK])))


def _is_shift(values: Floats, row: int, floor: float) -> bool:
    before, after = values[row - SIDE : row], values[row : row + SIDE]
    change = median_of(after) - median_of(before)
    spread = max(_spread(before), _spread(after))
    needed = max(floor, SIGMAS * MEDIAN_ERROR * spread * np.sqrt(2 / SIDE), USUAL * _usual(values, row))
    half = SIDE // 2
    drifts = [median_of(side[half:]) - median_of(side[:half]) for side in (before, after)]
    if min(abs(change), abs(change - sum(drifts))) <= needed:
        return False
    near = (median_of(before[-BLOCK:]), median_of(after[:BLOCK]))
    sharp = near[0] - median_of(before), median_of(after) - near[1]
    noise = max(noise_sd(before) or 0.0, noise_sd(after) or 0.0)
    still = DRIFT * abs(change) + DRIFT_ERRORS * MEDIAN_ERROR * noise * np.sqrt(2 / half)
    return bool(max(map(abs, drifts)) <= still and max(map(abs, sharp)) <= BLUR * abs(change))


def _spread(side: Floats) -> float:
    return MAD_TO_SD * median_of(np.abs(side - median_of(side)))


def _usual(values: Floats, row: int) -> float:
    """By how much the level changed before from one side to the next: rows that hang together scatter more."""
    earlier = values[max(0, row - SIDE - EARLIER_BLOCKS * BLOCK) : row - SIDE]
    whole = len(earlier) // SIDE
    if whole < 4:
        return 0.0
    levels = row_medians(earlier[len(earlier) - whole * SIDE :].reshape(whole, SIDE))
    changes = np.diff(levels)
    return MAD_TO_SD * median_of(np.abs(changes - median_of(changes)))


def _shift(known: Series, row: int) -> Shift:
    before, after = known.values[row - SIDE : row], known.values[row : row + SIDE]
    shift = Shift(
        row=row,
        first_step=int(known.steps[row]),
        seen_step=int(known.steps[row + SIDE - 1]),
        before=median_of(before),
        after=median_of(after),
        noise=_spread(before),
    )
    return _followed(known, shift, row + SIDE)


def _followed(known: Series, shift: Shift, looked: int) -> Shift:
    """The shift, back by the first block of rows that is; those before row `looked` are not."""
    if shift.back_step is not None:
        return shift
    start = looked - (looked - shift.row - SIDE) % BLOCK
    whole = (len(known) - start) // BLOCK
    medians = row_medians(known.values[start : start + whole * BLOCK].reshape(whole, BLOCK))
    limit = shift.before + BACK * shift.height
    passed = np.flatnonzero(medians < limit if shift.height > 0 else medians > limit)
    if not len(passed):
        return shift
    return replace(shift, back_step=int(known.steps[start + (int(passed[0]) + 1) * BLOCK - 1]))
