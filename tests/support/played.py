"""A small finished log, in records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsers.records import Fact, Notice, Points, Recognised, Record, Traits

TRAITS = Traits(updates_at_train_row=1, updates_at_eval_row=0)
RECOGNISED = Recognised("nanogpt", "nanoGPT", TRAITS, "a test")
LAYERS = Fact("n_layer", 12, "log", "line 3")


def points(steps: Sequence[int], *metrics: str) -> Points:
    """Rows with these metrics; a step takes one second."""
    array = np.array(steps, np.int64)
    columns = {name: array.astype(np.float64) for name in metrics}
    return Points(array, columns | ({"step_seconds": np.ones(len(array))} if "train_loss" in metrics else {}))


def train(steps: Sequence[int]) -> Points:
    """Rows of the training loss."""
    return points(steps, "train_loss")


def evals(steps: Sequence[int]) -> Points:
    """Rows of evaluations."""
    return points(steps, "eval_train_loss", "val_loss")


def seen(records: Sequence[Record], metric: str = "train_loss") -> list[int]:
    """The steps of all rows with that metric, in order."""
    return [s for r in records if isinstance(r, Points) and metric in r.columns for s in r.steps.tolist()]


LOG: list[Record] = [
    RECOGNISED,
    LAYERS,
    train(range(100)),
    evals(range(0, 100, 10)),
    Notice("checkpoint", "saving checkpoint", 50),
]
