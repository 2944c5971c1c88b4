"""Rule restarted."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.finding import Finding

ID = "restarted"


def rule(case: Case) -> Finding | None:
    """The run was resumed or began anew, which explains jumps at that step.

    Fires when the log has more than one segment: its steps went back, its header came again, or the file was replaced.

    Why: after a resume the optimiser may start cold and the learning rate may warm up again: a jump in the loss there
    is no spike. Where segments overlap, the newer steps are shown.
    Do: nothing, if it was meant.
    False alarms: two runs written into one file.
    Sources: nanoGPT train.py, init_from = 'resume'.
    """
    if len(case.segments) < 2:
        return None
    starts = case.segments[1:]
    resumes = [n.text for n in case.notices if n.kind == "resume"]
    shown = ", ".join(f"{s:,}" for s in starts[-3:])
    return Finding(
        id=ID,
        severity="info",
        confidence=0.95,
        title=f"Restarted at step {starts[-1]:,}" if len(starts) == 1 else f"Restarted {len(starts)} times",
        evidence=(f"segments begin at step {shown}", *((f"the log says: {resumes[-1]}",) if resumes else ())),
        advice=("A jump of loss or learning rate right there is the restart's, not a spike.",),
        first_step=starts[0],
        step=case.steps.last,
    )
