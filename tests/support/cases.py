"""Cases for tests: as short to write as the facts that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnosis.case import Case, Steps
from diagnosis.logged_schedule import believed_schedule
from diagnosis.series import Series
from parsers.configs.written import NANOGPT as WRITTEN
from parsers.records import Fact, Notice, Traits, Value

NANOGPT = Traits(
    train_loss="micro-batch",
    eval_draws_new_batches=True,
    step_seconds_contain_eval=True,
    mfu_peak_flops=312e12,
    mfu_peak_name="NVIDIA A100",
    mfu_smoothing=0.9,
    parameters_printed="without position embedding",
    accumulation_of="all devices",
    settings=WRITTEN,
)

Points = tuple[Sequence[float] | npt.NDArray[Any], Sequence[float] | npt.NDArray[Any]]


def make_case(
    series: Mapping[str, Points] | None = None,
    facts: Mapping[str, Value] | None = None,
    notices: Sequence[Notice] = (),
    **fields: Any,
) -> Case:
    """A case with these series (metric -> steps, values) and facts; every other field of Case by name."""
    made = {
        name: Series(name, np.asarray(steps, np.int64), np.asarray(values, np.float64))
        for name, (steps, values) in (series or {}).items()
    }
    known = {name: Fact(name, value, "log", "a test") for name, value in (facts or {}).items()}
    last = max((int(s.steps[-1]) for s in made.values() if len(s)), default=None)
    first = min((int(s.steps[0]) for s in made.values() if len(s)), default=None)
    planned = known.get("planned_steps")
    steps = Steps(first, last, int(planned.value) if planned else None, None if last is None else last + 1)
    believed = believed_schedule(
        known, made.get("learning_rate", Series("learning_rate", np.empty(0, np.int64), np.empty(0))), steps.planned
    )
    base = Case(
        path="train.log",
        format="nanogpt",
        format_title="nanoGPT",
        format_why="a test",
        traits=NANOGPT,
        state="running",
        steps=steps,
        facts=known,
        series=made,
        notices=tuple(notices),
        segments=(first if first is not None else 0,),
        schedule=believed.schedule,
        known_schedule=believed.known,
    )
    return replace(base, **fields)
