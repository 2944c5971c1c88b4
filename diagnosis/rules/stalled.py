"""Rule stalled."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import Need
from diagnosis.wording import percent, span

ID = "stalled"
NEEDS: tuple[Need, ...] = ()

CRITICAL = 5
"""Times the limit: judgement. The longest pause that anything healthy makes is within one limit."""


def rule(case: Case) -> Finding | None:
    """The log has been silent for much longer than evals and checkpoints take.

    Fires when the silence exceeds 10 times the longest gap between two lines that this run has shown lately
    (evaluations and checkpoints included), or 2 of them and 10 minutes where that is less; 30 seconds at least, 10
    minutes before the first step; longer where the log ends within a line because its writer holds lines back.
    Critical at 5 times that.

    Why: a hung collective, a dead data loader or a full disk stop a run without a word, and it keeps its GPU.
    Do: look whether the process lives and what it waits for.
    False alarms: a much longer evaluation than ever before; output that is buffered (`python -u` mends that).
    Sources: train-tui and LEET use fixed 600 s; this limit follows the run's own gaps.
    """
    silence, limit = case.silence_seconds, case.silence_limit_seconds
    if case.state != "stalled" or silence is None or limit is None or silence <= limit:
        return None
    busy = [s.utilization for s in case.gpus if s.index is not None and s.utilization is not None]
    return Finding(
        id=ID,
        severity="critical" if silence > CRITICAL * limit else "warning",
        confidence=0.9,
        title="The log has gone silent",
        evidence=(
            f"nothing new for more than {span(limit)}, much longer than any gap that this run has shown lately",
            *((f"GPU busy {percent(max(busy))}",) if busy else ()),
        ),
        advice=("See what it waits for (`py-spy dump --pid PID`); a GPU at 100 % without steps is a hung collective.",),
        first_step=case.steps.last,
        step=case.steps.last,
    )
