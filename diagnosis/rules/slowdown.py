"""Rule slowdown."""

from __future__ import annotations

import numpy as np

from diagnosis.case import Case
from diagnosis.efficiency import eval_rows
from diagnosis.finding import Finding
from diagnosis.series import Series
from gpu.sample import GpuSample

ID = "slowdown"

ROWS = 20
"""Rows of one block: the median of fewer wanders too much."""
FACTOR = 1.15
HISTORY = 200
"""Blocks at most; older ones are thinned, so that the cost does not grow with the run."""


def rule(case: Case) -> Finding | None:
    """Steps became slower and stayed so.

    Fires when the rows without evaluation, in blocks of 20, split at some step into a faster part of 2 blocks or more
    and a slower part that lasts to the end, with medians 15 % apart and with nine in ten slower blocks above every
    but one in twenty of the faster ones. First rows (compilation) are left out. Joined with the GPU's throttle reasons.

    Why: a job that slows down in mid-run shares its GPU, is throttled, waits for data, or does more work a step.
    Do: look at clocks, temperature and other processes on the GPU, then at the data loader.
    False alarms: a sequence length or batch size that is raised on purpose; a CPU that others use.
    Sources: SageMaker Debugger's and runwise's throughput rules; threshold by the wander of healthy logs (below 5 %).
    """
    rows = steady_rows(case)
    if len(rows) < 4 * ROWS:
        return None
    medians, first_steps = _blocks(rows)
    at = _change(medians)
    if at is None:
        return None
    before, after = float(np.median(medians[:at])), float(np.median(medians[at:]))
    causes = tuple(c for sample in case.gpus for c in _gpu_causes(sample))
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.85,
        title=f"Steps are {after / before - 1:.0%} slower since step {int(first_steps[at]):,}",
        evidence=(
            f"median {_seconds(before)} a step before, {_seconds(after)} since",
            f"{len(medians) - at} blocks of {ROWS} rows since, nine in ten above the faster ones",
            *causes,
        ),
        advice=(
            "See why the GPU slows down: " + "; ".join(causes) + "."
            if causes
            else "Look for another process on the GPU or the CPU, for throttling, then for a data loader that waits.",
        ),
        first_step=int(
            rows.steps[min(len(rows) - 1, int(np.searchsorted(rows.steps, first_steps[at])) + 2 * ROWS - 1)]
        ),
        step=int(rows.steps[-1]),
    )


def steady_rows(case: Case) -> Series:
    """All step_seconds of plain steps: without evaluations and the first rows, which compile."""
    seconds = case.metric("step_seconds").finite
    if not len(seconds):
        return seconds
    plain = ~eval_rows(seconds, case.number("eval_interval"), case.metric("val_loss").steps)
    plain[: min(len(plain), 5)] = False
    return Series(seconds.name, seconds.steps[plain], seconds.values[plain])


def _blocks(rows: Series) -> tuple[np.ndarray, np.ndarray]:
    count = len(rows) // ROWS
    values = rows.values[len(rows) - count * ROWS :].reshape(count, ROWS)
    steps = rows.steps[len(rows) - count * ROWS :].reshape(count, ROWS)[:, 0]
    if count > HISTORY:
        keep = np.unique(np.linspace(0, count - 1, HISTORY).astype(int))
        values, steps = values[keep], steps[keep]
    return np.median(values, axis=1), steps


def _change(medians: np.ndarray) -> int | None:
    """The first block of the slower part, None where the blocks do not fall into two."""
    best, best_at = 0.0, None
    for at in range(2, len(medians) - 1):
        before, after = medians[:at], medians[at:]
        if np.median(after) < FACTOR * np.median(before) or after[-1] < FACTOR * np.median(before):
            continue
        if np.quantile(after, 0.1) <= np.quantile(before, 0.95):
            continue
        gain = float(np.log(np.median(after) / np.median(before))) * min(at, len(medians) - at) ** 0.5
        if gain > best:
            best, best_at = gain, at
    return best_at


def _gpu_causes(sample: GpuSample) -> list[str]:
    causes = []
    name = f"GPU {sample.index}" if sample.index is not None else "the GPU"
    hard = [r for r in sample.throttle or () if r in ("hw_slowdown", "hw_thermal", "hw_power_brake", "sw_thermal")]
    if hard:
        heat = f" at {sample.temperature_c:.0f} °C" if sample.temperature_c is not None else ""
        causes.append(f"{name} is throttled ({', '.join(hard)}){heat}")
    others = [p for p in sample.processes or () if p.this_run is False]
    if others:
        causes.append(
            f"{len(others)} other {'process computes' if len(others) == 1 else 'processes compute'} on {name}"
        )
    return causes


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"
