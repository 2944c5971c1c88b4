"""The configs that trainers take and write: each setting that means a fact gives it, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsers.configs.config import read_config
from parsers.records import Value

GPT_NEOX = """\
# settings of a pipeline stage
{
  "num_layers": 12, "hidden_size": 768, "num_attention_heads": 8, "seq_length": 2048, "no_weight_tying": true,
  "optimizer": {"type": "Adam", "params": {"lr": 0.0006, "betas": [0.9, 0.95], "eps": 1.0e-8,}},
  "train_batch_size": 64, "train_micro_batch_size_per_gpu": 4, "fp16": {"enabled": True},
  "train_iters": 320000, "lr_decay_iters": 300000, "lr_decay_style": "cosine", "warmup": 0.01, "log-interval": 7,
}
"""
DEEPSPEED = """\
{"train_batch_size": 32, "train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": "auto",
 "optimizer": {"type": "AdamW", "params": {"lr": 3e-4, "weight_decay": 0.1}}, "bf16": {"enabled": true},
 "scheduler": {"type": "WarmupDecayLR", "params": {"warmup_num_steps": 100, "total_num_steps": 1000}}}
"""
TORCHTITAN = """\
[model]
name = "llama3"
[optimizer]
lr = 3e-4
[lr_scheduler]
warmup_steps = 200
[training]
local_batch_size = 2
global_batch_size = 64
seq_len = 8192
steps = 1000
max_norm = 1.0
dataset = "c4"
[compile]
enable = true
[validation]
freq = 500
steps = 3
local_batch_size = 9
"""
TORCHTUNE = """\
tokenizer: {path: /tmp/tokenizer.model, max_seq_len: 77}
batch_size: 2
optimizer: {_component_: torch.optim.AdamW, lr: 3e-4}
lr_scheduler: {_component_: torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup, num_warmup_steps: 100}
epochs: 1
gradient_accumulation_steps: 8
dtype: bf16
"""
LITGPT = """\
model: {n_layer: 22, n_head: 32, n_query_groups: 4, n_embd: 2048, block_size: 2048, vocab_size: 32000,
  padded_vocab_size: 32064, bias: false, intermediate_size: 5632}
train: {global_batch_size: 512, micro_batch_size: 4, lr_warmup_steps: 2000, max_tokens: 3000000000000,
  max_seq_length: null, max_norm: 1.0, min_lr: 4.0e-05, tie_embeddings: false}
eval: {interval: 1000, max_iters: 100}
optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 4e-4}}
"""
NANOTRON = """\
general: {run: tiny}
model: {model_config: {hidden_size: 64, num_attention_heads: 4, num_hidden_layers: 2, num_key_value_heads: 2,
  max_position_embeddings: 4096, vocab_size: 256, tie_word_embeddings: true}}
optimizer:
  learning_rate_scheduler: {learning_rate: 0.0003, lr_decay_starting_step: 10, lr_decay_steps: 13,
    lr_decay_style: linear, lr_warmup_steps: 2, min_decay_lr: 1.0e-05}
parallelism: {dp: 8, pp: 2, tp: 2}
tokens: {batch_accumulation_per_replica: 3, micro_batch_size: 2, sequence_length: 256, train_steps: 25}
"""
OLMO = """\
model: {d_model: 2048, n_heads: 16, n_layers: 16, weight_tying: true, max_sequence_length: 2048, vocab_size: 50280}
optimizer: {name: adamw, learning_rate: 4.0e-4, betas: [0.9, 0.95]}
scheduler: {name: cosine_with_warmup, t_warmup: 2000, alpha_f: 0.1}
save_folder: ${path.choose:${oc.env:SCRATCH,no}/checkpoints}
save_interval: 1000
eval_interval: ${save_interval}
max_duration: 739_328
global_train_batch_size: 2048
evaluators: [{label: piqa, data: {batch_size: 3}}]
"""
OLMO_CORE = """\
{"model": {"d_model": 768, "n_layers": 12, "vocab_size": 100352},
 "data_loader": {"global_batch_size": 524288},
 "train_module": {"rank_microbatch_size": 16384, "max_sequence_length": 1024, "optim": {"lr": 1e-3}},
 "trainer": {"max_duration": {"value": 10000, "unit": "steps", "_CLASS_": "Duration"}}}
"""
COMPOSER = """\
max_seq_len: 2048
model: {name: mpt_causal_lm, d_model: 768, n_heads: 12, n_layers: 12, max_seq_len: "${max_seq_len}"}
eval_loader: {batch_size: 7, dataset: {max_seq_len: 5}}
scheduler: {name: cosine_with_warmup, t_warmup: 100ba, alpha_f: 0.1}
optimizer: {name: decoupled_adamw, lr: 6.0e-4}
algorithms: {gradient_clipping: {clipping_type: norm, clipping_threshold: 1.0}}
max_duration: 4800ba
eval_interval: 500ba
global_train_batch_size: 256
device_train_microbatch_size: auto
precision: amp_bf16
"""
AXOLOTL = """\
base_model: meta-llama/Meta-Llama-3-8B
sequence_len: 8192
sample_packing: true
micro_batch_size: 1
gradient_accumulation_steps: 8
num_epochs: 3
optimizer: paged_adamw_8bit
lr_scheduler: cosine
learning_rate: 2e-5
warmup_steps: 100
bf16: auto
"""
MAXTEXT = """\
model_name: "default"
base_emb_dim: 2048
base_num_query_heads: 16
base_num_kv_heads: 16
base_num_decoder_layers: 18
vocab_size: 32_000
per_device_batch_size: 12.0
max_target_length: 2048
steps: 150_001
learning_rate: 3.e-5
cosine_learning_rate_final_fraction: 0.1
warmup_steps_fraction: 0.1
learning_rate_schedule_steps: -1
eval_interval: -1
"""
LEVANTER = """\
model: {type: gpt2, hidden_dim: 768, num_heads: 12, num_layers: 12, seq_len: 1024}
trainer: {train_batch_size: 256, num_train_steps: 20000, per_device_parallelism: -1, steps_per_eval: 1000}
optimizer: {learning_rate: 6E-4, weight_decay: 0.1, warmup: 0.01, min_lr_ratio: 0.1}
"""
MLX = """\
model: mlx-community/Mistral-7B
batch_size: 4
iters: 1000
val_batches: 25
steps_per_eval: 200
learning_rate: 1e-5
lora_parameters: {rank: 8, dropout: 0.5}
lr_schedule: {name: cosine_decay, warmup: 100, arguments: [1e-5, 1000, 1e-7]}
"""
FAIRSEQ = """\
task: {tokens_per_sample: 512}
optimization: {max_update: 50000, lr: [0.0005], update_freq: [16], clip_norm: 0.0}
lr_scheduler: {warmup_updates: 4000}
"""

CASES: list[tuple[str, str, dict[str, Value]]] = [
    ("neox.yml", GPT_NEOX, {
        "n_layer": 12, "n_embd": 768, "n_head": 8, "block_size": 2048, "tie_embeddings": False, "optimizer": "Adam",
        "learning_rate": 6e-4, "beta1": 0.9, "beta2": 0.95, "global_batch_size": 64, "batch_size": 4,
        "dtype": "float16", "planned_steps": 320_000, "decay_steps": 300_000, "schedule": "cosine",
        "log_interval": 7, "tokens_per_step": 131_072, "warmup_steps": 3000}),
    ("ds_config.json", DEEPSPEED, {
        "global_batch_size": 32, "batch_size": 2, "optimizer": "AdamW", "learning_rate": 3e-4, "weight_decay": 0.1,
        "dtype": "bfloat16", "schedule": "linear", "warmup_steps": 100, "decay_steps": 1000}),
    ("job.toml", TORCHTITAN, {
        "learning_rate": 3e-4, "warmup_steps": 200, "batch_size": 2, "global_batch_size": 64, "block_size": 8192,
        "planned_steps": 1000, "grad_clip": 1.0, "dataset": "c4", "compile": True, "eval_interval": 500,
        "eval_iters": 3, "tokens_per_step": 524_288}),
    ("recipe.yaml", TORCHTUNE, {
        "batch_size": 2, "optimizer": "AdamW", "learning_rate": 3e-4, "schedule": "cosine", "warmup_steps": 100,
        "planned_epochs": 1.0, "gradient_accumulation_steps": 8, "dtype": "bfloat16"}),
    ("hyperparameters.yaml", LITGPT, {
        "n_layer": 22, "n_head": 32, "n_kv_head": 4, "n_embd": 2048, "block_size": 2048, "vocab_size": 32_064,
        "bias": False, "n_inner": 5632, "global_batch_size": 512, "batch_size": 4, "warmup_steps": 2000,
        "planned_tokens": 3_000_000_000_000, "grad_clip": 1.0, "min_lr": 4e-5, "tie_embeddings": False,
        "eval_interval": 1000, "eval_iters": 100, "optimizer": "AdamW", "tokens_per_step": 1_048_576}),
    ("config.yaml", NANOTRON, {
        "run_name": "tiny", "n_embd": 64, "n_head": 4, "n_layer": 2, "n_kv_head": 2, "max_positions": 4096,
        "vocab_size": 256, "tie_embeddings": True, "learning_rate": 3e-4, "decay_start": 10, "schedule": "linear",
        "warmup_steps": 2, "min_lr": 1e-5, "gradient_accumulation_steps": 3, "batch_size": 2, "block_size": 256,
        "planned_steps": 25, "global_batch_size": 48, "tokens_per_step": 12_288, "decay_steps": 23}),
    ("config.yaml", OLMO, {
        "n_embd": 2048, "n_head": 16, "n_layer": 16, "tie_embeddings": True, "block_size": 2048, "vocab_size": 50_280,
        "optimizer": "adamw", "learning_rate": 4e-4, "beta1": 0.9, "beta2": 0.95, "schedule": "cosine",
        "warmup_steps": 2000, "eval_interval": 1000, "planned_steps": 739_328, "global_batch_size": 2048,
        "tokens_per_step": 4_194_304, "min_lr": 4e-5}),
    ("config.json", OLMO_CORE, {
        "n_embd": 768, "n_layer": 12, "vocab_size": 100_352, "tokens_per_step": 524_288, "block_size": 1024,
        "learning_rate": 1e-3, "planned_steps": 10_000}),
    ("mpt.yaml", COMPOSER, {
        "block_size": 2048, "n_embd": 768, "n_head": 12, "n_layer": 12, "schedule": "cosine", "warmup_steps": 100,
        "optimizer": "decoupled_adamw", "learning_rate": 6e-4, "grad_clip": 1.0, "planned_steps": 4800,
        "eval_interval": 500, "global_batch_size": 256, "dtype": "bfloat16", "tokens_per_step": 524_288,
        "min_lr": 6e-5}),
    ("axolotl.yml", AXOLOTL, {
        "block_size": 8192, "packed": True, "batch_size": 1, "gradient_accumulation_steps": 8, "planned_epochs": 3.0,
        "optimizer": "paged_adamw_8bit", "schedule": "cosine", "learning_rate": 2e-5, "warmup_steps": 100}),
    ("base.yml", MAXTEXT, {
        "n_embd": 2048, "n_head": 16, "n_kv_head": 16, "n_layer": 18, "vocab_size": 32_000, "batch_size": 12,
        "block_size": 2048, "planned_steps": 150_001, "learning_rate": 3e-5, "warmup_steps": 15_001, "min_lr": 3e-6}),
    ("levanter.yaml", LEVANTER, {
        "n_embd": 768, "n_head": 12, "n_layer": 12, "block_size": 1024, "global_batch_size": 256,
        "planned_steps": 20_000, "eval_interval": 1000, "learning_rate": 6e-4, "weight_decay": 0.1,
        "tokens_per_step": 262_144, "warmup_steps": 200, "min_lr": 6e-5}),
    ("lora.yaml", MLX, {
        "batch_size": 4, "planned_steps": 1000, "eval_iters": 25, "eval_interval": 200, "learning_rate": 1e-5,
        "schedule": "cosine", "warmup_steps": 100}),
    ("config.yaml", FAIRSEQ, {
        "block_size": 512, "planned_steps": 50_000, "learning_rate": 5e-4, "gradient_accumulation_steps": 16,
        "grad_clip": 0.0, "warmup_steps": 4000}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), CASES)
def test_a_trainers_config_gives_its_facts(tmp_path: Path, name: str, text: str, expected: dict[str, Value]) -> None:
    """All of them, each with its type, and none from a section about something else."""
    path = tmp_path / name
    path.write_text(text)
    found = {fact.name: fact.value for fact in read_config(path)}
    assert found == pytest.approx(expected)
    assert {n: type(v) for n, v in found.items()} == {n: type(v) for n, v in expected.items()}


def test_a_fact_says_which_setting_it_is_from(tmp_path: Path) -> None:
    """The file and the setting's path; of a fact made from several, all of them."""
    path = tmp_path / "job.toml"
    path.write_text(TORCHTITAN)
    where = {fact.name: fact.where for fact in read_config(path)}
    assert where["learning_rate"] == f"{path}, optimizer.lr"
    assert where["tokens_per_step"] == f"{path}, training.global_batch_size and training.seq_len"
    assert {fact.origin for fact in read_config(path)} == {"config"}


def test_another_name_may_stand_for_the_path(tmp_path: Path) -> None:
    """As a config beside a log is called by its name alone."""
    path = tmp_path / "job.toml"
    path.write_text(TORCHTITAN)
    assert read_config(path, "job.toml")[0].where == "job.toml, optimizer.lr"


@pytest.mark.parametrize("line", ["model_name: llama2-7b", "global_parameter_scale: 2"])
def test_maxtexts_base_shape_is_not_that_of_a_named_or_scaled_model(tmp_path: Path, line: str) -> None:
    """Its base dimensions are only those of the default model."""
    path = tmp_path / "base.yml"
    path.write_text(MAXTEXT.replace('model_name: "default"', line))
    names = {fact.name for fact in read_config(path)}
    assert "n_embd" not in names
    assert "planned_steps" in names
