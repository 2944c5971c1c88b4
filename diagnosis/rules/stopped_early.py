"""Rule stopped-early."""

from __future__ import annotations

import re

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import DECAY_END, PLANNED_STEPS, either
from diagnosis.wording import percent

ID = "stopped-early"
NEEDS = (either(PLANNED_STEPS, DECAY_END),)

LAST_WORDS = ("traceback", "end")
DECAYED = 0.95
"""Of the steps of a decay, by judgement: the end is known to 1 % or so, and the last per cent are worth nothing."""
BY_HAND = re.compile(r"\bKeyboardInterrupt\b")
FROM_OUTSIDE = re.compile(r"\bCANCELLED\b|\bSIG(?:TERM|INT|HUP|USR1|KILL)\b|got signal: \d|\b(?i:killed|oom.?kill)\b")
"""Slurm's words, the shell's, and how torch.distributed names the signals that schedulers, kernels and people send."""


def rule(case: Case) -> Finding | None:
    """The run ended before its planned step.

    Fires when the log is over (a traceback, or silence and no process that writes it) and its last step is before the
    planned one by more than one interval between two lines. With a traceback it also fires where the plan is unknown.
    A note where somebody pressed Ctrl-C; and where no plan is known, but the logged learning rates show where their
    decay ends, and the log ends before 95 % of that. Out of memory is a finding of its own.

    Why: a job that was killed, crashed or ran out of its time slot leaves no other trace in the loss.
    Do: read the last words, then resume from the last checkpoint.
    False alarms: a run that was stopped on purpose, or was never to train to the end of its decay; a log on a remote
    file system that arrives late.
    Sources: nanoGPT runs to max_iters inclusive, other trainers end one step before it.
    """
    if case.state not in ("stopped", "crashed") or any(n.kind == "out-of-memory" for n in case.notices):
        return None
    planned, last = case.steps.planned, case.steps.last
    if case.state == "stopped" and (planned is None or last is None):
        return None if last is None else _within_decay(case, last)
    words = next((n.text for n in reversed(case.notices) if n.kind in LAST_WORDS), "")
    where = "before its first step" if last is None else f"at step {last:,}" + (f" of {planned:,}" if planned else "")
    saved = [n.step for n in case.notices if n.kind == "checkpoint" and n.step is not None]
    return Finding(
        id=ID,
        severity="info" if BY_HAND.search(words) else "warning",
        confidence=0.95 if words else 0.8,
        title=f"The run {_ended(case, words)} {where}",
        evidence=(
            *((f"{percent(last / planned)} of the plan",) if planned and last is not None else ()),
            f"last words: {words}" if words else "no error in the log: it just ends",
            *((f"last checkpoint at step {saved[-1]:,}",) if saved else ()),
        ),
        advice=(_advice(words, saved),),
        first_step=last,
        step=last,
    )


def _within_decay(case: Case, last: int) -> Finding | None:
    """A note that the learning rate was still falling, where nobody said how long the run was to be."""
    end = case.decay_end
    if end is None or last >= DECAYED * end:
        return None
    counted = "row" if case.traits.steps_count == "rows" else "step"
    return Finding(
        id=ID,
        severity="info",
        confidence=0.6,
        title=f"The log ends at {percent(last / end)} of its learning rate's decay",
        evidence=(f"by the logged rates it ends at {counted} {end:,.0f}; the log has no plan and no error",),
        advice=("If that was the plan: see why it ended (scheduler, kernel log for the OOM killer), then resume it.",),
        first_step=last,
        step=last,
    )


def _ended(case: Case, words: str) -> str:
    if BY_HAND.search(words):
        return "was interrupted"
    if FROM_OUTSIDE.search(words):
        return "was ended from outside"
    return "crashed" if case.state == "crashed" else "stopped"


def _advice(words: str, saved: list[int]) -> str:
    again = f"resume from the checkpoint of step {saved[-1]:,}" if saved else "start again"
    if BY_HAND.search(words):
        return f"Nothing to mend, somebody pressed Ctrl-C: to go on, {again}."
    if FROM_OUTSIDE.search(words):
        return f"See who ended it (a time limit, the scheduler, the kernel for want of memory, a person), then {again}."
    cause = "Mend the error that ended it" if words else "See why it ended (scheduler, kernel log for the OOM killer)"
    return f"{cause}, then {again}."
