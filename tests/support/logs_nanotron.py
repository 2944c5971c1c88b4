"""A log as nanotron prints it."""

from __future__ import annotations

from stamps import american


def human(number: float) -> str:
    """Three significant digits and a suffix, as nanotron/logging/base.py formats numbers."""
    sizes, size = ("", "K", "M", "G", "T"), 0
    while abs(number) >= 1000 and size < 4:
        number, size = number / 1000, size + 1
    return f"{number:.3g}{sizes[size]}"


def log(rows: int = 60) -> bytes:
    """The start and `rows` rows, one a step."""
    lines = [
        (
            "10/17/2025 16:31:40 [INFO|DP=0|PP=0|TP=0]: [Start training] datetime: 2025-10-17 16:31:40 | mbs: 2 |"
            " grad_accum: 16 | global_batch_size: 64 | sequence_length: 2048 | train_steps: 378950\n"
        )
    ]
    for number in range(1, rows + 1):
        tokens, loss = human(131072 * number), human(2 + 8 / (1 + 0.1 * number))
        lines.append(
            f"{american(11 * number)} [INFO|DP=0|PP=0|TP=0]: iteration: {number} / 378950 | consumed_tokens: {tokens} |"
            f" elapsed_time_per_iteration_ms: {human(11500 + number % 90)} | tokens_per_sec: 22.8K |"
            f" tokens_per_sec_per_gpu: 11.4K | global_batch_size: 64 | lm_loss: {loss} |"
            f" lr: 0.0003 | model_tflops_per_gpu: 38.3 | hardware_tflops_per_gpu: 38.3 | grad_norm: 1.25\n"
        )
    return "".join(lines).encode()
