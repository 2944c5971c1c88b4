"""From a run and its circumstances to a Case: every law is asked once, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from diagnosis.budget import Budget, budget_of
from diagnosis.case import Case, State, Steps
from diagnosis.efficiency import Efficiency, Peak, efficiency_of
from diagnosis.facts import Facts, gpus_of_run, shape_of, tokens_per_step_of
from diagnosis.forecast import Forecast
from diagnosis.gpu_past import GpuPast
from diagnosis.lifecycle import Silence, eta_seconds, pauses_of, silence_limit_seconds, state_of, steps_of
from diagnosis.logged_schedule import believed_schedule
from diagnosis.memory import MemoryEstimate, estimate, setting_of
from diagnosis.model import ModelSize, size_of
from diagnosis.outlook import MOST_EPOCHS, Outlook, ahead_of
from diagnosis.run import Run
from diagnosis.schedule import OPEN, Believed
from diagnosis.trend import Trend, eval_standard_error, evidence_of, trend_of
from gpu.sample import GpuSample

MOST_NOTES = 6
"""The newest; a list of complaints is read by nobody."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known beside the log: the GPU, the silence, what the user said about the peak."""

    path: str
    silence: Silence
    gpus: tuple[GpuSample, ...] = ()
    gpu_past: tuple[GpuPast, ...] = ()
    peak: Peak | None = None


@dataclass(frozen=True, slots=True)
class Curves:
    """What is read off the losses alone: the costly part."""

    trend: Trend
    forecast: Forecast | None
    eval_error: float | None
    outlook: Outlook = field(default_factory=Outlook)
    believed: Believed = OPEN


def model_size_of(run: Run) -> ModelSize | None:
    """The model's size from the best source."""
    facts = Facts(run)
    flagged = facts.origin("parameters") == "flag"
    return size_of(
        shape_of(run),
        printed=None if flagged else facts.number("parameters"),
        printed_kind=run.traits.parameters_printed,
        decayed=facts.number("parameters_decayed"),
        non_decayed=facts.number("parameters_non_decayed"),
        claimed=facts.number("claimed_parameters"),
        claim_where=facts.where("claimed_parameters"),
        flag_params=facts.number("parameters") if flagged else None,
    )


def curves_key(run: Run) -> tuple[object, ...]:
    """The same as long as `curves_of` would say the same."""
    rows = (len(run.series(name)) for name in ("val_loss", "eval_train_loss"))
    known = tuple(rows)
    return (len(run.segments), len(run.facts), *(known if any(known) else (run.version,)))


def curves_of(run: Run) -> Curves:
    """Trend, forecast and error bar of the run's losses."""
    facts, size, steps = Facts(run), model_size_of(run), steps_of(run)
    warmup, believed = facts.number("warmup_steps"), _schedule(run, steps)
    schedule = believed.schedule
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
    if run.traits.steps_count != "updates":
        return Curves(trend, None, error, believed=believed)
    ahead, outlook = ahead_of(
        evidence,
        planned=steps.planned,
        schedule=schedule,
        logged=run.series("learning_rate"),
        known_schedule=believed.known,
        eval_standard_error=error,
        warmup_steps=warmup,
        rows=run.series("train_loss"),
        enough_tokens=_enough_tokens(run, steps),
    )
    return Curves(trend, ahead, error, outlook, believed)


def _schedule(run: Run, steps: Steps) -> Believed:
    """The learning rate over the steps as the log counts them: a config's are updates."""
    logged = run.series("learning_rate")
    if run.traits.steps_count != "updates":
        return believed_schedule({}, logged, None)
    return believed_schedule(run.facts, logged, steps.planned)


def _enough_tokens(run: Run, steps: Steps) -> bool:
    """Whether twice the planned steps would find tokens, as far as that is known."""
    per_step, unique = tokens_per_step_of(run), Facts(run).number("unique_tokens")
    if not steps.planned or not per_step or not unique:
        return True
    return 2 * steps.planned * per_step <= MOST_EPOCHS * unique


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
        configured=dict(run.configured),
        series={name: run.series(name) for name in run.metrics()},
        rows={name: run.rows(name) for name in run.metrics()},
        notices=tuple(run.notices),
        segments=tuple(s.first_step for s in run.segments if s.first_step is not None),
        tokens_per_step=per_step,
        tokens_seen=seen,
        tokens_planned=planned,
        size=size,
        budget=_budget(facts, size, seen, planned),
        trend=curves.trend,
        forecast=curves.forecast if ongoing else None,
        outlook=None if state == "diverged" else curves.outlook,
        schedule=curves.believed.schedule,
        known_schedule=curves.believed.known,
        efficiency=speed,
        memory=_memory(run, size, per_step, known.gpus),
        gpus=known.gpus,
        gpu_past=known.gpu_past,
        silence_seconds=known.silence.seconds if ongoing else None,
        silence_limit_seconds=silence_limit_seconds(run, known.silence) if ongoing else None,
        eta_seconds=_eta(run, steps, speed, state),
        eval_standard_error=curves.eval_error,
        notes=_notes(run),
    )


def _budget(facts: Facts, size: ModelSize | None, seen: float | None, planned: float | None) -> Budget | None:
    return budget_of(
        size,
        tokens_seen=seen,
        tokens_planned=planned,
        unique_tokens=facts.number("unique_tokens"),
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


def _eta(run: Run, steps: Steps, speed: Efficiency | None, state: State) -> float | None:
    if state != "running" or speed is None:
        return None
    interval = Facts(run).number("eval_interval")
    return eta_seconds(steps, speed.seconds_per_step, speed.eval_seconds, interval, pauses_of(run))


def _notes(run: Run) -> tuple[str, ...]:
    """What the reader says of its own reading, and where two sources disagree, so that nobody trusts a wrong config."""
    said = dict.fromkeys(notice.text for notice in run.notices if notice.kind in ("disagreement", "reader"))
    return tuple(said)[-MOST_NOTES:]
