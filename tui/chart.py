"""The chart: curves in braille with axes, forecast and marks. A pure function of data, size and look."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from tui import text
from tui.axes import XAxis, YAxis, x_axis
from tui.look import Look, XKind
from tui.marks import annotate
from tui.plot import Canvas, Curves, Plot
from tui.row import blank, fill, row
from tui.ticks import smallest_gap, tick_label, ticks

SMALLEST = (16, 3)
"""Cells in width and height below which there is no chart."""
GUTTER = 6
"""Cells for the labels of the y axis. Fixed, so that the curve does not jump when a label gets longer."""
MOST_KEPT = 4  # charts
LABEL_EVERY = 12
"""Cells of the x axis for one tick, at least."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart's lines, and whether its forecast could be written into it."""

    strips: list[Strip]
    forecast_said: bool = False


_KEPT: dict[Hashable, Drawn] = {}


def draw(curves: Curves, width: int, height: int, look: Look) -> Drawn:
    """The chart in `height` lines of `width` cells, the last one the x axis.

    The last few are kept: most ticks bring nothing that moves a dot.
    """
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return Drawn(fill([], width, height, look))
    plot = _plot(curves, width, height, look)
    key = (width, plot.picture())
    if key not in _KEPT:
        while len(_KEPT) >= MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
        _KEPT[key] = _draw(plot, width)
    return _KEPT[key]


def _plot(curves: Curves, width: int, height: int, look: Look) -> Plot:
    """The curves beside their gutter, which is wider than usual where a label is."""
    x = x_axis((curves.train, curves.val), curves.planned, look)
    plot = Plot(curves, x, (width - GUTTER, height - 1), look)
    longest = max((cell_len(words) for _, words in _y_labels(plot.y, plot.rows)), default=0)
    return plot if longest < GUTTER else Plot(curves, x, (max(8, width - longest - 1), height - 1), look)


def _draw(plot: Plot, width: int) -> Drawn:
    look, gutter = plot.look, width - plot.width
    canvas = plot.canvas()
    said = annotate(canvas, plot, look)
    named = dict(_y_labels(plot.y, plot.rows))
    lines = _lines(canvas)
    for y, line in enumerate(lines):
        label = text.pad(named.get(y, ""), gutter - 1, right=True) + " "
        line.insert(0, Segment(text.plain(label) if look.ascii else label, look.palette.dim))
    return Drawn([*(Strip(line, width) for line in lines), _x_labels(plot.curves, plot.x, gutter, width, look)], said)


def _y_labels(y: YAxis, rows: int) -> list[tuple[int, str]]:
    """(row, label) from the top, at most one a row."""
    values = ticks(y.low, y.high, max(2, min(8, rows // 2)), y.log)
    step = smallest_gap(values)
    placed = y.rows(np.array(values), 4 * rows)
    by_row = {min(round(float(at)) // 4, rows - 1): tick_label(v, step) for v, at in zip(values, placed, strict=True)}
    return sorted(by_row.items())


def _x_labels(curves: Curves, x: XAxis, gutter: int, width: int, look: Look) -> Strip:
    room = width - gutter
    scale, unit = _x_unit(curves, x)
    values = ticks(x.low * scale, x.high * scale, max(2, room // LABEL_EVERY), x.log)
    step = smallest_gap(values)
    line = [" "] * width
    end = 0
    for value in values:
        words = _x_label(value, step, curves.x_kind, unit)
        middle = gutter + x.share(value / scale) * room
        left = min(max(round(middle - len(words) / 2), gutter - 1), width - len(words))
        if left < end or left < 0:
            continue
        line[left : left + len(words)] = words
        end = left + len(words) + 2
    return row([("".join(line), look.palette.dim)], width, look) if values else blank(width, look)


def _x_unit(curves: Curves, x: XAxis) -> tuple[float, str]:
    if curves.x_kind != "time":
        return curves.unit_per_step, ""
    farthest = x.high * curves.unit_per_step
    factor, unit = next(
        ((f, u) for f, u in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")) if farthest >= 4 * f), (1.0, "s")
    )
    return curves.unit_per_step / factor, f" {unit}"


def _x_label(value: float, step: float, kind: XKind, unit: str) -> str:
    if kind == "tokens":
        return text.count(value)
    return tick_label(value, step) + unit


def _lines(canvas: Canvas) -> list[list[Segment]]:
    """The rows as segments; blanks take the style before them, which saves bytes."""
    lines = []
    for signs, owners in zip(canvas.signs.tolist(), canvas.owners.tolist(), strict=True):
        line: list[Segment] = []
        begun, style = 0, -1
        for at, sign in enumerate(signs):
            if sign == " " or owners[at] == style:
                continue
            if style >= 0:
                line.append(Segment("".join(signs[begun:at]), canvas.styles[style]))
                begun = at
            style = owners[at]
        lines.append([*line, Segment("".join(signs[begun:]), canvas.styles[max(style, 0)])])
    return lines
