"""trainer_log.jsonl as LLaMA-Factory writes it."""

from __future__ import annotations

import json


def log(rows: int = 60) -> bytes:
    """A row each 10 steps of 31 seconds, an evaluation of 40 seconds each 20 rows, and the row at the end."""
    lines = []
    seconds = 2
    total = 10 * rows
    for row in range(1, rows + 1):
        seconds += 31
        head = {"current_steps": 10 * row, "total_steps": total}
        train = {"loss": round(2.5 - 0.01 * row, 4), "lr": 1e-6 * row}
        lines.append({**head, **train, **tail(row, rows, seconds)})
        if row % 20 == 0:
            seconds += 40
            lines.append({**head, "eval_loss": 2.6 - 0.01 * row, **tail(row, rows, seconds)})
    lines.append({"current_steps": total, "total_steps": total, **tail(rows, rows, seconds)})
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def tail(row: int, rows: int, seconds: int) -> dict[str, object]:
    """What each row of a training ends with."""
    done = round(100 * row / rows, 2)
    return {"epoch": 3 * row / rows, "percentage": done, "elapsed_time": clock(seconds), "remaining_time": "0:10:00"}


def clock(seconds: int) -> str:
    """As Python writes a timedelta of whole seconds."""
    days, rest = divmod(seconds, 86400)
    hours = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
    return hours if not days else f"{days} day{'s' if days > 1 else ''}, {hours}"
