"""The loss: its last values, the chart, and where it is heading."""

from __future__ import annotations

import math

import numpy as np
from textual.strip import Strip

from diagnosis.case import Case
from diagnosis.series import Series
from diagnosis.trend import Trend, Verdict
from tui import text
from tui.chart import SMALLEST
from tui.chart import draw as draw_chart
from tui.look import X_KINDS, Look, XKind
from tui.panels.parts import Group, framed
from tui.plot import Curves
from tui.raster import smoothed_at
from tui.row import Part, cells, fill, lay, row
from tui.snapshot import Snapshot

FRAME_FROM = 9
"""Lines from which the panel has a frame; below, the chart needs them."""
WORDS: dict[Verdict, str] = {
    "warming-up": "warming up: too early for a trend",
    "improving": "● improving",
    "slowing": "● slowing",
    "plateau": "▲ plateau",
    "rising": "▲ rising",
    "unknown": "no trend yet: too few evaluations",
}
METRIC_WORDS = {"train_loss": "train", "eval_train_loss": "train in eval mode"}
FEWEST = 5
"""Points below which nobody can tell a trend."""
AXES_NAMES = {(False, True): "log y", (True, False): "log x", (True, True): "log x, log y"}


def draw(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    """The values above, the chart, the trend below; the chart gives way first."""
    case = snapshot.case
    if height < FRAME_FROM or width < 6:
        return _inside(snapshot, width, height, look)
    strips = _inside(snapshot, width - 4, height - 2, look)
    return framed("loss", [("Loss", look.palette.title)], strips, (width, height), look, note=_note(case, look))


def curves_of(case: Case, look: Look) -> Curves:
    """What the chart shows of a case. Without a training loss, the training split's evaluation stands for it."""
    train = case.metric("train_loss")
    if not len(train):
        train = case.metric("eval_train_loss")
    kind = look.x_kind if look.x_kind in x_kinds(case) else "steps"
    return Curves(
        train,
        case.metric("val_loss"),
        case.steps.planned,
        case.forecast if case.forecast is not None and case.forecast.metric == "val_loss" else None,
        _seams(case),
        kind,
        _unit_per_step(case, kind) or 1.0,
    )


def _seams(case: Case) -> tuple[int, ...]:
    """The restarts that a curve still shows: a later one from an earlier step has drawn over the others."""
    kept: list[int] = []
    for step in reversed(case.segments):
        if not kept or step < kept[-1]:
            kept.append(step)
    first = case.steps.first
    return tuple(step for step in reversed(kept) if step in case.segments[1:] and (first is None or step > first))


def x_kinds(case: Case | None) -> tuple[XKind, ...]:
    """The kinds of x axis that this run has numbers for."""
    return tuple(
        kind for kind in X_KINDS if kind == "steps" or (case is not None and _unit_per_step(case, kind) is not None)
    )


def _unit_per_step(case: Case, kind: XKind) -> float | None:
    """Tokens or seconds per step, None where unknown. Time is at the steady speed, evaluations spread over it."""
    if kind == "steps":
        return 1.0
    unit, speed = case.tokens_per_step, case.efficiency
    if kind == "time":
        unit = None
        if speed is not None and speed.seconds_per_step is not None:
            unit = speed.seconds_per_step / (1 - min(speed.overhead or 0.0, 0.9))
    return unit if unit is not None and 0 < unit < 1e200 else None


def _note(case: Case | None, look: Look) -> list[Part]:
    """What differs from the plain view, in the frame."""
    words = [AXES_NAMES[look.log_x, look.log_y]] if (look.log_x, look.log_y) in AXES_NAMES else []
    if look.x_kind != "steps" and case is not None and look.x_kind in x_kinds(case):
        words.append(f"by {look.x_kind}")
    if look.smoothing != 0.6:
        words.append(f"smoothing {look.smoothing:g}" if look.smoothing else "no smoothing")
    if look.zoom > 1:
        words.append(f"zoom {look.zoom:g}×")
    return [(" · ".join(words), look.palette.dim)] if words else []


def _inside(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    case = snapshot.case
    if case is None or not (len(case.metric("train_loss")) or len(case.metric("val_loss"))):
        return _nothing(snapshot, width, height, look)
    values = _readout(case, look) if look.cursor is not None else _values(case, look)
    indent = 6 if height >= SMALLEST[1] + 2 else 1
    head = _head(values, width, indent, look)
    if height < 2:
        return fill([head], width, height, look)
    if height < SMALLEST[1] + 2 or width < SMALLEST[0]:
        return fill([head, _trend(case, False, width, indent, look)], width, height, look)
    chart = draw_chart(curves_of(case, look), width, height - 2, look)
    return [head, *chart.strips, _trend(case, chart.forecast_said, width, indent, look)]


def _head(values: list[Group], width: int, indent: int, look: Look) -> Strip:
    """The values that fit, from the left edge of the plot."""
    start: Part = (" " * indent, look.palette.text)
    return lay([[start, *values[0]], *values[1:]], width, look)


def _nothing(snapshot: Snapshot, width: int, height: int, look: Look) -> list[Strip]:
    why = snapshot.waiting_for or (snapshot.case and "no loss in the log yet") or "nothing read yet"
    words = text.foreign(str(why))
    line: list[Part] = [("○ waiting: ", look.palette.dim), (words, look.palette.text)]
    left = max(0, (width - cells(line, look)) // 2)
    middle = row([(" " * left, look.palette.text), *line], width, look)
    return fill([*fill([], width, max(0, (height - 1) // 2), look), middle], width, height, look)


def _values(case: Case, look: Look) -> list[Group]:
    """The newest values: train and val in the colours of their curves."""
    palette = look.palette
    groups: list[Group] = []
    in_eval, train, val = case.metric("eval_train_loss"), case.metric("train_loss"), case.metric("val_loss")
    source = in_eval if len(in_eval) else train
    if len(source):
        newest = float(source.values[-1])
        shown = newest if source is in_eval or not math.isfinite(newest) else _smooth_end(source, look)
        style = palette.train if math.isfinite(newest) else palette.critical
        groups.append([(f"train {text.loss(shown)}", style)])
    if len(val):
        newest = float(val.values[-1])
        error = f" ± {text.loss(case.eval_standard_error)}" if case.eval_standard_error is not None else ""
        after = f"{error}{_direction(val, case)}" if math.isfinite(newest) else ""
        style = palette.val if math.isfinite(newest) else palette.critical
        groups.append([(f"{'' if look.colour else 'o '}val {text.loss(newest)}{after}", style)])
    if case.trend is not None and case.trend.perplexity is not None:
        groups.append([(f"ppl {text.three_digits(case.trend.perplexity)}", palette.text)])
    best = val.best or train.best
    if best is not None:
        groups.append([(f"best {text.loss(best[1])} @ {text.whole(best[0])}", palette.text)])
    return groups


def _smooth_end(train: Series, look: Look) -> float | None:
    return smoothed_at(train, len(train) - 1, look.smoothing)


def _direction(val: Series, case: Case) -> str:
    """How the last eval differs from the one before: "=" where sampling alone explains it."""
    values = val.finite.values
    if len(values) < 2 or case.eval_standard_error is None:
        return ""
    step = float(values[-1] - values[-2])
    return " =" if _is_noise(step, case) else " ↓" if step < 0 else " ↑"


def _is_noise(change: float, case: Case) -> bool:
    """Whether sampling alone explains a change between two evals: it is below two of its standard errors."""
    return case.eval_standard_error is not None and abs(change) < 2 * math.sqrt(2) * case.eval_standard_error


def _readout(case: Case, look: Look) -> list[Group]:
    """The values at the cursor instead of the newest."""
    palette, step = look.palette, look.cursor if look.cursor is not None else 0.0
    curves = curves_of(case, look)
    groups: list[Group] = [[(f"│ step {text.whole(step)}", palette.strong)]]
    if curves.x_kind != "steps":
        words = (
            text.count(step * curves.unit_per_step)
            if curves.x_kind == "tokens"
            else text.duration(step * curves.unit_per_step)
        )
        groups[0] = [*groups[0], (f"  {words}", palette.text)]
    if (at := nearest(curves.train, step)) is not None:
        smooth = text.loss(smoothed_at(curves.train, at, look.smoothing))
        raw = text.loss(float(curves.train.values[at]))
        groups.append([(f"train {smooth} (logged {raw})", palette.train)])
    if (at := nearest(curves.val, step)) is not None:
        where = "" if curves.val.steps[at] == step else f" @ {text.whole(float(curves.val.steps[at]))}"
        groups.append([(f"val {text.loss(float(curves.val.values[at]))}{where}", palette.val)])
    return groups


def nearest(series: Series, step: float) -> int | None:
    """The index of the point nearest to a step."""
    if not len(series):
        return None
    at = int(np.searchsorted(series.steps, math.ceil(step)))
    around = [i for i in (at - 1, at) if 0 <= i < len(series)]
    return min(around, key=lambda i: abs(float(series.steps[i]) - step))


def _trend(case: Case, forecast_said: bool, width: int, indent: int, look: Look) -> Strip:
    """The verdict with its slope; the forecast too where the chart had no room for it."""
    palette = look.palette
    groups: list[Group] = [_verdict(case, look)]
    ahead = case.forecast
    if ahead is not None and not forecast_said:
        half = (ahead.high - ahead.low) / 2
        words = f"forecast {text.loss(ahead.value, 2)} ± {text.loss(half, 2)} at {text.whole(ahead.step)}"
        groups.append([(words, palette.forecast)])
    start: Part = (" " * indent, palette.text)
    return lay([[start, *groups[0]], *groups[1:]], width, look)


def _verdict(case: Case, look: Look) -> list[Part]:
    palette, trend = look.palette, case.trend
    if trend is None:
        return [(WORDS["unknown"], palette.dim)]
    newest = case.metric(trend.metric).values[-1:]
    if len(newest) and not math.isfinite(newest[0]):
        return [("✖ no trend: the newest loss is no number", palette.critical)]
    styles = {"improving": palette.good, "plateau": palette.warning, "rising": palette.warning}
    of_val = trend.metric == "val_loss"
    # A training loss that falls says nothing good of a run while its evaluations may rise.
    style = styles.get(trend.verdict, palette.dim) if of_val or trend.verdict != "improving" else palette.dim
    if trend.slope is None or trend.verdict == "warming-up":
        return [(_too_early(case, trend), style)]
    interval = ""
    if trend.low is not None and trend.high is not None:
        interval = f" [{text.change(trend.low)}, {text.change(trend.high)}]"
    word = "trend hidden by noise:" if trend.verdict == "unknown" else WORDS[trend.verdict]
    if not of_val:
        word = f"{METRIC_WORDS.get(trend.metric, trend.metric)}: {word.removeprefix('● ')}"
    slope = (f" {text.change(trend.slope)} per 1,000 steps{interval}", palette.text)
    return [(word, style), slope, *([] if of_val else _above_best(case, look))]


def _above_best(case: Case, look: Look) -> list[Part]:
    """Where the evaluations are too few for a trend: how far the newest is above the best, "=" where that is noise."""
    val = case.metric("val_loss")
    if val.best is None or val.last is None or val.last <= val.best[1]:
        return []
    if _is_noise(val.last - val.best[1], case):
        return [("   val = its best", look.palette.dim)]
    return [(f"   val {text.change(val.last - val.best[1])} above its best", look.palette.warning)]


def _too_early(case: Case, trend: Trend) -> str:
    """Why there is no slope: the warm-up, or too few points after it."""
    warm, last = case.number("warmup_steps"), case.steps.last
    if trend.points >= FEWEST or last is None or (warm is not None and last <= warm):
        return WORDS[trend.verdict]
    points = "evaluation" if trend.metric != "train_loss" else "point"
    after = " after the warm-up" if warm else ""
    return f"no trend yet: {trend.points} {points}{'s' * (trend.points != 1)}{after}, {FEWEST} are needed"
