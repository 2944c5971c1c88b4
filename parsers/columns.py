"""Rows of named values: from cells of text to tables of metrics, whole columns at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from parsers.names import Meaning
from parsers.records import Floats, Ints, Traits
from parsers.rows.tables import Kind, Table

Bools = npt.NDArray[np.bool_]

POSITIVE = frozenset({"mfu", "step_seconds", "tokens_per_second", "tflops", "memory_bytes"})
"""Unknown where a trainer writes 0, -1, inf or nan for them."""
FINITE = frozenset({"learning_rate", "tokens", "epoch", "loss_scale"})
"""Of the others (losses, gradient norm) a NaN or an infinity is what the log said."""
LARGEST_STEP = 2.0**53
LEAST_GROWTH = 0.5
"""Tokens that count up grow in each step by some share of the mean so far, even while the batch shrinks."""


@dataclass(slots=True)
class Frame:
    """Rows in the order of the log, n of them; `lines` are numbers of lines of a block."""

    lines: Ints
    steps: Floats
    """NaN where a row has none, -1 where it has something that is no step."""
    columns: dict[str, Floats]
    """Metric -> values in SI, of shape (n,)."""
    present: dict[str, Bools]
    """Metric -> in which rows it stands."""
    seconds: Floats | None = None
    """Wall-clock seconds since 1970, NaN where a row has none."""


def numbers(texts: Sequence[bytes]) -> tuple[Floats, Bools]:
    """The values of cells, and which cells hold one. An empty cell, null, NA and what is no number hold none."""
    try:
        return np.array(list(map(float, texts)), np.float64), np.ones(len(texts), np.bool_)
    except ValueError:
        pass
    present = np.array(list(map(bool, texts)), np.bool_)
    values = np.full(len(texts), np.nan)
    try:
        values[present] = list(map(float, filter(None, texts)))
    except ValueError:
        found = list(map(_number, texts))
        present = np.array([value is not None for value in found], np.bool_)
        values[present] = [value for value in found if value is not None]
    return values, present


def steps_of(texts: Sequence[bytes]) -> Floats:
    """The steps in cells: NaN for an empty cell, -1 for what is no step."""
    values, present = numbers(texts)
    with np.errstate(invalid="ignore"):
        fits = present & (values >= 0) & (values < LARGEST_STEP) & (values == np.floor(values))
    if not fits.all():
        empty = np.array([text.strip(b'" ') in ABSENT for text in texts], np.bool_)
        values = np.where(fits, values, np.where(empty, np.nan, -1.0))
    return values


def wall_seconds(texts: Sequence[bytes]) -> Floats:
    """Seconds since 1970 in cells; NaN for what is none, such as seconds since the start of a run."""
    values, present = numbers(texts)
    with np.errstate(invalid="ignore"):
        return np.where(present & (values > 1e9) & (values < 1e10), values, np.nan)


def told(traits: Traits, metrics: Mapping[str, Meaning], unit: Literal["nats", "other"] | None, counts: str) -> Traits:
    """The traits of a format for one log whose names say more than the format alone."""
    per_device = any(m.per_device for m in metrics.values() if m.metric == "tokens_per_second")
    told_by_names = replace(traits, tokens_per_second_of="device" if per_device else traits.tokens_per_second_of)
    if unit is not None:
        told_by_names = replace(told_by_names, loss_unit=unit)
    if counts == "epochs":
        return replace(told_by_names, steps_count="epochs")
    return replace(told_by_names, steps_count="rows") if counts == "rows" else told_by_names


class Rows:
    """What must be known of earlier rows to read later ones: the step, and what some columns count."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._raw = np.nan
        self._stride = 1.0
        self._epoch = np.nan
        self._mfu_in_percent = False
        self._tokens: tuple[float, float] | None = None
        """Step and tokens of the row before, while it is open whether the tokens count up."""
        self._tokens_count_up: bool | None = None

    def tables(self, frame: Frame) -> list[Table]:
        """The rows of a frame as tables, one for each set of metrics that a row carries."""
        if not len(frame.lines):
            return []
        steps = self._whole_run(frame)
        keep = np.isfinite(steps) & (frame.steps != -1)
        for metric, values in frame.columns.items():
            keep_values = frame.present[metric]
            if metric in POSITIVE:
                with np.errstate(invalid="ignore"):
                    keep_values &= np.isfinite(values) & (values > 0)
            elif metric in FINITE:
                keep_values &= np.isfinite(values)
        if "mfu" in frame.columns:
            self._fractions(frame.columns["mfu"], frame.present["mfu"])
        if "tokens" in frame.columns:
            self._only_counts(steps, frame.columns["tokens"], frame.present["tokens"], keep)
            if not self._tokens_count_up:
                frame.present["tokens"][:] = False
        return _by_metrics(frame, steps, keep)

    def _whole_run(self, frame: Frame) -> Floats:
        """The steps, those that begin anew in each epoch joined; a row without one has that of the row before."""
        raw = _filled(np.where(frame.steps == -1, np.nan, frame.steps), self._raw)
        epochs = _filled(_column(frame, "epoch"), self._epoch)
        before, epochs_before = np.append(self._raw, raw[:-1]), np.append(self._epoch, epochs[:-1])
        with np.errstate(invalid="ignore"):
            strides, rose = raw - before, epochs > epochs_before
            anew = (strides < 0) | (epochs < epochs_before)
        offsets = np.full(len(raw), np.nan)
        offset_before = self._offset
        last = 0
        for row in np.flatnonzero(anew).tolist():
            risen = strides[last:row][strides[last:row] > 0]
            self._stride = float(risen[-1]) if len(risen) else self._stride
            self._offset = self._offset + before[row] + self._stride - raw[row] if rose[row] else 0.0
            offsets[row] = self._offset
            last = row
        risen = strides[last:][strides[last:] > 0]
        self._stride = float(risen[-1]) if len(risen) else self._stride
        self._raw, self._epoch = float(raw[-1]), float(epochs[-1])
        joined: Floats = raw + _filled(offsets, offset_before)
        return joined

    def _fractions(self, values: Floats, present: Bools) -> None:
        """Makes fractions of an MFU in percent, which it is from the first value on that can be nothing else."""
        large = np.flatnonzero(present & (values > 1.5))
        first = 0 if self._mfu_in_percent else int(large[0]) if len(large) else len(values)
        self._mfu_in_percent = self._mfu_in_percent or bool(len(large))
        values[first:] *= 0.01

    def _only_counts(self, steps: Floats, values: Floats, present: Bools, keep: Bools) -> None:
        """Finds out whether tokens count up over the run or are those of one step, from two rows of unlike steps."""
        if self._tokens_count_up is not None:
            return
        for row in np.flatnonzero(present & keep).tolist():
            step, count = float(steps[row]), float(values[row])
            if self._tokens is not None and step > self._tokens[0]:
                before, counted = self._tokens
                grown = (count - counted) * (before + 1)
                self._tokens_count_up = grown > LEAST_GROWTH * counted * (step - before)
                present[:row] = False
                return
            self._tokens = step, count


ABSENT = frozenset({b"", b"null", b"none", b"None", b"NA", b"N/A", b"n/a", b"-"})


def _number(text: bytes) -> float | None:
    text = text.strip(b'" \t')
    try:
        return float(text) if b"_" not in text else None
    except ValueError:
        pass
    whole, comma, decimals = text.partition(b",")
    try:
        return float(whole + b"." + decimals) if comma and b"." not in text else None
    except ValueError:
        return None


def _filled(values: Floats, first: float) -> Floats:
    """With each gap filled by the value before it."""
    known = np.isfinite(values)
    if known.all():
        return values
    at = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(at >= 0, values[at], first)


def _column(frame: Frame, metric: str) -> Floats:
    if metric not in frame.columns:
        return np.full(len(frame.lines), np.nan)
    return np.where(frame.present[metric], frame.columns[metric], np.nan)


def _by_metrics(frame: Frame, steps: Floats, keep: Bools) -> list[Table]:
    metrics = tuple(frame.columns)
    if not metrics:
        return []
    there = np.array([frame.present[metric] for metric in metrics])
    rows = np.flatnonzero(keep & there.any(axis=0))
    if there[:, rows].all():
        return [_table(frame, steps, rows, metrics)]
    codes = np.zeros(len(rows), np.int64)
    for there_in_rows in there[:, rows]:  # codes of sets stay small numbers, however many metrics there are
        codes = np.unique(2 * codes + there_in_rows, return_inverse=True)[1].reshape(-1)
    tables = []
    for code in range(int(codes.max()) + 1):
        same = rows[codes == code]
        used = tuple(metric for metric, mask in zip(metrics, there[:, same[0]], strict=True) if mask)
        tables.append(_table(frame, steps, same, used))
    return tables


def _table(frame: Frame, steps: Floats, rows: Ints, metrics: tuple[str, ...]) -> Table:
    seconds = None if frame.seconds is None else frame.seconds[rows]
    if seconds is not None and not np.isfinite(seconds).all():
        seconds = None
    columns = tuple(frame.columns[metric][rows] for metric in metrics)
    return Table(Kind(metrics), frame.lines[rows], steps[rows].astype(np.int64), columns, seconds)
