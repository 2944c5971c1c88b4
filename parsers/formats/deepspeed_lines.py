"""What DeepSpeed prints into the log of whoever trains with it."""

from __future__ import annotations

from parsers.row_patterns import Attach, Layout

OVERFLOW = Layout(
    hint=b"overflow! ",
    turn=1,
    text=rb"OVERFLOW! Rank \d+ Skipping step\. Attempted loss scale: [\d.e+]{1,24}, (?:but hysteresis is \d+\."
    rb" Reducing hysteresis to \d+|reducing to {loss_scale})",
    start=rb"OVERFLOW! Rank",
    attach=Attach("before", 0, 0),
    own=False,
)
"""A step that was skipped since its gradients overflowed in fp16, and the loss scale that the next ones use.

DeepSpeed runtime/zero/stage_1_and_2.py and runtime/fp16/fused_optimizer.py at edaa722; [deepscale] until 2023.
"""
