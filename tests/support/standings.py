"""Standings for tests: as short to write as the values that matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from diagnosis.compared_axes import Axis
from diagnosis.compared_losses import Losses
from diagnosis.standings import Standing

PLACES: dict[Axis, float] = {"step": 6000, "epoch": 0.375, "tokens": 3.15e9, "seconds": 7500, "flops": 4e18}


def standing(
    values: Sequence[float | None], error: float | None = 0.008, axis: Axis = "step", **changes: Any
) -> Standing:
    """Runs with these values, every difference known to `error`."""
    best = min((value, at) for at, value in enumerate(values) if value is not None)[1]
    made = Standing(
        axis=axis,
        place=PLACES[axis],
        how=None,
        values=tuple(values),
        errors=tuple(None if v is None else error for v in values),
        best=best,
        behind=tuple(None if v is None else v - (values[best] or 0.0) for v in values),
        behind_errors=tuple(0.0 if at == best else None if v is None else error for at, v in enumerate(values)),
        learning_rates=(None,) * len(values),
    )
    return replace(made, **changes)


def losses(*standings: Standing, comparable: bool | None = True, metric: str = "val_loss") -> Losses:
    """A loss that stands so."""
    return Losses(metric, "nats per token", comparable, (), standings=standings)
