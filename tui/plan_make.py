"""A plan put together: settings, GPU, pace, other sizes, the best size for a budget, and lines to paste."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from diagnosis.batch import batch_settings
from diagnosis.case import Case
from diagnosis.efficiency import Efficiency, Peak
from diagnosis.patch import has_name, patch
from diagnosis.plan import Pace, Plan, pace_of_peak, pace_of_run, plan_of, resized
from diagnosis.shape import Shape
from diagnosis.sizes import Optimum, best_use
from gpu.sample import GpuSample
from parsers.records import Fact, Value
from tui.errors import UserError
from tui.hardware import Hardware, peak_of
from tui.options import Options
from tui.plan_input import BATCH, Subject, read_subject
from tui.plan_set import absurd, contradiction, read_changes, tokens_disagree
from tui.plan_sizes import asked_shapes

Pairs = tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants to know beyond the plan itself; None is not asked."""

    changes: tuple[str, ...] = ()
    sizes: str | None = None
    hours: float | None = None
    flops: float | None = None
    memory_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Hand:
    """The GPUs that the plan is for."""

    gpu: GpuSample | None
    count: float
    assumed: bool
    """Whether nothing says how many there are."""
    peak: Peak | None
    limit_bytes: float | None


@dataclass(frozen=True, slots=True)
class Made:
    """All that the answer says."""

    base: Case
    """As it was before the changes."""
    case: Case
    plan: Plan
    hand: Hand
    pace: Pace | None
    own: Pace | None
    """How fast the run went by its own log, at these settings."""
    speed: Efficiency | None
    """What that log says, where the model is the same."""
    rows: tuple[tuple[str, Plan], ...]
    """Other sizes, by what they were asked as."""
    best: tuple[Optimum, Optimum] | None
    """The best use of the hours or FLOPs at the slow and at the fast end of the pace."""
    hours: float | None
    changes: Mapping[str, Fact]
    patch: tuple[str, ...]
    unnamed: Pairs
    """Changes of which nobody knows what the trainer calls them."""
    fitting: tuple[str, ...]
    """Lines for the largest micro-batch that fits, where the run's own does not."""


def make(path: str | None, options: Options, wish: Wish) -> Made:
    """Reads, changes and plans; raises UserError for what cannot be."""
    before = read_subject(path, options)
    changes = read_changes(wish.changes)
    subject = before.changed(changes)
    _refuse(subject, changes)
    hand, subject = _hand(subject, options, wish)
    case = subject.case(hand.peak)
    base = before.case()
    same = base.size == case.size
    own = pace_of_run(subject.speed, same_shape=same)
    pace = _pace(case, hand, own, options)
    plan = plan_of(case, pace=pace, limit_bytes=hand.limit_bytes)
    if plan.size is None or plan.size.parameters is None:
        raise UserError(_no_size(subject, plan))
    if (why := absurd(plan)) is not None:
        raise UserError(f"{subject.path}: {why}")
    best = _best(plan, pace, wish)
    pairs = tuple(pair for name, fact in changes.items() for pair in _written(base, case, name, fact.value))
    return Made(
        base=base,
        case=case,
        plan=plan,
        hand=hand,
        pace=pace,
        own=own,
        speed=subject.speed if same else None,
        rows=_rows(
            case,
            plan.size.shape,
            pace,
            hand,
            flops=None if best is None else math.sqrt(best[0].flops * best[1].flops),
            sizes=wish.sizes,
        ),
        best=best,
        hours=wish.hours,
        changes=changes,
        patch=patch(base, pairs),
        unnamed=tuple(pair for pair in pairs if not has_name(base, pair[0])),
        fitting=_fitting(case, plan),
    )


def _written(base: Case, case: Case, name: str, value: Value) -> Pairs:
    """The settings that make a change: of the tokens of a step, where the trainer works them out, the batches."""
    batch = case.number("batch_size")
    if name == "tokens_per_step" and batch and not has_name(base, name):
        return batch_settings(case, round(batch)) or ((name, value),)
    return ((name, value),)


def _refuse(subject: Subject, changes: Mapping[str, Fact]) -> None:
    why = contradiction(subject.facts)
    if why is None and changes.keys() & {*BATCH, "tokens_per_step"}:
        why = tokens_disagree(subject.facts)
    if why is not None:
        raise UserError(f"{subject.path}: {why}")


def _hand(subject: Subject, options: Options, wish: Wish) -> tuple[Hand, Subject]:
    """The GPUs, and the run on them: one, where nothing says how many."""
    samples = Hardware(options).sample_once(ask_nvml=options.gpu is None)[:1]
    gpu = samples[0] if samples else None
    told = subject.facts.get("world_size")
    gpus = float(told.value) if told is not None and isinstance(told.value, int | float) else None
    if gpus is None:
        fact = Fact("world_size", 1, "config", "assumed")
        subject = replace(subject, facts={**subject.facts, "world_size": fact})
    limit = wish.memory_bytes
    if limit is None and gpu is not None and gpu.memory_total_bytes is not None:
        limit = gpu.memory_total_bytes - (gpu.memory_reserved_bytes or 0)
    peak = peak_of(options, samples, subject.facts)
    return Hand(gpu, gpus or 1.0, gpus is None, peak, limit), subject


def _pace(case: Case, hand: Hand, own: Pace | None, options: Options) -> Pace | None:
    """The run's own pace counts before what others reach, unless the user asks about a GPU."""
    if own is not None and options.gpu is None and options.peak_flops is None:
        return own
    width = case.size.shape.n_embd if case.size else None
    return pace_of_peak(hand.peak, gpus=hand.count, compiled=case.flag("compile"), width=width) or own


def _no_size(subject: Subject, plan: Plan) -> str:
    shape = plan.size.shape if plan.size else Shape()
    missing = [name for name in ("n_layer", "n_embd", "vocab_size") if getattr(shape, name) is None]
    if missing:
        return f"{subject.path}: does not say {', '.join(missing)}; add --config, {_example(missing)} or --params"
    unknown = [name for name in ("attention", "mlp", "head") if getattr(plan.parts, name) is None]
    mend = "--set tie_embeddings=true or false" if unknown == ["head"] else "--params N"
    return f"{subject.path}: the layout of its {' and '.join(unknown)} is not known here; add {mend}"


def _example(names: Sequence[str]) -> str:
    if names == ["vocab_size"]:
        return "--set vocab_size=50304 (GPT-2's tokens, padded)"
    return "--set " + ",".join(f"{name}=..." for name in names)


def _best(plan: Plan, pace: Pace | None, wish: Wish) -> tuple[Optimum, Optimum] | None:
    shape = plan.size.shape if plan.size else Shape()
    if wish.hours is not None and wish.flops is not None:
        raise UserError("--hours and --flops say the same in two ways; give one")
    if wish.flops is not None:
        return best_use(wish.flops, shape), best_use(wish.flops, shape)
    if wish.hours is None:
        return None
    if pace is None:
        raise UserError("--hours: how fast it will be is unknown; name the GPU with --gpu, or give --peak or --flops")
    low, high = (best_use(3600 * wish.hours * rate, shape) for rate in (pace.low, pace.high))
    return low, high


def _rows(
    case: Case, like: Shape, pace: Pace | None, hand: Hand, *, flops: float | None, sizes: str | None
) -> tuple[tuple[str, Plan], ...]:
    """A plan for each of --sizes: on as many tokens as the run plans, or as `flops` are good for."""

    def of(shape: Shape) -> Plan:
        here = _for(shape, pace, case, hand)
        made = resized(case, shape, tokens=None, pace=here, limit_bytes=hand.limit_bytes)
        if flops is None or not made.flops_per_token:
            return made
        tokens = flops / made.flops_per_token
        return resized(case, shape, tokens=tokens, pace=here, limit_bytes=hand.limit_bytes)

    return () if sizes is None else tuple((name, of(shape)) for name, shape in asked_shapes(sizes, like))


def _for(shape: Shape, pace: Pace | None, case: Case, hand: Hand) -> Pace | None:
    """The pace at another width: a narrow model fills no GPU."""
    if pace is None or pace.basis == "own pace":
        return pace
    return pace_of_peak(hand.peak, gpus=hand.count, compiled=case.flag("compile"), width=shape.n_embd)


def _fitting(case: Case, plan: Plan) -> tuple[str, ...]:
    memory, batch = plan.memory, case.number("batch_size")
    fits = [choice.micro_batch for choice in memory.choices if choice.fits] if memory else []
    own = [choice.fits for choice in memory.choices if choice.micro_batch == batch] if memory else []
    if not fits or batch is None or own == [True] or (batch in fits):
        return ()
    return patch(case, batch_settings(case, max(fits)))


def accumulation_of_trainer(made: Made, accumulation: int) -> float:
    """An accumulation that counts all GPUs' micro-batches, as the run's trainer counts them."""
    whole = made.case.traits.accumulation_of == "all devices"
    return accumulation if whole else accumulation / made.hand.count
