"""What a run will cost and reach, from its settings alone, before a GPU hour is spent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from diagnosis.budget import CHINCHILLA_TOKENS_PER_PARAMETER, Budget, budget_of
from diagnosis.case import Case
from diagnosis.device import on_cpu
from diagnosis.efficiency import Efficiency, Peak
from diagnosis.memory import MemoryEstimate, estimate, setting_of
from diagnosis.memory_law import why_not
from diagnosis.model import ModelSize, flops_per_token, size_of
from diagnosis.optimiser import Band, best_batch, is_adam, rate_band
from diagnosis.shape import Parts, Shape, parts_of
from gpu.peaks import find

Basis = Literal["own pace", "measured peak", "spec peak"]

OWN_SPREAD = (0.95, 1.05)
"""Of a run's own steady pace: evaluations and checkpoints, clocks and neighbours."""
OTHER_SHAPE_SPREAD = (0.80, 1.25)
"""The same at other dimensions: 124M reached 1.19 times the FLOP/s of 41M in two runs on one RTX 4070."""
FEW_FLOPS_PER_BYTE = 200.0
"""Below that many peak FLOPs for each byte that the memory gives (RTX 4070 116, A100 153, RTX 4090 164; MI300X 247,
H100 295), what is no matmul costs little: a roofline of nanoGPT's model gives 73 to 82 % on an RTX 4070, 78 on an A100
and 67 on an H100, of which 85 to 92 % were reached."""
EASY_SHARE = (0.40, 0.85)
"""MFU of compiled training on such GPUs: 69, 70 and 82 % of an RTX 4070 (nanoGPT, 41M and 124M), 55 % of an RTX 4090
(nanoGPT issue 182), 72 and 74 % of an A100 (FlashAttention-2, arXiv 2307.08691; nanochat pull request 147)."""
HARD_SHARE = (0.28, 0.50)
"""On the others: 40 % of 8 H100 (llm.c, 10B tokens of a 124M model in 45 minutes), 38 to 43 % (Llama 3, arXiv
2407.21783, table 4), 28 and 36 % of an MI300X (nanoGPT 760M, nanochat)."""
MEASURED_SHARE = (0.40, 0.85)
"""Of a measured matmul peak, which is 0.75 to 0.95 of the published one."""
EAGER_FACTOR = 1.85
"""What torch.compile gains: 250 to 135 ms an iteration (nanoGPT, README)."""
COUNT_OFF = 0.02
"""So far the parts may be from a printed count: biases, padding, one norm more."""
SMALLEST_WIDTH = 384
"""The narrowest model of which those shares were seen; below, launching kernels may cost more than running them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """FLOP/s of all GPUs together, from `low` to `high`, and what that rests on."""

    low: float
    high: float
    basis: Basis
    gpus: float
    share: tuple[float, float] | None = None
    """Of the peak, where it rests on one."""
    peak: Peak | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One run as it is planned. FLOPs are of the whole run, hours of the wall clock; None is unknown."""

    size: ModelSize | None
    parts: Parts
    flops_per_token: float | None
    tokens_per_step: float | None
    steps: float | None
    tokens: float | None
    tokens_assumed: bool
    """Whether nothing says how many tokens, and 20 per parameter were taken."""
    flops: float | None
    hours: tuple[float, float] | None
    budget: Budget | None
    memory: MemoryEstimate | None
    memory_unknown: str | None
    """Why there is no estimate."""
    rates: Band | None
    """Peak learning rates by the laws, for AdamW from scratch; None for what else is known to train it."""
    best_batch: float | None
    """Tokens of a step by the same laws."""


def pace_of_run(speed: Efficiency | None, *, same_shape: bool) -> Pace | None:
    """What this very run reached on its GPUs; None where its log does not tell."""
    if speed is None or not speed.flops:
        return None
    low, high = OWN_SPREAD if same_shape else OTHER_SHAPE_SPREAD
    gpus = round(speed.flops / speed.flops_per_gpu) if speed.flops_per_gpu else 1
    return Pace(low * speed.flops, high * speed.flops, "own pace", float(gpus))


def pace_of_peak(peak: Peak | None, *, gpus: float, compiled: bool | None, width: int | None) -> Pace | None:
    """What training usually makes of a GPU's peak; None for models too narrow to fill one.

    Where nothing says whether the model is compiled, the low end is that of one which is not.
    """
    if peak is None or width is None or width < SMALLEST_WIDTH:
        return None
    low, high = _usual_share(peak)
    low, high = (low if compiled else low / EAGER_FACTOR), (high / EAGER_FACTOR if compiled is False else high)
    basis: Basis = "measured peak" if peak.source in ("measured", "flag") else "spec peak"
    return Pace(low * peak.flops * gpus, high * peak.flops * gpus, basis, gpus, (low, high), peak)


def _usual_share(peak: Peak) -> tuple[float, float]:
    if peak.source in ("measured", "flag"):
        return MEASURED_SHARE
    spec = find(peak.name)
    bandwidth = None if spec is None else spec.bandwidth_bytes_per_second
    return EASY_SHARE if bandwidth and peak.flops / bandwidth < FEW_FLOPS_PER_BYTE else HARD_SHARE


def plan_of(case: Case, *, pace: Pace | None = None, limit_bytes: float | None = None) -> Plan:
    """The plan of a run that has not begun: `case` holds its settings. Where it plans no tokens, 20 per parameter."""
    return _planned(case, case.size, _tokens_planned(case), pace, limit_bytes)


def resized(case: Case, shape: Shape, *, tokens: float | None, pace: Pace | None, limit_bytes: float | None) -> Plan:
    """The plan of the same run with a model of another shape, on `tokens`, or on as many as it plans."""
    return _planned(case, size_of(shape), tokens or _tokens_planned(case), pace, limit_bytes)


def _planned(
    case: Case, size: ModelSize | None, tokens: float | None, pace: Pace | None, limit_bytes: float | None
) -> Plan:
    shape = size.shape if size else Shape()
    parameters = size.parameters if size else None
    assumed = tokens is None and parameters is not None
    if parameters is not None and assumed:
        tokens = CHINCHILLA_TOKENS_PER_PARAMETER * parameters
    each = None if parameters is None else flops_per_token(parameters, shape)
    flops = None if each is None or tokens is None else each * tokens
    return Plan(
        size=size,
        parts=_parts(size),
        flops_per_token=each,
        tokens_per_step=case.tokens_per_step,
        steps=None if tokens is None or not case.tokens_per_step else tokens / case.tokens_per_step,
        tokens=tokens,
        tokens_assumed=assumed,
        flops=flops,
        hours=None if flops is None or pace is None else (flops / pace.high / 3600, flops / pace.low / 3600),
        budget=budget_of(
            size,
            tokens_seen=None,
            tokens_planned=tokens,
            unique_tokens=case.number("unique_tokens"),
            dataset=case.text("dataset"),
            vocab_size=shape.vocab_size,
        ),
        memory=None if on_cpu(case) else _memory(case, size, limit_bytes),
        memory_unknown="it trains on the CPU" if on_cpu(case) else why_not(size, setting_of(case.facts)),
        rates=_rates(case, size, tokens),
        best_batch=best_batch(tokens) if tokens and _is_usual(case) else None,
    )


def _is_usual(case: Case) -> bool:
    """Whether nothing says that it is trained otherwise than from scratch, by Adam and without experts."""
    begins = (case.text("init_from") or "scratch").lower()
    adam = "optimizer" not in case.facts or is_adam(case)
    return begins == "scratch" and adam and (case.number("n_expert") or 1) <= 1


def _rates(case: Case, size: ModelSize | None, tokens: float | None) -> Band | None:
    if size is None or size.parameters is None or not tokens or not _is_usual(case):
        return None
    return rate_band(size.parameters, size.non_embedding, tokens, case.tokens_per_step)


def _memory(case: Case, size: ModelSize | None, limit_bytes: float | None) -> MemoryEstimate | None:
    """For the run's own micro-batch, or for one sequence where that is unknown."""
    return estimate(
        size,
        micro_batch=case.number("batch_size") or 1,
        tokens_per_step=case.tokens_per_step,
        setting=setting_of(case.facts),
        limit_bytes=limit_bytes,
    )


def _parts(size: ModelSize | None) -> Parts:
    """By part, as far as the parts make the count that the log prints: else its layout is another."""
    if size is None:
        return parts_of(Shape())
    parts, total = parts_of(size.shape), size.parameters
    if parts.parameters is None or total is None or abs(parts.parameters - total) <= COUNT_OFF * total:
        return parts
    return replace(parts, position_embedding=None, attention=None, mlp=None, norms=None, head=None)


def _tokens_planned(case: Case) -> float | None:
    """As planned: in steps, in tokens, or in epochs over data that were counted."""
    if case.tokens_planned is not None:
        return case.tokens_planned
    told, epochs, unique = (case.number(name) for name in ("planned_tokens", "planned_epochs", "unique_tokens"))
    return told or (epochs * unique if epochs and unique else None)
