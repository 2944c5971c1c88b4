"""How often a run goes through its data, and whether its loss shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.series import Series
from diagnosis.statistics import noise_sd, robust_sd
from parsers.records import Floats

LIVE = ("waiting", "running", "stalled")
FEWEST_ROWS = 40
"""Rows of an epoch below which its ends cannot be told from its noise."""
WINDOWS = (8, 50)
"""Rows on each side of an epoch's end, at least and at most: a fifth of the epoch."""
ENDS_SEEN = 8
"""The first ends of epochs are looked at; later ones are alike, and a look at each would cost."""
MOST_EPOCHS = 1e6
"""More are no epochs."""
SURE, PLAIN = 5.0, 3.0
"""Standard errors of a drop that counts alone, and of one of several."""
LEAST_DROP = 0.05
"""Nats; smaller steps are of no use to anybody."""
DRIFTS = 3.0
"""A step is that many times what the loss moves within the windows beside it."""
MEDIAN_ERROR = 1.2533
"""Standard error of a median over that of a mean, for normal noise: sqrt(pi / 2)."""


@dataclass(frozen=True, slots=True)
class Passes:
    """Passes over the training data, from 0 at the start: at least so many where the log counts whole epochs."""

    done: float
    planned: float | None
    """None where no plan is known, and once the run is over."""
    unique_tokens: float | None
    by_log: bool
    """Whether the log's own count of epochs says it, rather than the tokens of the data set."""

    @property
    def most(self) -> float:
        """At the planned end, or now where that is further."""
        return max(self.done, self.planned or 0.0)


@dataclass(frozen=True, slots=True)
class Stair:
    """A step down of the training loss where an epoch ends."""

    end: int
    """Which end, from 1."""
    step: int
    seen_step: int
    """At which all that shows it was logged."""
    before: float
    after: float
    val: tuple[float, float] | None
    """The validation loss before and after."""


def passes_of(case: Case) -> Passes | None:
    """The passes that the tokens of the data set tell, else those that the log counts; None where neither is known."""
    unique = case.number("unique_tokens")
    known = unique is not None and unique > 0 and case.tokens_seen is not None
    found = _by_tokens(case, unique) if known and unique is not None else _by_log(case, unique)
    return found if found is not None and 0 <= found.done <= found.most < MOST_EPOCHS else None


def _by_tokens(case: Case, unique: float) -> Passes:
    planned = None if case.tokens_planned is None or case.state not in LIVE else case.tokens_planned / unique
    return Passes((case.tokens_seen or 0.0) / unique, planned, unique, by_log=False)


def _by_log(case: Case, unique: float | None) -> Passes | None:
    counted = counted_passes(case)
    if not len(counted):
        return None
    done = float(counted.values[-1])
    told = case.tokens_seen / done if case.tokens_seen and done >= 1 else unique
    return Passes(done, case.number("planned_epochs") if case.state in LIVE else None, told or None, by_log=True)


def counted_passes(case: Case) -> Series:
    """The passes that the log's epochs tell at each row: of whole epochs those that are surely over.

    An epoch with decimals is the share of the data that was seen (Hugging Face). A whole number counts from 0 or from
    1: one that is not seen to begin with 0 may be the first that is not over.
    """
    if case.traits.steps_count == "epochs":
        rows = case.metric("train_loss")
        return Series("epoch", rows.steps, (rows.steps - rows.steps[:1] + 1).astype(np.float64))
    epochs = case.metric("epoch").finite
    if not len(epochs) or bool((epochs.values != np.floor(epochs.values)).any()):
        return epochs
    base = min(float(epochs.values[0]), 1.0)
    return Series("epoch", epochs.steps, np.maximum(epochs.values - base, 0.0))


def step_of_pass(case: Case, passes: Passes, level: float) -> int | None:
    """The step at which that many passes were done; None where they are not, or where that cannot be told."""
    if passes.done < level:
        return None
    if passes.by_log:
        counted = counted_passes(case)
        return int(counted.steps[np.argmax(counted.values >= level)])
    tokens = level * (passes.unique_tokens or math.nan)
    logged = case.metric("tokens").finite
    if len(logged) and float(logged.values[-1]) >= tokens:
        return int(logged.steps[np.argmax(logged.values >= tokens)])
    return None if not case.tokens_per_step else math.ceil(tokens / case.tokens_per_step)


def staircase(case: Case) -> list[Stair]:
    """The steps down of the training loss at the ends of the first epochs that validation did not go along with.

    One counts alone where it is 5 standard errors high and validation is known to have fallen by less than half of it;
    without validation there must be two of 3. Empty where the log counts no epochs, or rows are averages over many.
    """
    train, epochs = case.metric("train_loss").finite, case.metric("epoch").finite
    if case.traits.train_loss == "average" or len(epochs) < 2 or len(train) < 2 * FEWEST_ROWS:
        return []
    if not 0 <= epochs.values[0] <= epochs.values[-1] < MOST_EPOCHS:
        return []
    ends = np.searchsorted(train.steps, _ends(epochs)).tolist()
    found = [_stair(case, train, ends[:number]) for number in range(2, len(ends) + 1)]
    stairs = [stair for stair in found if stair is not None]
    if len(case.metric("val_loss")):
        return [stair for stair, height in stairs if stair.val is not None and height >= SURE]
    return [stair for stair, _ in stairs] if len(stairs) > 1 else []


def _ends(epochs: Series) -> Floats:
    """The step at which the log begins, and those at which the first epochs end, between rows where they are sparse."""
    first, last = math.floor(epochs.values[0]), math.floor(epochs.values[-1])
    numbers = np.arange(first + 1, min(last, first + ENDS_SEEN) + 1)
    after = np.minimum(np.searchsorted(epochs.values, numbers), len(epochs) - 1)
    before = np.maximum(after - 1, 0)
    gone = epochs.values[after] - epochs.values[before]
    share = np.divide(numbers - epochs.values[before], gone, out=np.ones(len(gone)), where=gone > 0)
    ends = epochs.steps[before] + np.clip(share, 0, 1) * (epochs.steps[after] - epochs.steps[before])
    return np.append(epochs.steps[:1].astype(np.float64), ends)


def _stair(case: Case, train: Series, ends: list[int]) -> tuple[Stair, float] | None:
    """The step at the last of these rows with its height in standard errors; None where there is none."""
    at = ends[-1]
    rows = at - ends[-2]
    width = min(max(rows // 5, WINDOWS[0]), WINDOWS[1])
    if rows < FEWEST_ROWS or at + 2 * width > len(train):
        return None
    parts = [train.values[at + i * width : at + (i + 1) * width] for i in (-2, -1, 0, 1)]
    medians = [float(np.median(part)) for part in parts]
    drop = medians[1] - medians[2]
    drift = max(abs(medians[0] - medians[1]), abs(medians[2] - medians[3]))
    error = MEDIAN_ERROR * max(map(_spread, parts[1:3])) * math.sqrt(2 / width)
    if drop < max(LEAST_DROP, DRIFTS * drift, PLAIN * error):
        return None
    val = _around(case.metric("val_loss").finite, int(train.steps[at]), int(train.steps[at + width]))
    if val is not None and val[0] - val[1] > drop / 2:
        return None
    seen = int(train.steps[at + 2 * width - 1])
    if val is not None:
        seen = max(seen, int(case.metric("val_loss").finite.since(int(train.steps[at + width])).steps[0]))
    stair = Stair(len(ends) - 1, int(train.steps[at]), seen, medians[1], medians[2], val)
    return stair, drop / error if error > 0 else math.inf


def _spread(values: Floats) -> float:
    return max(noise_sd(values) or 0.0, robust_sd(values) or 0.0)


def _around(val: Series, step: int, later: int) -> tuple[float, float] | None:
    """The last validation loss up to a step, and the first from a later one on; None where one is missing."""
    before, after = val.until(step), val.since(later)
    return (float(before.values[-1]), float(after.values[0])) if len(before) and len(after) else None
