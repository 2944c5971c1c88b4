"""What a plan takes for granted, and which of its settings no longer fit each other: the same in text and JSON."""

from __future__ import annotations

from collections.abc import Iterator

from diagnosis.batch import accumulation
from diagnosis.case import Case
from tui.plan_make import Made
from tui.text import whole

NEAR = 0.05
"""So far the end of the decay may be from the end of the run: what the rule schedule-mismatch allows."""


def notes(made: Made) -> tuple[str, ...]:
    """In the order of their weight."""
    return (*_decay(made.case), *_step(made), *_taken(made), *made.case.notes)


def _decay(case: Case) -> Iterator[str]:
    planned, decay = case.number("planned_steps"), case.number("decay_steps")
    constant = case.flag("decay_lr") is False or case.text("schedule") == "constant"
    if planned and decay and not constant and abs(decay - planned) > NEAR * planned:
        yield (
            f"the learning rate decays until step {whole(decay)}, the run ends at {whole(planned)}: "
            f"set decay_steps = {whole(planned).replace(',', '')} too"
        )


def _step(made: Made) -> Iterator[str]:
    """A change of the micro-batch or the context alone changes the tokens of a step."""
    before, now = made.base.tokens_per_step, made.case.tokens_per_step
    batch = made.case.number("batch_size")
    if not before or not now or before == now or "tokens_per_step" in made.changes:
        return
    steps = accumulation(made.base, round(batch)) if batch else None
    keeps = steps is not None and not made.changes.keys() & {"gradient_accumulation_steps", "block_size"}
    mend = f"; gradient_accumulation_steps = {steps} keeps them" if keeps else ""
    yield f"a step has {whole(now)} tokens now, {whole(before)} before{mend}"


def _taken(made: Made) -> Iterator[str]:
    guessed = made.plan.hours is not None and made.pace is not None and made.pace.basis != "own pace"
    if guessed and made.hand.assumed:
        yield "one GPU is assumed; --gpu '8x NAME' says otherwise"
    if guessed and made.case.flag("compile") is None:
        yield "whether the model is compiled is unknown: the slow end is that of eager mode (--set compile=true)"
    if made.plan.memory is not None and made.hand.count > 1 and made.case.number("zero_stage") is None:
        yield "memory is that of a GPU which holds the whole model: sharding (FSDP, tensor, pipeline) is not counted"
    if any(plan.tokens_assumed for _, plan in made.rows):
        yield "* 20 tokens per parameter, as nothing says how many"
    levels = {plan.budget is not None and plan.budget.expected_loss is not None for _, plan in made.rows}
    if len(levels) > 1:
        yield "no level of loss is known below 5 tokens per parameter or outside 10M to 1B parameters"
