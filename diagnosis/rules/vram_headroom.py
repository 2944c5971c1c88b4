"""Rule vram-headroom."""

from __future__ import annotations

from diagnosis.batch import Settings, accumulation, batch_settings, halved, in_words
from diagnosis.case import Case
from diagnosis.device import on_cpu, run_gpu
from diagnosis.finding import Finding
from diagnosis.memory import BatchChoice, MemoryEstimate
from diagnosis.needs import GPU
from diagnosis.wording import memory, percent
from gpu.sample import GpuSample

ID = "vram-headroom"
NEEDS = (GPU,)

LITTLE_SHARE = 0.05
LITTLE_BYTES = 200 * 2**20
"""Judgement: below either, one more allocation (an evaluation, a longer sequence) can end the run."""


def rule(case: Case) -> Finding | None:
    """Free GPU memory now, and the batches that would fit with the same tokens per step.

    A warning while the run is live and less than 5 % or 200 MiB of the GPU's memory is free; else a note, where the
    free memory is measured or the model's memory can be estimated for a GPU of known size. The proposed micro-batch
    and accumulation keep the tokens per step exactly, so that the loss does not change.

    Why: PyTorch keeps what it once reserved, so the use is a high-water mark; a new high is an out-of-memory error.
    Do: lower the micro-batch and raise the accumulation by the same factor; with much free memory the other way round.
    False alarms: a card that has been full and steady through evaluations and checkpoints; a framework that takes the
    whole card as it starts, as TensorFlow does (JAX takes three quarters).
    Sources: PyTorch's allocator; Korthikanti 2022; constants measured on nanoGPT's model.
    """
    if on_cpu(case):
        return None
    gpu, estimate = run_gpu(case), case.memory
    free, total = _measured(gpu) if case.state in ("running", "stalled") else (None, None)
    if free is None and (estimate is None or not estimate.choices):
        return None
    scarce = free is not None and (free < LITTLE_BYTES or (total is not None and free < LITTLE_SHARE * total))
    evidence = (*_now(free, total), *_predicted(case, estimate))
    if not evidence:
        return None
    advice, settings = _advice(case, estimate, scarce=scarce)
    return Finding(
        id=ID,
        severity="warning" if scarce else "info",
        confidence=0.7,
        title=_title(free, total, estimate, scarce=scarce),
        evidence=evidence,
        advice=(advice,),
        settings=settings,
        first_step=case.steps.last if free is not None else case.steps.first,
        step=case.steps.last,
    )


def _measured(gpu: GpuSample | None) -> tuple[int | None, int | None]:
    return (None, None) if gpu is None else (gpu.memory_free_bytes, gpu.memory_total_bytes)


def _title(free: int | None, total: int | None, estimate: MemoryEstimate | None, *, scarce: bool) -> str:
    if free is not None:
        of = "" if total is None else f" of {memory(total)}"
        return f"{'Only ' if scarce else ''}{memory(free)}{of} GPU memory free"
    biggest = _biggest(estimate)
    if biggest is None:
        return "No micro-batch is expected to fit this GPU"
    return f"A micro-batch of {biggest.micro_batch} is expected to fit this GPU"


def _now(free: int | None, total: int | None) -> tuple[str, ...]:
    if free is None:
        return ()
    share = "" if not total else f" ({percent(free / total)})"
    return (f"{memory(free)}{share} free now",)


def _predicted(case: Case, estimate: MemoryEstimate | None) -> tuple[str, ...]:
    if estimate is None:
        return ()
    sure = "scaled to the measured use" if estimate.calibrated else "good to some 25 %"
    said = [f"a micro-batch of {estimate.micro_batch}: {memory(estimate.total_bytes)} expected, {sure}"]
    said += [f"largest part: {name}, {memory(part)}" for name, part in _largest(estimate)]
    for choice in _around(estimate):
        steps = accumulation(case, choice.micro_batch)
        named = f"a micro-batch of {choice.micro_batch}" if steps is None else f"{choice.micro_batch} x {steps}"
        said.append(f"{named}: {memory(choice.expected_bytes)}, {'fits' if choice.fits else 'does not fit'}")
    return tuple(said)


def _largest(estimate: MemoryEstimate) -> list[tuple[str, float]]:
    return sorted(estimate.parts, key=lambda part: -part[1])[:1]


def _around(estimate: MemoryEstimate) -> tuple[BatchChoice, ...]:
    """The last two that fit and the first that does not."""
    fitting = [c for c in estimate.choices if c.fits]
    others = [c for c in estimate.choices if not c.fits]
    return (*fitting[-2:], *others[:1])


def _biggest(estimate: MemoryEstimate | None) -> BatchChoice | None:
    fitting = [c for c in estimate.choices if c.fits] if estimate else []
    return fitting[-1] if fitting else None


def _smaller(estimate: MemoryEstimate | None) -> BatchChoice | None:
    if estimate is None or estimate.micro_batch is None:
        return None
    below = [c for c in estimate.choices if c.micro_batch < (estimate.micro_batch or 0)]
    return below[-1] if below else None


def _advice(case: Case, estimate: MemoryEstimate | None, *, scarce: bool) -> tuple[str, Settings]:
    """What to do, and the settings that do it; none where nothing needs a change or too little is known."""
    now, choice = (None if estimate is None else estimate.micro_batch), _biggest(estimate)
    if scarce:
        return _restart(case, _smaller(estimate))
    if choice is None or now is None:
        return "Keep 5 % of the memory free for evaluations and checkpoints.", ()
    if choice.micro_batch == now:
        return "Keep the batch: the next larger one with the same tokens per step is not expected to fit.", ()
    settings = batch_settings(case, choice.micro_batch)
    words = in_words(settings) if settings else f"a micro-batch of {choice.micro_batch}, accumulated accordingly,"
    if choice.micro_batch > now:
        return f"If steps are short of work, {words} keeps the tokens per step and uses the memory.", settings
    return f"Set {words}: the tokens per step stay the same.", settings


def _restart(case: Case, choice: BatchChoice | None) -> tuple[str, Settings]:
    settings = halved(case) if choice is None else batch_settings(case, choice.micro_batch)
    if settings:
        return f"For a safe restart set {in_words(settings)}: the tokens per step stay the same.", settings
    return "Halve the micro-batch and double the accumulation before the next start, or free the GPU of others.", ()
