"""Whether the loss goes up and down with a period: data that are not shuffled come round again and again."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.series import Series
from diagnosis.statistics import looks, robust_sd
from diagnosis.summaries import remembered
from diagnosis.wording import count
from parsers.records import Floats, Ints

ROWS = 16_384
"""The newest; a period that shows in fewer is no less real, and more cost more."""
FEWEST_ROWS = 400
"""Less their first tenth they hold four periods of up to 90 rows."""
SETTLED = 10
"""The first tenth of the rows falls too fast to be looked at."""
SHORTEST = 16
"""Rows. Below that neighbours hang together for other reasons."""
PERIODS_SEEN = 4
"""So many periods at least must be in the rows."""
DEGREE = 6
"""Of the polynomial that is the smooth course of a loss."""
CLIP = 4.0
"""Robust deviations: a spike is no period."""
LEAST = 0.2
"""Autocorrelation at the period and at twice the period, and by how much it is lower between. Published runs reach 0.1
at a period; those on FineWeb-Edu in the order of its files 0.3 to 0.5, every 46 steps."""
FIRST_OF_EQUALS = 0.7
"""Peaks at this share of the highest count as high: multiples of a period are as high as the period, or higher."""
NEAR, CLIMBS = 16, 4
"""A period is known to a sixteenth of itself; up the side of its hump in so many strides at most."""


def period_of(train: Series) -> tuple[int, float] | None:
    """The period of a loss in steps and its autocorrelation there; None where there is none to be sure of.

    The autocorrelation of the newest rows, less a smooth course and without outliers, has a peak of 0.2 or more at the
    period and at twice the period, a trough between, and the same in either half of the rows. Rows must come at
    regular steps. Looked at anew when the log has grown by a twentieth.
    """
    known = train.finite
    if len(known) < FEWEST_ROWS:
        return None
    rows = looks(len(known), FEWEST_ROWS)[-1]
    return remembered(known, rows, lambda: _period(known.steps[:rows], known.values[:rows]), period_of)


def _period(steps: Ints, values: Floats) -> tuple[int, float] | None:
    settled = slice(max(len(steps) // SETTLED, len(steps) - ROWS), None)
    steps, values = steps[settled], values[settled]
    if len(np.unique(np.diff(steps))) > 1:
        return None
    found = _peak(_detrended(values))
    if found is None:
        return None
    rows, strength = found
    return round(rows * int(steps[1] - steps[0])), strength


def said_of_period(case: Case) -> tuple[str, ...]:
    """For the evidence of a rule on the training loss: the period, in steps and tokens."""
    found = period_of(case.metric("train_loss"))
    if found is None:
        return ()
    steps, strength = found
    tokens = "" if case.tokens_per_step is None else f" ({count(steps * case.tokens_per_step)} tokens)"
    return (f"the loss comes and goes with a period of {steps:,} steps{tokens}, autocorrelation {strength:.2f}",)


def _detrended(values: Floats) -> Floats:
    """What is left of the values without their smooth course, in robust deviations of it; 0 where nothing varies."""
    x = np.linspace(-1, 1, len(values))
    left = values - np.polynomial.Polynomial.fit(x, values, DEGREE)(x)
    spread = robust_sd(left) or 0.0
    return np.clip(left / spread, -CLIP, CLIP) if spread > 0 else np.zeros(len(left))


def _peak(left: Floats) -> tuple[float, float] | None:
    """The period in rows, and the autocorrelation there."""
    seen = _autocorrelations(left)
    tops = _maxima(seen, len(left) // PERIODS_SEEN)
    high = tops[seen[tops] >= LEAST]
    if not len(high):
        return None
    rows = _climbed(seen, int(high[seen[high] >= FIRST_OF_EQUALS * seen[high].max()][0]))
    if _has_shorter(seen, rows) or 2 * rows + 2 * rows // NEAR >= len(seen):
        return None
    halves = (_autocorrelations(half) for half in (left[: len(left) // 2], left[len(left) // 2 :]))
    again = 2 * rows - 2 * rows // NEAR + int(np.argmax(_around(seen, 2 * rows)))
    trough = float(seen[SHORTEST // 2 : rows].min())
    if min(seen[again], *(_around(half, rows).max() for half in halves), seen[rows] - trough) < LEAST:
        return None
    return again / 2, float(seen[rows])


def _around(seen: Floats, lag: int) -> Floats:
    """The autocorrelations next to a lag, as near as it is known."""
    return seen[lag - lag // NEAR : lag + lag // NEAR + 1]


def _climbed(seen: Floats, lag: int) -> int:
    """The top of the hump on whose side a noisy lag stands."""
    for _ in range(CLIMBS):
        low = max(SHORTEST, lag - lag // 4)
        lag = low + int(np.argmax(seen[low : lag + lag // 4 + 1]))
    return lag


def _has_shorter(seen: Floats, rows: int) -> bool:
    """Whether what looks like a long period is made of a short one."""
    rise = seen[1:SHORTEST] - np.minimum.accumulate(seen[1:SHORTEST])
    return bool(((rise >= LEAST / 2) & (seen[1:SHORTEST] >= seen[rows] / 2)).any())


def _autocorrelations(left: Floats) -> Floats:
    """At each lag up to a half of the rows, from 1 at lag 0; all 0 where nothing varies."""
    centred = left - left.mean()
    spectrum = np.fft.rfft(centred, 2 * len(left))
    sums = np.fft.irfft(np.abs(spectrum) ** 2)[: len(left) // 2]
    pairs = len(left) - np.arange(len(sums))
    return np.asarray(sums / pairs / (sums[0] / len(left)) if sums[0] > 0 else np.zeros(len(sums)))


def _maxima(seen: Floats, last: int) -> Ints:
    """Lags from SHORTEST up to `last` at which the autocorrelation is the highest of its neighbourhood."""
    lags = np.arange(SHORTEST, min(last, len(seen) // 2))
    windows = np.lib.stride_tricks.sliding_window_view(seen[: len(lags) + 2 * SHORTEST], SHORTEST + 1)
    highest = windows.max(axis=1)[SHORTEST // 2 :][: len(lags)]
    return lags[seen[lags[: len(highest)]] >= highest] if len(highest) == len(lags) else lags[:0]
