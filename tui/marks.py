"""Marks and words over the curves: restarts, the value cursor, the best eval, the forecast, NaN, clipped points."""

from __future__ import annotations

import numpy as np
from rich.style import Style

from tui import text
from tui.look import Look
from tui.plot import Canvas, Plot


def annotate(canvas: Canvas, plot: Plot, look: Look) -> bool:
    """Marks and words over the curves; gives whether the forecast was said."""
    for step in plot.curves.restarts:
        _upright(canvas, plot.column(step), "┊", look.palette.dim, look)
    if look.cursor is not None:
        _upright(canvas, plot.column(look.cursor), "│", look.palette.strong, look)
    _mark_best(canvas, plot, look)
    said = _say_forecast(canvas, plot, look)
    _say_clipped(canvas, plot, look)
    _mark_bad(canvas, plot, look)
    return said


def _upright(canvas: Canvas, x: int | None, sign: str, style: Style, look: Look) -> None:
    if x is None:
        return
    for y in range(canvas.signs.shape[0]):
        canvas.write(y, x, text.plain(sign) if look.ascii else sign, style)


def _mark_best(canvas: Canvas, plot: Plot, look: Look) -> None:
    """A diamond at the best eval, once later ones are worse."""
    best = plot.curves.val.best
    if best is None or best[0] == plot.curves.val.finite.last_step:
        return
    x = plot.column(best[0])
    y = round(float(plot.dot_rows(np.array([best[1]]))[0])) // 4
    if x is not None:
        canvas.write(y, x, "*" if look.ascii else "◆", look.palette.good, over=True)


def _say_forecast(canvas: Canvas, plot: Plot, look: Look) -> bool:
    forecast = plot.forecast
    if forecast is None:
        return False
    half = (forecast.high - forecast.low) / 2
    words = f"{text.loss(forecast.value, 2)} ± {text.loss(half, 2)} at {text.whole(forecast.step)}"
    shown = text.plain(words) if look.ascii else words
    x = plot.column(forecast.step)
    y = round(float(plot.dot_rows(np.array([forecast.high]))[0])) // 4
    if x is None:
        return False
    left = max(0, x + 1 - len(shown))
    return any(canvas.write(y + by, left, shown, look.palette.forecast) for by in (-2, -1, -3, -4, 2, 3))


def _say_clipped(canvas: Canvas, plot: Plot, look: Look) -> None:
    """That points lie outside of the range, and how far: at the edge that cuts them."""
    rows, width = canvas.signs.shape
    for farthest, y, sign in ((plot.y.above, 0, "↑"), (plot.y.below, rows - 1, "↓")):
        if farthest is None:
            continue
        words = f"{sign} {text.loss(farthest, 2)}"
        words = text.plain(words) if look.ascii else words
        outside = plot.raw.high > plot.y.high if y == 0 else plot.raw.low < plot.y.low
        first = int(np.argmax(outside)) // 2 if outside.any() else 0
        places = [*range(first + 1, width - len(words)), *range(first)]
        # A blank cell on each side keeps the words apart from the curve.
        if not any(canvas.write(y, x, f" {words} ", look.palette.dim) for x in places):
            canvas.write(y, max(0, width - len(words)), words, look.palette.dim, over=True)


def _mark_bad(canvas: Canvas, plot: Plot, look: Look) -> None:
    """A cross in each column that holds a NaN or an infinity, and where the first one was."""
    bad = plot.raw.bad | plot.val.bad
    height, width = canvas.signs.shape
    crossed = np.flatnonzero(bad.reshape(width, 2).any(axis=1))
    for x in crossed:
        canvas.write(height - 1, int(x), "X" if look.ascii else "✖", look.palette.critical, over=True)
    if len(crossed):
        words = f" NaN or inf from {text.whole(_first_bad(plot))} "
        places = [(y, x) for y in range(height - 2, -1, -1) for x in range(int(crossed[0]), width - len(words) + 1)]
        any(canvas.write(y, x, words, look.palette.critical) for y, x in places or [(max(0, height - 2), 0)])


def _first_bad(plot: Plot) -> int:
    """The step of the first one, sought only in its own column."""
    edges = plot.x.edges(2 * plot.width)
    found = []
    for series, bad in ((plot.curves.train, plot.raw.bad), (plot.curves.val, plot.val.bad)):
        if bad.any():
            points = series.since(edges[int(np.argmax(bad))])
            found.append(int(points.steps[np.argmin(np.isfinite(points.values))]))
    return min(found)
