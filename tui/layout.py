"""Where each panel stands: a pure function of the terminal's size and what there is to show.

It never refuses a size. What matters least goes first: frames, then tokens and speed, then all but the status.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.look import Look

TWO_COLUMNS = (100, 22)
"""Cells from which tokens and speed stand at the right of the loss."""
TALL = 34
"""Lines from which a narrow screen frames its panels too."""
LOSS_AT_LEAST = 6
"""Lines that the loss keeps while lesser panels still have theirs: values, four of the chart, the trend."""
LEAST_FRAME = 4
"""Lines of the smallest frame that is worth its edges."""
ONE_LINE = ("footer", "gpu", "speed", "tokens")
FEW_LINES = ("status", "loss", "diagnosis", "gpu", "speed", "tokens", "footer")


@dataclass(frozen=True, slots=True)
class Placement:
    """A panel and the cells that are its own."""

    name: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Needs:
    """How much there is to show: lines inside the frames (for the GPU 0 without one), and findings."""

    gpu_lines: int = 1
    findings: int = 0
    tokens_lines: int = 9
    speed_lines: int = 5


def place(width: int, height: int, look: Look, needs: Needs) -> tuple[Placement, ...]:
    """The panels of a screen, from the top; together they cover every cell exactly once."""
    if width < 1 or height < 1:
        return ()
    single = look.page or look.full
    if single is not None:
        return _single(single, width, height)
    if look.typing or look.said is not None:
        return _with_footer(width, height, needs)
    if width >= TWO_COLUMNS[0] and height >= TWO_COLUMNS[1]:
        return _two_columns(width, height, needs)
    if height >= TALL and width >= 60:
        return _tall(width, height, needs)
    return _compact(width, height, needs)


def _with_footer(width: int, height: int, needs: Needs) -> tuple[Placement, ...]:
    """The footer must be seen while something is typed into it or said by it."""
    if height >= 12:
        return place(width, height, Look(), needs)
    above = _stack([("status", 1)] + [("loss", height - 2)] * (height > 2), width) if height > 1 else ()
    return (*above, Placement("footer", 0, height - 1, width, 1))


def _single(name: str, width: int, height: int) -> tuple[Placement, ...]:
    if height < 5:
        return (Placement(name, 0, 0, width, height),)
    return _stack([("status", 1), (name, height - 2), ("footer", 1)], width)


def _two_columns(width: int, height: int, needs: Needs) -> tuple[Placement, ...]:
    body = height - 2
    gpu = _gpu_height(needs, body // 3)
    diagnosis = min(max(needs.findings, 1) + 2, max(4, body // 3))
    upper = body - gpu - diagnosis
    right = right_width(width)
    left = width - right
    column = _column(upper, needs)
    y, beside = 1, []
    for name, lines in column:
        beside.append(Placement(name, left, y, right, lines))
        y += lines
    return (
        Placement("status", 0, 0, width, 1),
        Placement("loss", 0, 1, left, upper),
        *beside,
        *_stack([("gpu", gpu), ("diagnosis", diagnosis), ("footer", 1)], width, 1 + upper),
    )


def right_width(width: int) -> int:
    """Cells of the column at the right."""
    return min(48, max(38, round(width * 0.342)))


def _column(height: int, needs: Needs) -> list[tuple[str, int]]:
    """Tokens above speed, each as high as it needs; what both leave goes to the run's own facts."""
    speed = min(needs.speed_lines + 2, max(3, height // 2))
    tokens = min(needs.tokens_lines + 2, height - speed)
    rest = height - speed - tokens
    if rest >= LEAST_FRAME:
        return [("tokens", tokens), ("speed", speed), ("run", rest)]
    return [("tokens", tokens + rest), ("speed", speed)]


def _tall(width: int, height: int, needs: Needs) -> tuple[Placement, ...]:
    """A narrow screen with many lines: tokens and speed side by side below the loss."""
    gpu = _gpu_height(needs, height // 5)
    diagnosis = min(max(needs.findings, 1) + 2, height // 3)
    loss = height - 2 - 8 - gpu - diagnosis
    half = width // 2
    return (
        *_stack([("status", 1), ("loss", loss)], width),
        Placement("tokens", 0, 1 + loss, half, 8),
        Placement("speed", half, 1 + loss, width - half, 8),
        *_stack([("gpu", gpu), ("diagnosis", diagnosis), ("footer", 1)], width, 9 + loss),
    )


def _compact(width: int, height: int, needs: Needs) -> tuple[Placement, ...]:
    """80 x 24 and below: one line each for tokens, speed and GPU; the loss takes what is left."""
    if height < LOSS_AT_LEAST + 3:
        return _few(width, height)
    spare = height - 1 - LOSS_AT_LEAST - 1
    shown = ONE_LINE[: max(0, spare)]
    spare -= len(shown)
    # A framed list of findings needs three lines more than a bare one to show as many.
    wanted = max(needs.findings, 1)
    diagnosis = 1 + min(wanted - 1, spare // 2)
    if height >= 18:
        diagnosis = min(wanted + 2, max(3, (height - 8) // 3 + 1))
    loss = height - 1 - len(shown) - diagnosis
    lines = [(name, 1) for name in ("tokens", "speed", "gpu") if name in shown]
    foot = [("footer", 1)] if "footer" in shown else []
    return _stack([("status", 1), ("loss", loss), *lines, ("diagnosis", diagnosis), *foot], width)


def _few(width: int, height: int) -> tuple[Placement, ...]:
    """One line each for what matters most; from five lines on the loss has a little chart instead."""
    if height >= 7:
        return _stack([("status", 1), ("loss", height - 2), ("diagnosis", 1)], width)
    shown = [
        name
        for name in ("status", "loss", "tokens", "speed", "gpu", "diagnosis", "footer")
        if name in FEW_LINES[:height]
    ]
    return _stack([(name, 1) for name in shown], width)


def _gpu_height(needs: Needs, most: int) -> int:
    return 1 if needs.gpu_lines == 0 else min(needs.gpu_lines + 2, max(3, most))


def _stack(parts: Sequence[tuple[str, int]], width: int, y: int = 0) -> tuple[Placement, ...]:
    placed = []
    for name, lines in parts:
        placed.append(Placement(name, 0, y, width, lines))
        y += lines
    return tuple(placed)
