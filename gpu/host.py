"""What this machine's processor is, what a process may use of it, and how busy it is. Linux's files, where they are."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

L3_BYTES = 32 << 20
"""Taken where the system does not tell the size of the last cache."""


def cpu_name(root: Path = Path("/")) -> str:
    """The processor's name, as /proc/cpuinfo says it, else as Python knows it."""
    found = re.search(r"^model name\s*:\s*(.+)$", _text(root / "proc/cpuinfo"), re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine() or "CPU"


def usable_cpus() -> frozenset[int]:
    """The logical CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def usable_threads(root: Path = Path("/")) -> int:
    """Physical cores among the CPUs that this process may run on, within its control group's quota; at least 1."""
    quota = cpu_quota(root)
    cores = physical_cores(usable_cpus(), root)
    return max(1, min(cores, int(quota)) if quota is not None else cores)


def physical_cores(cpus: Iterable[int], root: Path = Path("/")) -> int:
    """How many cores the given CPUs are; a CPU whose siblings are unknown counts as a core."""
    topology = root / "sys/devices/system/cpu"
    return len({_text(topology / f"cpu{n}/topology/thread_siblings_list").strip() or str(n) for n in cpus})


def cpu_quota(root: Path = Path("/")) -> float | None:
    """CPUs' worth of time that the control groups above this process allow it; None without a limit (cgroup v1, v2)."""
    limits: list[float] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        for part in (Path(path), *Path(path).parents):
            limit = _quota(base / str(part).lstrip("/"))
            limits += [limit] if limit is not None else []
    return min(limits, default=None)


def _quota(group: Path) -> float | None:
    words = _text(group / "cpu.max").split() or [
        _text(group / "cpu.cfs_quota_us").strip(),
        _text(group / "cpu.cfs_period_us").strip(),
    ]
    try:
        quota, period = (float(word) for word in words)
    except ValueError:  # "max 100000", or no such file
        return None
    return quota / period if quota > 0 and period > 0 else None


def last_cache_bytes(root: Path = Path("/")) -> int:
    """Bytes of the largest cache that CPU 0 reaches; 32 MiB where unknown."""
    sizes = [_text(path) for path in root.glob("sys/devices/system/cpu/cpu0/cache/index*/size")]
    scale = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    found = [re.fullmatch(r"(\d+)([KMG])", size.strip()) for size in sizes]
    return max((int(match[1]) * scale[match[2]] for match in found if match), default=L3_BYTES)


def available_bytes(root: Path = Path("/")) -> int | None:
    """Memory that can be had without swapping, within the control group's limit; None where unknown."""
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    sizes = [int(found[1]) << 10] if found else []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        base = root / "sys/fs/cgroup" / ("memory" if controllers == "memory" else "") / path.lstrip("/")
        limit = _number(base / "memory.max", base / "memory.limit_in_bytes")
        used = _number(base / "memory.current", base / "memory.usage_in_bytes")
        if limit is not None and used is not None:
            sizes.append(max(0, limit - used))
    return min(sizes, default=None)


def busy_seconds(cpus: Iterable[int], root: Path = Path("/")) -> float | None:
    """CPU-seconds that all processes took on these CPUs since the machine started, with stolen time; None: unknown."""
    stat = _text(root / "proc/stat")
    lines = [re.search(rf"^cpu{cpu} ([\d ]+)$", stat, re.MULTILINE) for cpu in cpus]
    # user nice system idle iowait irq softirq steal; guest time is within user time
    ticks = [[int(word) for word in line[1].split()] for line in lines if line]
    if not ticks or len(ticks) < len(lines):
        return None
    return sum(sum(one[:3]) + sum(one[5:8]) for one in ticks) / os.sysconf("SC_CLK_TCK")


def _number(*paths: Path) -> int | None:
    return next((int(text) for path in paths if (text := _text(path).strip()).isdigit()), None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
