"""From a run and its circumstances to a Case: every law is asked once, in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace

from diagnosis.budget import Budget, budget_of
from diagnosis.case import Case, State, Steps
from diagnosis.efficiency import Efficiency, Peak, efficiency_of
from diagnosis.forecast import Forecast, forecast
from diagnosis.lifecycle import Silence, eta_seconds, silence_limit_seconds, state_of, steps_of
from diagnosis.memory import MemoryEstimate, estimate, setting_of
from diagnosis.model import ModelSize, Shape, size_of
from diagnosis.run import Run
from diagnosis.schedule import schedule_of
from diagnosis.trend import Trend, eval_standard_error, evidence_of, trend_of
from gpu.sample import GpuSample
from parsers.records import Value

MOST_NOTES = 6
"""The newest; a list of complaints is read by nobody."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known beside the log: the GPU, the silence, what the user said about the peak."""

    path: str
    silence: Silence
    gpus: tuple[GpuSample, ...] = ()
    peak: Peak | None = None
    unique_tokens: float | None = None


@dataclass(frozen=True, slots=True)
class Curves:
    """What is read off the losses alone: the costly part."""

    trend: Trend
    forecast: Forecast | None
    eval_error: float | None


class Facts:
    """A run's facts as the types that the laws take; None where a fact is unknown or of another type."""

    def __init__(self, run: Run) -> None:
        self._facts = run.facts

    def value(self, name: str) -> Value | None:
        fact = self._facts.get(name)
        return None if fact is None else fact.value

    def number(self, name: str) -> float | None:
        value = self.value(name)
        return None if value is None or isinstance(value, (bool, str)) else float(value)

    def whole(self, name: str) -> int | None:
        number = self.number(name)
        return int(number) if number is not None and abs(number) < 1e15 else None

    def text(self, name: str) -> str | None:
        value = self.value(name)
        return value if isinstance(value, str) else None

    def flag(self, name: str) -> bool | None:
        value = self.value(name)
        return value if isinstance(value, bool) else None

    def origin(self, name: str) -> str | None:
        fact = self._facts.get(name)
        return None if fact is None else fact.origin

    def where(self, name: str) -> str | None:
        fact = self._facts.get(name)
        return None if fact is None else fact.where


def tokens_per_step_of(run: Run) -> float | None:
    """Tokens of one optimiser step: as given or printed, else the sequences of a step x context.

    None where the sequences are cut rather than filled, as in fine-tuning without packing, or where the number of
    devices is needed and unknown.
    """
    facts = Facts(run)
    given = facts.number("tokens_per_step")
    if given is not None:
        return given
    context, sequences = facts.number("block_size"), facts.number("global_batch_size") or _sequences(run, facts)
    if context is None or sequences is None or facts.flag("packed") is False:
        return None
    return sequences * context


def _sequences(run: Run, facts: Facts) -> float | None:
    """Micro-batch x accumulation x devices, where the accumulation does not count all devices already."""
    batch, accumulation = facts.number("batch_size"), facts.number("gradient_accumulation_steps")
    devices = 1.0 if run.traits.accumulation_of == "all devices" else facts.number("world_size")
    if batch is None or accumulation is None or devices is None:
        return None
    return batch * accumulation * devices


def model_size_of(run: Run) -> ModelSize | None:
    """The model's size from the best source."""
    facts = Facts(run)
    flagged = facts.origin("parameters") == "flag"
    return size_of(
        Shape(
            n_layer=facts.whole("n_layer"),
            n_head=facts.whole("n_head"),
            n_embd=facts.whole("n_embd"),
            vocab_size=facts.whole("vocab_size"),
            block_size=facts.whole("block_size"),
            bias=facts.flag("bias"),
            tied=facts.flag("tie_embeddings"),
            gpt2=_is_gpt2(facts),
        ),
        printed=None if flagged else facts.number("parameters"),
        printed_kind=run.traits.parameters_printed,
        decayed=facts.number("parameters_decayed"),
        non_decayed=facts.number("parameters_non_decayed"),
        claimed=facts.number("claimed_parameters"),
        claim_where=facts.where("claimed_parameters"),
        flag_params=facts.number("parameters") if flagged else None,
    )


def _is_gpt2(facts: Facts) -> bool:
    """Whether the MLP is four times as wide, each head has its own keys and there is one expert, for all we know."""
    width, inner = facts.number("n_embd"), facts.number("n_inner")
    wide = inner is not None and (width is None or inner != 4 * width)
    grouped = facts.number("n_kv_head") not in (None, facts.number("n_head"))
    return not wide and not grouped and (facts.number("n_expert") or 1) <= 1


def curves_key(run: Run) -> tuple[object, ...]:
    """The same as long as `curves_of` would say the same."""
    rows = (len(run.series(name)) for name in ("val_loss", "eval_train_loss"))
    known = tuple(rows)
    return (len(run.segments), len(run.facts), *(known if any(known) else (run.version,)))


def curves_of(run: Run) -> Curves:
    """Trend, forecast and error bar of the run's losses."""
    facts, size, steps = Facts(run), model_size_of(run), steps_of(run)
    warmup, schedule = facts.number("warmup_steps"), schedule_of(run.facts)
    val = run.series("val_loss")
    error = eval_standard_error(val, run.series("eval_train_loss"))
    evidence, noise = evidence_of({n: run.series(n) for n in ("val_loss", "eval_train_loss", "train_loss")}, warmup)
    trend = trend_of(
        evidence,
        tokens_per_step=tokens_per_step_of(run),
        parameters=size.parameters if size else None,
        warmup_steps=warmup,
        learning_rate_at=schedule,
        eval_standard_error=error if evidence.name == "val_loss" else noise,
    )
    if run.traits.loss_unit != "nats":
        trend = replace(trend, perplexity=None)
    ahead = None
    if steps.planned is not None and steps.last is not None and steps.last < steps.planned:
        ahead = forecast(
            evidence,
            target_step=steps.planned,
            learning_rate=schedule,
            eval_standard_error=error,
            warmup_steps=warmup,
        )
    return Curves(trend, ahead, error)


def gpus_of_run(run: Run, gpus: tuple[GpuSample, ...]) -> float | None:
    """How many GPUs train it: as the log or the user says, as its batches tell, or as this machine shows; else None.

    A process seen on GPUs of this machine counts them; so does a machine with a single GPU.
    """
    facts = Facts(run)
    told = facts.number("world_size") or _gpus_by_batches(run, facts)
    if told is not None:
        return told
    here = [gpu for gpu in gpus if gpu.index is not None]
    seen = sum(any(process.this_run for process in gpu.processes or ()) for gpu in here)
    return float(seen) if seen else 1.0 if len(here) == 1 else None


def _gpus_by_batches(run: Run, facts: Facts) -> float | None:
    """Sequences of a step by those of a device, where the accumulation counts each device's."""
    sequences, batch = facts.number("global_batch_size"), facts.number("batch_size")
    accumulation = facts.number("gradient_accumulation_steps")
    if not sequences or not batch or not accumulation or run.traits.accumulation_of == "all devices":
        return None
    ratio = sequences / batch / accumulation
    return ratio if ratio >= 1 and ratio == int(ratio) else None


def speed_of(
    run: Run, known: Circumstances, size: ModelSize | None, tokens_per_step: float | None
) -> Efficiency | None:
    """Steady speed and MFU."""
    facts = Facts(run)
    return efficiency_of(
        step_seconds=run.series("step_seconds"),
        tokens_per_second=run.series("tokens_per_second"),
        mfu=run.series("mfu"),
        tflops=run.series("tflops"),
        traits=run.traits,
        size=size,
        tokens_per_step=tokens_per_step,
        eval_interval=facts.number("eval_interval"),
        eval_steps=run.series("val_loss").steps,
        world_size=gpus_of_run(run, known.gpus),
        peak=known.peak,
    )


def tokens_seen_of(run: Run, steps: Steps, tokens_per_step: float | None) -> float | None:
    """Tokens seen so far: as logged, else updates x tokens of one."""
    logged = run.series("tokens").last
    if logged is not None:
        return logged
    return None if steps.updates is None or tokens_per_step is None else steps.updates * tokens_per_step


def analyse(run: Run, known: Circumstances, curves: Curves | None = None) -> Case:
    """All that is known now. `curves` are those computed before, where they still hold."""
    facts = Facts(run)
    steps = steps_of(run)
    state = state_of(run, steps, known.silence)
    size, per_step = model_size_of(run), tokens_per_step_of(run)
    if curves is None:
        curves = curves_of(run)
    speed = speed_of(run, known, size, per_step)
    seen = tokens_seen_of(run, steps, per_step)
    planned = None if steps.planned is None or per_step is None else steps.planned * per_step
    ongoing = state in ("running", "stalled")
    return Case(
        path=known.path,
        format=run.recognised.format if run.recognised else None,
        format_title=run.recognised.title if run.recognised else None,
        format_why=run.recognised.why if run.recognised else None,
        traits=run.traits,
        state=state,
        steps=steps,
        facts=dict(run.facts),
        series={name: run.series(name) for name in run.metrics()},
        rows={name: run.rows(name) for name in run.metrics()},
        notices=tuple(run.notices),
        segments=tuple(s.first_step for s in run.segments if s.first_step is not None),
        tokens_per_step=per_step,
        tokens_seen=seen,
        tokens_planned=planned,
        size=size,
        budget=_budget(facts, size, seen, planned, known.unique_tokens),
        trend=curves.trend,
        forecast=curves.forecast if ongoing else None,
        efficiency=speed,
        memory=_memory(run, size, per_step, known.gpus),
        gpus=known.gpus,
        silence_seconds=known.silence.seconds if ongoing else None,
        silence_limit_seconds=silence_limit_seconds(run, known.silence) if ongoing else None,
        eta_seconds=_eta(facts, steps, speed, state),
        eval_standard_error=curves.eval_error,
        notes=_notes(run),
    )


def _budget(
    facts: Facts, size: ModelSize | None, seen: float | None, planned: float | None, unique: float | None
) -> Budget | None:
    return budget_of(
        size,
        tokens_seen=seen,
        tokens_planned=planned,
        unique_tokens=unique,
        dataset=facts.text("dataset"),
        vocab_size=facts.whole("vocab_size"),
    )


def _memory(
    run: Run, size: ModelSize | None, tokens_per_step: float | None, gpus: tuple[GpuSample, ...]
) -> MemoryEstimate | None:
    """The estimate for the GPU that runs it, calibrated by what this run's process is seen to use."""
    gpu = gpus[0] if len(gpus) == 1 else None
    mine = sum(p.memory_bytes or 0 for p in gpu.processes or () if p.this_run) if gpu else 0
    return estimate(
        size,
        micro_batch=Facts(run).number("batch_size"),
        tokens_per_step=tokens_per_step,
        setting=setting_of(run.facts),
        limit_bytes=_limit_bytes(gpu, mine) if gpu else None,
        measured_bytes=mine or None,
    )


def _limit_bytes(gpu: GpuSample, mine: float) -> float | None:
    """What the GPU has for this run: all of it, less the driver's part and what others hold."""
    total = gpu.memory_total_bytes
    if total is None:
        return None
    others = gpu.memory_used_bytes - mine if mine and gpu.memory_used_bytes is not None else 0
    return total - (gpu.memory_reserved_bytes or 0) - max(0.0, others)


def _eta(facts: Facts, steps: Steps, speed: Efficiency | None, state: State) -> float | None:
    if state != "running" or speed is None:
        return None
    return eta_seconds(steps, speed.seconds_per_step, speed.eval_seconds, facts.number("eval_interval"))


def _notes(run: Run) -> tuple[str, ...]:
    """What the reader says of its own reading, and where two sources disagree, so that nobody trusts a wrong config."""
    said = dict.fromkeys(notice.text for notice in run.notices if notice.kind in ("disagreement", "reader"))
    return tuple(said)[-MOST_NOTES:]
