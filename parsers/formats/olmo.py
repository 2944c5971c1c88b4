"""OLMo and OLMo-core (allenai/OLMo, olmo/train.py and scripts/train.py; allenai/OLMo-core, src/olmo_core/train)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

import numpy as np

from parsers.records import Floats, Record, Traits, Value
from parsers.rows.numbers import value
from parsers.rows.row_patterns import Attach, Fields, Layout
from parsers.rows.said import Said
from parsers.rows.skeleton import Batch
from parsers.rows.text import TextFormat

MB, GIB = 1e6, 2.0**30
SLOWEST = 0.05
"""Batches per second below which four decimals are too few to tell how long a batch takes within 0.1 %."""
BEFORE = rb"(?:^|\s)"
BELOW = Attach("before")
WHOLE = re.compile(rb"=(?:[01]\.\d{4}|\d\.\d{3}|\d\d\.\d\d|\d{3}\.\d)\s*$")
"""A value with all the digits that format_float prints for its size: it cannot be one that was cut."""
VALUE = re.compile(rb"^[^=\[\]]{1,200}=[-+\d.,eEnaif]*\s*$")
COUNTED = b"tokens"
"""Counts, to which OLMo-core gives a unit behind the digits from 10^9 on: 1.049B."""


def _value(printed: bytes, metric: bytes, scale: float = 1.0) -> Layout:
    """A line of a block: "    train/CrossEntropyLoss=11.33"."""
    return Layout(
        hint=printed.lower() + b"=",
        text=BEFORE + re.escape(printed) + rb"={" + metric + (rb"~}" if COUNTED in printed else rb"}"),
        scales={metric.decode(): scale},
        attach=BELOW,
        ends=rb"\s*$",
        start=BEFORE + re.escape(printed) + rb"=",
    )


def _set(name: str) -> tuple[str, float]:
    return f"val_loss/{name}", 1.0


SETTINGS = {
    "run_name": rb"\brun_name='([^']{0,200})'",
    "n_embd": rb"\bd_model=(\d+),",
    "n_head": rb"\bn_heads=(\d+),",
    "n_layer": rb"\bn_layers=(\d+),",
    "block_size": rb"\bmax_sequence_length=(\d+),",
    "vocab_size": rb"\bvocab_size=(\d+),",
    "learning_rate": rb" learning_rate=([\d.e+-]+),",
    "weight_decay": rb" weight_decay=([\d.e+-]+),",
    "warmup_steps": rb" units='steps', t_warmup=(\d+),",
    "global_batch_size": rb" global_train_batch_size=(\d+),",
    "batch_size": rb" device_train_microbatch_size=(\d+),",
    "gradient_accumulation_steps": rb" device_train_grad_accum=(\d+),",
    "grad_clip": rb" max_grad_norm=([\d.e+-]+)[,)]",
    "eval_interval": rb" eval_interval=(\d+),",
}


def _settings(found: re.Match[bytes]) -> dict[str, Value]:
    """The facts in the configuration that OLMo prints as one line of Python."""
    pairs = ((name, re.search(pattern, found["all"])) for name, pattern in SETTINGS.items())
    return {name: value(setting[1]) for name, setting in pairs if setting is not None}


HEADER = Layout(
    hint=b"[step=",
    text=rb"\[step=(?P<step>\d{1,12})(?:/(?:(?P<planned_steps>\d{1,12})|\?\?\?|None))?(?=[],])[^]\n]{0,80}\]",
    start=rb"\[step=\d",
    ends=rb"\s*$",
    own=False,
)
NO_HEADER = Layout(
    hint=b"pre-train system metrics", text=rb"\bPre-train system metrics\s*$", attach=Attach("before"), own=False
)
"""What is measured before the first step, and belongs to none."""
BATCHES = _value(b"throughput/device/batches_per_second", b"batches_per_second")
EVAL = Fields(
    hint=b"/crossentropyloss=",
    anchor=BEFORE + rb"eval/(?=[\w./ -]{1,120}/CrossEntropyLoss=)",
    item=rb"(?P<name>[\w./ -]{1,120}?)/CrossEntropyLoss={value}",
    translate=_set,
    attach=BELOW,
    ends=rb"\s*$",
    start=BEFORE + rb"eval/[\w./ -]{1,120}/CrossEntropyLoss=",
)
EVAL_OF_CORE = Fields(
    hint=b"/ce loss=",
    anchor=BEFORE + rb"(?!train/)(?=[\w.-]{1,120}/CE loss=)",
    item=rb"(?P<name>[\w.-]{1,120})/CE loss={value}",
    translate=_set,
    attach=Attach("after", otherwise=0),
    ends=rb"\s*$",
    start=BEFORE + rb"(?!train/)[\w.-]{1,120}/CE loss=",
)


class OLMo(TextFormat):
    """OLMo 0.6.0, olmo/train.py and scripts/train.py, and OLMo-core 3.0.0 (2026), train/callbacks/.

    `[step=N/M,epoch=E]` is printed after update N, counted from 1; the indented lines below it are its values. The loss
    is the mean over the tokens of the whole batch on all ranks, the gradient norm that before clipping.
    tokens_per_second and TPS are of one device: the mean of some batches in OLMo (speed_monitor.window_size, 100), of
    one step in OLMo-core. OLMo-core's MFU compares with the peak of an H100, B200, B300 or RTX PRO 6000, and for every
    other GPU with that of an A100, in older versions with half of it (156 TFLOP/s); it prints which. Its learning rate
    is that of the first group. OLMo's MB are 10^6 bytes. Numbers are rounded to four digits, larger ones to integers,
    and from 10^9 on OLMo-core 3 rounds again (1.049B; format_float in utils.py). OLMo evaluates after the block of the
    step, OLMo-core before it: with the blocks that OLMo-core collects, an evaluation may be put some steps
    (metrics_collect_interval, 5) too early. The first evaluation set is val_loss, further ones go by their names.
    """

    name: ClassVar[str] = "olmo"
    title: ClassVar[str] = "OLMo"
    about: ClassVar[str] = "OLMo and OLMo-core: `[step=N/M,epoch=E]` and indented lines `train/CrossEntropyLoss=...`"
    example: ClassVar[str] = "    train/CrossEntropyLoss=11.33"
    traits: ClassVar[Traits] = Traits(
        train_loss="step mean",
        updates_at_train_row=0,
        updates_at_eval_row=0,
        tokens_per_second_of="device",
        step_seconds="window mean",
    )
    rows: ClassVar = (
        HEADER,
        NO_HEADER,
        _value(b"train/CrossEntropyLoss", b"train_loss"),
        _value(b"train/CE loss", b"train_loss"),
        _value(b"optim/total_grad_norm", b"grad_norm"),
        _value(b"optim/total grad norm", b"grad_norm"),
        _value(b"optim/LR (group 0)", b"learning_rate"),
        _value(b"optim/LR", b"learning_rate"),
        _value(b"throughput/device/tokens_per_second", b"tokens_per_second"),
        _value(b"throughput/device/TPS", b"tokens_per_second"),
        _value(b"throughput/device/MFU", b"mfu", 0.01),
        _value(b"throughput/total_tokens", b"tokens"),
        _value(b"throughput/total tokens", b"tokens"),
        _value(b"System/Peak GPU Memory (MB)", b"memory_bytes", MB),
        _value(b"gpu_memory/GPU reserved mem (GiB)", b"memory_bytes", GIB),
        BATCHES,
        EVAL,
        EVAL_OF_CORE,
    )
    said: ClassVar = (
        Said(b"total number of parameters: ", rb"\bTotal number of parameters: {parameters}", own=False),
        Said(b"building transformer with ", rb"\bBuilding transformer with {parameters} total params, ", own=False),
        Said(b" total params", rb"(?:^|\s)- {parameters} total params\s*$", own=False),
        Said(b"starting training...", rb"\btrain:\d+\tINFO\tStarting training\.\.\.", begins=True),
        Said(b"gpu capacity: ", rb"\bGPU capacity: (?P<gpu_name>\S.{0,80}?) with {gpu_memory_gib}GiB", own=False),
        Said(
            b"device peak flops",
            rb"\bDevice: (?P<gpu_name>\S.{0,80}?), Device peak (?:FLOPS|Flops/s): (?:{mfu_peak_flops}|None)",
        ),
        Said(b"will resume training from step ", rb"\bWill resume training from step \d", resumes=True, own=False),
        Said(b"trainconfig(", rb"\bTrainConfig\((?P<all>run_name=.*)", read=_settings),
    )
    checkpoint: ClassVar = Said(b"checkpoint ", rb"\b(?:[Cc]heckpoint saved to |Saving checkpoint for step \d)")
    end: ClassVar = Said(b"training", rb"\b(?:Training loop complete|Training complete)\b")

    def __init__(self) -> None:
        super().__init__()
        self._first_set: str | None = None
        self._time = float("nan")
        """Of the last header; NaN where it has none."""
        self._stepped = True
        """Whether the last header told a step."""

    def finish(self, half: bytes) -> list[Record]:
        """The records of a last line that has no end; of a value only where it has all its digits."""
        cut = VALUE.match(half) and (COUNTED in half or not WHOLE.search(half))
        return super().finish(b"" if cut else half)

    def chosen(self, batches: list[Batch]) -> list[Batch]:
        """The rows at the time of their headers, with a rate of batches as the seconds of one, the first set named."""
        evals = sorted((b for b in batches if b.pattern in (EVAL, EVAL_OF_CORE)), key=lambda b: int(b.lines[0]))
        if evals and self._first_set is None:
            self._first_set = evals[0].metrics[0]
        return [done for batch in self._under_headers(batches) if len((done := self._named(batch)).lines)]

    def _under_headers(self, batches: list[Batch]) -> list[Batch]:
        """The lines of blocks at the time in their headers, without those of the block before the first step."""
        headers = [b for b in batches if b.pattern in (HEADER, NO_HEADER)]
        lines = np.concatenate([np.empty(0, np.int64), *(b.lines for b in headers)])
        clocks = [b.seconds if b.seconds is not None else np.full(len(b.lines), np.nan) for b in headers]
        order = np.argsort(lines, kind="stable")
        times = np.concatenate([np.array([self._time]), np.concatenate([np.empty(0), *clocks])[order]])
        steps = np.concatenate([np.empty(0, np.int64), *(b.steps for b in headers)])[order]
        stepped = np.concatenate([np.array([self._stepped]), steps >= 0])
        self._time, self._stepped = float(times[-1]), bool(stepped[-1])
        placed = []
        for batch in batches:
            if batch.pattern.attach is BELOW:
                header = np.searchsorted(lines[order], batch.lines)
                placed.append(_at_times(batch, times[header]).only(np.flatnonzero(stepped[header])))
            elif batch.pattern is not NO_HEADER:
                placed.append(batch)
        return placed

    def _named(self, batch: Batch) -> Batch:
        if batch.metrics == (self._first_set,):
            return replace(batch, metrics=("val_loss",))
        if batch.pattern is BATCHES:
            kept = batch.only(np.flatnonzero(batch.columns[0] >= SLOWEST))
            return replace(kept, metrics=("step_seconds",), columns=[1.0 / kept.columns[0]])
        return batch


def _at_times(batch: Batch, seconds: Floats) -> Batch:
    return replace(batch, seconds=None if np.isnan(seconds).any() else seconds)
