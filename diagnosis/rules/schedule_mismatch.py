"""Rule schedule-mismatch."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.finding import Finding

ID = "schedule-mismatch"

TOLERANCE = 0.05
HIGH_FLOOR = 0.2


def rule(case: Case) -> Finding | None:
    """The learning-rate schedule and the length of the run do not fit each other.

    Fires when the decay ends more than 5 % before or after the planned end, or when the schedule's floor is more than
    20 % of the peak. Silent where the learning rate does not decay by design, or the schedule is unknown.

    Why: annealing is worth about 0.13 nats and is collected only when the learning rate has come down; steps after
    that train at the floor and gain little.
    Do: set the decay horizon to the planned steps; to train longer, plan a new horizon from the start.
    False alarms: a warm-up, stable, decay schedule that is written in other words; a constant rate on purpose.
    Sources: nanoGPT train.py, get_lr(); the annealing law of Tissue 2024 (C = 0.10 to 0.18 nats in 19 curves).
    """
    planned, decay = case.steps.planned, case.number("decay_steps")
    peak, floor = case.number("learning_rate"), case.number("min_lr")
    if case.flag("decay_lr") is False or peak is None or (floor is not None and floor >= peak):
        return None
    if planned and decay and abs(decay - planned) > TOLERANCE * planned:
        return _horizon(case, planned, decay)
    if decay and floor is not None and floor > HIGH_FLOOR * peak:
        return Finding(
            id=ID,
            severity="warning",
            confidence=0.7,
            title=f"The learning rate ends at {floor / peak:.0%} of its peak",
            evidence=(
                f"learning_rate = {peak:g}, min_lr = {floor:g}",
                "annealing to 10 % or 0 is worth about 0.13 nats",
            ),
            advice=(f"Decay to a tenth or to zero: `min_lr = {peak / 10:g}`.",),
            first_step=case.steps.first,
            step=case.steps.last,
        )
    return None


def _horizon(case: Case, planned: int, decay: float) -> Finding:
    last = case.steps.last or 0
    if decay < planned:
        title = f"The learning rate is spent at step {decay:,.0f} of {planned:,}"
        advice: tuple[str, ...] = (
            f"Set `lr_decay_iters = {planned}`, or end the run at {decay:,.0f}: what follows trains at the floor.",
            "A longer run needs a longer schedule from its start; more steps at the floor gain little.",
        )
        seen: tuple[str, ...] = (
            (f"step {last:,}: {last - decay:,.0f} steps at the floor so far",) if last > decay else ()
        )
    else:
        title = f"The run ends at step {planned:,}, its schedule at {decay:,.0f}"
        advice = (
            f"Set `lr_decay_iters = {planned}`: the annealing that the run stops short of is worth up to 0.13 nats.",
        )
        seen = (f"only {planned / decay:.0%} of the schedule is run",)
    default = any(case.facts[n].origin == "config" and "default" in case.facts[n].where for n in ("decay_steps",))
    evidence = (f"planned steps {planned:,}, decay steps {decay:,.0f}{' (the default)' if default else ''}", *seen)
    return Finding(ID, "warning", 0.9 if default else 0.98, title, evidence, advice, case.steps.first, case.steps.last)
