"""Commands as a person types them, in this process or in one of their own, and a log for them to read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tui.cli import main

ROOT = Path(__file__).parents[2]
HEADER = """Overriding config with config/train.py:
max_iters = 400
lr_decay_iters = 400
n_layer = 4
n_head = 4
n_embd = 96
block_size = 96
batch_size = 12
gradient_accumulation_steps = 1
eval_interval = 50
tokens per iteration will be: 1,152
number of parameters: 0.47M
"""


def log_text(last: int) -> str:
    """What nanoGPT prints up to step `last`: an evaluation every 50 steps, a line every step."""
    lines = [HEADER]
    for step in range(last + 1):
        loss = 2.0 + 3.5 / (1 + step) ** 0.5
        if step % 50 == 0:
            lines.append(f"step {step}: train loss {loss:.4f}, val loss {loss + 0.02:.4f}\n")
        lines.append(f"iter {step}: loss {loss:.4f}, time 60.00ms, mfu -100.00%\n")
    return "".join(lines)


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one line on standard error of a call that ends with exit code 2 and no output."""
    code = main(argv)
    out, err = capsys.readouterr()

    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("traintop: ")
    return err


def run(*argv: str, stdin: str | None = None, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """`traintop` with these arguments in a process of its own, its output kept."""
    return subprocess.run(
        [sys.executable, "-m", "tui.cli", *argv],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        check=False,
    )
