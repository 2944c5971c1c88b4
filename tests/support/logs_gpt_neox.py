"""A log as GPT-NeoX prints it."""

from __future__ import annotations

from stamps import iso

EVERY = 10
START = """\
-------------------- arguments --------------------
  hidden_size ..................... 2048........................updated
  num_attention_heads ............. 16..........................updated
  num_layers ...................... 24..........................updated
  seq_length ...................... 2048........................updated
  train_batch_size ................ 512.........................updated
  train_micro_batch_size_per_gpu .. 4...........................updated
  lr_decay_style .................. cosine......................default
---------------- end of arguments ----------------
 > total params: 1,414,647,808
"""


def log(rows: int = 60) -> bytes:
    """The start, `rows` rows (every 10th iteration) with DeepSpeed's line before each, a validation at each 10th."""
    lines = [START]
    for number in range(1, rows + 1):
        step, loss = EVERY * number, 2.0 + 8.0 / (1 + 0.1 * number)
        lines.append(
            f"[{iso(number)}] [INFO] [logging.py:96:log_dist] [Rank 0] step={step}, skipped=0, lr=[2.4e-05, 2.4e-05],"
            " mom=[[0.9, 0.95], [0.9, 0.95]]\n"
        )
        lines.append(
            f" samples/sec: {2.7 + 0.001 * (number % 9):.3f} | iteration {step:8d}/   55000 |"
            f" elapsed time per iteration (ms): {11761.2 + number % 11:.1f} | learning rate: {2.4e-5:.3E} |"
            f" approx flops per GPU: {9.1 + number % 3:.1f}TFLOPS |"
            f" lm_loss: {loss:.6E} | number of skipped iterations:   0 | number of nan iterations:   0 |\n"
        )
        if number % 10 == 0:
            rule = "-" * 99
            said = (
                f" validation results at iteration {step} | lm_loss value: {loss + 0.02:.6E} |"
                f" lm_loss_ppl value: {9.9:.6E} | "
            )
            lines += [f"{rule}\n", f"{said}\n", f"{rule}\n"]
    return "".join(lines).encode()
