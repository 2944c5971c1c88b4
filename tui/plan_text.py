"""What `plan` prints for people: the model, what it costs and reaches, what fits, and lines to paste."""

from __future__ import annotations

from collections.abc import Iterator

from diagnosis.plan import Plan
from diagnosis.shape import Shape
from diagnosis.wording import count as exact
from tui.paragraphs import wrapped
from tui.plan_make import Made
from tui.plan_notes import notes
from tui.plan_tables import batches, best, sizes, span
from tui.text import UNKNOWN, change, flops, foreign, gib, loss, percent, plain, three_digits, whole

NAME_WIDTH = 12
PASTED = "    "
"""Before a line to paste, which is never wrapped: half of it would be another setting."""


def plan_text(made: Made, *, width: int = 100, ascii_only: bool = False) -> str:
    """The plan as text of at most `width` columns, ending in a line break."""
    lines = [*_wrapped(_head(made), width), ""]
    for name, text in _facts(made):
        lines += wrapped(foreign(text), width, f"  {name:<{NAME_WIDTH}}", " " * (2 + NAME_WIDTH))
    for block in (batches(made, width), sizes(made, width), best(made), _patch(made)):
        found = list(block)
        lines += ["", *(one for line in found for one in _wrapped(line, width))] if found else []
    said = notes(made)
    lines += ["", *(one for note in said for one in _wrapped(f"note: {note}", width))] if said else []
    text = "\n".join(lines) + "\n"
    return plain(text) if ascii_only else text


def _wrapped(line: str, width: int) -> list[str]:
    """A line of a table fits as it is; other text is wrapped under its own indent."""
    if len(line) <= width or line.startswith(PASTED):
        return [foreign(line).rstrip()]
    indent = " " * (len(line) - len(line.lstrip()))
    return wrapped(foreign(line.strip()), width, indent, indent + "  ")


def _head(made: Made) -> str:
    parameters = made.plan.size.parameters if made.plan.size else None
    parts = [made.case.path, *([made.case.format_title] if made.case.format_title else [])]
    if made.changes:
        parts.append("with " + ", ".join(f"{name} = {_value(fact.value)}" for name, fact in made.changes.items()))
    parts.append(f"{exact(parameters)} parameters" if parameters else "size unknown")
    return " · ".join(parts)


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _facts(made: Made) -> Iterator[tuple[str, str]]:
    plan = made.plan
    yield "model", _model(plan)
    yield "parameters", _parameters(plan)
    if plan.size and plan.size.claimed:
        ratio = plan.size.claimed / (plan.size.parameters or plan.size.claimed)
        off = "" if 0.74 < ratio < 1.35 else ": this model is not that size"
        yield "claimed", f"{exact(plan.size.claimed)} ({plan.size.claim_where}){off}"
    yield "tokens", _tokens(plan)
    yield from _budget(plan)
    yield "compute", _compute(plan)
    yield "hours", _hours(made)
    yield "memory", _memory(made)
    yield from _laws(made)


def _model(plan: Plan) -> str:
    shape = plan.size.shape if plan.size else Shape()
    told = [
        f"{whole(shape.n_layer)} layer{'' if shape.n_layer == 1 else 's'} of {whole(shape.n_embd)}",
        f"{whole(shape.n_head)} heads" + (f", {whole(shape.n_kv_head)} of keys" if shape.n_kv_head else ""),
        f"MLP {whole(shape.inner)} wide" + (" with a gate" if shape.has_gate else ""),
        *([f"{whole(shape.n_expert)} experts"] if (shape.n_expert or 1) > 1 else []),
        f"vocabulary {whole(shape.vocab_size)}",
        f"context {whole(shape.block_size)}",
    ]
    return f"{', '.join(told)} ({_layout(plan, shape)})"


def _layout(plan: Plan, shape: Shape) -> str:
    if plan.parts.attention is None or plan.parts.mlp is None:
        return "another layout than those known here"
    if shape.gpt2:
        return "GPT-2's layout"
    return f"{shape.model_type}'s layout" if shape.family else "with a gate and no other word on its layout"


def _parameters(plan: Plan) -> str:
    parts, total = plan.parts, plan.size.parameters if plan.size else None
    named = (
        ("token embedding", parts.token_embedding),
        ("attention", parts.attention),
        ("MLP", parts.mlp),
        ("norms", parts.norms),
        ("head", parts.head),
    )
    said = [
        f"{name} {exact(size)}" + (f" ({percent(size / total)})" if total and size > 0.01 * total else "")
        for name, size in named
        if size
    ]
    unknown = [name for name, size in named if size is None]
    positions = f"; position embedding {exact(parts.position_embedding)} more" if parts.position_embedding else ""
    rest = f"; unknown: {', '.join(unknown)}" if unknown else ""
    return f"{exact(total) if total else UNKNOWN}: {', '.join(said)}{positions}{rest}"


def _tokens(plan: Plan) -> str:
    if plan.tokens is None:
        return UNKNOWN
    if plan.tokens_assumed:
        return f"{exact(plan.tokens)}, 20 per parameter, as nothing says how many"
    if plan.tokens_per_step is None or plan.steps is None:
        return exact(plan.tokens)
    return f"{whole(plan.tokens_per_step)} a step × {whole(plan.steps)} steps = {exact(plan.tokens)}"


def _budget(plan: Plan) -> Iterator[tuple[str, str]]:
    budget = plan.budget
    if budget is None:
        return
    words = []
    if budget.planned_ratio is not None:
        words.append(f"{three_digits(budget.planned_ratio)} × the {exact(budget.optimal_tokens)} of 20 per parameter")
    words.append(f"Besiroglu's fit says {exact(budget.fit_optimal_tokens)}")
    if budget.loss_gain_doubling_tokens:
        words.append(f"twice the tokens buy {change(-budget.loss_gain_doubling_tokens)}")
    yield "budget", ", ".join(words)
    if budget.epochs is not None:
        cost = f", repetition costs {change(budget.repetition_cost)}" if budget.repetition_cost else ""
        yield "data", f"{three_digits(budget.epochs)} epochs over {exact(budget.unique_tokens or 0.0)} tokens{cost}"
    if budget.expected_loss is not None:
        band = budget.expected_loss.band
        interval = f"[{loss(band.low, 2)}, {loss(band.high, 2)}]"
        yield "loss", f"{loss(band.value, 2)} {interval} expected on {budget.expected_loss.dataset}, annealed"
    else:
        yield "loss", "no level is known for this data set, tokenizer and size; differences hold"


def _compute(plan: Plan) -> str:
    if plan.flops_per_token is None or plan.flops is None:
        return "unknown: it needs n_layer, n_embd and block_size (--set block_size=1024)"
    step = f", {_scaled(plan.flops_per_token * plan.tokens_per_step)} a step" if plan.tokens_per_step else ""
    return f"{_scaled(plan.flops_per_token)} a token{step}, {plan.flops:.3g} FLOPs in all"


def _scaled(amount: float) -> str:
    return flops(amount).removesuffix("/s") + "s"


def _hours(made: Made) -> str:
    pace, hours = made.pace, made.plan.hours
    if pace is None or hours is None:
        return f"unknown: {_why_no_hours(made)}"
    text = f"{span(*hours)}, {_basis(made)}"
    if pace.basis != "own pace" and made.own is not None and made.plan.flops:
        own = [made.plan.flops / rate / 3600 for rate in (made.own.high, made.own.low)]
        text += f"; {span(*own)} at the pace of this log"
    return text


def _basis(made: Made) -> str:
    pace = made.pace
    if pace is None:
        return ""
    if pace.basis == "own pace" or pace.peak is None or pace.share is None:
        return f"at the pace of this log ({flops((pace.low + pace.high) / 2)})"
    low, high = pace.share
    peak = f"{flops(pace.peak.flops)} ({pace.peak.source})"
    return f"{_gpus(made)} at {percent(low)} to {percent(high)} of {peak}"


def _gpus(made: Made) -> str:
    count = made.hand.count
    if made.hand.gpu is None:
        return "1 GPU" if count == 1 else f"{count:g} GPUs"
    return f"{count:g} × {made.hand.gpu.name}"


def _why_no_hours(made: Made) -> str:
    if made.plan.flops is None:
        return "the FLOPs are"
    if made.hand.peak is None:
        return "name the GPU with --gpu, or give its peak with --peak"
    return "a model this narrow does not fill a GPU; the log of its first steps will tell (plan LOG)"


def _memory(made: Made) -> str:
    memory, limit = made.plan.memory, made.hand.limit_bytes
    if memory is None:
        return f"unknown: {made.plan.memory_unknown or 'the micro-batch is'}"
    said = f"{gib(memory.total_bytes)}" + (f" of {gib(limit)}" if limit else "")
    parts = "; ".join(f"{name} {gib(size, unit=False)}" for name, size in memory.parts)
    batch = made.case.number("batch_size")
    of = f"for a micro-batch of {whole(batch or 1)}" + ("" if batch else ", as none is known")
    return f"{said} {of} (±25 %): {parts}"


def _laws(made: Made) -> Iterator[tuple[str, str]]:
    """What others found best for such a model on so many tokens, beside what the config has."""
    rates, best, rate = made.plan.rates, made.plan.best_batch, made.case.number("learning_rate")
    if rates is not None:
        own = f"; the config has {_rate(rate)}" if rate else ""
        wide = ", widened as no law was fitted there" if rates.extrapolated else ""
        between = f"{_rate(rates.low)} to {_rate(rates.high)}"
        yield "peak rate", f"{between} for AdamW from scratch, {_rate(rates.middle)} first{wide}{own}"
    if best is not None:
        step = made.plan.tokens_per_step
        own = f"; the config has {three_digits(step / best)} times that" if step else ""
        yield "batch", f"{exact(float(f'{best:.2g}'))} tokens a step by the Step Law{own}"


def _rate(value: float) -> str:
    """6.2e-4, as configs write a learning rate."""
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def _patch(made: Made) -> Iterator[str]:
    if made.patch:
        yield "lines for the config"
        yield from (f"{PASTED}{line}" for line in made.patch)
    if made.unnamed:
        names = ", ".join(f"{name} = {_value(value)}" for name, value in made.unnamed)
        yield f"to set where your trainer has it: {names}"
