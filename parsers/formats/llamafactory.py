"""trainer_log.jsonl as LLaMA-Factory writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from parsers.columns import Frame
from parsers.formats.json_layout import Row
from parsers.formats.jsonl import Jsonl, rows_in
from parsers.names import Meaning
from parsers.records import Floats, Traits

OWN_KEYS = frozenset({"current_steps", "total_steps", "percentage", "elapsed_time"})
ELAPSED = re.compile(rb'"?(?:(\d{1,6}) days?, )?(\d{1,6}):(\d\d):(\d\d)"?')
LEAST_SECONDS = 20
"""elapsed_time has whole seconds, so that over as many a mean is right to 5 %."""


class LlamaFactory(Jsonl):
    """trainer_log.jsonl (llamafactory 0.9.5, train/callbacks.py, LogCallback).

    The loss is that of the HF Trainer: mean over devices and over the steps since the last row, in train mode.
    `current_steps` are updates done. `throughput` is the mean since the start of the process, of all devices.
    `elapsed_time` is cut to whole seconds and contains evaluations and checkpoints; step_seconds is its growth since
    an earlier row, 20 seconds ago at least, where no evaluation lies between. VRAM is of the first device, in GiB.
    Rows of a prediction carry neither loss nor epoch.
    """

    name: ClassVar[str] = "llamafactory"
    title: ClassVar[str] = "LLaMA-Factory"
    about: ClassVar[str] = "LLaMA-Factory's trainer_log.jsonl"
    example: ClassVar[str] = (
        '{"current_steps": 10, "total_steps": 6750, "loss": 2.219, "lr": 1.33e-06, "epoch": 0.0044, '
        '"percentage": 0.15, "elapsed_time": "0:00:32", "remaining_time": "6:01:13"}'
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="window mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        loss_unit="nats",
        explanations={
            "train_loss": "mean over all devices and over the steps since the last row, in train mode",
            "step_seconds": "growth of elapsed_time over the steps since an earlier row",
            "tokens_per_second": "mean since the process started, of all devices",
        },
    )
    own: ClassVar[Mapping[str, Meaning]] = {
        "throughput": Meaning("tokens_per_second"),
        "vram_reserved": Meaning("memory_bytes", 2.0**30),
    }
    texts: ClassVar[frozenset[str]] = frozenset({"elapsed_time"})

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1: LLaMA-Factory alone counts current_steps of total_steps."""
        return 0.95 if any(row.keys() >= OWN_KEYS for row in rows_in(window)) else 0.0

    def __init__(self) -> None:
        super().__init__()
        self._since: tuple[float, float] | None = None
        """The step and the elapsed seconds from which the next mean runs."""

    def _frame(self, rows: Sequence[Row], cells: Mapping[str, Sequence[bytes]]) -> Frame:
        frame = super()._frame(rows, cells)
        if "elapsed_time" in cells:
            seconds = self._means(frame, cells["elapsed_time"])
            frame.columns["step_seconds"], frame.present["step_seconds"] = seconds, ~np.isnan(seconds)
        return frame

    def _means(self, frame: Frame, elapsed: Sequence[bytes]) -> Floats:
        means = np.full(len(elapsed), np.nan)
        trains = frame.present["train_loss"].tolist() if "train_loss" in frame.present else [False] * len(elapsed)
        for place, (step, text, is_train) in enumerate(zip(frame.steps.tolist(), elapsed, trains, strict=True)):
            now = _seconds(text)
            if now is None:
                continue
            if self._since is None or not is_train or step <= self._since[0] or now < self._since[1]:
                self._since = step, now
            elif now - self._since[1] >= LEAST_SECONDS:
                means[place] = (now - self._since[1]) / (step - self._since[0])
                self._since = step, now
        return means


def _seconds(text: bytes) -> float | None:
    found = ELAPSED.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
