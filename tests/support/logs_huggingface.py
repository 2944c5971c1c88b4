"""A log as the Hugging Face Trainer prints it: standard output and standard error together."""

from __future__ import annotations

STEPS_A_ROW = 10

START = """\
[transformers] ***** Running training *****
[transformers]   Num examples = 52,002
[transformers]   Num Epochs = 3
[transformers]   Num update steps per epoch = 407
[transformers]   Instantaneous batch size per device = 4
[transformers]   Total train batch size (w. parallel, distributed & accumulation) = 128
[transformers]   Gradient Accumulation steps = 8
[transformers]   Total optimization steps = 1,221
[transformers]   Number of trainable parameters = 124,439,808
"""


def bar(done: int, total: int) -> str:
    """Gives the bar of ten columns, as in a file, at a second a step."""
    share = done / total
    full, part = divmod(int(share * 80), 8)
    cells = "█" * full + (" ▏▎▍▌▋▊▉"[part] if full < 10 else "")
    left = total - done
    clocks = f"{done // 60:02d}:{done % 60:02d}<{left // 60:02d}:{left % 60:02d}"
    return f"\r{100 * share:3.0f}%|{cells:<10}| {done}/{total} [{clocks},  1.00it/s]"


def cleared(width: int = 60) -> str:
    """What tqdm writes over a bar before a line is printed."""
    return "\r" + " " * width + "\r"


def row(loss: float, rate: float, epoch: float, norm: float = 0.5) -> str:
    """A dict of version 5: every float has four digits and is a string."""
    return str({name: f"{value:.4g}" for name, value in
                {"loss": loss, "grad_norm": norm, "learning_rate": rate, "epoch": epoch}.items()})  # fmt: skip


def evaluation(loss: float, epoch: float) -> str:
    """The dict of an evaluation in version 5."""
    return (
        f"{{'eval_loss': '{loss:.4g}', 'eval_runtime': '5.123', 'eval_samples_per_second': '97.6', "
        f"'eval_steps_per_second': '12.2', 'epoch': '{epoch:.4g}'}}"
    )


def log(rows: int = 60) -> bytes:
    """A start, a row every 10 of 1,000 steps an epoch with the bars around it, an evaluation, a checkpoint, the end."""
    total = STEPS_A_ROW * rows
    head = START.replace("407", "1,000").replace("1,221", f"{total:,}").replace("= 3\n", f"= {-(-total // 1000)}\n")
    lines = [head, bar(0, total)]
    for index in range(1, rows + 1):
        step = STEPS_A_ROW * index
        epoch = step / 1000
        lines.append(bar(step - 5, total) + bar(step, total) + cleared())
        lines.append(row(4.0 - 3 * index / (rows + 1), 5e-5 * (1 - index / (rows + 1)), epoch, 0.5 + index % 7 / 100))
        lines.append("\n" + bar(step, total))
        if index == rows // 2 + 1:
            lines.append(f"\n{bar(0, 2)}{bar(2, 2)}{cleared()}{evaluation(2.5123, epoch)}\n{bar(step, total)}")
            lines.append(f"[transformers] Saving model checkpoint to out/checkpoint-{step}\n")
    lines.append(cleared())
    lines.append(
        f"{{'train_runtime': '{total}', 'train_samples_per_second': '128', 'train_steps_per_second': '1', "
        f"'train_loss': '2.5', 'epoch': '{total / 1000:.4g}'}}\n{bar(total, total)}\n"
    )
    return "".join(lines).encode()
