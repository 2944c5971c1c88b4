"""Rule low-mfu."""

from __future__ import annotations

from diagnosis.batch import Settings, batch_settings, in_words
from diagnosis.case import Case
from diagnosis.device import fills_no_gpu, on_cpu
from diagnosis.efficiency import Efficiency
from diagnosis.finding import Finding
from diagnosis.needs import PEAK_FLOPS, STEP_SECONDS, either, logged
from diagnosis.plan import FEW_FLOPS_PER_BYTE
from diagnosis.wording import duration, flops, percent
from gpu.peaks import find

ID = "low-mfu"
NEEDS = (PEAK_FLOPS, either(STEP_SECONDS, logged("tokens_per_second", "tokens per second")))

LOW, MODEST = 0.35, 0.50
"""By judgement: half of what compiled training reaches on GPUs that are easy to fill, 0.69 to 0.82 on an RTX 4070 and
0.72 to 0.74 on an A100 (the sources stand in diagnosis/plan.py), and the least that is not unusual there."""
HARD_LOW, HARD_MODEST = 0.28, 0.40
"""Where there are more FLOPs for each byte of memory traffic: 0.28 and 0.36 of an MI300X, 0.38 to 0.43 of an H100 in
Llama 3 (arXiv 2407.21783, table 4)."""
ROWS = 20
NARROW = 512
"""By judgement: below this width launches and memory traffic take much of the time. 384 reached 0.69 of an RTX 4070."""


def rule(case: Case) -> Finding | None:
    """The run uses little of what this very GPU can do.

    Fires when the model's FLOP/s over 20 steady steps or more are below 50 % of the peak of the run's own GPU (a
    note) or below 35 % (a warning; a note for models narrower than 512); below 40 and 28 % of the published peak of a
    GPU with 200 FLOPs and more for each byte of its memory's bandwidth (H100, H200, MI300X). Evaluations, checkpoints
    and compilation are left out. A note only where the peak at the clock that the GPU runs at leaves it above the lower
    limit. Silent on a CPU, for models narrower than 256 or below 5M parameters, and where peak or FLOPs are unknown.

    Why: a compiled dense model of 100M parameters reaches 70 % of one A100 or RTX 4070, and 40 % of an H100; much less
    is time paid for nothing.
    Do: compile, raise the micro-batch, keep all dimensions multiples of 64.
    False alarms: small models, which launches and not arithmetic bind; a peak that the card's power limit never allows;
    recomputed activations, whose FLOPs are not counted; a model that is split over many GPUs.
    Sources: PaLM appendix B (MFU); nanoGPT, llm.c and torchtitan logs; NVIDIA's guide on tensor-core shapes.
    """
    found = case.efficiency
    if found is None or found.mfu is None or found.rows < ROWS or found.flops_source == "6N":
        return None
    low, modest = _limits(found)
    if found.mfu >= modest or fills_no_gpu(case) or on_cpu(case):
        return None
    width = case.size.shape.n_embd if case.size else None
    narrow = width is not None and width < NARROW
    # What a power limit takes off the clock is not for the software to win back.
    won_back = max(found.mfu, found.mfu_at_clock or 0.0)
    advice, settings = _advice(case)
    return Finding(
        id=ID,
        severity="warning" if won_back < low and not narrow else "info",
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


def _limits(found: Efficiency) -> tuple[float, float]:
    """The shares of the peak below which it is low, and below which it is modest."""
    spec = find(found.peak_name or "")
    bandwidth = None if spec is None or found.peak_source in ("measured", "flag") else spec.bandwidth_bytes_per_second
    hard = bandwidth and found.peak_flops and found.peak_flops / bandwidth >= FEW_FLOPS_PER_BYTE
    return (HARD_LOW, HARD_MODEST) if hard else (LOW, MODEST)


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
