"""A log as Keras 2 and 3 print it with verbose=2, and Keras 3's bars."""

from __future__ import annotations

SUMMARY = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ lstm (LSTM)                     │ (None, 75)             │        36,000 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 39,344 (153.69 KB)
 Trainable params: 39,344 (153.69 KB)
 Non-trainable params: 0 (0.00 B)
"""


def metrics(loss: float, val_loss: float | None = None) -> str:
    """Metrics in the order of Keras 3; a small number has an exponent."""
    values = {"accuracy": 0.1463, "loss": loss} | ({} if val_loss is None else {"val_loss": val_loss})
    return "".join(f" - {k}: " + (f"{v:.4f}" if abs(v) > 1e-3 else f"{v:.4e}") for k, v in values.items())


def log(rows: int = 60) -> bytes:
    """An epoch a row, verbose=2, with a checkpoint in the middle and early stopping at the end."""
    lines = [SUMMARY]
    for epoch in range(1, rows + 1):
        loss = 4.0 - 3 * epoch / (rows + 1)
        lines.append(f"Epoch {epoch}/{rows}\n")
        lines.append(f"128/128 - {5 + epoch % 3}s - 43ms/step{metrics(loss, loss + 0.1)}\n")
        if epoch == rows // 2:
            lines.append(f"\nEpoch {epoch}: val_loss improved from 3.00000 to 2.50000, saving model to best.keras\n")
    lines.append(f"Epoch {rows}: early stopping\n")
    return "".join(lines).encode()


def bars(losses: list[tuple[float, float]], target: int = 20) -> str:
    """Keras 3 with verbose=1: bars drawn over each other, the last of an epoch with the validation."""
    text, width = "", 0
    for epoch, (loss, val_loss) in enumerate(losses, 1):
        text += f"Epoch {epoch}/{len(losses)}\n"
        for done in (1, target // 2, target):
            text += "\b" * width + "\r" + bar(done, target, "0s", metrics(loss + 0.5 - 0.5 * done / target))
            width = 70
        text += "\b" * width + "\r" + bar(target, target, "5s", metrics(loss, val_loss)) + "\n"
        width = 0
    return text


def one_epoch(losses: list[float], val_loss: float | None = None) -> str:
    """Keras 3 with verbose=1 and epochs=1: no line of the epoch, a bar after each batch and one at the end."""
    text, width, target = "", 0, len(losses)
    for done, loss in enumerate(losses[:-1], 1):
        text += "\b" * width + "\r" + bar(done, target, f"{1 + (target - done) // 20}s", metrics(loss))
        width = 70
    return text + "\b" * width + "\r" + bar(target, target, "5s", metrics(losses[-1], val_loss)) + "\n"


def keras_2_bar(done: int, target: int, told: str) -> str:
    """A bar of Keras 2 that is not full; it does not say whether it counts batches or samples."""
    cells = ("=" * (30 * done // target - 1) + ">").ljust(30, ".")
    return f"\b\r{done:3d}/{target} [{cells}] - ETA: 1:02{told}"


def bar(done: int, target: int, clock: str, told: str, batch_time: str = "43ms") -> str:
    """A bar of Keras 3 with its colours; `clock` is what is left or, at the end, what the epoch took."""
    full = 20 * done // target
    cells = (f"\x1b[32m{'━' * full}\x1b[0m" if full else "") + f"\x1b[37m{'━' * (20 - full)}\x1b[0m"
    return f"\x1b[1m{done:{len(str(target))}d}/{target}\x1b[0m {cells} \x1b[1m{clock}\x1b[0m {batch_time}/step{told}"
