"""The curves of one chart in its dot columns, and the cells that they are drawn into."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.style import Style

from diagnosis.forecast import Forecast
from diagnosis.series import Series
from parsers.records import Floats
from tui.axes import XAxis, y_axis
from tui.look import Look, XKind
from tui.raster import ASCII, BRAILLE, Cells, joined, pack, settled_columns, smoothed, spans


@dataclass(frozen=True, slots=True)
class Curves:
    """What a chart shows. `unit_per_step` turns steps into tokens or seconds for the labels of the x axis."""

    train: Series
    val: Series
    planned: int | None = None
    forecast: Forecast | None = None
    restarts: tuple[int, ...] = ()
    x_kind: XKind = "steps"
    unit_per_step: float = 1.0


@dataclass(slots=True)
class Canvas:
    """Characters and the index of each one's style, (height, width); `styles` is what the indices mean."""

    signs: npt.NDArray[np.str_]
    owners: npt.NDArray[np.int64]
    styles: list[Style]

    def write(self, y: int, x: int, words: str, style: Style, over: bool = False) -> bool:
        """Writes single-cell characters if they fit and stand on blanks, or anyway with `over`."""
        height, width = self.signs.shape
        if not (0 <= y < height and x >= 0 and x + len(words) <= width):
            return False
        if not over and (self.signs[y, x : x + len(words)] != " ").any():
            return False
        self.styles.append(style)
        self.signs[y, x : x + len(words)] = list(words)
        self.owners[y, x : x + len(words)] = len(self.styles) - 1
        return True


class Plot:
    """The curves in the columns of one chart."""

    def __init__(self, curves: Curves, x: XAxis, size: tuple[int, int], look: Look) -> None:
        self.curves, self.x, self.look = curves, x, look
        width, self.rows = size
        self.width = width
        edges = x.edges(2 * width)
        self.raw = settled_columns(curves.train, edges)
        self.val = settled_columns(curves.val, edges)
        self.line = smoothed(curves.train, self.raw, edges, look.smoothing)
        self.y = y_axis(self.raw, self.line, self.val, self._forecast_range(), log=look.log_y)

    def _forecast_range(self) -> tuple[float, ...]:
        forecast = self.forecast
        return () if forecast is None else (forecast.low, forecast.value, forecast.high)

    @property
    def forecast(self) -> Forecast | None:
        """The forecast, if its step is in the window and it is ahead of the run."""
        found = self.curves.forecast
        if found is None or not all(map(math.isfinite, (found.low, found.value, found.high))):
            return None
        last = self.curves.val.last_step
        inside = self.x.low < found.step <= self.x.high
        return found if inside and last is not None and last < found.step else None

    def column(self, step: float) -> int | None:
        """The cell column of a step, None outside of the window."""
        share = self.x.share(step)
        return min(int(share * self.width), self.width - 1) if 0 <= share <= 1 else None

    def dot_rows(self, values: Floats) -> Floats:
        """Dot rows of losses."""
        return self.y.rows(values, 4 * self.rows)

    def picture(self) -> Hashable:
        """What the chart turns on, as far as it shows: two plots of the same picture are drawn alike."""
        curves, val = self.curves, self.curves.val
        drawn = (*self._dots(), self.raw.bad, self.val.bad)
        words = (curves.forecast, curves.restarts, curves.x_kind, curves.unit_per_step)
        evals = (val.best, val.last_step, val.last)
        return (self.x, self.y, self.width, self.rows, self.look, *words, *evals, *(a.tobytes() for a in drawn))

    def _dots(self) -> tuple[Floats, ...]:
        """Whole dot rows of the raw points, the smooth line and the evals: low and high of each but the line."""
        shown = (self.raw.low, self.raw.high, self.line, self.val.low, self.val.high)
        return tuple(np.rint(self.dot_rows(values)) for values in shown)

    def canvas(self) -> Canvas:
        """The curves alone: val over train over the forecast over the raw points."""
        look, dots = self.look, (4 * self.rows, 2 * self.width)
        raw_low, raw_high, line, val_low, val_high = self._dots()
        raw = pack(spans(raw_low, raw_high, dots))
        train = pack(joined(line, line, self.raw.bad, dots))
        val = pack(joined(val_low, val_high, self.val.bad, dots)) if look.colour else np.zeros_like(raw)
        ahead = pack(self._ahead(dots))
        owners = np.select([val > 0, train > 0, ahead > 0, raw > 0], [4, 3, 2, 1], 0)
        codes: Cells = np.select([val > 0, train > 0, ahead > 0], [val | train, train, ahead], raw).astype(np.uint8)
        palette = look.palette
        styles = [palette.text, palette.raw, palette.forecast, palette.train, palette.val]
        canvas = Canvas((ASCII if look.ascii else BRAILLE)[codes], owners, styles)
        if not look.colour:
            _points(canvas, val_high, palette.val)
        return canvas

    def _ahead(self, dots: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """A dotted line from the last eval to the forecast, and its band as a bar at the end."""
        forecast, values = self.forecast, self.curves.val.finite
        if forecast is None or not len(values):
            return np.zeros(dots, np.bool_)
        ends = np.array([self.x.share(float(values.steps[-1])), self.x.share(forecast.step)]) * dots[1]
        x = np.arange(dots[1])
        rows = np.interp(x, ends, self.dot_rows(np.array([values.values[-1], forecast.value])))
        kept = (x > max(ends[0] + 1, 0)) & (x <= ends[1]) & (x % 3 == 0)
        path = np.where(kept, rows, np.nan)
        drawn = spans(path, path, dots)
        last = min(int(ends[1]), dots[1] - 1)
        bar = self.dot_rows(np.array([forecast.high, forecast.low]))
        drawn[max(0, round(bar[0])) : round(bar[1]) + 1, last] = True
        return drawn


def _points(canvas: Canvas, rows: Floats, style: Style) -> None:
    """Every eval as an "o", where colours cannot tell the curves apart."""
    height = canvas.signs.shape[0]
    for at in np.flatnonzero(np.isfinite(rows)):
        y = min(max(round(float(rows[at])), 0) // 4, height - 1)
        canvas.write(y, int(at) // 2, "o", style, over=True)
