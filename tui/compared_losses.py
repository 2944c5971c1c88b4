"""The losses of several runs side by side, where a number of one means the same as that of another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.case import Case
from diagnosis.series import Series
from parsers.records import Floats

PADDED_TO = 128
"""Trainers pad a tokenizer's 50257 entries to 50304, a multiple of 64 or 128: the tokens are the same."""
UNITS = {"nats": "nats per token", "bits per byte": "bits per byte", "unknown": None}
Axis = Callable[[Case, Series], Floats | None]


@dataclass(frozen=True, slots=True)
class Losses:
    """One metric of all runs. `comparable` is None where that is not known; `why` says what it hangs on."""

    metric: str
    unit: str | None
    comparable: bool | None
    why: tuple[str, ...]
    last: tuple[float | None, ...] = ()
    best: tuple[float | None, ...] = ()
    step: int | None = None
    """The last step that all runs have reached with this metric."""
    at_step: tuple[float | None, ...] = ()
    tokens: float | None = None
    """The most tokens after which all runs have this metric."""
    at_tokens: tuple[float | None, ...] = ()


def compared_losses(cases: Sequence[Case]) -> tuple[Losses, ...]:
    """Every loss that two runs or more have, what is used to judge a run first."""
    metrics = sorted({n for case in cases for n in case.series if _is_loss(n)}, key=_by_use)
    return tuple(_losses(n, cases) for n in metrics if sum(len(case.metric(n).finite) > 0 for case in cases) > 1)


def _is_loss(name: str) -> bool:
    return name in ("train_loss", "eval_train_loss", "val_loss", "val_bpb") or name.startswith("val_loss/")


def _by_use(name: str) -> tuple[int, str]:
    order = ("val_loss", "val_bpb", "eval_train_loss", "train_loss")
    return (order.index(name) if name in order else 0, name)


def _losses(name: str, cases: Sequence[Case]) -> Losses:
    having = [case for case in cases if len(case.metric(name).finite)]
    unit, reasons, doubts = _unit(name, having)
    for differs, why in _conditions(name, having):
        (reasons if differs else doubts).append(why)
    comparable = False if reasons else None if doubts else True
    said = tuple(dict.fromkeys([*reasons, *doubts]))
    if comparable is False:
        return Losses(name, unit, comparable, said)
    series = [case.metric(name).finite for case in cases]
    step = _common([_steps(case, one) for case, one in zip(cases, series, strict=True)])
    tokens = _common([_tokens(case, one) for case, one in zip(cases, series, strict=True)])
    return Losses(
        metric=name,
        unit=unit,
        comparable=comparable,
        why=said,
        last=tuple(one.last for one in series),
        best=tuple(one.best[1] if one.best else None for one in series),
        step=None if step is None else int(step),
        at_step=tuple(_at(step, case, one, _steps) for case, one in zip(cases, series, strict=True)),
        tokens=tokens,
        at_tokens=tuple(_at(tokens, case, one, _tokens) for case, one in zip(cases, series, strict=True)),
    )


def _unit(name: str, cases: Sequence[Case]) -> tuple[str | None, list[str], list[str]]:
    """The unit, why it forbids a comparison, and why it leaves it in doubt."""
    units = {UNITS["bits per byte"] if name == "val_bpb" else UNITS[case.traits.loss_unit] for case in cases}
    known = units - {None}
    if len(known) > 1:
        return None, ["the unit differs: " + ", ".join(sorted(filter(None, known)))], []
    return (next(iter(known)) if len(units) == 1 and known else None), [], ["unit unknown"] if None in units else []


def _conditions(name: str, cases: Sequence[Case]) -> list[tuple[bool, str]]:
    """(whether it forbids the comparison, what it is) for all that makes two losses two things."""
    found = []
    if name != "val_bpb":
        # A loss per token depends on what a token is; one per byte does not.
        found += _condition("vocab", [_vocab(case) for case in cases])
    found += _condition("data set", [_dataset(case) for case in cases])
    if name == "train_loss":
        kinds = {(case.traits.train_loss, case.traits.train_loss_in_train_mode) for case in cases}
        if len(kinds) > 1:
            words = sorted({f"{kind} in {'train' if in_train else 'eval'} mode" for kind, in_train in kinds})
            found.append((False, "train_loss is not measured alike: " + ", ".join(words)))
    return found


def _condition(what: str, values: Sequence[str | None]) -> list[tuple[bool, str]]:
    known = sorted({value for value in values if value is not None})
    if len(known) > 1:
        return [(True, f"{what} differs: {', '.join(known)}")]
    return [(False, f"{what} unknown")] if None in values else []


def _vocab(case: Case) -> str | None:
    size = case.number("vocab_size")
    return None if size is None else f"{math.ceil(size / PADDED_TO) * PADDED_TO:,}"


def _dataset(case: Case) -> str | None:
    name = case.text("dataset")
    return None if name is None else name.rstrip("/").rpartition("/")[2].casefold()


def _steps(case: Case, series: Series) -> Floats | None:
    """The optimiser steps of a series' rows; None where the trainer's steps are something else."""
    return series.steps.astype(np.float64) if len(series) and case.traits.steps_count == "updates" else None


def _tokens(case: Case, series: Series) -> Floats | None:
    """The tokens seen at a series' rows, as logged, else updates x tokens of one; None where neither is known."""
    if not len(series):
        return None
    logged = case.metric("tokens").finite
    if len(logged):
        return np.asarray(np.interp(series.steps, logged.steps, logged.values), np.float64)
    if case.tokens_per_step is None or case.traits.steps_count != "updates":
        return None
    traits = case.traits
    ahead = traits.updates_at_train_row if series.name == "train_loss" else traits.updates_at_eval_row
    return np.asarray((series.steps + ahead) * float(case.tokens_per_step), np.float64)


def _common(axes: Sequence[Floats | None]) -> float | None:
    """The last place that all axes which are known reach; None where fewer than two are, or they do not overlap."""
    known = [axis for axis in axes if axis is not None]
    if len(known) < 2:
        return None
    place = min(float(axis[-1]) for axis in known)
    return place if all(float(axis[0]) <= place for axis in known) else None


def _at(place: float | None, case: Case, series: Series, axis: Axis) -> float | None:
    """A series' value there, linear between its rows."""
    where = axis(case, series)
    if place is None or where is None or not where[0] <= place <= where[-1]:
        return None
    return float(np.interp(place, where, series.values))
