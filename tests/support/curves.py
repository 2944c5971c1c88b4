"""Training runs made of the laws: a smooth loss by learning-rate annealing, with the noise of real logs on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def cosine(steps: Array, *, total: float, warmup: float = 500, floor: float = 0.1) -> Array:
    """The learning rate as a share of its peak: linear warm-up, then a cosine down to `floor`."""
    done = np.clip((steps - warmup) / (total - warmup), 0, 1)
    return np.where(steps < warmup, (steps + 1) / (warmup + 1), floor + (1 - floor) * (1 + np.cos(np.pi * done)) / 2)


def stable_then_decay(steps: Array, *, total: float, warmup: float = 500, decay: float = 0.2) -> Array:
    """The learning rate of a warm-up, stable, decay run that falls to 0 in the last share `decay`."""
    return np.minimum(np.minimum(1, (steps + 1) / (warmup + 1)), np.clip((total - steps) / (decay * total), 0, 1))


def annealed_loss(
    steps: npt.ArrayLike, rate: Callable[[Array], Array], *, level: float = 3.0, gain: float = 0.135, alpha: float = 0.5
) -> Array:
    """L0 + A S1^-alpha - C S2 at `steps`, from 10.8 nats at the start; S2 follows with a lag of 1,000 steps."""
    wanted = np.asarray(steps, float)
    grid = np.arange(0.0, wanted.max() + 1)
    share = rate(grid)
    fallen = np.concatenate(([0.0], np.maximum(0, share[:-1] - share[1:])))
    followed = np.cumsum(fallen)
    lagged = np.zeros_like(followed)
    for i in range(1, len(grid)):
        lagged[i] = lagged[i - 1] + (followed[i] - lagged[i - 1]) / 1000
    loss = level + 70 * (np.cumsum(share) + 80) ** -alpha - gain * lagged
    return np.asarray(np.interp(wanted, grid, loss))


def heavy_tails(rng: np.random.Generator, count: int, sd: float) -> Array:
    """Student-t noise of 5 degrees of freedom with this standard deviation: kurtosis 9, as batch losses have."""
    return np.asarray(rng.standard_t(5, count) * sd / np.sqrt(5 / 3))


@dataclass(frozen=True)
class Run:
    """Rows and evals of one synthetic run."""

    train: tuple[npt.NDArray[np.int64], Array]
    val: tuple[npt.NDArray[np.int64], Array]
    own: tuple[npt.NDArray[np.int64], Array]

    def series(self) -> dict[str, tuple[Any, Any]]:
        """As make_case takes it."""
        return {"train_loss": self.train, "val_loss": self.val, "eval_train_loss": self.own}


def healthy_run(
    seed: int,
    *,
    total: int = 10_000,
    interval: int = 1,
    noise: float = 0.04,
    eval_interval: int = 250,
    eval_noise: float = 0.008,
    rate: Callable[[Array], Array] | None = None,
) -> Run:
    """A run with nothing wrong: rows every `interval` steps, evals of both splits with their own sampling noise."""
    rng = np.random.default_rng(seed)
    schedule = rate or (lambda steps: cosine(steps, total=total))
    rows, evals = np.arange(0, total + 1, interval), np.arange(0, total + 1, eval_interval)
    curve = annealed_loss(np.arange(total + 1), schedule)
    return Run(
        (rows, curve[rows] + heavy_tails(rng, len(rows), noise)),
        (evals, curve[evals] + rng.normal(0.02, eval_noise, len(evals))),
        (evals, curve[evals] + rng.normal(0, eval_noise, len(evals))),
    )
