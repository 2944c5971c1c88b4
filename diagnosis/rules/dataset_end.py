"""Rule dataset-end."""

from __future__ import annotations

import re

from diagnosis.case import Case
from diagnosis.finding import Finding
from diagnosis.needs import Need

ID = "dataset-end"

SAID = re.compile(
    r"^(?:\w+\.)*(?:StopIteration|DataLoader(?:StopIteration|ExhaustedError)|OutOfRangeError: .*End of sequence)\b"
    r"|ran out of data; (?:last step was canceled|interrupting training)"
    r"|not (?:to be )?a single sample in your epoch_iterator"
    r"|no samples left to consume",
    re.IGNORECASE,
)
"""torchtitan train.py ("Ran out of data; last step was canceled"), Keras ("Your input ran out of data; interrupting
training"), transformers trainer.py ("There seems not to be a single sample in your epoch_iterator"), Megatron-LM
data_samplers.py ("no samples left to consume"), Python's own StopIteration from a loader without a guard."""
NEAR = 0.01
"""Share of the plan that the last printed row may be before its end, by judgement: trainers print rarely."""
NEEDS = (Need("words of the log that its data ended", None, lambda case: _said(case) is not None),)


def rule(case: Case) -> Finding | None:
    """The run ended because its data did.

    Fires where the log says that the loader ran out (StopIteration, "Ran out of data", "no samples left to consume", an
    epoch without a single sample) and no step follows. A warning more than 1 % before the planned step, else a note.

    Why: a job that ends at the end of its data looks like one that crashed or was done. The learning rate has not come
    down then, and annealing is worth about 0.13 nats.
    Do: let the loader begin anew (up to 4 epochs cost next to nothing), or plan as many steps as there are data.
    False alarms: an iterator of something else, such as the validation set, that raises StopIteration.
    Sources: torchtitan, Keras, transformers and Megatron-LM print these words; Tissue 2024 for the annealing.
    """
    said = _said(case)
    if said is None:
        return None
    text, step = said
    last, planned = case.steps.last, case.steps.planned
    early = planned is not None and last is not None and planned - last > max(1.0, NEAR * planned)
    where = "" if last is None else f" at step {last:,}" + (f" of {planned:,}" if early else "")
    return Finding(
        id=ID,
        severity="warning" if early else "info",
        confidence=0.9,
        title=f"The data ended{where}",
        evidence=(f"the log says: {text}",),
        advice=(_advice(case, early=early),),
        first_step=step,
        step=last,
    )


def _said(case: Case) -> tuple[str, int | None] | None:
    """The log's words and the step before them, where no step came after; None where the run went on."""
    last = case.steps.last
    for notice in reversed(case.notices):
        if notice.kind in ("traceback", "warning", "end") and SAID.search(notice.text):
            over = last is None or (notice.step is not None and notice.step >= last)
            return (notice.text, notice.step) if over else None
    return None


def _advice(case: Case, *, early: bool) -> str:
    if not early:
        return "Nothing is lost if that was the plan; else let the loader begin anew: 4 epochs cost next to nothing."
    fit = (
        f"plan {case.steps.last:,} steps, with the learning rate's decay, " if case.steps.last else "plan fewer steps "
    )
    return f"Let the loader begin anew at its end (4 epochs cost next to nothing), or {fit}for these data."
