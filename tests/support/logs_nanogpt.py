"""A log as nanoGPT prints it."""

from __future__ import annotations

EVERY = 10


def log(rows: int = 60) -> bytes:
    """The lines of the start, `rows` rows (every 10th iteration) and an evaluation at each 5th of them."""
    lines = ["tokens per iteration will be: 524,288", "number of parameters: 40.56M"]
    for row in range(rows):
        step = EVERY * row
        loss = 3.0 + 7.0 / (1 + 0.2 * row)
        if row % 5 == 0:
            lines.append(f"step {step}: train loss {loss - 0.01:.4f}, val loss {loss + 0.02:.4f}")
            lines.append("saving checkpoint to out")
        lines.append(
            f"iter {step}: loss {loss:.4f}, time {3900 + 13 * row % 97 + 0.25:.2f}ms, mfu {12 + row % 9 / 10:.2f}%"
        )
    return ("\n".join(lines) + "\n").encode()
