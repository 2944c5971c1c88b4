"""What DeepSpeed prints into the log of whoever trains with it, for the formats of those trainers."""

from __future__ import annotations

from parsers.rows.row_patterns import Attach, Layout
from parsers.rows.said import Said

GIB = 2.0**30

OVERFLOW = Layout(
    hint=b"overflow",
    turn=1,
    text=rb"(?:fp16 dynamic loss scale overflow!|OVERFLOW!|Overflow detected\.)(?: Rank \d+)? Skipping step\."
    rb" Attempted loss scale: [\d.e+]{1,24}, (?:but hysteresis is \d+\. Reducing hysteresis to \d+"
    rb"|reducing to {loss_scale})",
    start=rb"(?:OVERFLOW!|overflow!|Overflow detected\.)(?: |$)",
    attach=Attach("before", 0, 0),
    own=False,
)
"""A step that was skipped since its gradients overflowed in fp16, and the loss scale that the next ones use.

DeepSpeed runtime/zero/stage_1_and_2.py, runtime/fp16/{fused,unfused}_optimizer.py and runtime/fp16/loss_scaler.py at
edaa722; [deepscale] until 2023. The one that only uses up its hysteresis keeps the scale.
"""

MEMORY = Layout(
    hint=b"maxmemallocated=",
    turn=1,
    text=rb"RunningAvgSamplesPerSec=[^,\s]{1,30}, CurrSamplesPerSec=[^,\s]{1,30}, MemAllocated=[\d.]{1,12}GB,"
    rb" MaxMemAllocated={memory_bytes}GB",
    start=rb"RunningAvgSamplesPerSec=",
    scales={"memory_bytes": GIB},
    attach=Attach("before", 0, 0),
    own=False,
)
"""The most memory that tensors held, of rank 0's GPU (utils/timer.py, ThroughputTimer, at edaa722).

Its own count of steps begins at 0 when a run is resumed, so it takes that of the row before it.
"""

PIPELINE = Layout(
    hint=b"iter time (s)",
    text=rb"\bsteps: (?P<step>\d{1,12}) loss: {train_loss} (?:[a-z][\w ]{0,30}: [-+\w.]{1,20} ){0,6}"
    rb"iter time \(s\): {step_seconds}(?: samples/sec: [\d.]{1,20})?",
    start=rb"\bsteps: \d+ loss:",
)
"""The pipeline engine's row: the loss is that of the whole batch, the time the mean of an iteration since the last
row (runtime/pipe/engine.py at edaa722)."""

CHECKPOINT = Said(b"is about to be saved!", rb"\[Torch\] Checkpoint \S{1,200} is about to be saved!", own=False)
"""Rank 0 says so when a checkpoint begins to be written (runtime/checkpoint_engine/torch_checkpoint_engine.py)."""
