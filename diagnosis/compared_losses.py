"""The losses of several runs side by side, where a number of one means the same as that of another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from diagnosis.case import Case
from diagnosis.standings import Standing, standings_of
from diagnosis.vocabulary import vocabulary_of

PADDED_TO = 128
"""Trainers pad a tokenizer's 50257 entries to 50304, a multiple of 64 or 128: the tokens are the same."""
UNITS = {"nats": "nats per token", "bits per byte": "bits per byte", "other": None, "unknown": None}


@dataclass(frozen=True, slots=True)
class Losses:
    """One metric of all runs. `comparable` is None where that is not known; `why` says what it hangs on."""

    metric: str
    unit: str | None
    comparable: bool | None
    why: tuple[str, ...]
    last: tuple[float | None, ...] = ()
    best: tuple[float | None, ...] = ()
    standings: tuple[Standing, ...] = ()
    """At equal steps, tokens, time and FLOPs, as far as they are known."""


def compared_losses(cases: Sequence[Case]) -> tuple[Losses, ...]:
    """Every loss that two runs or more have, what is used to judge a run first."""
    metrics = sorted({n for case in cases for n in case.series if _is_loss(n)}, key=_by_use)
    return tuple(_losses(n, cases) for n in metrics if sum(len(case.metric(n).finite) > 0 for case in cases) > 1)


def _is_loss(name: str) -> bool:
    return name in ("train_loss", "eval_train_loss", "val_loss", "val_bpb") or name.startswith("val_loss/")


def _by_use(name: str) -> tuple[int, str]:
    order = ("val_loss", "val_bpb", "val_loss/", "eval_train_loss", "train_loss")
    return (order.index("val_loss/" if name.startswith("val_loss/") else name), name)


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
    return Losses(
        metric=name,
        unit=unit,
        comparable=comparable,
        why=said,
        last=tuple(one.last for one in series),
        best=tuple(one.best[1] if one.best else None for one in series),
        standings=standings_of(name, cases),
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
    if name.startswith("val_"):
        found += [one for one in _condition("validation set", [_held_out(case) for case in cases]) if one[0]]
    return found + (_measured(cases) if name == "train_loss" else [])


def _measured(cases: Sequence[Case]) -> list[tuple[bool, str]]:
    """What makes two training losses of the same data differ without one run being better."""
    found = []
    kinds = {(case.traits.train_loss, case.traits.train_loss_in_train_mode) for case in cases}
    if len(kinds) > 1:
        words = sorted({f"{kind} in {'train' if in_train else 'eval'} mode" for kind, in_train in kinds})
        found.append((False, "train_loss is not measured alike: " + ", ".join(words)))
    dropouts = [case.number("dropout") for case in cases if case.traits.train_loss_in_train_mode]
    rates = sorted({rate for rate in dropouts if rate is not None})
    if len(rates) > 1:
        said = ", ".join(f"{rate:g}" for rate in rates)
        found.append((False, f"train_loss is measured with dropout on, which differs: {said}"))
    return found


def _condition(what: str, values: Sequence[str | None]) -> list[tuple[bool, str]]:
    known = sorted({value for value in values if value is not None})
    if len(known) > 1:
        return [(True, f"{what} differs: {', '.join(known)}")]
    return [(False, f"{what} unknown")] if None in values else []


def _vocab(case: Case) -> str | None:
    size = vocabulary_of(case)
    return None if size is None else f"{math.ceil(size / PADDED_TO) * PADDED_TO:,}"


def _held_out(case: Case) -> str | None:
    """The size of the validation set: two of other sizes are other sets, whose levels are off each in its own way."""
    tokens = case.number("val_tokens")
    return None if tokens is None else f"{tokens:,.0f} tokens"


def _dataset(case: Case) -> str | None:
    name = case.text("dataset")
    return None if name is None else name.rstrip("/").rpartition("/")[2].casefold()
