"""A log of a training loop of one's own."""

from __future__ import annotations

START = """\
loading data...
vocab size: 50257
Total Parameters: 124,475,904
Starting training...
"""
EVAL_EVERY = 20


def row(step: int) -> str:
    """A line of training."""
    loss = 8 / (1 + 0.02 * step) + 2.0137
    return (
        f"Step {step} - train loss {loss:.4f} - lr {1e-3 / (1 + step / 1000):.6f} - "
        f"grad norm {1.5 + step % 13 / 100:.3f} - tokens/s {51985.2 + step % 11:.1f}\n"
    )


def log(rows: int = 60) -> bytes:
    """A start, `rows` lines of training and a validation loss, without a step, after every 20th."""
    lines = [START]
    for at in range(rows):
        lines.append(row(10 * at))
        if at % EVAL_EVERY == EVAL_EVERY - 1:
            lines.append(f"validation loss: {8.1 / (1 + 0.2 * at) + 2.1:.4f}\n")
    return "".join(lines).encode()
