"""The tables of a plan: batches that fit, other sizes, the best use of a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diagnosis.memory import BatchChoice
from diagnosis.plan import Plan
from diagnosis.shape import Shape
from diagnosis.wording import count as exact
from tui.plan_make import Made, accumulation_of_trainer
from tui.text import UNKNOWN, gib, loss, whole

CHOICES = 6
"""Lines of batches: those around the largest that fits, and the run's own."""

WIDEST_BATCH = 68
"""Columns of a line of them that is the config's and does not fit."""


def batches(made: Made, width: int) -> Iterator[str]:
    """Micro-batch x accumulation that keep the tokens of a step exactly, with the memory that each takes."""
    memory = made.plan.memory
    if memory is None or not memory.choices:
        return
    own = made.case.number("batch_size")
    pointer = "  ← the config's" if width >= WIDEST_BATCH else "  ←"
    yield f"batches of {whole(made.plan.tokens_per_step)} tokens a step"
    yield f"  {'micro-batch':>11}  {'accumulation':>12}  {'memory':>9}"
    for choice in _around(memory.choices, own):
        steps = accumulation_of_trainer(made, choice.accumulation)
        sign = "fits" if choice.fits else "does not fit"
        mine = pointer if choice.micro_batch == own else ""
        yield f"  {choice.micro_batch:>11,}  {steps:>12,.0f}  {gib(choice.expected_bytes):>9}  {sign}{mine}"
    if made.fitting:
        yield "  the largest that fits:"
        yield from (f"    {line}" for line in made.fitting)


def _around(choices: Sequence[BatchChoice], own: float | None) -> list[BatchChoice]:
    fits = sum(choice.fits for choice in choices)
    first = max(0, min(fits - CHOICES + 2, len(choices) - CHOICES))
    return [c for at, c in enumerate(choices) if first <= at < first + CHOICES or c.micro_batch == own]


def sizes(made: Made, width: int) -> Iterator[str]:
    """A line for each of --sizes, as many columns as there is room for."""
    if not made.rows:
        return
    heads = ("size", "parameters", "layers x width", "tokens", "hours", "memory", "loss")
    table = [heads, *(_size_row(name, plan) for name, plan in made.rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(heads))]
    shown = _that_fit(widths, width)
    yield "sizes" + (f", each for {_budget(made)}" if made.best else "")
    for row in table:
        cells = [f"{row[at]:<{widths[at]}}" if at == 0 else f"{row[at]:>{widths[at]}}" for at in shown]
        yield "  " + "  ".join(cells)


def _that_fit(widths: Sequence[int], width: int) -> list[int]:
    """The columns that there is room for: on a narrow screen what can be read elsewhere goes first."""
    shown = list(range(len(widths)))
    for at in (2, 1, 3):
        if 2 + sum(widths[i] + 2 for i in shown) - 2 <= width:
            break
        shown.remove(at)
    return shown


def _size_row(name: str, plan: Plan) -> tuple[str, ...]:
    shape = plan.size.shape if plan.size else Shape()
    expected = plan.budget.expected_loss if plan.budget else None
    memory, fits = plan.memory, None
    if memory is not None and memory.limit_bytes is not None:
        fits = next((c.fits for c in memory.choices if c.micro_batch == memory.micro_batch), None)
    return (
        name,
        exact(plan.size.parameters) if plan.size and plan.size.parameters else UNKNOWN,
        f"{whole(shape.n_layer)} x {whole(shape.n_embd)}",
        (exact(plan.tokens) + ("*" if plan.tokens_assumed else "")) if plan.tokens else UNKNOWN,
        span(*plan.hours) if plan.hours else UNKNOWN,
        (gib(memory.total_bytes) + (" no" if fits is False else "")) if memory else UNKNOWN,
        f"{loss(expected.band.value, 2)} ± {expected.band.high - expected.band.value:.2f}" if expected else UNKNOWN,
    )


def best(made: Made) -> Iterator[str]:
    """What the hours or FLOPs are best spent on, from the slow to the fast end of the pace."""
    if made.best is None:
        return
    low, high = made.best
    yield f"best use of {_budget(made)}" + (f": {low.flops:.2g} to {high.flops:.2g} FLOPs" if made.hours else "")
    yield (
        f"  lowest loss by the fit     {_both(low.parameters, high.parameters)} parameters "
        f"on {_both(low.tokens, high.tokens)} tokens"
    )
    yield (
        f"  20 tokens per parameter    {_both(low.parameters_at_20, high.parameters_at_20)} parameters "
        f"on {_both(low.tokens_at_20, high.tokens_at_20)} tokens"
    )
    each = made.plan.flops_per_token
    if each:
        yield f"  this model                 {_both(low.flops / each, high.flops / each)} tokens"


def _budget(made: Made) -> str:
    """What the user has to spend."""
    flops = made.best[0].flops if made.best else 0.0
    return f"{made.hours:g} hours" if made.hours else f"{flops:.3g} FLOPs"


def _both(low: float, high: float) -> str:
    one, other = (exact(float(f"{number:.2g}")) for number in (low, high))
    return one if one == other else f"{one} to {other}"


def span(low: float, high: float) -> str:
    """Hours, in minutes or days where those are few or many: "15 to 30 h"."""
    unit, scale = ("days", 24.0) if low > 96 else ("h", 1.0) if high >= 1 else ("min", 1 / 60)
    return f"{_two_digits(low / scale)} to {_two_digits(high / scale)} {unit}"


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.10g}"
