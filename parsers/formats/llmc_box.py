"""The box of settings that llm.c's train_gpt2.cu prints when it starts: `| sequence length T     | 1024      |`."""

from __future__ import annotations

import re

from parsers.records import Value
from parsers.rows.foreign import words

LINE = re.compile(rb"^\| ([a-zA-Z][\w ()]{1,20}?) +\| (\S.{0,200}?) *\|\s*$")
LONGEST = 400
NUMBERS = {
    "micro batch size B": "batch_size",
    "sequence length T": "block_size",
    "total batch size": "tokens_per_step",
    "learning rate (LR)": "learning_rate",
    "warmup iterations": "warmup_steps",
    "weight decay": "weight_decay",
    "val_loss_every": "eval_interval",
    "train_num_batches": "planned_steps",
    "val_num_batches": "eval_iters",
    "vocab_size V": "vocab_size",
    "num_layers L": "n_layer",
    "num_heads NH": "n_head",
    "channels C": "n_embd",
    "num_parameters": "parameters",
    "num_processes": "world_size",
}
"""Below 0 such a number is a default that is not known yet, as total batch size -1."""
TEXTS = {
    "train data pattern": "dataset",
    "output log dir": "out_dir",
    "LR scheduler": "schedule",
    "device": "gpu_name",
    "weight init method": "init_from",
}
FINAL_RATE = "final LR fraction"
PRECISION = "precision"
PEAK = "peak TFlops"
DTYPES = {"BF16": "bfloat16", "FP16": "float16", "FP32": "float32", "TF32": "float32"}
HINTS = tuple(f"| {name.lower()} ".encode() for name in (*NUMBERS, *TEXTS, FINAL_RATE, PRECISION, PEAK))
"""In small letters: a line of the box has one of these."""


class Box:
    """Reads the box line by line; remembers the learning rate, of which the last one is printed as a share."""

    def __init__(self) -> None:
        self._learning_rate: float | None = None

    def read(self, line: bytes) -> list[tuple[str, Value]] | None:
        """The facts of one line of the box, by name; None where the line is none."""
        found = LINE.match(line[:LONGEST])
        if found is None:
            return None
        name, text = words(found[1]), words(found[2])
        if name in TEXTS:
            return [] if text == "NULL" else [(TEXTS[name], text)]
        if name == PRECISION:
            return [("dtype", DTYPES[text])] if text in DTYPES else []
        number = _number(text)
        if number is None or number < 0:
            return None if number is None else []
        if name in NUMBERS:
            self._learning_rate = number if name == "learning rate (LR)" else self._learning_rate
            return [(NUMBERS[name], number)]
        if name == PEAK:
            return [("mfu_peak_flops", number * 1e12)]
        if name == FINAL_RATE and self._learning_rate is not None:
            return [("min_lr", number * self._learning_rate)]
        return []


def _number(text: str) -> float | int | None:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return None
