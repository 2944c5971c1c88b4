"""Logs as the generations of modded-nanogpt print them."""

from __future__ import annotations

RULE = "=" * 100 + "\n"
SOURCE = '''\
import os
import sys
with open(sys.argv[0]) as f:
    code = f.read() # read the code of this file ASAP, for logging
import torch
torch._dynamo.config.recompile_limit = 64
class Rotary(torch.nn.Module):
    """step:0/1 val_loss:9.9999 train_time:1ms step_avg:1.00ms"""
for step in range(args.num_iterations + 1):
    # step:7/9 train_loss:1.0000 train_time:5ms step_avg:5.00ms
    print0(f"step:{step}/{args.num_iterations} val_loss:{val_loss:.4f} train_time:{training_time_ms:.0f}ms")
    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
'''
SMI = """\
nvidia-smi:
Thu Oct 10 23:58:24 2024
+---------------------------------------------------------------------------------------+
| NVIDIA-SMI 535.129.03             Driver Version: 535.129.03   CUDA Version: 12.2     |
|-----------------------------------------+----------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id        Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |         Memory-Usage | GPU-Util  Compute M. |
|=========================================+======================+======================|
|   0  NVIDIA H100 80GB HBM3          On  | 00000000:61:00.0 Off |                    0 |
| N/A   33C    P0             111W / 700W |   5789MiB / 81559MiB |      5%      Default |
+-----------------------------------------+----------------------+----------------------+
"""
VERSION = "Running pytorch 2.4.1+cu121 compiled for CUDA 12.1\n"
EVAL_EVERY = 25
STEP_MS = 163


def loss(row: int) -> float:
    """The training loss of a row: it falls for ever and stays above 2.9."""
    return 2.9 + 8.0 / (1.0 + 0.05 * row)


def total_ms(row: int) -> int:
    """The running total after so many steps, of which the first compiles; it begins again after ten."""
    if row == 0:
        return 285
    return 44000 + STEP_MS * row if row <= 10 else STEP_MS * (row - 10)


def average(row: int) -> str:
    """step_avg: unknown as long as the first ten steps are all that was timed."""
    timed = row - 10
    return f"{total_ms(row) / (timed - 1):.2f}" if timed > 2 else "nan"


def log(rows: int = 60) -> bytes:
    """The log of 2024: source, system, `rows` steps with losses, a validation before every 25th and at the end."""
    lines = [RULE, SOURCE, RULE, VERSION, SMI, "\n", RULE]
    for row in range(rows + 1):
        if row % EVAL_EVERY == 0 or row == rows:
            lines.append(
                f"step:{row}/{rows} val_loss:{loss(row) + 0.02:.4f} train_time:{total_ms(row) + 3:.0f}ms "
                f"step_avg:{average(row)}ms\n"
            )
        if row < rows:
            lines.append(
                f"step:{row + 1}/{rows} train_loss:{loss(row):.4f} train_time:{total_ms(row + 1):.0f}ms "
                f"step_avg:{average(row + 1)}ms\n"
            )
    return "".join(lines).encode()


def log_2025(rows: int = 60) -> bytes:
    """The log since 2025: no training loss, and the peak of memory at the end."""
    lines = [SOURCE, RULE, "Running Python 3.12.8\n", VERSION.replace("pytorch", "PyTorch"), SMI, RULE]
    for row in range(rows + 1):
        if row % EVAL_EVERY == 0 or row == rows:
            lines.append(
                f"step:{row}/{rows} val_loss:{loss(row):.4f} train_time:{60 * row:.0f}ms "
                f"step_avg:{60 * row / max(row, 1):.2f}ms\n"
            )
        if row < rows:
            lines.append(f"step:{row + 1}/{rows} train_time:{60 * (row + 1):.0f}ms step_avg:{60.0:.2f}ms\n")
    return "".join([*lines, "peak memory allocated: 29892 MiB reserved: 45456 MiB\n"]).encode()


def log_of_validations(evals: int = 20) -> bytes:
    """The log of track 3: validations alone, in seconds, with five decimals."""
    on = "Running PyTorch 2.11.0+cu128 compiled for CUDA 12.8 on NVIDIA H100 80GB HBM3 with world_size 8\n"
    lines = [SOURCE, RULE, on, RULE]
    for at in range(evals):
        seconds = 0.001 + 0.147 * EVAL_EVERY * at
        lines.append(
            f"step:{EVAL_EVERY * at}/{EVAL_EVERY * (evals - 1)} val_loss:{loss(at):.5f} "
            f"train_time:{seconds:.3f}s step_avg:{147.0 if at else float('nan'):.2f}ms\n"
        )
    return "".join(lines).encode()
