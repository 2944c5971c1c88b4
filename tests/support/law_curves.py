"""Losses by the annealing law as it is fitted today, added up step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
GAIN, LAG = 0.13, 300
BEGINNING = 8.0
"""Nats by which the first steps lie above what the law of later ones says: a model that knows nothing yet."""


def law_loss(steps: npt.ArrayLike, rate: Callable[[Any], Any]) -> Array:
    """3 + 30 progress^-.5 less what the loss has followed the learning rate down, at whole `steps`."""
    wanted = np.asarray(steps, np.int64)
    share = np.asarray(rate(np.arange(0.0, wanted.max() + 1)), float)
    fallen = np.where(np.arange(len(share)) > int(np.argmax(share)), share.max() - share, 0.0)
    followed = np.zeros_like(fallen)
    for i in range(1, len(fallen)):
        followed[i] = followed[i - 1] + (fallen[i] - followed[i - 1]) / LAG
    loss = 3 + 30 * np.maximum(np.cumsum(share**0.6) - 400, 50) ** -0.5 - GAIN * followed
    return np.asarray((loss + BEGINNING * np.exp(-np.arange(len(loss)) / 60))[wanted])
