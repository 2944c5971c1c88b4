"""A log as torchtitan prints it."""

from __future__ import annotations

START = """\
[titan] 2026-05-18 16:04:40,001 - root - INFO - Starting job: Llama 3 8B training
[titan] 2026-05-18 16:04:41,120 - root - INFO - CUDA capacity: NVIDIA H100 80GB HBM3 with 79.10GiB memory
[titan] 2026-05-18 16:04:41,305 - root - INFO - Model llama3 8B size: 8,030,261,248 total parameters
[titan] 2026-05-18 16:04:41,306 - root - INFO - Peak FLOPS used for computing MFU: 9.890e+14
[titan] 2026-05-18 16:04:44,900 - root - INFO - Trainer is initialized with 8192 tokens per DP rank, 65536 tokens per \
train step, gradient accumulation steps 1, maximum context length 8192, total steps 1000 (warmup 200)
"""


def log(rows: int = 60) -> bytes:
    """A start, `rows` rows (step 1, then every 10th) and a validation in the middle."""
    lines = [START]
    for row in range(rows):
        step = max(1, 10 * row)
        head = f"[titan] 2026-05-18 16:{5 + row // 60:02d}:{row % 60:02d},{17 * row % 1000:03d} - root - INFO - "
        lines.append(
            f"{head}step: {step:2}  loss: {12.0 - 0.11 * row:8.5f}  grad_norm: {1.5 + 0.01 * row:7.4f}  memory: "
            f"{40.5 + 0.01 * row:5.2f}GiB({50 + 0.01 * row:.2f}%)  tps: {round(5000 + 7.3 * row):,}  "
            f"tflops: {250 + 0.5 * row:,.2f}  mfu: {25 + 0.05 * row:.2f}%\n"
        )
        if row == rows // 2:
            lines.append(
                f"{head}validate step: {step:2}  loss: {10.5:8.5f}  memory: {40.5:5.2f}GiB({51.2:.2f}%)  "
                f"tps: {15000:,}\n"
            )
    return "".join(lines).encode()
