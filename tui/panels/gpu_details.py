"""Who computes on the GPUs, and everything else that was read of them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from gpu.sample import GpuProcess, GpuSample
from tui import text
from tui.look import Look
from tui.panels.parts import Group
from tui.row import Part, lay, row


def processes_line(gpus: Sequence[GpuSample], width: int, look: Look) -> list[Strip]:
    """One line: who computes there, this run first."""
    many = len(gpus) > 1
    found = [(gpu, process) for gpu in gpus for process in gpu.processes or ()]
    found.sort(key=lambda pair: (not pair[1].this_run, -(pair[1].memory_bytes or 0)))
    groups: list[Group] = [[("processes", look.palette.dim)]]
    groups += [_process(p, look, f" on {gpu.index}" if many else "") for gpu, p in found]
    return [lay(groups, width, look)] if found else []


def _process(process: GpuProcess, look: Look, where: str) -> list[Part]:
    palette = look.palette
    name = text.cut(text.foreign(process.name), 20) if process.name else "pid"
    words = f"{name} {process.pid}{where} {text.gib(process.memory_bytes)}"
    if process.this_run:
        return [("this run: ", palette.good), (words, palette.text)]
    return [(words, palette.text)]


def details(gpus: Sequence[GpuSample], width: int, look: Look) -> list[Strip]:
    """Everything else that was read, for the full screen."""
    palette = look.palette
    strips = []
    for gpu in gpus:
        facts = {
            "driver": gpu.driver,
            "compute capability": None
            if gpu.compute_capability is None
            else ".".join(map(str, gpu.compute_capability)),
            "slowdown at": None if gpu.slowdown_temperature_c is None else f"{gpu.slowdown_temperature_c:.0f} °C",
            "memory clock": None if gpu.memory_clock_hz is None else f"{gpu.memory_clock_hz / 1e9:.2f} GHz",
            "highest clock": None if gpu.sm_clock_max_hz is None else f"{gpu.sm_clock_max_hz / 1e9:.2f} GHz",
            "uuid": gpu.uuid,
        }
        title = f"GPU {text.UNKNOWN if gpu.index is None else gpu.index}  {text.foreign(gpu.name or 'unknown')}"
        strips += [row([], width, look), row([(title, palette.strong)], width, look)]
        strips += [
            row([(f"  {name:<20}", palette.dim), (text.foreign(value or text.UNKNOWN), palette.text)], width, look)
            for name, value in facts.items()
            if value is not None or gpu.index is not None
        ]
        strips += [row([("  ", palette.text), *_process(p, look, "")], width, look) for p in gpu.processes or ()]
        strips += [
            row(
                [
                    (f"  {field.replace('_', ' '):<20}", palette.dim),
                    (f"{text.UNKNOWN} {text.foreign(why)}", palette.dim),
                ],
                width,
                look,
            )
            for field, why in gpu.faults
        ]
    return strips
