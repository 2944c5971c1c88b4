"""A log as OLMo prints it."""

from __future__ import annotations

MODULE = "node-1:0\tolmo.train:979\tINFO\t"
START = """\
2025-12-11 00:20:01.011\tnode-1:0\ttrain:97\tINFO\tConfiguration:
2025-12-11 00:20:01.012\tnode-1:0\ttrain:98\tINFO\tTrainConfig(run_name='OLMo-1B', seed=6198, epoch=None, \
dry_run=False, model=ModelConfig(d_model=2048, n_heads=16, n_kv_heads=None, clip_qkv=None, n_layers=16, mlp_ratio=8, \
activation_type='swiglu', attention_dropout=0.0, max_sequence_length=4096, include_bias=False, vocab_size=50280, \
embedding_size=50304, weight_tying=True), optimizer=OptimizerConfig(name='adamw', learning_rate=0.0004, \
weight_decay=0.1, betas=(0.9, 0.95), eps=1e-08), scheduler=SchedulerConfig(name='cosine_with_warmup', units='steps', \
t_warmup=2000, t_max=None, alpha_f=0.1), eval_interval=20, max_duration=2500, global_train_batch_size=512, \
device_train_batch_size=64, device_train_microbatch_size=8, device_train_grad_accum=8, max_grad_norm=1.0)
2025-12-11 00:20:11.498\tnode-1:0\ttrain:139\tINFO\tBuilding model...
2025-12-11 00:20:13.547\tnode-1:0\ttrain:141\tINFO\tTotal number of parameters: 1,279,787,008
2025-12-11 00:20:13.548\tnode-1:0\ttrain:142\tINFO\tNumber of non-embedding parameters: 1,176,764,416
2025-12-11 00:20:13.548\tnode-1:0\ttrain:143\tINFO\tPeak GPU Memory (MB) before ddp: 5122
2025-12-11 00:20:18.599\tnode-1:0\ttrain:375\tINFO\tStarting training...
2025-12-11 00:20:18.600\tnode-1:0\tolmo.train:979\tINFO\tPre-train system metrics
    System/Peak GPU Memory (MB)=10,244
"""
EVAL_EVERY = 20


def printed(value: float) -> str:
    """A number as OLMo's format_float prints it."""
    if value < 0.0001:
        return str(value)
    if value > 1000:
        return f"{int(value):,d}"
    decimals = next((n for least, n in ((100, 1), (10, 2), (1, 3)) if value > least), 4)
    return f"{value:.{decimals}f}"


def head(step: int) -> str:
    """What stands before a message: time, rank, module, level."""
    return (
        f"2025-12-{11 + step // 86400 % 20} {step // 3600 % 24:02d}:{step // 60 % 60:02d}:{step % 60:02d}.586\t{MODULE}"
    )


def block(step: int, steps: int = 2500) -> str:
    """What is printed after one step."""
    loss = 10 / (1 + 0.01 * step) + 1.5
    values = {
        "optim/total_grad_norm": 0.5 + step % 13 / 100,
        "train/CrossEntropyLoss": loss,
        "train/Perplexity": 2.718281828**loss,
        "throughput/total_tokens": 2097152 * step,
        "throughput/device/tokens_per_second": 47305 + step % 7,
        "throughput/device/batches_per_second": 0.1805 + step % 7 / 10000,
        "System/Peak GPU Memory (MB)": 38869,
    }
    lines = "".join(f"    {name}={printed(value)}\n" for name, value in values.items())
    return f"{head(step)}[step={step}/{steps},epoch=0]\n{lines}"


def evaluation(step: int) -> str:
    """What is printed during and after an evaluation of two sets."""
    loss = 10.5 / (1 + 0.01 * step) + 1.5
    texts = []
    for at, name in enumerate(("c4_en-validation", "pile-validation")):
        texts.append(
            f"{head(step)}Running evaluation for '{name}'...\n{head(step)}[eval_step=10/10]\n{head(step)}{name}\n"
            f"    eval/{name}/CrossEntropyLoss={printed(loss + at)}\n"
            f"    eval/{name}/Perplexity={printed(2.718281828 ** (loss + at))}\n"
        )
    return "".join(texts)


def log(rows: int = 60) -> bytes:
    """A start, `rows` steps, an evaluation after every 20th and the end."""
    lines = [START]
    for step in range(1, rows + 1):
        lines.append(block(step, max(2500, rows)))
        if step % EVAL_EVERY == 0:
            lines.append(evaluation(step))
    lines.append(f"{head(rows)}Checkpoint saved to /runs/OLMo-1B/step{rows}-unsharded\n")
    lines.append(f"{head(rows)}Training loop complete\n")
    return "".join(lines).encode()
