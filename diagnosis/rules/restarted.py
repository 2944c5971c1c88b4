"""Rule restarted."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import Need

ID = "restarted"
NEEDS: tuple[Need, ...] = ()

CHANGED_RATE = 1.5
"""Times: judgement. Between two rows of a schedule that goes on, a rate changes by some per cent."""
ROWS = 8
"""On each side: the median of so many rows of one micro-batch, which scatter by 0.1 to 0.16, is known to 0.07."""
SHOWN = 3


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
    shown = ", ".join(f"{s:,}" for s in starts[-SHOWN:])
    which = "the last segments" if len(starts) > SHOWN else "segments"
    return Finding(
        id=ID,
        severity="info",
        confidence=0.95,
        title=f"Restarted at step {starts[-1]:,}" if len(starts) == 1 else f"Restarted {len(starts)} times",
        evidence=(
            f"{which} begin at step {shown}",
            *_changes(case, starts[-1]),
            *((f"the log says: {resumes[-1]}",) if resumes else ()),
        ),
        advice=("A jump of loss or learning rate right there is the restart's, not a spike.",),
        first_step=starts[0],
        step=case.steps.last,
    )


def _changes(case: Case, start: int) -> tuple[str, ...]:
    """What is different after the restart: the learning rate, where it jumped, and the loss."""
    said = []
    rate, loss = case.metric("learning_rate").finite, case.metric("train_loss").finite
    before, after = rate.until(start - 1).last, rate.since(start).values[:1]
    if before and len(after) and not before / CHANGED_RATE <= after[0] <= CHANGED_RATE * before:
        said.append(f"learning rate {before:.3g} before, {after[0]:.3g} after")
    old, new = loss.until(start - 1).values[-ROWS:], loss.since(start).values[:ROWS]
    if len(old) == len(new) == ROWS:
        said.append(f"loss {np.median(old):.2f} in the {ROWS} rows before, {np.median(new):.2f} after")
    return tuple(said)
