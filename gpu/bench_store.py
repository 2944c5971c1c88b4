"""Measured peaks, kept under the user's cache directory: what the MFU of later runs on this GPU is compared with."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpu.bench_result import BenchResult

SCHEMA = 1


def store_path(key: str) -> Path:
    """The file for a GPU's UUID or a CPU's name."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    cache = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return cache / "traintop" / "bench" / (re.sub(r"[^\w.-]+", "_", key).strip("._")[:120] + ".json")


def why_unsaved(result: BenchResult) -> str | None:
    """Why this result is no reference for later runs, or None."""
    if result.outcome != "done":
        return f"it was {result.outcome}" if result.outcome != "error" else "it failed"
    if not result.measurements:
        return "nothing was measured"
    if all(one.contended for one in result.measurements):
        return "something else used the device"
    return None if _key(result) else "the device has no name to keep it by"


def save(result: BenchResult) -> Path:
    """Merges the peaks by type into the device's file, at once or not at all; raises OSError where it cannot.

    A contended measurement is left out: it says what was left of the device, not what it can do.
    """
    path = store_path(_key(result))
    known = _read(path).get("peak")
    peak: dict[str, Any] = dict(known) if isinstance(known, dict) else {}
    for dtype, best in result.peak.items():
        if not best.contended:
            flops, shape = best.rate.median, list(best.case.shape)
            peak[dtype] = {"tflops": flops / 1e12, "shape": shape, "torch": result.torch, "measured_at": time.time()}
    device = {"kind": result.device.kind, "name": result.device.name} if result.device else {}
    _write(path, {"schema": SCHEMA, "device": device, "peak": peak})
    return path


def load_saved(gpu_uuid: str) -> dict[str, float] | None:
    """Measured peaks in FLOP/s by type (bf16, fp16, tf32, fp32, fp8) of the GPU with this UUID; None if there are none.

    Never raises: a file that cannot be read is no file.
    """
    peak = _read(store_path(gpu_uuid)).get("peak")
    found: dict[str, float] = {}
    for dtype, one in peak.items() if isinstance(peak, dict) else ():
        tflops = one.get("tflops") if isinstance(one, dict) else None
        if isinstance(tflops, int | float) and not isinstance(tflops, bool) and math.isfinite(tflops) and tflops > 0:
            found[dtype] = tflops * 1e12
    return found or None


def _key(result: BenchResult) -> str:
    return (result.device.uuid or result.device.name or "") if result.device else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return saved if isinstance(saved, dict) and saved.get("schema") == SCHEMA else {}


def _write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, allow_nan=False)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
