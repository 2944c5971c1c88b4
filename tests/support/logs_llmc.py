"""Logs as llm.c prints them: the standard output of train_gpt2.cu, and its main.log."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RULE = "+-----------------------+----------------------------------------------------+\n"
STEPS_PLANNED = 19560
EVAL_EVERY = 25


def box(changed: Mapping[str, object] = MappingProxyType({})) -> str:
    """The settings that are printed first; `changed` has other values for some, by name."""
    groups: tuple[dict[str, object], ...] = (
        {
            "train data pattern": "dev/data/fineweb10B/fineweb_train_*.bin",
            "val data pattern": "dev/data/fineweb10B/fineweb_val_*.bin",
            "output log dir": "log124M",
            "checkpoint_every": 5000,
            "resume": 0,
            "micro batch size B": 64,
            "sequence length T": 1024,
            "total batch size": 524288,
            "LR scheduler": "cosine",
            "learning rate (LR)": f"{6e-4:e}",
            "warmup iterations": 700,
            "final LR fraction": f"{0.1:e}",
            "weight decay": f"{0.1:e}",
            "skip update lossz": f"{0.0:f}",
            "skip update gradz": f"{0.0:f}",
            "max_steps": -1,
            "val_loss_every": EVAL_EVERY,
            "val_max_steps": 20,
            "sample_every": 0,
            "genT": 64,
            "overfit_single_batch": 0,
            "use_master_weights": "enabled",
            "gelu_fusion": 0,
            "recompute": 1,
        },
        {"device": "NVIDIA GeForce RTX 4070", "peak TFlops": 58.3, "precision": "BF16"},
        {
            "weight init method": "random",
            "max_sequence_length T": 1024,
            "vocab_size V": 50257,
            "padded_vocab_size Vp": 50304,
            "num_layers L": 12,
            "num_heads NH": 12,
            "channels C": 768,
            "num_parameters": 124475904,
        },
        {"train_num_batches": STEPS_PLANNED, "val_num_batches": 20},
        {"run hellaswag": "no"},
        {"num_processes": 1, "zero_stage": 1},
    )
    rows = ["".join(f"| {n:<21} | {changed.get(n, v)!s:<50} |\n" for n, v in group.items()) for group in groups]
    return f"{RULE}| Parameter             | Value                                              |\n{RULE}" + RULE.join(
        [*rows, ""]
    )


AFTER_BOX = """\
num_parameters: 124475904 => bytes: 248951808
allocated 237 MiB for model parameters
batch_size B=64 * seq_len T=1024 * num_processes=1 and total_batch_size=524288
=> setting grad_accum_steps=8
allocating 1439 MiB for activations
device memory usage: 8123 MiB / 12282 MiB
memory per sequence: 331 MiB
 -> estimated maximum batch size: 76
"""


def loss(row: int) -> float:
    """The training loss of a row: it falls for ever and stays above 2.9."""
    return 2.9 + 8.0 / (1.0 + 0.05 * row)


def step(row: int, planned: int = STEPS_PLANNED, mfu: float = 45.2) -> str:
    """One step's line, rows counted from 0."""
    z = f"{0.12 - 0.01 * (row % 20):+.2f}" if row > 9 else "+nan"
    return (
        f"step {row + 1:4d}/{planned} | loss {loss(row):7.6f} ({z}z)| norm {0.3 + 1 / (row + 1):6.4f} ({z}z)| "
        f"lr {6e-4 * (row + 1) / (planned + row):.2e} | {3200 + 1.5 * (row % 11):.2f} ms | {mfu:.1f}% bf16 MFU | "
        f"{163000 + row % 90:.0f} tok/s\n"
    )


def log(rows: int = 60) -> bytes:
    """The box, `rows` steps, a validation before every 25th and after the last, a checkpoint, the end."""
    lines = ["Multi-GPU support is disabled. Using a single GPU.\n", box(), AFTER_BOX]
    for row in range(rows):
        if row % EVAL_EVERY == 0:
            lines.append(f"val loss {loss(row) + 0.02:f}\n")
        if row == rows // 2:
            lines.append(f"Writing checkpoint at step {row}\n")
        lines.append(step(row))
    lines.append(f"val loss {loss(rows) + 0.02:f}\n")
    lines.append(f"total average iteration time: {3207.5:f} ms\n")
    return "".join(lines).encode()


def main_log(rows: int = 60) -> bytes:
    """The same run as its main.log tells it."""
    lines = []
    for row in range(rows):
        if row % EVAL_EVERY == 0:
            lines.append(f"s:{row} tel:{loss(row) + 0.02:.4f}\n")
        rate = 6e-4 * (row + 1) / (STEPS_PLANNED + row)
        lines.append(f"s:{row} trl:{loss(row):.4f} lr:{rate:.6f} norm:{0.3 + 1 / (row + 1):.2f}\n")
    lines += [f"s:{rows} tel:{loss(rows) + 0.02:.4f}\n", f"s:{rows} eval:0.3012\n"]
    return "".join(lines).encode()
