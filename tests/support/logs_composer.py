"""A log as LLM Foundry prints it with Composer's ConsoleLogger."""

from __future__ import annotations

STARS = "*" * 30
START = f"""\
max_seq_len: 2048
global_seed: 17
model:
  name: mpt_causal_lm
  init_device: meta
  d_model: 768
  n_heads: 12
  n_layers: 12
  expansion_ratio: 4
  max_seq_len: 2048
  vocab_size: 50368
scheduler:
  name: cosine_with_warmup
  t_warmup: 100ba
  alpha_f: 0.1
optimizer:
  name: decoupled_adamw
  lr: 0.0006
  weight_decay: 0.0
max_duration: 4800ba
eval_interval: 500ba
global_train_batch_size: 256
device_train_microbatch_size: 16
n_gpus: 8
n_params: 125311488

2025-03-30 02:05:36,101: rank0[73][MainThread]: INFO: llmfoundry.command_utils.train: Starting training...
2025-03-30 02:05:36,662: rank0[73][MainThread]: INFO: composer.trainer.trainer: Using precision Precision.AMP_BF16
{STARS}
Config:
composer_commit_hash: None
composer_version: 0.28.0
node_name: unknown because NODENAME environment variable not set
num_gpus_per_node: 8
num_nodes: 1
rank_zero_seed: 17

{STARS}
"""
END = "2025-03-30 05:05:36,662: rank0[73][MainThread]: INFO: llmfoundry.command_utils.train: Done.\n"
EVAL_EVERY = 20


def block(batch: int, header: str) -> str:
    """What is printed after one batch."""
    loss = 11 / (1 + 0.01 * batch) + 1
    values = {
        "time/batch": f"{batch - 1}",
        "time/sample": f"{256 * (batch - 1)}",
        "time/batch_in_epoch": f"{batch - 1}",
        "time/token": f"{524288 * (batch - 1)}",
        "trainer/device_train_microbatch_size": "16",
        "memory/peak_allocated_mem": "17.4210",
        "memory/peak_reserved_mem": f"{20.965 + batch % 3:.4f}",
        "memory/alloc_retries": "0",
        "loss/train/total": f"{loss:.4f}",
        "metrics/train/LanguageCrossEntropy": f"{loss:.4f}",
        "metrics/train/LanguagePerplexity": f"{2.718281828**loss:.4f}",
        "throughput/batches_per_sec": f"{0.5 + batch % 7 / 1000:.4f}",
        "throughput/samples_per_sec": f"{128 + batch % 7 / 10:.4f}",
        "throughput/device/batches_per_sec": f"{0.0625 + batch % 7 / 8000:.4f}",
        "throughput/tokens_per_sec": f"{262144 + batch % 7:.4f}",
        "throughput/device/tokens_per_sec": f"{32768 + batch % 7:.4f}",
        "throughput/flops_per_sec": f"{8e14 + 1e9 * batch:.4f}",
        "throughput/device/flops_per_sec": f"{1e14 + 1e8 * batch:.4f}",
        "throughput/device/mfu": f"{0.32 + batch % 5 / 1000:.4f}",
        "time/train": f"{batch / 1800:.4f}",
        "time/remaining_estimate": f"{(4800 - batch) / 1800:.4f}",
        "lr-DecoupledAdamW/group0": f"{min(6e-4, 6e-6 * batch):.4f}",
        "l2_norm/grad/global": f"{0.5 + batch % 11 / 100:.4f}",
    }
    return header + "".join(f"\n\t Train {name}: {value}" for name, value in values.items()) + "\n"


def evaluation(batch: int, label: str = "eval") -> str:
    """What is printed during and after an evaluation."""
    loss = 11.5 / (1 + 0.01 * batch) + 1
    return (
        f"[Eval batch=1/125] Eval on {label} data\n[Eval batch=63/125] Eval on {label} data\n"
        f"[Eval batch=125/125] Eval on {label} data:\n\t Eval metrics/{label}/LanguageCrossEntropy: {loss:.4f}\n"
        f"\t Eval metrics/{label}/LanguagePerplexity: {2.718281828**loss:.4f}\n"
    )


def log(rows: int = 60) -> bytes:
    """A start, a block after each of `rows` batches and an evaluation after every 20th."""
    lines = [START]
    for batch in range(1, rows + 1):
        lines.append(block(batch, f"[batch={batch}/{max(4800, rows)}]:"))
        if batch % EVAL_EVERY == 0:
            lines.append(evaluation(batch))
    return "".join([*lines, END]).encode()
