"""Trains a tiny GPT on the sources of Python's standard library and prints what nanoGPT prints.

    python examples/train_tiny_gpt.py examples/train_tiny_gpt_config.py --max_iters=500

It stands in for a real run: one CPU, half a million parameters, a few minutes, tokens that are bytes. The model, the
optimiser and every printed line follow nanoGPT (Karpathy, 2022), faults included: the loss of an iter line is that of
its last micro-batch alone, the time of a step that evaluates contains the evaluation, and the MFU is a share of an
NVIDIA A100's 312 TFLOP/s, averaged over the lines that were printed. No A100 is near.
It writes no file but `ckpt.pt`, and that only where `out_dir` is set.
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False
from __future__ import annotations

import math
import runpy
import sys
import sysconfig
import time
from ast import literal_eval
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

import torch
from torch import Tensor, nn
from torch.nn import functional

VOCAB_SIZE = 256
A100_FLOPS = 312e12
NOT_CODE = {"site-packages", "dist-packages", "test", "tests", "encodings", "pydoc_data"}


@dataclass(frozen=True)
class Config:
    """nanoGPT's names and defaults, but for out_dir: where nothing is given, nothing is written."""

    out_dir: str = ""
    eval_interval: int = 2000
    log_interval: int = 1
    eval_iters: int = 200
    gradient_accumulation_steps: int = 40
    batch_size: int = 12
    block_size: int = 1024
    n_layer: int = 12
    n_head: int = 12
    n_embd: int = 768
    dropout: float = 0.0
    bias: bool = False
    learning_rate: float = 6e-4
    max_iters: int = 600_000
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    grad_clip: float = 1.0
    warmup_iters: int = 2000
    lr_decay_iters: int = 600_000
    min_lr: float = 6e-5


def configure(arguments: list[str]) -> Config:
    """Takes config files and `--key=value` in their order, and echoes them as nanoGPT's configurator does."""
    chosen = asdict(Config())
    for argument in arguments:
        if not argument.startswith("--"):
            print(f"Overriding config with {argument}:")
            print(Path(argument).read_text(encoding="utf-8"))
            chosen |= {key: value for key, value in runpy.run_path(argument).items() if key in chosen}
            continue
        key, _, text = argument.removeprefix("--").partition("=")
        if key not in chosen:
            raise SystemExit(f"Unknown config key: {key}")
        value, wanted = read_value(text), type(chosen[key])
        if type(value) is not wanted:
            raise SystemExit(f"{key} takes a value of type {wanted.__name__}, and {text!r} is none")
        chosen[key] = value
        print(f"Overriding: {key} = {chosen[key]}")
    return Config(**chosen)


def read_value(text: str) -> object:
    """A Python literal, or else the text itself."""
    try:
        return literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def read_sources() -> dict[str, Tensor]:
    """The library's sources as bytes, in the order of a hash: 90 % of the files train, the rest validate."""
    root = Path(sysconfig.get_paths()["stdlib"])
    names = [path.relative_to(root) for path in root.rglob("*.py")]
    files = sorted((name for name in names if NOT_CODE.isdisjoint(name.parts)), key=lambda n: crc32(bytes(n)))
    cut = len(files) * 9 // 10
    splits = {"train": files[:cut], "val": files[cut:]}
    text = {split: b"".join((root / name).read_bytes() for name in part) for split, part in splits.items()}
    return {split: torch.frombuffer(bytearray(data), dtype=torch.uint8) for split, data in text.items()}


def get_batch(data: Tensor, config: Config) -> tuple[Tensor, Tensor]:
    """Random windows and the same one byte later, each int64 (batch_size, block_size)."""
    starts = torch.randint(len(data) - config.block_size, (config.batch_size, 1))
    windows = data[starts + torch.arange(config.block_size + 1)].long()
    return windows[:, :-1], windows[:, 1:]


class CausalSelfAttention(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.dropout = config.dropout
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.resid_dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        heads = self.c_attn(x).unflatten(-1, (3 * self.n_head, -1)).transpose(1, 2)
        query, key, value = heads.chunk(3, dim=1)
        p = self.dropout if self.training else 0.0
        y = functional.scaled_dot_product_attention(query, key, value, dropout_p=p, is_causal=True)
        return self.resid_dropout(self.c_proj(y.transpose(1, 2).flatten(2)))


class Block(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.dropout(self.c_proj(functional.gelu(self.c_fc(self.ln_2(x)))))


class GPT(nn.Module):
    """GPT-2's shape: learned positions, pre-norm, GELU, the output layer tied to the token embedding."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(VOCAB_SIZE, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.drop = nn.Dropout(config.dropout)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.lm_head = nn.Linear(config.n_embd, VOCAB_SIZE, bias=False)
        self.lm_head.weight = self.wte.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:  # narrower into the residual stream, which sums 2 n_layer of them (GPT-2)
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * config.n_layer if "c_proj" in name else 1))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        print(f"number of parameters: {self.get_num_params() / 1e6:.2f}M")

    def get_num_params(self) -> int:
        """All parameters but the position embedding; the tied embedding counts once."""
        return int(sum(p.numel() for p in self.parameters()) - self.wpe.weight.numel())

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """The mean cross entropy of the targets, nats per token."""
        x = self.drop(self.wte(tokens) + self.wpe.weight[: tokens.shape[1]])
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def estimate_mfu(self, sequences: int, seconds: float) -> float:
        """The share of an A100's bf16 peak, with 6N + 12 L H Q T FLOPs a token (PaLM, appendix B)."""
        config = self.config
        flops_per_token = 6 * self.get_num_params() + 12 * config.n_layer * config.n_embd * config.block_size
        return flops_per_token * config.block_size * sequences / seconds / A100_FLOPS


def configure_optimizer(model: GPT, config: Config) -> torch.optim.AdamW:
    """AdamW that decays the matrices and embeddings, and neither the norms nor the biases."""
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    print(f"num decayed parameter tensors: {len(decayed)}, with {sum(p.numel() for p in decayed):,} parameters")
    print(f"num non-decayed parameter tensors: {len(others)}, with {sum(p.numel() for p in others):,} parameters")
    print("using fused AdamW: False")
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta1, config.beta2))


def get_lr(iteration: int, config: Config) -> float:
    """Linear warm-up, then a cosine down to min_lr at lr_decay_iters."""
    if iteration < config.warmup_iters:
        return config.learning_rate * (iteration + 1) / (config.warmup_iters + 1)
    done = min(1.0, (iteration - config.warmup_iters) / max(1, config.lr_decay_iters - config.warmup_iters))
    return config.min_lr + 0.5 * (1 + math.cos(math.pi * done)) * (config.learning_rate - config.min_lr)


@torch.no_grad()
def estimate_loss(model: GPT, data: dict[str, Tensor], config: Config) -> dict[str, float]:
    """The mean loss of eval_iters random batches of each split, without dropout."""
    model.eval()
    losses = {split: [model(*get_batch(data[split], config)) for _ in range(config.eval_iters)] for split in data}
    model.train()
    return {split: torch.stack(drawn).mean().item() for split, drawn in losses.items()}


def update(model: GPT, optimizer: torch.optim.AdamW, train_data: Tensor, config: Config) -> float:
    """One optimiser step; gives the loss that nanoGPT prints, the last micro-batch's."""
    for _ in range(config.gradient_accumulation_steps):
        loss = model(*get_batch(train_data, config)) / config.gradient_accumulation_steps
        loss.backward()
    if config.grad_clip != 0.0:
        nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.item() * config.gradient_accumulation_steps)


def save(model: GPT, optimizer: torch.optim.AdamW, iteration: int, config: Config) -> None:
    """Replaces out_dir/ckpt.pt."""
    print(f"saving checkpoint to {config.out_dir}")
    Path(config.out_dir).mkdir(parents=True, exist_ok=True)
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "config": asdict(config)}
    torch.save(state | {"iter_num": iteration}, Path(config.out_dir) / "ckpt.pt")


def train(config: Config) -> None:
    """The whole run; max_iters is inclusive, as in nanoGPT."""
    torch.manual_seed(1337)
    data = read_sources()
    sequences = config.batch_size * config.gradient_accumulation_steps
    print(f"tokens per iteration will be: {sequences * config.block_size:,}")
    print(f"found vocab_size = {VOCAB_SIZE} (inside a byte)")
    print("Initializing a new model from scratch")
    model = GPT(config)
    optimizer = configure_optimizer(model, config)
    best_val_loss, running_mfu = math.inf, -1.0
    started = time.perf_counter()
    for iteration in range(config.max_iters + 1):
        for group in optimizer.param_groups:
            group["lr"] = get_lr(iteration, config)
        if iteration % config.eval_interval == 0:
            losses = estimate_loss(model, data, config)
            print(f"step {iteration}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
            if losses["val"] < best_val_loss:
                best_val_loss = losses["val"]
                if iteration > 0 and config.out_dir:
                    save(model, optimizer, iteration, config)
        loss = update(model, optimizer, data["train"], config)
        now = time.perf_counter()
        seconds, started = now - started, now
        if iteration % config.log_interval == 0:
            if iteration >= 5:
                mfu = model.estimate_mfu(sequences, seconds)
                running_mfu = mfu if running_mfu == -1.0 else 0.9 * running_mfu + 0.1 * mfu
            print(f"iter {iteration}: loss {loss:.4f}, time {seconds * 1000:.2f}ms, mfu {running_mfu * 100:.2f}%")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # so that a monitor sees each line at once
    train(configure(sys.argv[1:]))
