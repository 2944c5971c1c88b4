"""How fast the run is, and which share of this GPU that is, with the denominator always named."""

from __future__ import annotations

from textual.strip import Strip

from diagnosis.case import Case
from diagnosis.efficiency import Efficiency
from tui import text
from tui.look import Look
from tui.panels.parts import Group, article, framed, on_cpu, one_line, short_name
from tui.row import Part, cells, row
from tui.snapshot import Snapshot

SOURCES = {"spec": "spec", "clock": "at its clock", "measured": "measured", "flag": "--peak"}


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """In a frame from 3 lines on, else one line of facts."""
    case = snapshot.case
    if height < 3:
        return one_line("speed", _facts(case, look), width, height, look)
    strips = [row(parts, width - 4, look) for parts in _lines(case, width - 4, look)]
    return framed("speed", [("Speed", look.palette.title)], strips, (width, height), look)


def wanted_lines(snapshot: Snapshot, width: int, look: Look) -> int:
    """Lines inside the frame that it can fill."""
    return len(_lines(snapshot.case, width - 4, look))


def _known(case: Case | None) -> Efficiency | None:
    speed = case.efficiency if case is not None else None
    return speed if speed is not None and (speed.seconds_per_step or speed.tokens_per_second) else None


def _facts(case: Case | None, look: Look) -> list[Group]:
    palette, speed = look.palette, _known(case)
    if case is None or speed is None:
        return [[(f"{text.UNKNOWN} no steady step time yet", palette.dim)]]
    mfu = f"MFU {text.percent(speed.mfu)}" + (" on a CPU" if speed.mfu is None and on_cpu(case) else "")
    facts: list[Group] = [[pace] for pace in _paces(speed, look)]
    facts.append([(mfu, palette.strong), *_of_peak(speed, look)])
    facts += [[(_rate(speed), palette.text)]] if speed.flops or speed.flops_per_gpu else []
    printed = _printed(speed)
    return [*facts, [(printed, palette.dim)]] if printed else facts


def _paces(speed: Efficiency, look: Look) -> list[Part]:
    """Tokens a second and seconds a step, as far as they are known."""
    paces: list[Part] = []
    if speed.tokens_per_second is not None:
        paces.append((f"{text.count(speed.tokens_per_second)} tok/s", look.palette.strong))
    if speed.seconds_per_step is not None:
        paces.append((f"{text.seconds(speed.seconds_per_step)}/step", look.palette.text))
    return paces


def _lines(case: Case | None, width: int, look: Look) -> list[Group]:
    palette, speed = look.palette, _known(case)
    if case is None or speed is None:
        why = "nothing read yet" if case is None else "no steady step time yet"
        return [[(f"{text.UNKNOWN} {why}", palette.dim)]]
    paces = [(f"{words}   ", style) for words, style in _paces(speed, look)]
    lines: list[Group] = [paces, *_share(case, speed, width, look)]
    if printed := _printed(speed):
        lines.append([(printed, palette.warning if _misleads(speed) else palette.dim)])
    if speed.overhead is not None:
        each = f", {text.seconds(speed.eval_seconds)} each" if speed.eval_seconds is not None else ""
        lines.append([(f"evals take {text.percent(speed.overhead, 1)}{each}", palette.dim)])
    if speed.peak_name is not None and speed.mfu is not None:
        lines.append([(f"peak of {short_name(text.foreign(speed.peak_name))}{_at_clock(speed)}", palette.dim)])
    return lines


def _at_clock(speed: Efficiency) -> str:
    """The share of what the GPU could do at the clock that it runs at, which throttling does not change."""
    if speed.mfu_at_clock is None or speed.clock_hz is None:
        return ""
    return f", {text.percent(speed.mfu_at_clock)} at {speed.clock_hz / 1e9:.2f} GHz"


def _rate(speed: Efficiency) -> str:
    """The achieved FLOP/s; a lower bound where attention could not be counted."""
    bound = "≥ " if speed.flops_source == "6N" else ""
    if speed.flops is not None:
        return f"{bound}{text.flops(speed.flops)}"
    return "FLOP/s unknown" if speed.flops_per_gpu is None else f"{bound}{text.flops(speed.flops_per_gpu)} a GPU"


def _share(case: Case, speed: Efficiency, width: int, look: Look) -> list[Group]:
    """The achieved rate and the MFU with its peak; what does not fit goes, the peak's source first."""
    rate: Part = (f"{_rate(speed)}  ", look.palette.text)
    if speed.mfu is None:
        return _no_share(rate, _why_no_share(case, speed), width, look)
    mfu: Part = (f"MFU {text.percent(speed.mfu)}", look.palette.strong)
    peak = _of_peak(speed, look)
    forms: list[Group] = [[rate, mfu, *peak], [mfu, *peak], [rate, mfu]]
    return [next((form for form in forms if cells(form, look) <= width), forms[-1])]


def _no_share(rate: Part, why: str, width: int, look: Look) -> list[Group]:
    """The reason beside the dash, or on a line of its own."""
    line: Group = [rate, (f"MFU {text.UNKNOWN} {why}", look.palette.dim)]
    if cells(line, look) <= width:
        return [line]
    return [[rate, (f"MFU {text.UNKNOWN}", look.palette.dim)], [(why, look.palette.dim)]]


def _why_no_share(case: Case, speed: Efficiency) -> str:
    if on_cpu(case):
        return "on a CPU"
    if speed.flops is None and speed.flops_per_gpu is None:
        return "the model's size is unknown"
    if speed.peak_flops is None:
        return "no GPU known: name it with --gpu"
    return "on how many GPUs? --gpu '8x NAME'"


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
