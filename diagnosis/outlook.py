"""What else the annealing law says: after annealing now, with twice the steps, and when a loss is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from diagnosis.annealing import LearningRate
from diagnosis.forecast import WIDEST, Fitted, Forecast, assumed_rates, fitted, spanning
from diagnosis.series import Series
from diagnosis.statistics import median_of
from parsers.records import Floats

COOLDOWN = 0.2
"""Steps of the decay, by those before it. Source: Hägele 2024, 2405.18392: with 20 % a linear cool-down does what a
cosine over the whole run does, and more buys little."""
SPENT = 0.1
"""At this share of its peak the learning rate has no annealing left that were worth a restart."""
MOST_EPOCHS = 4.0
"""Up to so many epochs repeated tokens are nearly as good as new ones; of more the law knows nothing.
Source: Muennighoff 2023, 2305.16264."""
PATH = 200
LEAST_FALL, BEGINNING, NEWEST = 1.5, 0.02, 5
"""From-scratch runs fall by 3 nats (bytes) to 8 (50,000 tokens), fine-tuning by less than one. A log that begins after
2 % of the run has not shown which it is. Annealing was worth .13 nats to the former only."""


@dataclass(frozen=True, slots=True)
class Path:
    """The loss to come on the planned schedule, and half of its 90 % interval, at steps that rise."""

    steps: Floats
    values: Floats
    halves: Floats


@dataclass(frozen=True, slots=True)
class Reach:
    """When a run reaches a loss; the interval holds the step 9 times in 10. None is "not in this run"."""

    loss: float
    step: int | None
    """The first at which the law is down to it."""
    earliest: int | None
    latest: int | None
    """None where the upper end of the band is still above at the planned end."""
    already: bool = False
    """Whether a point of the log is down to it."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Forecasts for what is not planned. None is what the inputs do not carry."""

    annealed: Forecast | None = None
    """At the end of a linear decay to zero that begins now and takes a fifth of the steps done."""
    doubled: Forecast | None = None
    """Of a new run with the schedule stretched to twice the planned steps, on new tokens."""
    path: Path | None = field(default=None, compare=False, repr=False)
    seen: Series | None = field(default=None, compare=False, repr=False)
    """The loss as logged."""

    def reach(self, loss: float) -> Reach | None:
        """When the loss comes down to `loss` (nats) on the planned schedule; None where no forecast carries it."""
        done = None if self.seen is None else self.seen.finite
        if done is not None and len(done) and float(done.values.min()) <= loss:
            step = int(done.steps[int(np.argmax(done.values <= loss))])
            return Reach(loss, step, step, step, already=True)
        if self.path is None:
            return None
        path = self.path
        return Reach(
            loss,
            step=_first_below(path.steps, path.values, loss),
            earliest=_first_below(path.steps, path.values - path.halves, loss),
            latest=_first_below(path.steps, path.values + path.halves, loss),
        )


def ahead_of(
    series: Series,
    *,
    planned: int | None,
    schedule: LearningRate | None,
    logged: Series,
    known_schedule: bool = True,
    eval_standard_error: float | None = None,
    warmup_steps: float | None = None,
    rows: Series | None = None,
    enough_tokens: bool = True,
) -> tuple[Forecast | None, Outlook]:
    """The forecast for the planned end, and the outlook beside it.

    Where `schedule` is None or a guess (`known_schedule` False), the learning rate so far is as `logged`, and the
    forecast spans what may come, the guess included. `rows` is the
    training loss, which shows best what the run began with: of fine-tuning nothing is said.
    `enough_tokens` says whether a run of twice the steps would find tokens for them.
    """
    last = series.finite.last_step
    if last is None:
        return None, Outlook(seen=series)
    common = partial(fitted, series, eval_standard_error=eval_standard_error, warmup_steps=warmup_steps)
    horizon = max(last, planned or 0)
    learnt = _learnt(rows if rows is not None else series, series, horizon)
    if learnt is False or (learnt is None and schedule is None):
        return None, Outlook(seen=series)
    if schedule is not None and known_schedule:
        found = common(horizon=horizon, learning_rate=schedule)
        return _on_schedule(found, series, schedule, planned, enough_tokens=enough_tokens)
    rates = assumed_rates(logged, last, horizon, warmup_steps)
    found = common(horizon=horizon, learning_rate=rates[0]) if len(logged.finite) else None
    annealed = None if found is None else _annealed(found, last, planned)
    if planned is None or planned <= last:
        return None, Outlook(annealed, seen=series)
    each = [common(horizon=planned, learning_rate=rate) for rate in (*rates, *([schedule] if schedule else []))]
    return spanning([None if one is None else one.at(planned) for one in each]), Outlook(annealed, seen=series)


def _on_schedule(
    found: Fitted | None, series: Series, schedule: LearningRate, planned: int | None, *, enough_tokens: bool
) -> tuple[Forecast | None, Outlook]:
    last = series.finite.last_step
    if found is None or last is None:
        return None, Outlook(seen=series)
    annealed = _annealed(found, last, planned)
    if planned is None:
        return None, Outlook(annealed, seen=series)
    outlook = Outlook(
        annealed=annealed,
        doubled=_doubled(found, schedule, planned) if enough_tokens else None,
        path=_path(found, last, planned),
        seen=series,
    )
    return (found.at(planned) if planned > last else None), outlook


def _learnt(rows: Series, series: Series, horizon: float) -> bool | None:
    """Whether the model learnt a language in this run; None where its beginning is not in the log."""
    for known in (rows.finite, series.finite):
        if len(known) and known.steps[0] <= BEGINNING * horizon:
            return float(known.values[0]) - median_of(known.values[-NEWEST:]) >= LEAST_FALL
    return None


def _annealed(found: Fitted, last: int, planned: int | None) -> Forecast | None:
    """None where the planned end is as near, and where the learning rate is spent."""
    end = last * (1 + COOLDOWN)
    before = found.law.learning_rate
    now = float(before(np.array([float(last)]))[0])
    if (planned is not None and end >= planned) or now <= SPENT * found.law.peak:
        return None

    def decaying(steps: Floats) -> Floats:
        down = now * np.clip((end - steps) / (end - last), 0.0, 1.0)
        return np.where(steps <= last, before(np.minimum(steps, last)), down)

    # The decay that begins now is known, whatever the run planned.
    return found.at(end, decaying, "annealing law, linear decay from now")


def _doubled(found: Fitted, learning_rate: LearningRate, planned: int) -> Forecast | None:
    return found.at(2 * planned, lambda steps: learning_rate(steps / 2), "annealing law, schedule stretched to twice")


def _path(found: Fitted, last: int, planned: int) -> Path | None:
    if planned <= last:
        return None
    steps = np.linspace(last, planned, PATH + 1)[1:]
    values, halves = found.band(steps)
    return Path(steps, values, halves) if np.isfinite(values).all() and halves[-1] <= WIDEST else None


def _first_below(steps: Floats, values: Floats, loss: float) -> int | None:
    below = values <= loss
    return int(np.ceil(steps[int(np.argmax(below))])) if below.any() else None
