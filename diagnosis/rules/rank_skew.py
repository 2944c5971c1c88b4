"""Rule rank-skew."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import Need

ID = "rank-skew"
NEEDS = (Need("rows of several ranks", None, lambda case: "rank_behind" in case.facts),)

USUAL = 4.0
"""Times the farthest that this rank was behind before and came back from: a buffer or a slow disk does that much."""
LEAST_ROWS = 10.0
"""Rows that it must be behind at least."""


def rule(case: Case) -> Finding | None:
    """One of several ranks is behind the others for good.

    Fires where a rank whose rows came in turn with the others' (20 times at least) is behind by more than 4 times the
    farthest that it ever was and came back from, and by 10 rows or more.

    Why: ranks that train together wait for each other. One that prints no more while the others do has died, hangs, or
    trains without them; the next collective then waits until it times out.
    Do: look at that rank's own output and at its machine; resume all of them from the last checkpoint.
    False alarms: a launcher that lost the connection to a machine whose rank goes on; a rank that was told to be quiet.
    Sources: none; the distances are the log's own.
    """
    parts = [
        case.number(f"rank_{name}") for name in ("behind", "behind_step", "front_step", "usual_steps", "row_steps")
    ]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    rank, step, front, usual, interval = known
    allowed = max(USUAL * usual, LEAST_ROWS * interval)
    if front - step <= allowed:
        return None
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.8,
        title=f"Rank {rank:.0f} is {front - step:,.0f} steps behind the others",
        evidence=(
            f"rank {rank:.0f}: step {step:,.0f}, the first rank: step {front:,.0f}",
            f"it was never more than {usual:,.0f} steps behind before",
        ),
        advice=(
            f"Look at the output and machine of rank {rank:.0f}; if it is dead, resume all from the last checkpoint.",
        ),
        first_step=int(step + allowed) + 1,
        step=case.steps.last,
    )
