"""The learning rate over the steps of a run, relative to its peak, from what the config says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from parsers.records import Fact, Floats

Kind = Literal["cosine", "linear", "constant", "inverse-sqrt", "restarts"]
INVERSE_SQRT = ("inverse-sqrt", "inverse_sqrt", "inverse-square-root", "inverse_square_root")
"""As fairseq, Transformers and Megatron-LM write it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A linear warm-up, a plateau, a decay and a floor: cosine, linear, WSD and constant are all of this shape.

    All steps count updates. `floor` is a share of the peak. Cosine and linear without a plateau have
    decay_start = warmup_steps; WSD (warm-up, stable, decay) has a later one. Restarts are cosines that begin again at
    the peak (SGDR, Loshchilov 2017); an inverse square root never ends, and its decay_end says nothing.
    """

    kind: Kind
    warmup_steps: float
    decay_start: float
    decay_end: float
    floor: float
    scale: float = 0.0
    """Steps of the first cycle of restarts; of an inverse square root those in which it falls to 0.71."""
    growth: float = 1.0
    """How many times as long as the one before each cycle of restarts is."""

    def __call__(self, steps: Floats) -> Floats:
        """The learning rate at `steps` as a share of its peak, of the same shape.

        Source of the warm-up and the cosine: nanoGPT train.py, get_lr.
        """
        warming = (steps + 1) / (self.warmup_steps + 1)
        if self.kind == "constant":
            return np.minimum(1.0, warming)
        return np.where(steps < self.warmup_steps, warming, self.floor + (1 - self.floor) * self._left(steps))

    def _left(self, steps: Floats) -> Floats:
        """What is left of the decay after the warm-up: 1 at its begin, 0 at its end."""
        since = np.maximum(steps - self.decay_start, 0.0)
        if self.kind == "inverse-sqrt":
            return np.sqrt(self.scale / (since + self.scale))
        if self.kind == "restarts":
            done = np.where(steps >= self.decay_end, 1.0, _of_cycle(since / self.scale, self.growth))
        else:
            done = np.clip(since / max(1.0, self.decay_end - self.decay_start), 0.0, 1.0)
        return 1 - done if self.kind == "linear" else 0.5 * (1 + np.cos(np.pi * done))

    @property
    def spent_step(self) -> float | None:
        """Where the decay ends for good; None where it never does."""
        return self.decay_end if self.kind in ("cosine", "linear") else None


def _of_cycle(cycles: Floats, growth: float) -> Floats:
    """The share of its cycle that is done, from the time in lengths of the first one."""
    if growth == 1:
        return cycles % 1
    which = np.floor(np.log1p(cycles * (growth - 1)) / np.log(growth))
    return np.asarray((cycles - (growth**which - 1) / (growth - 1)) / growth**which)


@dataclass(frozen=True, slots=True)
class Believed:
    """The schedule to reckon with; None is open. `known` says whether the steps to come are known with it."""

    schedule: Schedule | None
    known: bool


OPEN = Believed(None, known=False)


def schedule_of(facts: Mapping[str, Fact]) -> Schedule | None:
    """The schedule that the facts fix, None where they leave it open.

    Reads nanoGPT's settings under their common names: decay_lr off is constant without warm-up; else a cosine
    from learning_rate to min_lr over warmup_steps to decay_steps. A fact "schedule" (cosine, linear, wsd,
    constant, inverse-sqrt) and a fact "decay_start" say otherwise where a trainer has them; WSD is open without its
    decay_start. An inverse square root falls from its warm-up on as sqrt(warmup_steps / step), as in fairseq and
    Megatron-LM.
    """
    flag = facts.get("decay_lr")
    if flag is not None and flag.value is False:
        return Schedule("constant", 0, 0, 0, 1)
    named = facts.get("schedule")
    word = "cosine" if named is None else str(named.value).lower()
    warmup, peak = _number(facts, "warmup_steps"), _number(facts, "learning_rate")
    if word == "constant":
        return Schedule("constant", warmup or 0, 0, 0, 1)
    if word in INVERSE_SQRT:
        return Schedule("inverse-sqrt", warmup, warmup, 0, 0, scale=warmup) if warmup else None
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
