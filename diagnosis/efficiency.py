"""How fast the run is and which share of this GPU it uses, with the denominator always named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from diagnosis.model import ModelSize, flops_per_token
from diagnosis.series import Series
from parsers.records import Ints, Traits

Bools = npt.NDArray[np.bool_]
PeakSource = Literal["spec", "clock", "measured", "flag"]
FlopsSource = Literal["shape", "printed MFU", "6N", "printed TFLOP/s"]

STEADY_ROWS = 50
"""Rows whose median is the steady speed: enough against jitter, few enough to follow a change."""
WARM_UP_ROWS = 5
"""Rows at the start that compile and warm up; a fifth of the rows in a log that has fewer than 25."""
SLOW_ROW = 2.0
"""Where evaluations are not announced, a row of more than this many medians holds one."""
RANKS_OFF = 0.05
"""So far from a whole number the ratio of two measured speeds may be."""
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
    """Achieved FLOP/s of the model."""
    mfu: float | None
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
    mfu_at_clock: float | None = None
    """The share of the peak at the clock that the GPU runs at now, where that is known."""
    clock_hz: float | None = None
    """Where flops_per_token is from. "6N" leaves attention out, so that flops and mfu are lower bounds."""


LEAST_EVAL_SHARE = 0.1
"""Below this share of a step what an eval row takes longer is noise: the trainer does not time its evals."""


@dataclass(frozen=True, slots=True)
class EvalCost:
    """What evaluation and checkpoint cost: seconds on top of their step, and the share of the wall time."""

    seconds: float
    share: float | None


def eval_rows(seconds: Series, interval: float | None, eval_steps: Ints | None = None) -> Bools:
    """Which rows of `seconds` timed an evaluation too, bool of shape (n,).

    Those at a multiple of `interval` (steps); where that is unknown those at one of `eval_steps`, and where both are
    unknown those of more than SLOW_ROW medians.
    """
    if interval is not None and interval >= 1:
        return np.asarray(seconds.steps % round(interval) == 0)
    if eval_steps is not None and len(eval_steps):
        return np.isin(seconds.steps, eval_steps)
    known = seconds.finite.values
    if not len(known):
        return np.zeros(len(seconds), np.bool_)
    return np.asarray(seconds.values > SLOW_ROW * np.median(known))


def steady_rows(
    seconds: Series,
    *,
    contain_eval: bool,
    eval_interval: float | None = None,
    eval_steps: Ints | None = None,
    window: int = STEADY_ROWS,
) -> Series:
    """The newest `window` rows that time a plain step: no evaluation or checkpoint, no compilation."""
    start = max(len(seconds) - 4 * window, min(WARM_UP_ROWS, max(1, len(seconds) // 5)))
    tail = Series(seconds.name, seconds.steps[start:], seconds.values[start:])
    plain = np.isfinite(tail.values) & (tail.values > 0)
    if contain_eval:
        plain &= ~eval_rows(tail, eval_interval, eval_steps)
    return Series(seconds.name, tail.steps[plain][-window:], tail.values[plain][-window:])


def steady_step_seconds(
    seconds: Series,
    *,
    contain_eval: bool,
    eval_interval: float | None = None,
    eval_steps: Ints | None = None,
    window: int = STEADY_ROWS,
) -> float | None:
    """Seconds of one plain step, the median of steady_rows; None where there is no such row."""
    rows = steady_rows(
        seconds, contain_eval=contain_eval, eval_interval=eval_interval, eval_steps=eval_steps, window=window
    )
    return float(np.median(rows.values)) if len(rows) else None


def eval_cost(
    seconds: Series, steady: float, eval_interval: float | None, eval_steps: Ints | None = None
) -> EvalCost | None:
    """What the newest evaluations added to their steps, where their rows time them too; None where none is seen."""
    at = _announced(seconds, eval_interval, eval_steps)
    rows = np.searchsorted(seconds.steps, at)
    rows = rows[(rows > 0) & (rows < len(seconds))]
    rows = rows[np.isin(seconds.steps[rows], at)]
    values = seconds.values[rows]
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    extra = float(np.median(values)) - steady
    if extra <= LEAST_EVAL_SHARE * steady:
        return None
    every = eval_interval
    if every is None and eval_steps is not None and len(eval_steps) > 1:
        every = float(np.median(np.diff(eval_steps[-STEADY_ROWS:])))
    return EvalCost(extra, None if not every else extra / (extra + every * steady))


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

    `peak` is of one GPU, the run's FLOP/s of all `world_size` (None: one). Where the shape is unknown the FLOPs of a
    step are recovered from the printed MFU, and else counted as 6N. `tflops` are FLOP/s of one GPU as printed: they
    are taken where nothing better is known.
    """
    contain_eval = traits.step_seconds_contain_eval
    rows = steady_rows(step_seconds, contain_eval=contain_eval, eval_interval=eval_interval, eval_steps=eval_steps)
    speeds = tokens_per_second.finite.values[-STEADY_ROWS:]
    printed = (
        None if tflops is None or not len(tflops.finite) else float(np.median(tflops.finite.values[-STEADY_ROWS:]))
    )
    if not len(rows) and not len(speeds) and mfu.last is None and printed is None:
        return None
    of_one = traits.tokens_per_second_of == "device"
    known_ranks = world_size or (_ranks(rows, tokens_per_step, speeds) if of_one else None)
    ranks = max(known_ranks or 1.0, 1.0)
    if of_one and known_ranks is not None:
        speeds, of_one = speeds * ranks, False
    seconds, speed = _pace(rows, None if of_one else tokens_per_step, speeds)
    step_flops = _of_all(flops_behind_mfu(step_seconds, mfu, traits), ranks)
    work, source = _flops_per_token(size, tokens_per_step, step_flops)
    flops = None if work is None or speed is None else work * speed
    if flops is None and step_flops and seconds:
        flops, source = step_flops / seconds, "printed MFU"
    if printed is not None and (flops is None or source == "6N"):
        flops, source = printed * ranks, "printed TFLOP/s"
    cost = eval_cost(step_seconds, seconds or 0.0, eval_interval, eval_steps) if contain_eval and len(rows) else None
    return Efficiency(
        seconds_per_step=seconds,
        tokens_per_second=None if of_one else speed,
        flops_per_token=work,
        flops=flops,
        mfu=_share(flops, peak.flops * ranks, known_ranks) if peak else None,
        peak_flops=peak.flops if peak else None,
        peak_source=peak.source if peak else None,
        peak_name=peak.name if peak else None,
        mfu_logged=mfu.last if (mfu.last or 0.0) > 0 else None,
        mfu_logged_peak_flops=traits.mfu_peak_flops,
        mfu_logged_peak_name=traits.mfu_peak_name,
        overhead=None if cost is None else cost.share,
        eval_seconds=None if cost is None else cost.seconds,
        rows=len(rows) or len(speeds),
        flops_source=source,
        mfu_at_clock=_share(flops, peak.at_clock * ranks, known_ranks) if peak and peak.at_clock else None,
        clock_hz=peak.clock_hz if peak else None,
    )


def _announced(seconds: Series, interval: float | None, eval_steps: Ints | None) -> Ints:
    if not len(seconds):
        return np.empty(0, np.int64)
    if interval is not None and interval >= 1:
        every, last = round(interval), int(seconds.steps[-1])
        newest = last // every
        return np.arange(max(1, newest - STEADY_ROWS), newest + 1, dtype=np.int64) * every
    return np.empty(0, np.int64) if eval_steps is None else eval_steps[-STEADY_ROWS:]


def _of_all(flops_of_one: float | None, ranks: float) -> float | None:
    return None if flops_of_one is None else flops_of_one * ranks


def _ranks(rows: Series, tokens_per_step: float | None, speeds: npt.NDArray[np.float64]) -> float | None:
    """How many devices there are, from the tokens per second of all and of one; None where that is no whole number."""
    if not len(rows) or not len(speeds) or not tokens_per_step:
        return None
    ratio = tokens_per_step / float(np.median(rows.values)) / float(np.median(speeds))
    return float(round(ratio)) if abs(ratio - round(ratio)) <= RANKS_OFF * ratio and round(ratio) >= 1 else None


def _share(flops: float | None, peak: float, ranks: float | None) -> float | None:
    """The share of the peak; None where it is more than all of one GPU and nobody knows how many there are."""
    share = None if flops is None else flops / peak
    return None if share is not None and share > 1.0 and ranks is None else share


def _pace(
    rows: Series, tokens_per_step: float | None, logged: npt.NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Seconds of a step and tokens per second, each from the other where only one is logged."""
    seconds = float(np.median(rows.values)) if len(rows) else None
    if seconds is not None and tokens_per_step:
        return seconds, tokens_per_step / seconds
    speed = float(np.median(logged)) if len(logged) else None
    if seconds is None and speed and tokens_per_step:
        seconds = tokens_per_step / speed
    return seconds, speed


def _flops_per_token(
    size: ModelSize | None, tokens_per_step: float | None, recovered: float | None
) -> tuple[float | None, FlopsSource | None]:
    if size is not None and size.parameters is not None:
        exact = flops_per_token(size.parameters, size.shape)
        if exact is not None:
            return exact, "shape"
    if recovered is not None and tokens_per_step:
        return recovered / tokens_per_step, "printed MFU"
    if size is not None and size.parameters is not None:
        return 6 * size.parameters, "6N"
    return None, None
