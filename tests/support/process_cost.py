"""What a whole process costs: processor and wall seconds, and its peak memory. For benchmarks."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from time import perf_counter

MIB = 2**20
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Python keeps its compiled modules, as an installed program has them."""
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: processor and wall seconds, and its peak memory in bytes."""

    cpu: float
    wall: float
    peak: int


def run(command: list[str]) -> Cost:
    """Runs a command to its end, its output thrown away."""
    started = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
    complaint = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {complaint.decode(errors='replace')}")
    return Cost(usage.ru_utime + usage.ru_stime, perf_counter() - started, usage.ru_maxrss * RSS_UNIT)


def spread(values: list[float], unit: str, digits: int = 2) -> str:
    """Median and range."""
    shown = f"{statistics.median(values):.{digits}f} {unit}".rstrip()
    return f"{shown} ({min(values):.{digits}f} - {max(values):.{digits}f})"
