"""The GPUs: busy, memory, power, heat and what slows them down. What cannot be read is a dash with its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from gpu.sample import GpuSample, Throttle
from tui import text
from tui.look import Look
from tui.panels.gpu_details import details, processes_line
from tui.panels.parts import Group, framed, on_cpu, one_line, short_name
from tui.row import Part, bar, cells, lay, row
from tui.snapshot import Snapshot

BLOCKS = "▁▂▃▄▅▆▇"
ASCII_BLOCKS = "_.-:=+#"
THROTTLES: dict[Throttle, str] = {
    "gpu_idle": "idle",
    "application_clocks": "clocks set by user",
    "sw_power_cap": "power cap",
    "hw_slowdown": "hardware slowdown",
    "sync_boost": "sync boost",
    "sw_thermal": "thermal limit",
    "hw_thermal": "overheated",
    "hw_power_brake": "power brake",
    "display_clocks": "display clocks",
}
HARMLESS: frozenset[Throttle] = frozenset({"gpu_idle", "sw_power_cap", "application_clocks", "display_clocks"})
FULL = 0.97
"""VRAM beyond this share is said in the warning colour."""
PANEL_HISTORY = 10


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """One line a GPU, then its processes where there is room; in a frame from 3 lines on."""
    gpus = snapshot.gpus
    if height < 3:
        return one_line("gpu", _short(snapshot, look), width, height, look)
    inner = width - 4
    if not gpus:
        strips = [row([(f"{text.UNKNOWN} {_why_none(snapshot)}", look.palette.dim)], inner, look)]
    else:
        strips = [_strip(snapshot, at, inner, look) for at in range(len(gpus))]
        if look.full == "gpu":
            strips += details(gpus, inner, look)
        elif len(strips) < height - 2:
            strips += processes_line(gpus, inner, look)
        strips = _shortened(strips, len(gpus), height - 2, inner, look)
        scrolled = min(look.scroll if look.full == "gpu" else 0, max(0, len(strips) - (height - 2)))
        strips = strips[scrolled:]
    return framed("gpu", _title(gpus, look), strips, (width, height), look)


def _shortened(strips: list[Strip], gpus: int, room: int, width: int, look: Look) -> list[Strip]:
    """Says how many GPUs do not fit, in the place of the last one that would."""
    if look.full == "gpu" or gpus <= room or room < 2:
        return strips
    hidden = f"… {gpus - room + 1} more"
    return [*strips[: room - 1], row([(hidden, look.palette.dim)], width, look)]


def wanted_lines(snapshot: Snapshot) -> int:
    """Lines inside the frame that it can fill: the GPUs and one for their processes."""
    processes = any(gpu.processes for gpu in snapshot.gpus)
    return max(1, len(snapshot.gpus)) + (1 if processes else 0)


def length(snapshot: Snapshot, width: int, look: Look) -> int:
    """How many lines the full screen has."""
    return len(snapshot.gpus) + len(details(snapshot.gpus, max(0, width - 4), look))


def _title(gpus: Sequence[GpuSample], look: Look) -> list[Part]:
    palette = look.palette
    names = {gpu.name for gpu in gpus}
    name = next(iter(names)) if len(names) == 1 else None
    if len(gpus) == 1:
        number = "" if gpus[0].index is None else f" {gpus[0].index}"
        return [(f"GPU{number}", palette.title), (f"  {text.foreign(name)}" if name else "", palette.text)]
    shared = f"  {len(gpus)} × {text.foreign(name)}" if name else ""
    return [("GPUs" if gpus else "GPU", palette.title), (shared, palette.text)]


def _why_none(snapshot: Snapshot) -> str:
    if snapshot.gpu_fault is not None:
        return text.foreign(snapshot.gpu_fault)
    return "not looked at: this log is not of a run on this machine" if snapshot.source_done else "none read yet"


def _history(snapshot: Snapshot, at: int) -> tuple[float, ...]:
    return snapshot.utilization_history[at] if at < len(snapshot.utilization_history) else ()


def _short(snapshot: Snapshot, look: Look) -> list[Group]:
    if not snapshot.gpus:
        return [[(f"{text.UNKNOWN} {_why_none(snapshot)}", look.palette.dim)]]
    gpu = max(snapshot.gpus, key=lambda g: g.memory_used_bytes or 0)
    groups: list[Group] = [_busy(gpu, look), _memory(gpu, look), *_rest(gpu, look)]
    if _is_named_only(gpu):
        groups = _named(snapshot, gpu, look)
        groups[0] = [(f"{short_name(text.foreign(gpu.name or 'unnamed'))} ", look.palette.strong), *groups[0]]
    if (reason := gpu.fault("gpu")) is not None:
        groups = [[(f"{text.UNKNOWN} {text.foreign(reason)}", look.palette.warning)]]
    if len(snapshot.gpus) > 1:
        return [[(f"{len(snapshot.gpus)} GPUs, fullest {gpu.index}:", look.palette.text)], *groups]
    return groups


def _gpu(gpu: GpuSample, history: Sequence[float], width: int, look: Look, numbered: bool) -> Strip:
    """One GPU on one line: the bars take what the facts leave."""
    palette = look.palette
    number: list[Part] = [(f"{text.UNKNOWN if gpu.index is None else gpu.index:>2}  ", palette.dim)] if numbered else []
    if (reason := gpu.fault("gpu")) is not None:
        return row([*number, (f"{text.UNKNOWN} {text.foreign(reason)}", palette.warning)], width, look)
    trace: list[Part] = [(" ", palette.text), _trace(history, look)] if history else []
    busy: list[Part] = [*number, *_busy(gpu, look), *trace]
    rest = _rest(gpu, look)
    fixed = cells(busy, look) + sum(cells(group, look) + 3 for group in rest) + cells(_memory(gpu, look), look) + 3
    room = min(40, width - fixed - 14)
    memory = [
        *_memory(gpu, look),
        *(_memory_bar(gpu, room, look) if room >= 6 and _memory_share(gpu) is not None else []),
    ]
    return lay([busy, memory, *rest], width, look)


def _strip(snapshot: Snapshot, at: int, width: int, look: Look) -> Strip:
    gpu, many = snapshot.gpus[at], len(snapshot.gpus) > 1
    if not many and _is_named_only(gpu):
        return lay(_named(snapshot, gpu, look), width, look)
    return _gpu(gpu, _history(snapshot, at), width, look, many)


def _is_named_only(gpu: GpuSample) -> bool:
    return gpu.index is None and gpu.utilization is None and gpu.memory_used_bytes is None


def _named(snapshot: Snapshot, gpu: GpuSample, look: Look) -> list[Group]:
    """A GPU that the user only named: what its table and the run say of it."""
    case, palette = snapshot.case, look.palette
    total = gpu.memory_total_bytes
    groups: list[Group] = [[("by its name (--gpu): no readings", palette.dim)]]
    if case is not None and case.memory is not None and not on_cpu(case):
        how = "measured" if case.memory.calibrated else "expected"
        of = f" of {text.gib(total)}" if total is not None else " GiB"
        groups.append([(f"VRAM {text.gib(case.memory.total_bytes, unit=False)}{of} {how}", palette.text)])
    elif total is not None:
        groups.append([(f"VRAM {text.gib(total)}", palette.text)])
    return groups


def _busy(gpu: GpuSample, look: Look) -> list[Part]:
    share = gpu.utilization
    if share is None or not math.isfinite(share):
        return [("busy ", look.palette.text), _dash(gpu, "utilization", look)]
    return [
        ("busy ", look.palette.text),
        (f"{share * 100:3.0f} %" if share < 10 else text.percent(share), look.palette.strong),
    ]


def _trace(history: Sequence[float], look: Look) -> Part:
    """The last busy shares as a row of blocks, the newest at the right."""
    signs = ASCII_BLOCKS if look.ascii else BLOCKS
    known = [h for h in history[-PANEL_HISTORY:] if math.isfinite(h)]
    drawn = "".join(signs[min(6, max(0, int(h * 7)))] for h in known)
    return drawn.rjust(PANEL_HISTORY), look.palette.bar


def _memory(gpu: GpuSample, look: Look) -> list[Part]:
    palette = look.palette
    used, total = gpu.memory_used_bytes, gpu.memory_total_bytes
    if used is None:
        whole = f" of {text.gib(total)}" if total is not None else ""
        return [("VRAM ", palette.text), _dash(gpu, "memory_used_bytes", look), (whole, palette.text)]
    return [("VRAM ", palette.text), (f"{text.gib(used, unit=False)} / {text.gib(total)}", _memory_style(gpu, look))]


def _memory_style(gpu: GpuSample, look: Look) -> Style:
    share = _memory_share(gpu)
    return look.palette.warning if share is not None and share > FULL else look.palette.strong


def _memory_share(gpu: GpuSample) -> float | None:
    used, total = gpu.memory_used_bytes, gpu.memory_total_bytes
    if used is None or not total:
        return None
    return (used + (gpu.memory_reserved_bytes or 0)) / total


def _memory_bar(gpu: GpuSample, room: int, look: Look) -> list[Part]:
    free = gpu.memory_free_bytes
    words = f"  {text.gib(free, unit=False)} free" if free is not None else ""
    drawn = bar(_memory_share(gpu), room, look, _memory_style(gpu, look) if (_memory_share(gpu) or 0) > FULL else None)
    return [(" ", look.palette.text), *drawn, (words, look.palette.text)]


def _rest(gpu: GpuSample, look: Look) -> list[list[Part]]:
    palette = look.palette
    groups: list[list[Part]] = []
    if gpu.power_watts is not None:
        limit = f" / {text.three_digits(gpu.power_limit_watts)}" if gpu.power_limit_watts is not None else ""
        groups.append([(f"{text.three_digits(round(gpu.power_watts))}{limit} W", palette.text)])
    if gpu.temperature_c is not None:
        groups.append([(f"{text.whole(round(gpu.temperature_c))} °C", palette.text)])
    if gpu.sm_clock_hz is not None:
        groups.append([(f"{text.three_digits(gpu.sm_clock_hz / 1e9)} GHz", palette.text)])
    grave = not HARMLESS.issuperset(gpu.throttle or ())
    groups.insert(0 if grave else len(groups), [_throttling(gpu, look)])
    return groups


def _throttling(gpu: GpuSample, look: Look) -> Part:
    if gpu.throttle is None:
        return f"throttling {text.UNKNOWN}", look.palette.dim
    if not gpu.throttle:
        return "no throttling", look.palette.dim
    grave = [reason for reason in gpu.throttle if reason not in HARMLESS]
    words = ", ".join(THROTTLES[reason] for reason in (grave or gpu.throttle))
    return (f"▲ {words}", look.palette.warning) if grave else (words, look.palette.text)


def _dash(gpu: GpuSample, field: str, look: Look) -> Part:
    reason = gpu.fault(field)
    return f"{text.UNKNOWN} ({text.foreign(reason)})" if reason else text.UNKNOWN, look.palette.dim
