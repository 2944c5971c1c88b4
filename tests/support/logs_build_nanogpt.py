"""A log as build-nanogpt prints it."""

from __future__ import annotations

START = """\
using device: cuda
total desired batch size: 524288
=> calculated gradient accumulation steps: 8
found 99 shards for split train
found 1 shards for split val
num decayed parameter tensors: 50, with 124,354,560 parameters
num non-decayed parameter tensors: 98, with 121,344 parameters
using fused AdamW: True
"""
EVAL_EVERY = 25


def loss(row: int) -> float:
    """The training loss of a row: it falls for ever and stays above 2.9."""
    return 2.9 + 8.0 / (1.0 + 0.05 * row)


def log(rows: int = 60) -> bytes:
    """A start, `rows` steps from 0, and the evaluations and samples before every 25th."""
    lines = [START]
    for row in range(rows):
        evaluated = row % EVAL_EVERY == 0 or row == rows - 1
        if evaluated:
            lines.append(f"validation loss: {loss(row) + 0.02:.4f}\n")
            lines.append(f"HellaSwag accuracy: {2500 + row % 900}/10042={(2500 + row % 900) / 10042:.4f}\n")
            lines.append("rank 0 sample 0: Hello, I'm a language model, and I have 3 steps:\n1. read\n2. write\n")
        seconds = 17.8 + 0.01 * (row % 7) if evaluated else 0.38 + 0.001 * (row % 7)
        lines.append(
            f"step {row:5d} | loss: {loss(row):.6f} | lr {6e-4 * (row + 1) / (rows + 1):.4e} | "
            f"norm: {0.3 + 1 / (row + 1):.4f} | dt: {seconds * 1000:.2f}ms | tok/sec: {524288 / seconds:.2f}\n"
        )
    return "".join(lines).encode()


def log_txt(rows: int = 60) -> bytes:
    """The same run as log/log.txt tells it."""
    lines = []
    for row in range(rows):
        if row % EVAL_EVERY == 0 or row == rows - 1:
            lines += [f"{row} val {loss(row) + 0.02:.4f}\n", f"{row} hella {(2500 + row % 900) / 10042:.4f}\n"]
        lines.append(f"{row} train {loss(row):.6f}\n")
    return "".join(lines).encode()
