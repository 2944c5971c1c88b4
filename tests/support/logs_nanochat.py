"""A log as nanochat's base_train.py prints it."""

from __future__ import annotations

BANNER = """\

                                                       █████                █████
                                                      ░░███                ░░███
     ████████    ██████   ████████    ██████   ██████  ░███████    ██████   ███████
"""
START = """\
Autodetected device type: cuda
2026-07-03 10:00:00,123 - nanochat.common - \x1b[32m\x1b[1mINFO\x1b[0m - Distributed world size: 8
GPU: NVIDIA H100 80GB HBM3 | Peak FLOPS (BF16): 9.89e+14
COMPUTE_DTYPE: torch.bfloat16 (auto-detected: CUDA SM 90 (bf16 supported))
✓ Using Flash Attention 3 (Hopper GPU detected), efficient, new and awesome.
Vocab size: 32,768
Model config:
{
  "sequence_len": 2048,
  "vocab_size": 32768,
  "n_layer": 12,
  "n_head": 6,
  "n_kv_head": 6,
  "n_embd": 768,
  "window_pattern": "SSSL"
}
Parameter counts:
wte                     : 25,165,824
value_embeds            : 150,994,944
lm_head                 : 25,165,824
transformer_matrices    : 84,935,376
scalars                 : 24
total                   : 286,261,992
Estimated FLOPs per token: 7.548043e+08
Scaling weight decay from 0.280000 to 0.210000 for depth 12
Calculated number of iterations from target data:param ratio: 2,520
Total number of training tokens: 1,321,205,760
Tokens : Scaling params ratio: 12.00
Total training FLOPs estimate: 9.972520e+17
Tokens / micro-batch / rank: 32 x 2048 = 65,536
Tokens / micro-batch: 524,288
Total batch size 524,288 => gradient accumulation steps: 1
"""
PLANNED = 2520
EVAL_EVERY = 25


def loss(row: int) -> float:
    """The training loss of a row: it falls for ever and stays above 2.9."""
    return 2.9 + 7.5 / (1.0 + 0.05 * row)


def step(row: int, mfu: float = 51.73) -> str:
    """One step's row, without its line end."""
    milliseconds = 316.95 + 0.5 * (row % 7)
    eta = f" | eta: {(PLANNED - row) * 0.3169 / 60:.1f}m" if row > 10 else ""
    return (
        f"step {row:05d}/{PLANNED:05d} ({100 * row / PLANNED:.2f}%) | loss: {loss(row):.6f} | "
        f"lrm: {min(1.0, (row + 1) / 40):.2f} | dt: {milliseconds:.2f}ms | tok/sec: {int(524288e3 / milliseconds):,} | "
        f"bf16_mfu: {mfu:.2f} | epoch: 1 pq: {row // 100} rg: {row % 100} | "
        f"total time: {max(0, row - 10) * 0.3169 / 60:.2f}m{eta}"
    )


def log(rows: int = 60) -> bytes:
    """A start, `rows` steps, a validation before every 25th and after the last, samples, checkpoint, the end."""
    lines = [BANNER, START]
    for row in range(rows):
        if row % EVAL_EVERY == 0:
            lines.append(f"Step {row:05d} | Validation bpb: {0.3 * loss(row):.6f}\n")
        lines.append(step(row) + "\n")
    lines += [
        f"Step {rows:05d} | Validation bpb: {0.3 * loss(rows):.6f}\n",
        f"Step {rows:05d} | CORE metric: 0.1724\n",
        "<|bos|>The capital of France is Paris. The city is the largest city in France\n",
        f"2026-07-03 10:20:00,913 - nanochat.checkpoint_manager - INFO - Saved model parameters to: m_{rows:06d}.pt\n",
        "Peak memory usage: 9436.49MiB\n",
        "Total training time: 13.31m\n",
        "Minimum validation bpb: 0.865752\n",
    ]
    return "".join(lines).encode()
