"""How fast the run is and which share of this GPU it uses, with the denominator always named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from diagnosis.model import ModelSize, flops_per_token
from diagnosis.series import Series
from diagnosis.steady import STEADY_ROWS, eval_cost, steady_rows
from parsers.records import Ints, Traits

PeakSource = Literal["spec", "clock", "measured", "flag"]
FlopsSource = Literal["shape", "printed MFU", "6N", "printed TFLOP/s"]

COUNT_OFF = 0.05
"""So far from a whole number the ratio of two speeds, or of two works, may be that counts the GPUs."""
RECOVERY_ROWS = 400
"""The newest printed MFUs that are solved for the FLOPs of a step."""


@dataclass(frozen=True, slots=True)
class Peak:
    """A denominator of the MFU: FLOP/s of one GPU, where it is from, and of which GPU."""

    flops: float
    source: PeakSource
    name: str
    at_clock: float | None = None
    """FLOP/s at the SM clock of now. Throttling and boost are in it: what is missing of it is the software's doing."""
    clock_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Steady speed, eval and checkpoint steps left out. SI units; mfu is a fraction; None is unknown."""

    seconds_per_step: float | None
    tokens_per_second: float | None
    """Of all devices together; None where the log gives those of one and nobody knows how many there are."""
    flops_per_token: float | None
    """6N + 12 L H Q T, PaLM appendix B: attention not halved for causality."""
    flops: float | None
    """Achieved FLOP/s of the model on all GPUs together; None where only those of one are known."""
    flops_per_gpu: float | None
    """None where the run's are known and the number of GPUs is not: a log often says nothing of the other ranks."""
    mfu: float | None
    """flops_per_gpu by peak_flops."""
    peak_flops: float | None
    """FLOP/s, dense, of the GPU that runs it, in the run's precision."""
    peak_source: PeakSource | None
    peak_name: str | None
    mfu_logged: float | None
    """The last that the trainer printed, a fraction of mfu_logged_peak_flops."""
    mfu_logged_peak_flops: float | None
    mfu_logged_peak_name: str | None
    overhead: float | None
    """Share of the wall time that went into evaluations and checkpoints."""
    eval_seconds: float | None
    """What one evaluation with its checkpoint adds to its step."""
    rows: int = 0
    """The rows behind seconds_per_step or tokens_per_second."""
    flops_source: FlopsSource | None = None
    """Where flops_per_token is from. "6N" leaves attention out, so that flops and mfu are lower bounds."""
    mfu_at_clock: float | None = None
    """The share of the peak at the clock that the GPU runs at now, where that is known."""
    clock_hz: float | None = None


def flops_behind_mfu(seconds: Series, mfu: Series, traits: Traits) -> float | None:
    """The FLOPs that one GPU does in a step, from the MFU that the trainer prints against a constant peak.

    The running mean m_k = s m_{k-1} + (1 - s) x_k of consecutive rows is solved for x_k, and x_k dt_k peak is the
    same for each row, evaluations included; the median takes off what the rounding of the print adds.
    None where the peak is a table's, or fewer than 5 rows follow one another.
    Source: nanoGPT train.py (running_mfu) and model.py (estimate_mfu).
    """
    if traits.mfu_peak_flops is None:
        return None
    kept, steps = traits.mfu_smoothing or 0.0, mfu.steps[-RECOVERY_ROWS:]
    values = mfu.values[-RECOVERY_ROWS:]
    at = np.searchsorted(seconds.steps, steps)
    known = at < len(seconds)
    at, steps, values = at[known], steps[known], values[known]
    same = seconds.steps[at] == steps
    at, values = at[same], values[same]
    follows = np.diff(at) == 1
    with np.errstate(invalid="ignore", over="ignore"):
        single = (values[1:] - kept * values[:-1]) / (1 - kept)
        work = (single * seconds.values[at[1:]] * traits.mfu_peak_flops)[follows]
    work = work[np.isfinite(work) & (work > 0)]
    return float(np.median(work)) if len(work) >= 5 else None


@dataclass(frozen=True, slots=True)
class _Pace:
    """Tokens per second of the whole run and of one GPU, and how many GPUs there are; None is unknown."""

    seconds: float | None
    of_run: float | None
    of_one: float | None
    gpus: float | None


def efficiency_of(
    *,
    step_seconds: Series,
    tokens_per_second: Series,
    mfu: Series,
    traits: Traits,
    size: ModelSize | None = None,
    tokens_per_step: float | None = None,
    eval_interval: float | None = None,
    eval_steps: Ints | None = None,
    world_size: float | None = None,
    peak: Peak | None = None,
    tflops: Series | None = None,
) -> Efficiency | None:
    """The run's steady speed and its share of the peak; None where neither times nor an MFU are logged.

    `peak` is of one GPU, `world_size` the number of GPUs; where it is None, two figures of the log that differ by it
    may tell it. Where the shape is unknown the FLOPs of a step are recovered from the printed MFU, and else counted as
    6N. `tflops` are FLOP/s of one GPU as printed: they are taken where nothing better is known.
    """
    contain_eval = traits.step_seconds_contain_eval
    rows = steady_rows(step_seconds, contain_eval=contain_eval, eval_interval=eval_interval, eval_steps=eval_steps)
    logged, printed = _recent(tokens_per_second), None if tflops is None else _recent(tflops)
    if not len(rows) and logged is None and mfu.last is None and printed is None:
        return None
    work_of_one = flops_behind_mfu(step_seconds, mfu, traits)
    gpus = world_size or _gpus_by_work(size, tokens_per_step, work_of_one)
    pace = _pace(_recent(rows), tokens_per_step, logged, traits, gpus)
    work = _work(size, tokens_per_step, work_of_one, printed, pace)
    timed = contain_eval and len(rows)
    cost = eval_cost(step_seconds, pace.seconds or 0.0, eval_interval, eval_steps) if timed else None
    return Efficiency(
        seconds_per_step=pace.seconds,
        tokens_per_second=pace.of_run,
        flops_per_token=work.of_token,
        flops=work.of_run,
        flops_per_gpu=work.of_one,
        mfu=_share(work.of_one, peak.flops if peak else None),
        peak_flops=peak.flops if peak else None,
        peak_source=peak.source if peak else None,
        peak_name=peak.name if peak else None,
        mfu_logged=mfu.last if (mfu.last or 0.0) > 0 else None,
        mfu_logged_peak_flops=traits.mfu_peak_flops,
        mfu_logged_peak_name=traits.mfu_peak_name,
        overhead=None if cost is None else cost.share,
        eval_seconds=None if cost is None else cost.seconds,
        rows=len(rows) or len(tokens_per_second.finite.values[-STEADY_ROWS:]),
        flops_source=work.source,
        mfu_at_clock=_share(work.of_one, peak.at_clock if peak else None),
        clock_hz=peak.clock_hz if peak else None,
    )


def _recent(series: Series) -> float | None:
    """The median of the newest values that are numbers."""
    values = series.finite.values[-STEADY_ROWS:]
    return float(np.median(values)) if len(values) else None


def _times(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one * other


def _whole(ratio: float) -> float | None:
    """The count that the ratio is, as far as two measurements tell it; None where it is none."""
    count = round(ratio) if np.isfinite(ratio) else 0
    return float(count) if count >= 1 and abs(ratio - count) <= min(COUNT_OFF * ratio, 0.25) else None


def _gpus_by_work(size: ModelSize | None, tokens_per_step: float | None, work_of_one: float | None) -> float | None:
    """How many GPUs share the step's work, by what the printed MFU says that one of them does of it."""
    if size is None or size.parameters is None or not tokens_per_step or not work_of_one:
        return None
    exact = flops_per_token(size.parameters, size.shape)
    return None if exact is None else _whole(exact * tokens_per_step / work_of_one)


def _pace(
    seconds: float | None, tokens_per_step: float | None, logged: float | None, traits: Traits, gpus: float | None
) -> _Pace:
    """Seconds of a step and tokens per second, each from the other where only one is logged."""
    of_run = tokens_per_step / seconds if seconds and tokens_per_step else None
    of_one = logged if traits.tokens_per_second_of == "device" else None
    if of_run is None and of_one is None:
        of_run = logged
    if gpus is None and of_run and of_one:
        gpus = _whole(of_run / of_one)
    if of_run is None:
        of_run = _times(of_one, gpus)
    elif gpus:
        of_one = of_run / gpus
    if seconds is None and of_run and tokens_per_step:
        seconds = tokens_per_step / of_run
    return _Pace(seconds, of_run, of_one, gpus)


@dataclass(frozen=True, slots=True)
class _Work:
    """FLOPs of a token, and FLOP/s of the whole run and of one GPU; None is unknown."""

    of_token: float | None
    of_run: float | None
    of_one: float | None
    source: FlopsSource | None


def _work(
    size: ModelSize | None,
    tokens_per_step: float | None,
    work_of_one: float | None,
    printed: float | None,
    pace: _Pace,
) -> _Work:
    """By the shape where it is known; else as the printed MFU tells, then as the printed FLOP/s do, then by 6N."""
    work, source = _flops_per_token(size, tokens_per_step, work_of_one, pace.gpus)
    run, one = _times(work, pace.of_run), _times(work, pace.of_one)
    poor = source == "6N" or (run is None and one is None)
    if poor and work_of_one and pace.seconds:
        one, source, poor = work_of_one / pace.seconds, "printed MFU", False
        run = _times(one, pace.gpus)
    if poor and printed is not None:
        one, run, source = printed, _times(printed, pace.gpus), "printed TFLOP/s"
    return _Work(work, run, one, source)


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _flops_per_token(
    size: ModelSize | None, tokens_per_step: float | None, work_of_one: float | None, gpus: float | None
) -> tuple[float | None, FlopsSource | None]:
    if size is not None and size.parameters is not None:
        exact = flops_per_token(size.parameters, size.shape)
        if exact is not None:
            return exact, "shape"
    if work_of_one is not None and tokens_per_step and gpus:
        return work_of_one * gpus / tokens_per_step, "printed MFU"
    if size is not None and size.parameters is not None:
        return 6 * size.parameters, "6N"
    return None, None
