"""A log as `litgpt finetune` and `litgpt pretrain` print it."""

from __future__ import annotations

START = """\
{'access_token': None,
 'checkpoint_dir': PosixPath('checkpoints/EleutherAI/pythia-160m'),
 'data': None,
 'devices': 1,
 'eval': EvalArgs(interval=10,
                  max_new_tokens=100,
                  max_iters=100,
                  initial_validation=False,
                  final_validation=True),
 'out_dir': PosixPath('out/finetune/full'),
 'precision': 'bf16-true',
 'train': TrainArgs(save_interval=1000,
                    log_interval=1,
                    global_batch_size=16,
                    micro_batch_size=8,
                    lr_warmup_steps=100,
                    epochs=5,
                    max_tokens=None,
                    max_steps=None,
                    max_seq_length=2048,
                    max_norm=1.0,
                    min_lr=6e-05)}
Seed set to 1337
Number of trainable parameters: 162,322,944
The longest sequence length in the train data is 1304, the model's maximum sequence length is 1304 and context \
length is 2048
Validating ...
"""
END = """\
Training time: 583.36s
Memory used: 14.49 GB
"""
ACCUMULATION = 2
EVAL_INTERVAL = 10


def log(rows: int = 60) -> bytes:
    """A start, `rows` updates of two micro-batches that print a row each, and an evaluation every tenth update."""
    lines = [START]
    val = "n/a"
    for iteration in range(1, ACCUMULATION * rows + 1):
        step, rest = divmod(iteration, ACCUMULATION)
        lines.append(
            f"Epoch {1 + step // 500} | iter {iteration} step {step} | loss train: {3 / (1 + 0.01 * step):.3f},"
            f" val: {val} | iter time: {120 + iteration % 17 * 1.37:.2f} ms{'' if rest else ' (step)'}"
            f" remaining time: {iteration % 9}:{iteration % 60:02d}:02\n"
        )
        if step and not rest and step % EVAL_INTERVAL == 0:
            loss = 3.1 / (1 + 0.01 * step)
            val = f"{loss:.3f}"
            lines.append(f"Validating ...\niter {iteration}: val loss {loss:.4f}, val time: {3778.02 + step:.2f} ms\n")
    return "".join([*lines, END]).encode()
