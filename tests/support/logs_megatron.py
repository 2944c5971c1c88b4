"""A log as Megatron-LM's last rank and rank 0 print it into one file."""

from __future__ import annotations

from stamps import iso

EVERY = 100
ARGUMENTS = {
    "clip_grad": "1.0", "ffn_hidden_size": "4096", "global_batch_size": "256", "hidden_size": "1024",
    "lr": "0.0003", "lr_decay_style": "cosine", "lr_warmup_iters": "2000", "micro_batch_size": "4", "min_lr": "3e-05",
    "num_attention_heads": "16", "num_layers": "24", "padded_vocab_size": "50432", "rampup_batch_size": "None",
    "seq_length": "2048", "train_iters": "500000", "weight_decay": "0.1", "world_size": "8",
}  # fmt: skip


def start(**changed: str) -> str:
    """What is printed before the first row; single arguments may be changed."""
    dump = "".join(f"  {name} {'.' * (48 - len(name))} {value}\n" for name, value in (ARGUMENTS | changed).items())
    return (
        "using world size: 8, data-parallel size: 4, context-parallel size: 1, tensor-model-parallel size: 2\n"
        "------------------------ arguments ------------------------\n"
        f"{dump}"
        "-------------------- end of arguments ---------------------\n"
        " > number of parameters on (tensor, pipeline) model parallel rank (0, 0): 203394048\n"
        " > number of parameters on (tensor, pipeline) model parallel rank (1, 0): 203394048\n"
    )


def row(step: int, loss: float, prefix: str = " [2026-08-22 10:11:12.345678] ") -> str:
    """One row."""
    return (
        f"{prefix}iteration {step:8d}/  500000 | consumed samples: {256 * step:12d} |"
        f" elapsed time per iteration (ms): {512.3 + step % 7:.1f} |"
        f" throughput per GPU (TFLOP/s/GPU): {410.2 + step % 3:.1f} |"
        f" learning rate: {3e-4 / (1 + step / 1e5):.6E} |"
        f" global batch size:   256 | lm loss: {loss:.6E} | loss scale: 1.0 |"
        f" grad norm: {0.4 + 0.01 * (step % 5):.3f} |"
        " number of skipped iterations:   0 | number of nan iterations:   0 |\n"
    )


def log(rows: int = 60) -> bytes:
    """The start, `rows` rows (every 100th iteration), a validation at each 10th of them, a checkpoint."""
    lines = [start()]
    for number in range(1, rows + 1):
        step, loss = EVERY * number, 2.0 + 8.0 / (1 + 0.1 * number)
        lines.append(row(step, loss, f" [{iso(51 * number, '.345678')}] "))
        if number % 10 == 0:
            rule = "-" * 100
            said = (
                f" validation loss at iteration {step} | lm loss value: {loss + 0.02:.6E} | lm loss PPL: {9.9:.6E} | "
            )
            lines += [f"{rule}\n", f"{said}\n", f"{rule}\n"]
            lines.append(f"  successfully saved checkpoint from iteration {step:7d} to checkpoints\n")
    return "".join(lines).encode()
