"""A metric over steps, as the rules and the panels see it: frozen, never copied."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from parsers.records import Floats, Ints


@dataclass(frozen=True)
class Series:
    """One metric: `steps` (int64) and `values` (float64) of the same shape (n,), steps rising strictly."""

    name: str
    steps: Ints
    values: Floats
    memo: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was worked out of its rows before; a longer series that begins with them has the same one."""

    def __len__(self) -> int:
        return len(self.steps)

    @cached_property
    def finite(self) -> Series:
        """Without what is NaN or infinite."""
        seen = self.memo.get("all finite", 0)
        if bool(np.isfinite(self.values[seen:]).all()):
            self.memo["all finite"] = len(self)
            return self
        keep = np.isfinite(self.values)
        return Series(self.name, self.steps[keep], self.values[keep], self.memo.setdefault("finite", {}))

    @property
    def last(self) -> float | None:
        """The newest finite value."""
        return float(self.finite.values[-1]) if len(self.finite) else None

    @property
    def last_step(self) -> int | None:
        """The newest step, whatever its value is."""
        return int(self.steps[-1]) if len(self.steps) else None

    @cached_property
    def best(self) -> tuple[int, float] | None:
        """The step and value of the lowest finite value."""
        if not len(self.finite):
            return None
        at = int(np.argmin(self.finite.values))
        return int(self.finite.steps[at]), float(self.finite.values[at])

    def begins_with(self, other: Series) -> bool:
        """Whether it is `other` with rows appended. Costs nothing where both look at the same memory."""
        n = len(other)
        if n == 0 or n > len(self):
            return n == 0
        if self.steps.ctypes.data == other.steps.ctypes.data and self.values.ctypes.data == other.values.ctypes.data:
            return True
        same = np.array_equal(self.steps[:n], other.steps)
        return same and np.array_equal(self.values[:n], other.values, equal_nan=True)

    def since(self, step: float) -> Series:
        """Only the points at `step` or later."""
        at = _place(self.steps, step, "left")
        return self if at == 0 else Series(self.name, self.steps[at:], self.values[at:])

    def until(self, step: float) -> Series:
        """Only the points at `step` or before."""
        at = _place(self.steps, step, "right")
        return self if at == len(self.steps) else Series(self.name, self.steps[:at], self.values[:at])

    def at(self, steps: Ints) -> Floats:
        """Linear between its finite points; NaN outside them."""
        known = self.finite
        if not len(known):
            return np.full(len(steps), np.nan)
        return np.interp(steps, known.steps, known.values, left=np.nan, right=np.nan)


def _place(steps: Ints, step: float, side: Literal["left", "right"]) -> int:
    """Where `step` stands among the steps. Asked in whole numbers: a float would turn the whole column into floats."""
    if not len(steps) or not math.isfinite(step):
        return len(steps) if step > 0 else 0
    whole = math.ceil(step) if side == "left" else math.floor(step)
    return int(np.searchsorted(steps, np.int64(min(max(whole, -(2**62)), 2**62)), side=side))
