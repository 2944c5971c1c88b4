"""Logs as mlx-lm prints them: with named fields, and as the table of 2026."""

from __future__ import annotations

START = """\
Loading pretrained model
Loading datasets
Training
Trainable parameters: 0.024% (1.704M/7243.436M)
"""
PANEL = """\
╭─ mlx_lm.lora ────────────────────────────────────────────╮
│    model           mlx-community/Mistral-7B-v0.1-4bit    │
│    type            lora · 16 layers · rank 8             │
│    dataset         data/wikisql                          │
│    optimizer       adamw · lr 1.0e-05                    │
│    batch · iters   4 · {iters:<6,}                            │
│    max seq         2,048                                 │
╰──────────────────────────────────────────────────────────╯
"""
HEADER = "  iter   train_loss     tok/s     tokens\n"
REPORT_EVERY = 10
EVAL_EVERY = 200


def loss(row: int) -> float:
    """The training loss of a row: it falls for ever and stays above 1.2."""
    return 1.2 + 1.6 / (1.0 + 0.02 * row)


def log(rows: int = 60) -> bytes:
    """A start, `rows` reports of ten iterations, a validation at 1, every 200th and the last, adapters, the end."""
    lines = [
        START,
        f"Starting training..., iters: {REPORT_EVERY * rows}\n",
        f"Iter 1: Val loss {2.9:.3f}, Val took 17.177s\n",
    ]
    for row in range(1, rows + 1):
        it = REPORT_EVERY * row
        if it % EVAL_EVERY == 0 or row == rows:
            lines.append(f"Iter {it}: Val loss {loss(row) + 0.05:.3f}, Val took {17 + row % 3 / 7:.3f}s\n")
        lines.append(
            f"Iter {it}: Train loss {loss(row):.3f}, Learning Rate {1e-5:.3e}, It/sec {0.5 + row % 9 / 100:.3f}, "
            f"Tokens/sec {387 + row % 50 / 7:.3f}, Trained Tokens {3870 * row}, Peak mem {8.104:.3f} GB\n"
        )
        if it % 100 == 0:
            lines.append(f"Iter {it}: Saved adapter weights to a.safetensors and {it:07d}_adapters.safetensors.\n")
    return "".join([*lines, "Saved final weights to adapters/adapters.safetensors.\n"]).encode()


def table(rows: int = 60) -> bytes:
    """The same run as it is printed since June 2026."""
    lines = [PANEL.format(iters=REPORT_EVERY * rows), START, HEADER, f"  {1:>4}    val {2.9:>5.3f}    {17.18:.2f}s\n"]
    before = 9.0
    for row in range(1, rows + 1):
        it = REPORT_EVERY * row
        if it % EVAL_EVERY == 0 or row == rows:
            lines.append(f"  {it:>4}    val {loss(row) + 0.05:>5.3f}    {17 + row % 3 / 7:.2f}s\n")
        now = loss(row) + (0.05 if row % 7 == 0 else 0.0)
        arrow = "▼" if now <= before else "▲"
        before = now
        lines.append(f"  {it:>4}    {now:>5.3f} {arrow}    {1187 + row % 50:>5,.0f}    {3.87 * row:>5.1f}k\n")
        if it % 100 == 0:
            lines.append(f"  save  {it:07d}_adapters.safetensors\n")
    lines.append(f"train ██████████████████████████████ 100% · {10 * rows:>5,}/{10 * rows:,}\n")
    return "".join([*lines, "Saved final weights to adapters/adapters.safetensors.\n"]).encode()
