"""Rule schedule-mismatch."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.logged_schedule import rates_of
from diagnosis.needs import LEARNING_RATE, PEAK_RATE, PLANNED_STEPS, either
from diagnosis.schedule import Schedule, schedule_of
from diagnosis.series import Series
from diagnosis.wording import percent
from parsers.records import Value

ID = "schedule-mismatch"
NEEDS = (either(PEAK_RATE, LEARNING_RATE), either(PLANNED_STEPS, LEARNING_RATE))

TOLERANCE = 0.05
"""Of the planned steps: judgement. Rounding, and a warm-up that is or is not counted, stay below."""
HIGH_FLOOR = 0.2
"""Of the peak: judgement. Floors in use are a tenth or 0, and twice a tenth is no slip of a digit."""
SPENT_RATE = 0.15
"""Of the peak. Floors are a tenth or 0; what stays higher may be a stage of a schedule in steps."""
STAGE_FALL, STAGE_ROWS = 1.5, 3
"""Times by which a schedule in steps falls at once (2 to 10 in use), from a value that so many rows had. A decay that
comes to its floor falls there by less than a row's part of it."""
GAIN = 0.13
"""Nats that annealing is worth: C of Tissue 2024's law, 0.10 to 0.18 in fits to 19 curves of 25M to 400M parameters."""
SMOKE_STEPS = 200
"""A run that is planned so short tests whether it runs; its schedule is that of the real one."""


def rule(case: Case) -> Finding | None:
    """The learning-rate schedule and the length of the run do not fit each other.

    Fires when the decay ends more than 5 % before or after the planned end (after the end of 200 steps or fewer, which
    are a test, it may); when the logged learning rate came down to
    15 % of its peak or less and has stood there for more than 5 % of all steps, three times as long as at the value
    before; or when the schedule's floor is more than 20 % of the peak. Silent where the learning rate does not decay by
    design, where it falls in steps, and where nothing tells the schedule.

    Why: annealing is worth about 0.13 nats and is collected only when the learning rate has come down; steps after
    that train at the floor and gain little.
    Do: set the decay horizon to the planned steps; to train longer, plan a new horizon from the start.
    False alarms: a warm-up, stable, decay schedule that is written in other words; a constant rate on purpose; a decay
    that rests on its floor on purpose.
    Sources: nanoGPT train.py, get_lr(); the annealing law of Tissue 2024 (C = 0.10 to 0.18 nats in 19 curves).
    """
    return _by_config(case) or _by_log(case)


def _by_config(case: Case) -> Finding | None:
    planned, decay = case.steps.planned, case.number("decay_steps")
    peak, floor = case.number("learning_rate"), case.number("min_lr")
    if not _decays(case, schedule_of(case.facts)) or peak is None or (floor is not None and floor >= peak):
        return None
    smoke = planned is not None and decay is not None and planned <= min(SMOKE_STEPS, decay)
    if planned and decay and not smoke and abs(decay - planned) > TOLERANCE * planned:
        return _horizon(case, planned, decay)
    if decay and floor is not None and floor > HIGH_FLOOR * peak:
        return Finding(
            id=ID,
            severity="warning",
            confidence=0.7,
            title=f"The learning rate ends at {percent(floor / peak)} of its peak",
            evidence=(
                f"learning rate {peak:g}, floor {floor:g}",
                f"annealing to 10 % or 0 is worth about {GAIN} nats",
            ),
            advice=("Let it decay to a tenth of its peak, or to zero.",),
            first_step=case.steps.first,
            step=case.steps.last,
            settings=(("min_lr", peak / 10),),
        )
    return None


def _decays(case: Case, schedule: Schedule | None) -> bool:
    """Whether the learning rate is to come down for good; where nothing tells, it is taken to."""
    return case.flag("decay_lr") is not False and (schedule is None or schedule.kind in ("cosine", "linear"))


def _by_log(case: Case) -> Finding | None:
    """The logged learning rate is spent and the run goes on."""
    seen = rates_of(case.metric("learning_rate"))
    if seen is None or seen.spent_step is None or seen.now > SPENT_RATE or not _decays(case, case.schedule):
        return None
    rates = case.metric("learning_rate").finite
    if _is_stage(rates):
        return None
    last = rates.last_step or 0
    planned = case.steps.planned if case.traits.steps_count == "updates" else None
    settings: tuple[tuple[str, Value], ...] = (("decay_steps", planned),) if planned else ()
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.9,
        title=f"The learning rate is spent since step {seen.spent_step:,}",
        evidence=(
            f"at {percent(seen.now)} of its peak of {seen.peak:.3g}",
            f"{last - seen.spent_step:,} of {last:,} steps at the floor so far",
        ),
        advice=(
            *(() if case.state == "finished" else ("End the run: more steps at the floor gain little.",)),
            "A longer run needs a longer schedule from its start, with a decay that ends where the run ends.",
        ),
        first_step=seen.spent_since,
        step=case.steps.last,
        settings=settings,
    )


def _is_stage(rates: Series) -> bool:
    """Whether the rate fell to its newest value at once, from one on which it had stood."""
    before = rates.values[rates.values != rates.values[-1]][-STAGE_ROWS:]
    return len(before) == STAGE_ROWS and bool(
        (before == before[-1]).all() and before[-1] >= STAGE_FALL * rates.values[-1] > 0
    )


def _horizon(case: Case, planned: int, decay: float) -> Finding:
    last = case.steps.last or 0
    if decay < planned:
        title = f"The learning rate is spent at step {decay:,.0f} of {planned:,}"
        advice: tuple[str, ...] = (
            f"Let the decay end at {planned:,}, or the run at {decay:,.0f}: what follows trains at the floor.",
            "A longer run needs a longer schedule from its start; more steps at the floor gain little.",
        )
        seen: tuple[str, ...] = (
            (f"step {last:,}: {last - decay:,.0f} steps at the floor so far",) if last > decay else ()
        )
    else:
        title = f"The run ends at step {planned:,}, its schedule at {decay:,.0f}"
        advice = (f"Let the decay end at {planned:,}: the annealing that is left out is worth up to {GAIN} nats.",)
        seen = (f"only {percent(planned / decay)} of the schedule is run",)
    fact = case.facts["decay_steps"]
    default = fact.origin == "config" and "default" in fact.where
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.9 if default else 0.98,
        title=title,
        evidence=(f"planned steps {planned:,}, decay steps {decay:,.0f}{' (the default)' if default else ''}", *seen),
        advice=advice,
        first_step=case.steps.first,
        step=case.steps.last,
        settings=(("decay_steps", planned),),
    )
