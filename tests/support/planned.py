"""Configs to plan with, and a plan of one."""

from __future__ import annotations

import json
from pathlib import Path

from tui.options import Options, counted_gpu
from tui.plan_make import Made, Wish, make

FOUNDING = """\
# config for training a small GPT-2 (~125M parameters)
n_layer = 12
n_head = 12
n_embd = 384
dropout = 0.1
dataset = 'fineweb'
batch_size = 16
block_size = 1024
gradient_accumulation_steps = 4 * 8
max_iters = 20000
lr_decay_iters = 20000
warmup_iters = 500
learning_rate = 1e-3
wandb_log = False
"""
GPT2 = """\
wandb_log = True
batch_size = 12
block_size = 1024
gradient_accumulation_steps = 5 * 8
max_iters = 600000
lr_decay_iters = 600000
eval_iters = 200
"""
"""nanoGPT's config/train_gpt2.py in short: the model is what train.py takes by default."""
LLAMA = json.dumps({
    "model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 22, "num_attention_heads": 32,
    "num_key_value_heads": 4, "intermediate_size": 5632, "vocab_size": 32000, "hidden_act": "silu",
    "tie_word_embeddings": False, "max_position_embeddings": 2048, "architectures": ["LlamaForCausalLM"],
})  # fmt: skip


def written(folder: Path, name: str, text: str) -> Path:
    """A config file."""
    path = folder / name
    path.write_text(text)
    return path


def planned(path: Path, *changes: str, gpu: str | None = "RTX 4070", **wish: float | str) -> Made:
    """What `traintop plan PATH --set ... --gpu ...` is made of."""
    count, name = counted_gpu(gpu)
    return make(str(path), Options(gpu=name, gpus=count), Wish(changes=changes, **wish))  # type: ignore[arg-type]
