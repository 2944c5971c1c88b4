"""The learning rate over the steps of a run, relative to its peak, from what the config says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from parsers.records import Fact, Floats

Kind = Literal["cosine", "linear", "constant"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A linear warm-up, a plateau, a decay and a floor: cosine, linear, WSD and constant are all of this shape.

    All steps count updates. `floor` is a share of the peak. Cosine and linear without a plateau have
    decay_start = warmup_steps; WSD (warm-up, stable, decay) has a later one.
    """

    kind: Kind
    warmup_steps: float
    decay_start: float
    decay_end: float
    floor: float

    def __call__(self, steps: Floats) -> Floats:
        """The learning rate at `steps` as a share of its peak, of the same shape.

        Source of the warm-up and the cosine: nanoGPT train.py, get_lr.
        """
        warming = (steps + 1) / (self.warmup_steps + 1)
        if self.kind == "constant":
            return np.minimum(1.0, warming)
        span = max(1.0, self.decay_end - self.decay_start)
        done = np.clip((steps - self.decay_start) / span, 0.0, 1.0)
        left = 0.5 * (1 + np.cos(np.pi * done)) if self.kind == "cosine" else 1 - done
        return np.where(steps < self.warmup_steps, warming, self.floor + (1 - self.floor) * left)


def schedule_of(facts: Mapping[str, Fact]) -> Schedule | None:
    """The schedule that the facts fix, None where they leave it open.

    Reads nanoGPT's settings under their common names: decay_lr off is constant without warm-up; else a cosine
    from learning_rate to min_lr over warmup_steps to decay_steps. A fact "schedule" (cosine, linear, wsd,
    constant) and a fact "decay_start" say otherwise where a trainer has them; WSD is open without its decay_start.
    """
    flag = facts.get("decay_lr")
    if flag is not None and flag.value is False:
        return Schedule("constant", 0, 0, 0, 1)
    named = facts.get("schedule")
    word = "cosine" if named is None else str(named.value).lower()
    warmup, peak = _number(facts, "warmup_steps"), _number(facts, "learning_rate")
    if word == "constant":
        return Schedule("constant", warmup or 0, 0, 0, 1)
    end, low = _number(facts, "decay_steps"), _number(facts, "min_lr")
    if warmup is None or end is None or low is None or not peak or end <= warmup:
        return None
    start = _number(facts, "decay_start")
    if word == "wsd" and start is None:
        return None
    return _shaped(word, warmup, warmup if start is None else start, end, low / peak)


def _shaped(word: str, warmup: float, start: float, end: float, floor: float) -> Schedule | None:
    if not 0 <= floor <= 1 or word not in ("cosine", "linear", "wsd"):
        return None
    if floor == 1:
        return Schedule("constant", warmup, 0, 0, 1)
    return Schedule("cosine" if word == "cosine" else "linear", warmup, start, end, floor)


def _number(facts: Mapping[str, Fact], name: str) -> float | None:
    fact = facts.get(name)
    if fact is None or isinstance(fact.value, (bool, str)):
        return None
    return float(fact.value)
