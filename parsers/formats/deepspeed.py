"""DeepSpeed (deepspeedai/DeepSpeed, deepspeed/runtime/engine.py, pipe/engine.py and config.py)."""

from __future__ import annotations

from typing import ClassVar

from parsers.configs.written import DEEPSPEED
from parsers.formats.deepspeed_lines import CHECKPOINT, MEMORY, OVERFLOW, PIPELINE
from parsers.formats.generic import Generic
from parsers.records import Traits
from parsers.rows.row_patterns import Layout
from parsers.rows.said import Said
from parsers.rows.text import TextFormat

HEAD = rb"(?:\[config\.py:\d{1,5}:print\] )?"
"""Where DeepSpeedConfig.print says it; a line of somebody's code would have a print before it too."""


def _printed(name: bytes, value: bytes) -> Said:
    """A line of the engine's configuration; a name of 30 letters has no dots behind it, and a shorter one fewer."""
    return Said(b"  " + name + b" ", HEAD + b"  " + name + rb" \.* " + value + rb"\s*$", own=False)


BESIDE_A_LOOP = 0.2
"""How sure it is at most where somebody's own loop prints losses, which its own rows do not: that one says more."""


class DeepSpeed(TextFormat):
    """DeepSpeed's own lines, runtime/{engine,pipe/engine,config}.py and utils/timer.py at edaa722 (August 2026).

    `step=N` is printed after N updates and has no loss; lr is that of the first parameter group. The pipeline engine's
    `steps: N loss:` has one: the mean over the batch; its time is that of an iteration. Other trainers' logs hold these
    lines too, so their own rows decide whose log it is. Memory is the most that tensors held of rank 0's GPU.
    """

    name: ClassVar[str] = "deepspeed"
    title: ClassVar[str] = "DeepSpeed"
    about: ClassVar[str] = (
        "DeepSpeed: `[Rank 0] step=N, skipped=..., lr=[...]` and `steps: N loss: ... iter time (s): ...`"
    )
    example: ClassVar[str] = (
        "[2023-05-22 21:15:09,288] [INFO] [logging.py:96:log_dist] [Rank 0] step=2, skipped=0,"
        " lr=[2.4e-09, 2.4e-09], mom=[[0.9, 0.95], [0.9, 0.95]]"
    )
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        step_seconds="window mean",
        settings=DEEPSPEED,
    )
    sure: ClassVar[float] = 0.45
    rows: ClassVar = (
        Layout(
            hint=b"step=",
            text=rb"\bstep=(?P<step>\d{1,12}), skipped=\d{1,12}, lr=\[{learning_rate}(?:, [^\]\n]{0,400})?\]",
            start=rb"\bstep=\d+, skipped=",
        ),
        PIPELINE,
        OVERFLOW,
        MEMORY,
    )
    said: ClassVar = (
        Said(b"deepspeedengine configuration:", HEAD + rb"DeepSpeedEngine configuration:", begins=True, own=False),
        _printed(b"train_micro_batch_size_per_gpu", b"{batch_size}"),
        _printed(b"train_batch_size", b"{global_batch_size}"),
        _printed(b"gradient_accumulation_steps", b"{gradient_accumulation_steps}"),
        _printed(b"world_size", b"{world_size}"),
        _printed(b"gradient_clipping", b"{grad_clip}"),
        _printed(b"optimizer_name", rb"(?P<optimizer>(?!None\b)\w+)"),
    )
    checkpoint: ClassVar = CHECKPOINT

    @classmethod
    def sniff(cls, window: bytes) -> float:
        """As of every text log, but less where only others print losses."""
        sure = super().sniff(window)
        if not sure or PIPELINE.hint in window or not Generic.sniff(window):
            return sure
        return min(sure, BESIDE_A_LOOP)
