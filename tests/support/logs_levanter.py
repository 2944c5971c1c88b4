"""A log as Levanter prints it where its output is no terminal."""

from __future__ import annotations

START = """\
2025-09-10T12:00:00 - 0 - levanter.main.train_lm - train_lm.py:140 - INFO :: Rounding vocab size from 50257 to 50272 \
for partitioning
2025-09-10T12:00:09 - 0 - levanter.main.train_lm - train_lm.py:221 - INFO :: No checkpoint found. Starting from scratch.
2025-09-10T12:00:21 - 0 - tqdm_loggable.tqdm_logging - tqdm_logging.py:145 - INFO :: Progress on:train -/20000 rate:- \
remaining:? elapsed:00:00 postfix:-
"""
EVAL_EVERY = 20


def head(second: int, logger: str = "tqdm_loggable.tqdm_logging - tqdm_logging.py:145") -> str:
    """What stands before a message: time, process, logger, place, level."""
    day, rest = divmod(second, 86400)
    return f"2025-09-{10 + day % 20}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d} - 0 - {logger} - INFO :: "


def sized(count: float) -> str:
    """A count as tqdm's format_sizeof prints it."""
    for unit in ("", "k", "M"):
        if abs(count) < 999.5:
            decimals = 2 if abs(count) < 9.995 else 1 if abs(count) < 99.95 else 0
            return f"{count:.{decimals}f}{unit}it"
        count /= 1000.0
    return f"{count:.1f}Git"


def interval(seconds: int) -> str:
    """A time as tqdm's format_interval prints it."""
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60:02d}:{rest % 60:02d}"


def row(step: int, total: int, loss: float, second: int) -> str:
    """The line that is logged once a minute."""
    rate = step / max(1, second)
    shown = f"{rate:,.1f}it/s" if rate >= 1 else f"{1 / rate:,.1f}s/it"
    return (
        f"{head(43200 + second)}Progress on:train {sized(step)}/{sized(total)} rate:{shown} "
        f"remaining:{interval(round((total - step) / rate))} elapsed:{interval(second)} postfix:loss={loss:.3g}\n"
    )


def log(rows: int = 60) -> bytes:
    """A start, `rows` progress lines, one a minute, and an evaluation after every 20th."""
    lines = [START]
    for at in range(1, rows + 1):
        loss = 8 / (1 + 0.02 * at) + 2.013
        lines.append(row(90 * at, 90 * max(rows, 200), loss, 60 * at))
        if at % EVAL_EVERY == 0:
            eval_head = head(43200 + 60 * at, "levanter.eval - eval.py:300")
            lines.append(f"{eval_head}eval loss: {loss + 0.1:.3f}\n")
            lines.append(f"{eval_head}paloma macro loss: {loss + 0.3:.3f}\n")
            lines.append(f"{eval_head}paloma/c4_en loss: {loss + 0.2:.3f}\n")
            lines.append(f"{head(43200 + 60 * at, 'levanter.checkpoint - checkpoint.py:260')}")
            lines.append(f"Saving checkpoint at step {90 * at} to gs://runs/a/step-{90 * at}\n")
    return "".join(lines).encode()
