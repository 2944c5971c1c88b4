"""JSON lines as a training loop writes them."""

from __future__ import annotations

import json


def log(rows: int = 60) -> bytes:
    """A row each 10 steps, and after every sixth a row of the evaluation."""
    lines = []
    for row in range(rows):
        step = 10 * row
        train = {"loss": 11.0 - 0.11 * row, "lr": 3e-4 - 1e-6 * row, "grad_norm": 1.5 + 0.01 * row}
        lines.append(json.dumps({"step": step, **train, "note": "a b", "tokens_per_sec": 1e5 + row}))
        if row % 6 == 0:
            lines.append(json.dumps({"step": step, "val": {"loss": 11.1 - 0.1 * row, "ppl": 3.5}}))
    return "".join(line + "\n" for line in lines).encode()
