"""A log as DeepSpeed's engines print it, the pipeline engine's rows among them."""

from __future__ import annotations

from stamps import iso

EVERY = 10
CONFIGURATION = (
    "gradient_accumulation_steps .. 4",
    "gradient_clipping ............ 1.0",
    "optimizer_name ............... adamw",
    "train_batch_size ............. 1024",
    "train_micro_batch_size_per_gpu  16",
    "world_size ................... 16",
)
"""DeepSpeedConfig.print fills the name with dots up to 29 letters."""


def log(rows: int = 60) -> bytes:
    """`rows` rows of each engine (every 10th step), one skipped step in the middle."""
    lines = [f"[{iso(0)}] [INFO] [config.py:748:print] DeepSpeedEngine configuration:\n"]
    lines += [f"[{iso(0)}] [INFO] [config.py:752:print]   {setting}\n" for setting in CONFIGURATION]
    for number in range(1, rows + 1):
        step, rate = EVERY * number, 3e-4 / (1 + number)
        head = f"[{iso(number)}] [INFO] "
        if number == rows // 2:
            lines.append(
                f"{head}[stage_1_and_2.py:1644:step] [deepspeed] OVERFLOW! Rank 0 Skipping step."
                " Attempted loss scale: 65536.0, reducing to 32768.0\n"
            )
        lines.append(
            f"{head}[logging.py:96:log_dist] [Rank 0] step={step}, skipped=0, lr=[{rate:.6g}, {rate:.6g}],"
            " mom=[[0.9, 0.95], [0.9, 0.95]]\n"
        )
        lines.append(
            f"steps: {step} loss: {2.0 + 8.0 / (1 + 0.1 * number):.4f} iter time (s): {150.4 + number % 7:.3f}"
            f" samples/sec: {6.8 + 0.001 * (number % 9):.3f}\n"
        )
    return "".join(lines).encode()
