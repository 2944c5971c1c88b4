"""How fast the run is, and which share of this GPU that is, with the denominator always named."""

from __future__ import annotations

from textual.strip import Strip

from diagnosis.case import Case
from diagnosis.efficiency import Efficiency
from tui import text
from tui.look import Look
from tui.panels.parts import Group, article, framed, one_line, short_name
from tui.row import Part, cells, row
from tui.snapshot import Snapshot

SOURCES = {"spec": "spec", "clock": "at its clock", "measured": "measured", "flag": "--peak"}


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """In a frame from 3 lines on, else one line of facts."""
    speed = snapshot.case.efficiency if snapshot.case is not None else None
    if height < 3:
        return one_line("speed", _facts(speed, look), width, height, look)
    strips = [row(parts, width - 4, look) for parts in _lines(snapshot.case, speed, width - 4, look)]
    return framed("speed", [("Speed", look.palette.title)], strips, (width, height), look)


def _facts(speed: Efficiency | None, look: Look) -> list[Group]:
    palette = look.palette
    if speed is None or speed.seconds_per_step is None:
        return [[(f"{text.UNKNOWN} no steady step time yet", palette.dim)]]
    facts: list[Group] = [
        [(f"{text.count(speed.tokens_per_second)} tok/s", palette.strong)],
        [(f"{text.seconds(speed.seconds_per_step)}/step", palette.text)],
        [(f"MFU {text.percent(speed.mfu)}", palette.strong), *_of_peak(speed, look)],
        [(text.flops(speed.flops), palette.text)],
    ]
    printed = _printed(speed)
    return [*facts, [(printed, palette.dim)]] if printed else facts


def _lines(case: Case | None, speed: Efficiency | None, width: int, look: Look) -> list[Group]:
    palette = look.palette
    if speed is None or speed.seconds_per_step is None:
        why = "nothing read yet" if case is None else "no steady step time yet"
        return [[(f"{text.UNKNOWN} {why}", palette.dim)]]
    rate = (f"{text.count(speed.tokens_per_second)} tok/s", palette.strong)
    lines: list[Group] = [
        [rate, (f"   {text.seconds(speed.seconds_per_step)}/step", palette.text)],
        _share(speed, width, look),
    ]
    if printed := _printed(speed):
        lines.append([(printed, palette.warning if _misleads(speed) else palette.dim)])
    if speed.overhead is not None:
        each = f", {text.seconds(speed.eval_seconds)} each" if speed.eval_seconds is not None else ""
        lines.append([(f"evals take {text.percent(speed.overhead, 1)}{each}", palette.dim)])
    if speed.peak_name is not None:
        lines.append([(f"peak of {short_name(text.foreign(speed.peak_name))}", palette.dim)])
    return lines


def _share(speed: Efficiency, width: int, look: Look) -> Group:
    """The achieved rate and the MFU with its peak; what does not fit goes, the peak's source first."""
    rate: Part = (f"{text.flops(speed.flops)}  ", look.palette.text)
    mfu: Part = (f"MFU {text.percent(speed.mfu)}", look.palette.strong)
    if speed.mfu is None:
        why = "the GPU is unknown (--gpu)" if speed.peak_flops is None else "the model's size is unknown"
        return [rate, (f"MFU {text.UNKNOWN} {why}", look.palette.dim)]
    peak = _of_peak(speed, look)
    forms: list[Group] = [[rate, mfu, *peak], [mfu, *peak], [rate, mfu]]
    return next((form for form in forms if cells(form, look) <= width), forms[-1])


def _of_peak(speed: Efficiency, look: Look) -> list[Part]:
    if speed.mfu is None or speed.peak_flops is None:
        return []
    source = f" ({SOURCES[speed.peak_source]})" if speed.peak_source is not None else ""
    return [(f" of {text.three_digits(speed.peak_flops / 1e12)}{source}", look.palette.text)]


def _printed(speed: Efficiency) -> str:
    """What the trainer's own MFU is a share of."""
    if speed.mfu_logged is None:
        return ""
    printed = f"printed {text.percent(speed.mfu_logged, 1)}"
    if speed.mfu_logged_peak_name is not None:
        return f"{printed} is of {article(short_name(text.foreign(speed.mfu_logged_peak_name)))}"
    if speed.mfu_logged_peak_flops is not None:
        return f"{printed} is of {text.flops(speed.mfu_logged_peak_flops)}"
    return printed


def _misleads(speed: Efficiency) -> bool:
    """Whether the printed MFU is a share of something else than this GPU's peak, by more than a tenth."""
    if speed.peak_flops is None or speed.mfu_logged_peak_flops is None:
        return False
    return abs(speed.mfu_logged_peak_flops / speed.peak_flops - 1) > 0.1
