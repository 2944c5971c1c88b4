"""Rule not-learning."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import TRAIN_LOSS, VAL_LOSS, either
from diagnosis.reference import BlockMedians
from diagnosis.series import Series
from diagnosis.spike_rows import MEDIAN_ERROR
from diagnosis.statistics import begins_at_start, block_medians, mann_kendall, median_of, noise_sd
from diagnosis.summaries import summary_of
from diagnosis.wording import percent
from parsers.records import Floats, Ints

ID = "not-learning"
NEEDS = (either(TRAIN_LOSS, VAL_LOSS),)

UNIGRAM_SHARE = 0.68
"""Knowing only how frequent each token is gives 7.3 to 7.9 nats with GPT-2's tokenizer: .68 of ln(50304) and up."""
UNTRAINED_SHARE = 0.95
"""Of the untrained loss, and up: nothing at all was learnt, not even which tokens are frequent."""
FEWEST_UPDATES, UPDATES = 100, 500
"""After the first nothing at all is too little, after the second what frequencies give. Healthy runs have .53 to .60
of ln(V) at step 500."""
UNKNOWN_WARMUP = 250.0
"""Updates. Twice as many are waited for where neither the config nor the learning rate tells."""
LONGEST_FIRST_ROW = 20
"""Steps whose mean loss is still about an untrained model's."""
LEAST_UNTRAINED = 4.0
"""Nats. A first loss below is no untrained language model's of 64 tokens or more, or its weights were loaded."""
ROWS = 16
FALLING_P, LEAST_FALL = 0.01, 0.05
"""Of Mann-Kendall, and nats over half of the rows: an untrained model's settling to even odds is less."""
SAME_ROWS, SAME_UPDATES = 10, 500
"""Progress bars show one loss for many steps, until the next is logged: so long they do not."""
SAME_ALL_ALONG = 300
"""Updates. A log of a few rows, all of them an untrained model's and the same."""
DIGITS = 2
"""A loss printed with fewer digits may repeat by chance."""
AT_PEAK, PASSED = 0.99, 0.95
"""Shares of the highest logged learning rate: reached, and left again."""


@dataclass(frozen=True, slots=True)
class _Level:
    """Where the loss is, against where an untrained model is. Losses in nats, shares of the untrained level."""

    untrained: float
    named: str
    now: float
    updates: int
    """Done at the newest row."""
    rows: int
    falling: bool
    share_settled: float | None
    """When the warm-up was over and the model had its first updates; None before that."""
    first_rows: Ints
    """The first rows after 100 and 500 updates, both after the warm-up."""

    @property
    def share(self) -> float:
        return self.now / self.untrained


def rule(case: Case) -> Finding | None:
    """The loss is still that of a model that has learnt nothing, or no more than how frequent each token is.

    Fires when the loss was within 5 % of the untrained level at 100 updates and twice the warm-up (500 where that is
    unknown) and has been above 0.68 of it ever since; or when it is above 0.68 after 500 updates and twice the warm-up.
    A warning if it falls all too slowly (Mann-Kendall p < 0.01 and by 0.05 nats over the second half of the rows), else
    critical. Silent once a median of 16 rows has been below 0.68. The untrained level is ln(vocabulary), else the first
    loss, which must be 4 nats or more and measured at the start. Also, from whatever weights: the loss is the same to
    the last digit on 10 rows or more over 500 updates, or on all of a few rows over 300 (a warning). A logged learning
    rate that is 0 on every row is no warm-up; 32 rows are enough where each is a mean of many steps.

    Why: every healthy run passes the unigram level within its warm-up. Above it the model does not see what it should
    learn (labels, masks, shifted targets), does not update (learning rate, frozen or detached weights) or was blown up
    at the start.
    Do: print the learning rate and the gradient norm; overfit one batch; check the labels.
    False alarms: a warm-up of unknown length; fine-tunes and resumed runs are left out.
    Sources: 0.53 to 0.60 of ln(V) at step 500 in healthy runs; nanoGPT issue 303 hovers at 7.8, within its warm-up;
    litgpt issue 125 (11.0666 at iterations 1 and 400).
    """
    frozen = _frozen(case)
    if frozen is not None:
        return frozen
    level = _level(case)
    if level is None or case.text("init_from") not in (None, "scratch"):
        return None
    if level.share <= UNIGRAM_SHARE:
        return None
    untouched = level.share_settled is not None and level.share_settled > UNTRAINED_SHARE
    if not untouched and level.updates < _settled(case, UPDATES):
        return None
    flat, counted = not level.falling, case.traits.steps_count
    return Finding(
        id=ID,
        severity="critical" if flat else "warning",
        confidence=0.85 if flat else 0.75,
        title=f"Still {percent(level.share)} of an untrained model's loss after {level.updates:,} {counted}",
        evidence=(
            f"untrained: {level.untrained:.2f} ({level.named})",
            f"knowing only how frequent each token is gives about {UNIGRAM_SHARE * level.untrained:.1f}",
            f"last {level.rows} rows: {level.now:.3f}, {'falling slowly' if level.falling else 'not falling'}",
        ),
        advice=_advice(case, flat),
        first_step=int(level.first_rows[0 if untouched else 1]),
        step=case.steps.last,
    )


def _level(case: Case) -> _Level | None:
    """None where there is too little to tell, or where the run did not begin untrained, or where it has learnt."""
    train = case.metric("train_loss").finite
    series = train if len(train) >= ROWS else case.metric("val_loss").finite
    if len(series) < 3 or not begins_at_start(series.steps):
        return None
    vocabulary = case.number("vocab_size")
    began = float(series.values[0])
    blurred = series is train and _averages(case) and series.steps[0] > LONGEST_FIRST_ROW
    if blurred and not vocabulary and not _never_moved(case):
        return None
    untrained = log(vocabulary) if vocabulary and vocabulary >= 2 else began
    limit = UNIGRAM_SHARE * untrained
    if untrained < LEAST_UNTRAINED or began < limit or _has_learnt(series, limit):
        return None
    rows = series.values[-ROWS:] if len(series) >= 2 * ROWS else series.values[len(series) // 2 :]
    before_update = case.traits.updates_at_train_row if series is train else case.traits.updates_at_eval_row
    marks = [_settled(case, fewest) - before_update for fewest in (FEWEST_UPDATES, UPDATES)]
    after = np.searchsorted(series.steps, marks)
    early = series.values[max(0, int(after[0]) + 1 - ROWS) : int(after[0]) + 1]
    return _Level(
        untrained=untrained,
        named=f"ln({vocabulary:,.0f})" if vocabulary and vocabulary >= 2 else "its first loss",
        now=_lower_bound(rows),
        updates=int(series.steps[-1]) + before_update,
        rows=len(rows),
        falling=_falls(series),
        share_settled=_lower_bound(early) / untrained if after[0] < len(series) else None,
        first_rows=series.steps[np.minimum(after, len(series) - 1)],
    )


def _averages(case: Case) -> bool:
    """Whether the first row's loss is a mean over all steps up to it, by when much was learnt."""
    return case.traits.steps_count != "updates" or case.traits.train_loss in ("window mean", "average")


def _settled(case: Case, fewest: int) -> float:
    """The updates that the run needs before it can be judged; rows where each is the mean of many and none moved it."""
    if _never_moved(case):
        return 2 * ROWS if case.traits.train_loss in ("window mean", "average") else fewest
    warmup = case.number("warmup_steps")
    if warmup is None:
        reached, passed = _logged_warmup(case)
        warmup = reached if passed else max(UNKNOWN_WARMUP, reached)
    return max(fewest, 2 * warmup)


def _never_moved(case: Case) -> bool:
    """Whether the learning rate is logged, and 0 on every row: a warm-up from 0 leaves it after its first."""
    rate = case.metric("learning_rate").finite
    return len(rate) >= ROWS and not rate.values.any()


def _logged_warmup(case: Case) -> tuple[float, bool]:
    """The step at which the logged learning rate reached its highest value so far, 0 where it is not logged.

    And whether it has come down from there: then that was the warm-up.
    """
    rate = case.metric("learning_rate").finite
    if len(rate) < 2:
        return 0.0, False
    peak = float(rate.values.max())
    if peak <= 0:
        return 0.0, False
    return float(rate.steps[int(np.argmax(rate.values >= AT_PEAK * peak))]), bool(rate.values[-1] < PASSED * peak)


def _frozen(case: Case) -> Finding | None:
    """A loss that is the same to the last digit: other batches would move it even if the weights stood still."""
    train = case.metric("train_loss").finite
    if len(train) < 2 or case.traits.train_loss == "average" or case.traits.steps_count != "updates":
        return None
    if len(train) >= SAME_ROWS and not _repeats(train.values):
        return None
    begins = np.flatnonzero(np.append(np.True_, np.diff(train.values) != 0))
    ends = np.append(begins[1:], len(train))
    told = (train.values[begins] > 0) & (np.round(train.values[begins], DIGITS) != train.values[begins])
    spans = train.steps[ends - 1] - train.steps[begins]
    whole = len(begins) == 1 and train.values[0] > LEAST_UNTRAINED and len(train) < SAME_ROWS
    long = told & (spans >= (SAME_ALL_ALONG if whole else SAME_UPDATES)) & ((ends - begins >= SAME_ROWS) | whole)
    if not long.any():
        return None
    at = int(np.argmax(long))
    begin, end, goes_on = int(begins[at]), int(ends[at]), int(ends[at]) == len(train)
    seen = max(begin + SAME_ROWS - 1, int(np.searchsorted(train.steps, train.steps[begin] + SAME_UPDATES)))
    seen = min(seen, end - 1)
    value, since = float(train.values[begin]), int(train.steps[begin])
    return Finding(
        id=ID,
        severity="critical" if goes_on and not whole else "warning",
        confidence=0.7 if whole else 0.9,
        title=f"The loss is the same to the last digit since step {since:,}"
        if goes_on
        else f"The loss was the same to the last digit from step {since:,} to {int(train.steps[end - 1]):,}",
        evidence=(f"{value:g} on {end - begin:,} rows: with other batches it would move even if no weight did",),
        advice=(
            "Check that new batches arrive: the data loader, its type of token (uint16 or int32), the attention mask.",
            "Check that the optimiser holds the parameters and that the learning rate is not 0.",
        ),
        first_step=int(train.steps[seen]),
        step=case.steps.last,
    )


def _repeats(values: Floats) -> bool:
    """Whether there are five rows that are the same from a fourth row on, as there are among any ten that are."""
    some = values[::4]
    at = np.flatnonzero(some[1:] == some[:-1]) * 4
    return bool(
        ((values[at + 1] == values[at]) & (values[at + 2] == values[at]) & (values[at + 3] == values[at])).any()
    )


def _lower_bound(rows: Floats) -> float:
    """Their median less two of its standard errors: what the noise may have added is not held against the run."""
    return median_of(rows) - 2 * MEDIAN_ERROR * (noise_sd(rows) or 0.0) / sqrt(len(rows))


def _has_learnt(series: Series, limit: float) -> bool:
    """Whether any median of 16 rows was below the limit: then what is wrong now is something else."""
    if len(series) < ROWS:
        return median_of(series.values) < limit
    return bool(summary_of(series, BlockMedians, ROWS).values.min() < limit)


def _falls(series: Series) -> bool:
    """Over the second half of the rows, by more than an untrained model's settling to even odds."""
    medians = block_medians(series.values[len(series) // 2 :], 60)
    z, p = mann_kendall(medians)
    fifth = -(-len(medians) // 5)
    fall = median_of(medians[:fifth]) - median_of(medians[-fifth:])
    return z < 0 and p < FALLING_P and fall > LEAST_FALL


def _advice(case: Case, flat: bool) -> tuple[str, ...]:
    rate = case.number("learning_rate")
    if rate == 0 or (rate is None and _never_moved(case)):
        return ("The learning rate is 0: set it (3e-4 to 1e-3 for a small GPT).",)
    if not flat:
        shown = f" ({rate:g})" if rate else ""
        return (f"The learning rate{shown} is likely far too low, or the warm-up too long: try 10 times as much.",)
    return (
        "Check that targets are the inputs shifted by one, and labels neither masked nor shuffled.",
        "Check that the optimiser holds the parameters and that the learning rate is not 0.",
        "Train on one batch alone: its loss must go to 0.",
    )
