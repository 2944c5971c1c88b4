"""A log of a loop of one's own with tqdm's bars."""

from __future__ import annotations


def bar(done: int, total: int, postfix: str = "", described: str = "") -> str:
    """tqdm's bar of ten columns, as in a file (format_meter); five batches a second."""  # noqa: D403  a name
    share = done / total
    full, part = divmod(int(share * 80), 8)
    cells = "█" * full + (" ▏▎▍▌▋▊▉"[part] if full < 10 else "")
    gone, left = done // 5, (total - done) // 5
    clocks = f"{gone // 60:02d}:{gone % 60:02d}<{left // 60:02d}:{left % 60:02d}"
    told = f", {postfix}" if postfix else ""
    head = f"{described}: " if described else ""
    return f"\r{head}{100 * share:3.0f}%|{cells:<10}| {done}/{total} [{clocks},  5.00it/s{told}]"


def log(rows: int = 60) -> bytes:
    """A bar over all steps, drawn every tenth; the loss of the last batch behind it."""
    total = 10 * rows
    bars = [bar(0, total)]
    for index in range(1, rows + 1):
        loss = 8.0 - 5 * index / rows
        bars.append(bar(10 * index, total, f"loss={loss:.3f}, lr={1e-3 * (1 - index / (rows + 1)):.2e}"))
    return ("using device: cuda" + "".join(["\n", *bars]) + "\n").encode()


def epochs(count: int = 3, total: int = 100) -> str:
    """A bar for each epoch and for its validation, then the epoch's means."""
    text = ""
    for epoch in range(1, count + 1):
        loss = 7.0 - epoch / 2
        for done in (0, total // 2, total):
            text += bar(done, total, f"loss={loss + 0.5 - done / total:.4f}" if done else "", f"Epoch {epoch}/{count}")
        text += "\n" + bar(10, 10, f"val_loss={loss / 2:.4f}", "Validation")
        text += f"\n\nEpoch {epoch}/{count}\nTrain Loss: {loss:.4f} - Train Perplexity: 661.02\n"
        text += f"Valid Loss: {loss + 0.1:.4f} - Valid Perplexity: 509.60\nTime: 70.60s - LR: {1e-4 / epoch:.2e}\n"
    return text
