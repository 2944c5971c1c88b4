"""Rule low-mfu."""

from __future__ import annotations

from diagnosis.batch import Settings, batch_settings, in_words
from diagnosis.case import Case
from diagnosis.device import on_cpu
from diagnosis.efficiency import Efficiency
from diagnosis.finding import Finding
from diagnosis.needs import PEAK_FLOPS, STEP_SECONDS, either, logged
from diagnosis.wording import duration, flops, percent

ID = "low-mfu"
NEEDS = (PEAK_FLOPS, either(STEP_SECONDS, logged("tokens_per_second", "tokens per second")))

LOW, MODEST = 0.35, 0.50
ROWS = 20
TINY_WIDTH, TINY_PARAMETERS = 256, 5e6
NARROW = 512
"""Below this width the matrices are too small to fill a GPU: launches and memory traffic take the time."""


def rule(case: Case) -> Finding | None:
    """The run uses little of what this very GPU can do.

    Fires when the model's FLOP/s over 20 steady steps or more are below 50 % of the peak of the run's own GPU (a
    note) or below 35 % (a warning; a note for models narrower than 512). Evaluations, checkpoints and compilation are
    left out. A note only where it is 35 % or more of the peak at the clock that the GPU runs at. Silent on a CPU, for
    models narrower than 256 or below 5M parameters, and where peak or FLOPs are unknown.

    Why: 50 to 70 % is usual for a dense model of 100M parameters and more on one GPU; less is time paid for nothing.
    Do: compile, raise the micro-batch, keep all dimensions multiples of 64.
    False alarms: small models, which launches and not arithmetic bind; a peak that the card's power limit never allows.
    Sources: PaLM appendix B (MFU); nanoGPT, llm.c and torchtitan logs; NVIDIA's guide on tensor-core shapes.
    """
    found = case.efficiency
    if found is None or found.mfu is None or found.rows < ROWS or found.flops_source == "6N":
        return None
    width = case.size.shape.n_embd if case.size else None
    parameters = case.size.parameters if case.size else None
    tiny = (width is not None and width < TINY_WIDTH) or (parameters is not None and parameters < TINY_PARAMETERS)
    if found.mfu >= MODEST or tiny or on_cpu(case):
        return None
    narrow = width is not None and width < NARROW
    # What a power limit takes off the clock is not for the software to win back.
    won_back = max(found.mfu, found.mfu_at_clock or 0.0)
    advice, settings = _advice(case)
    return Finding(
        id=ID,
        severity="warning" if won_back < LOW and not narrow else "info",
        confidence=0.5 if narrow else 0.7,
        title=f"The run uses {percent(found.mfu)} of what {found.peak_name or 'the GPU'} can do",
        evidence=(
            *_speed(found),
            f"peak {flops(found.peak_flops or 0.0)} ({found.peak_source})",
            *_at_clock(found),
            *((f"n_embd = {width}: small matrices are bound by launches, not by arithmetic",) if narrow else ()),
        ),
        advice=advice,
        settings=settings,
        first_step=_first_step(case),
        step=case.steps.last,
    )


def _at_clock(found: Efficiency) -> tuple[str, ...]:
    if found.mfu_at_clock is None or found.clock_hz is None:
        return ()
    return (f"{percent(found.mfu_at_clock)} of its peak at {found.clock_hz / 1e9:.2f} GHz, its clock now",)


def _speed(found: Efficiency) -> tuple[str, ...]:
    achieved = flops(found.flops_per_gpu or 0.0) + (" a GPU" if found.flops != found.flops_per_gpu else "")
    if found.seconds_per_step is None:
        return (f"{achieved} achieved",)
    return (f"steady {duration(found.seconds_per_step)} per step = {achieved}",)


def _advice(case: Case) -> tuple[tuple[str, ...], Settings]:
    """What to do, and the settings that do it: of what the config shows, else to measure."""
    said, settings = [], []
    if case.flag("compile") is False:
        said.append("Compile the model.")
        settings.append(("compile", True))
    vocabulary = case.size.shape.vocab_size if case.size else None
    if vocabulary is not None and vocabulary % 64:
        padded = -(-vocabulary // 64) * 64
        said.append(f"In a new run pad the vocabulary of {vocabulary:,} to {padded:,}, a multiple of 64.")
    bigger = _bigger_batch(case)
    if bigger:
        said.append(f"Try {in_words(bigger)}: the tokens per step stay the same.")
    if not said:
        said.append("Measure this GPU's real ceiling with `traintop bench`, then look for waits on data or the host.")
    return tuple(said), (*settings, *bigger)


def _bigger_batch(case: Case) -> Settings:
    """The largest micro-batch that fits, where it is larger than the run's."""
    estimate = case.memory
    if estimate is None or estimate.micro_batch is None:
        return ()
    fitting = [c.micro_batch for c in estimate.choices if c.fits and c.micro_batch > (estimate.micro_batch or 0)]
    return batch_settings(case, fitting[-1]) if fitting else ()


def _first_step(case: Case) -> int | None:
    rows = case.metric("step_seconds") if len(case.metric("step_seconds")) else case.metric("tokens_per_second")
    return int(rows.steps[min(ROWS, len(rows) - 1)]) if len(rows) else case.steps.first
