"""metrics.csv as PyTorch Lightning's CSVLogger writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from parsers.columns import numbers, steps_of
from parsers.formats.csv import Csv, table_in
from parsers.formats.csv_header import Header
from parsers.records import Traits

SURE = 0.95
HEADER_ALONE = 0.25
OWN_NAMES = ("_step", "_epoch", "lr-")
"""Suffixes that Lightning gives a metric that is logged twice, and the prefix of its LearningRateMonitor."""


class LightningCsv(Csv):
    """metrics.csv of CSVLogger (lightning 2.6.6: fabric/loggers/csv_logs.py and pytorch/loops).

    The columns are sorted by name. Each call of the logger is a row: training, validation and learning rate stand on
    rows of their own. `step` counts the batches that stepped, from 0, on training and validation rows alike: a row of
    step N comes after N + 1 updates. `NAME_step` is of the last batch, `NAME_epoch` the mean of the epoch. When a new
    name comes the whole file is written anew with one column more.
    """

    name: ClassVar[str] = "lightning-csv"
    title: ClassVar[str] = "Lightning CSVLogger"
    about: ClassVar[str] = "metrics.csv of PyTorch Lightning's CSVLogger"
    example: ClassVar[str] = "epoch,step,train_loss_step,val_loss"
    traits: ClassVar[Traits] = Traits(
        train_loss="micro-batch",
        updates_at_train_row=1,
        updates_at_eval_row=1,
        loss_unit="unknown",
        explanations={
            "train_loss": "of the last batch of each step that was logged, as the module logged it",
            "val_loss": "mean over the validation set, as the module logged it",
        },
    )

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1: sorted names with epoch and step, and rows as Lightning alone writes them."""
        header, rows = table_in(window)
        if header is None or not _sorted_as_lightning(header):
            return 0.0
        if not rows:
            return HEADER_ALONE
        return SURE if _rows_of_lightning(header, rows) else 0.0


def _sorted_as_lightning(header: Header) -> bool:
    names = header.names
    return header.delimiter == b"," and {"epoch", "step"} <= set(names) and list(names) == sorted(names)


def _rows_of_lightning(header: Header, rows: Sequence[Sequence[bytes]]) -> bool:
    """Whether training and validation never share a row, and names or steps are Lightning's own."""
    places = {meaning.metric: place for place, meaning in header.taken.items()}
    train, val = places.get("train_loss"), places.get("val_loss")
    if train is not None and val is not None and any(row[train] and row[val] for row in rows):
        return False
    if any(name.endswith(OWN_NAMES[:2]) or name.startswith(OWN_NAMES[2]) for name in header.names):
        return True
    if train is not None and val is not None and any(row[val] for row in rows):
        return True
    steps = steps_of([row[header.step or 0] for row in rows if train is None or numbers([row[train]])[1][0]])
    stride = steps[1] - steps[0] if len(steps) > 1 else steps[0] + 1
    return bool(stride > 1 and len(steps) and (steps[0] + 1) % stride == 0)
