"""trainer_log.jsonl as LLaMA-Factory writes it (hiyouga/LLaMA-Factory, src/llamafactory/train/callbacks.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from parsers.columns import Frame
from parsers.configs.written import LLAMAFACTORY
from parsers.formats.json_layout import Row
from parsers.formats.jsonl import Jsonl, rows_in
from parsers.names import Meaning
from parsers.records import Floats, Traits

OWN_KEYS = frozenset({"current_steps", "total_steps", "percentage", "elapsed_time"})
ELAPSED = re.compile(rb'"?(?:(\d{1,6}) days?, )?(\d{1,6}):(\d\d):(\d\d)"?')
LEAST_SECONDS = 20
"""elapsed_time has whole seconds, so that over as many a mean is right to 5 %."""


class LlamaFactory(Jsonl):
    """trainer_log.jsonl of llamafactory 0.9.5, train/callbacks.py, LogCallback; its v1 writes plain rows with `step`.

    The loss is that of the HF Trainer: mean over devices and over the steps since the last row, in train mode.
    `current_steps` are updates done. `elapsed_time` is that of the process, cut to whole seconds, and contains
    evaluations and checkpoints; step_seconds is its growth since an earlier row, 20 seconds ago at least, where no
    evaluation lies between, and tokens_per_second that of `total_tokens`, of all devices, in this time. `throughput`
    is left out: after a resume it counts the tokens of all processes and the time of one. VRAM is of the first device,
    in GiB. Rows of a prediction carry neither loss nor epoch.
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
        settings=LLAMAFACTORY,
        explanations={
            "train_loss": "mean over all devices and over the steps since the last row, in train mode",
            "step_seconds": "growth of elapsed_time over the steps since an earlier row",
            "tokens_per_second": "growth of total_tokens over that of elapsed_time, of all devices",
        },
    )
    own: ClassVar[Mapping[str, Meaning]] = {
        "vram_reserved": Meaning("memory_bytes", 2.0**30),
    }
    texts: ClassVar[frozenset[str]] = frozenset({"elapsed_time"})

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """How sure, from 0 to 1: LLaMA-Factory alone counts current_steps of total_steps."""
        return 0.95 if any(row.keys() >= OWN_KEYS for row in rows_in(window)) else 0.0

    def __init__(self) -> None:
        super().__init__()
        self._since: tuple[float, float, float] | None = None
        """The step, the elapsed seconds and the tokens, NaN where unknown, from which the next mean runs."""

    def _frame(self, rows: Sequence[Row], cells: Mapping[str, Sequence[bytes]]) -> Frame:
        frame = super()._frame(rows, cells)
        if "elapsed_time" in cells:
            means = self._means(frame, cells["elapsed_time"])
            for name, values in zip(("step_seconds", "tokens_per_second"), means, strict=True):
                frame.columns[name], frame.present[name] = values, ~np.isnan(values)
        return frame

    def _means(self, frame: Frame, elapsed: Sequence[bytes]) -> tuple[Floats, Floats]:
        seconds, rates = np.full(len(elapsed), np.nan), np.full(len(elapsed), np.nan)
        trains = frame.present["train_loss"].tolist() if "train_loss" in frame.present else [False] * len(elapsed)
        rows = zip(frame.steps.tolist(), elapsed, _tokens(frame).tolist(), trains, strict=True)
        for place, (step, text, tokens, is_train) in enumerate(rows):
            now = _seconds(text)
            if now is None:
                continue
            if self._since is None or not is_train or step <= self._since[0] or now < self._since[1]:
                self._since = step, now, tokens
            elif now - self._since[1] >= LEAST_SECONDS:
                passed = now - self._since[1]
                seconds[place] = passed / (step - self._since[0])
                rates[place] = (tokens - self._since[2]) / passed if tokens > self._since[2] else np.nan
                self._since = step, now, tokens
        return seconds, rates


def _tokens(frame: Frame) -> Floats:
    if "tokens" not in frame.columns:
        return np.full(len(frame.lines), np.nan)
    return np.where(frame.present["tokens"], frame.columns["tokens"], np.nan)


def _seconds(text: bytes) -> float | None:
    found = ELAPSED.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
