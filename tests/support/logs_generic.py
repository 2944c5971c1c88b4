"""A log of a loop that somebody wrote."""

from __future__ import annotations


def log(rows: int = 60) -> bytes:
    """Rows by step, and a validation at each 10th of them."""
    lines = ["training a small GPT on 1,000,000 tokens\n"]
    for row in range(1, rows + 1):
        loss = 2.0 + 8.0 / (1 + 0.1 * row)
        lines.append(
            f"Step: {10 * row} | Train Loss: {loss:.4f} | lr: {3e-4:.2e} | grad_norm: {1.25:.3f} | {512.5:.1f} ms |"
            f" tokens/s: {18000 + row % 7:,}\n"
        )
        if row % 10 == 0:
            lines.append(f"Step: {10 * row} | Val Loss: {loss + 0.05:.4f}\n")
    return "".join(lines).encode()
