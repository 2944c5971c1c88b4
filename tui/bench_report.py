"""What `bench` prints: a table for people, one JSON object for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpu.bench_result import BenchResult, Measurement, Rate
from tui.text import UNKNOWN, foreign, percent, plain, three_digits
from tui.version import VERSION

SCHEMA = 1
TERA, GIGA = 1e12, 1e9
UNEVEN = 1.2
"""A tenth of the runs took this many times the median: more than clocks and power explain."""


def document(result: BenchResult, saved: Path | None = None) -> dict[str, Any]:
    """The object of `bench --json`: TFLOP/s, hertz, watts, fractions; unknown is None, every float finite."""
    device = result.device
    return {
        "schema": SCHEMA,
        "traintop": VERSION,
        "outcome": result.outcome,
        "reason": result.reason,
        "device": {name: getattr(device, name) for name in ("kind", "name", "uuid", "driver", "threads")}
        if device
        else None,
        "torch": result.torch,
        "contended": result.contended,
        "results": [_row(one) for one in result.measurements],
        "skipped": [{"dtype": s.case.dtype, "shape": list(s.case.shape), "reason": s.reason} for s in result.skipped],
        "peak": {dtype: _peak(one) for dtype, one in result.peak.items()},
        "saved": str(saved) if saved else None,
        "memory_bandwidth": None,
        "model": None,
    }


def _row(one: Measurement) -> dict[str, Any]:
    seen = one.conditions
    return {
        "dtype": one.case.dtype,
        "shape": list(one.case.shape),
        "tflops": {name: getattr(one.rate, name) / TERA for name in ("median", "p10", "p90", "best")},
        "median_seconds": one.median_seconds,
        "runs": one.runs,
        "launches_per_run": one.launches_per_run,
        "settled": one.settled,
        "cold_cache": one.cold_cache,
        "deviation": one.deviation,
        "flags": dict(one.flags),
        "contended": one.contended,
        "sm_clock_hz": seen.sm_clock_hz,
        "power_w": seen.power_watts,
        "temperature_c": seen.temperature_c,
        "throttle": list(seen.throttle) if seen.throttle is not None else None,
        "cpu_share": one.load.ours if one.load else None,
        "others_cpu_share": one.load.others if one.load else None,
    }


def _peak(one: Measurement) -> dict[str, Any]:
    return {
        "tflops": one.rate.median / TERA,
        "shape": list(one.case.shape),
        "share_of_spec": one.share.of_spec,
        "share_at_clock": one.share.at_clock,
    }


def report(result: BenchResult) -> str:
    """The table, the peaks and what they mean, in ASCII; "" where nothing was measured."""
    if not result.measurements:
        return ""
    cpu = result.device is not None and result.device.kind == "cpu"
    scale, unit = (GIGA, "GFLOP/s") if cpu else (TERA, "TFLOP/s")
    rows = [_head(cpu, unit), *(_cells(one, cpu, scale) for one in result.measurements)]
    peaks = [_peak_line(one, scale, unit) for one in result.peak.values()]
    return plain("\n".join([_title(result), "", *aligned(rows), "", *peaks, *_notes(result)]) + "\n")


def _title(result: BenchResult) -> str:
    device = result.device
    threads = f"{device.threads} threads" if device and device.threads else None
    driver = f"driver {device.driver}" if device and device.driver else None
    words = (device.name if device else None, threads, f"torch {result.torch}", driver, "D = A @ B")
    return " · ".join(foreign(word) for word in words if word)


def _head(cpu: bool, unit: str) -> list[str]:
    around = ["CPU time", "others"] if cpu else ["of spec", "at clock", "SM clock", "power", "temp", "throttle"]
    return ["dtype", "M x N x K", f"median {unit}", "p10 - p90", "best", "runs", *around]


def _cells(one: Measurement, cpu: bool, scale: float) -> list[str]:
    rate, seen = one.rate, one.conditions
    spread = f"{three_digits(rate.p10 / scale)} - {three_digits(rate.p90 / scale)}"
    median = three_digits(rate.median / scale) + (" contended" if one.contended else "")
    cells = [one.case.dtype, _shape(one), median, spread, three_digits(rate.best / scale), f"{one.runs:,}"]
    if cpu:
        return [*cells, *(percent(share) for share in ((one.load.ours, one.load.others) if one.load else (None, None)))]
    reasons = UNKNOWN if seen.throttle is None else ", ".join(seen.throttle) or "none"
    clock = _with_unit(seen.sm_clock_hz, GIGA, "GHz")
    around = [clock, _with_unit(seen.power_watts, 1, "W"), _with_unit(seen.temperature_c, 1, "°C"), reasons]
    return [*cells, percent(one.share.of_spec), percent(one.share.at_clock), *around]


def _with_unit(value: float | None, scale: float, unit: str) -> str:
    return UNKNOWN if value is None else f"{three_digits(value / scale)} {unit}"


def _shape(one: Measurement) -> str:
    return " x ".join(str(size) for size in one.case.shape)


def _peak_line(one: Measurement, scale: float, unit: str) -> str:
    line = f"peak {one.case.dtype}  {three_digits(one.rate.median / scale)} {unit} at {_shape(one)}"
    shares = (("of the published peak", one.share.of_spec), ("of the peak at its clock", one.share.at_clock))
    return ", ".join([line, *(f"{percent(share)} {what}" for what, share in shares if share is not None)])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with every column as wide as its widest cell: the first two to the left, the rest to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    padded = [
        [f"{c:<{w}}" if i < 2 else f"{c:>{w}}" for i, (c, w) in enumerate(zip(r, widths, strict=True))] for r in rows
    ]
    return ["  ".join(cells).rstrip() for cells in padded]


def _notes(result: BenchResult) -> list[str]:
    notes = []
    if result.contended:
        notes.append("CONTENDED: something else used the device; this is what was left of it, not what it can do.")
    elif result.contended is None:
        notes.append("NVML does not tell whether anything else used the device.")
    for text, named in (
        (
            "still changing when the warm-up ended, more --seconds help",
            [m for m in result.measurements if not m.settled],
        ),
        (
            "uneven: a tenth of the runs took 1.2 x the median or more",
            [m for m in result.measurements if _uneven(m.rate)],
        ),
        ("partly from the cache: too small to keep it cold", [m for m in result.measurements if not m.cold_cache]),
    ):
        if named:
            notes.append(f"{text}: " + ", ".join(f"{one.case.dtype} {_shape(one)}" for one in named))
    skipped = [(f"{s.case.dtype} {' x '.join(map(str, s.case.shape))}", s.reason) for s in result.skipped]
    return notes + [foreign(f"not measured: {what}: {why}") for what, why in skipped]


def _uneven(rate: Rate) -> bool:
    return rate.median > UNEVEN * rate.p10
