"""The configs that trainers take and write: each setting that means a fact gives it, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_facts import assert_gives

from parsers.configs.config import read_config
from parsers.records import Value

TORCHTITAN = """\
[model]
name = "llama3"
[optimizer]
lr = 3e-4
[lr_scheduler]
warmup_steps = 200
decay_ratio = 0.8
decay_type = "linear"
min_lr_factor = 0.1
[training]
local_batch_size = 2
global_batch_size = 64
seq_len = 8192
steps = 1000
max_norm = 1.0
dataset = "c4"
dtype = "float32"
mixed_precision_param = "bfloat16"
[parallelism]
data_parallel_replicate_degree = 2
data_parallel_shard_degree = 8
tensor_parallel_degree = 4
pipeline_parallel_degree = 1
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
clip_grad_norm: 1.0
max_steps_per_epoch: 7
dataset: {_component_: torchtune.datasets.alpaca_dataset, packed: false}
output_dir: /runs/torchtune
device: cuda
dtype: bf16
"""
LITGPT = """\
model_config: {n_layer: 22, n_head: 32, n_query_groups: 4, n_embd: 2048, block_size: 2048, vocab_size: 32000,
  padded_vocab_size: 32064, bias: false, intermediate_size: 5632}
train: {global_batch_size: 512, micro_batch_size: 4, lr_warmup_steps: 2000, max_tokens: 3000000000000,
  max_seq_length: null, max_norm: 1.0, min_lr: 4.0e-05, tie_embeddings: false}
eval: {interval: 1000, max_iters: 100}
optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 4e-4, weight_decay: 0.1}}
precision: 16-true
devices: 8
num_nodes: 2
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
OLMO_IN_TOKENS = """\
model: {max_sequence_length: 4096}
scheduler: {name: cosine_with_warmup, units: tokens, t_warmup: 8388608000, t_max: 5e12, alpha_f: 0.1}
optimizer: {learning_rate: 3.0e-4}
max_duration: 4e12T
global_train_batch_size: 512
"""
OLMO_CORE = """\
{"run_name": "OLMo-190M",
 "model": {"d_model": 768, "n_layers": 12, "vocab_size": 100352, "dtype": "float32",
           "block": {"name": "reordered_norm", "sequence_mixer": {"n_heads": 12, "n_kv_heads": 4, "bias": false},
                     "feed_forward": {"hidden_size": 3072, "bias": false},
                     "feed_forward_moe": {"hidden_size": 77, "num_experts": 64}}},
 "data_loader": {"global_batch_size": 524288},
 "train_module": {"rank_microbatch_size": 16384, "max_sequence_length": 1024, "max_grad_norm": 1.0,
                  "compile_model": true, "dp_config": {"name": "hsdp", "param_dtype": "bfloat16"},
                  "optim": {"lr": 1e-3, "weight_decay": 0.1, "betas": [0.9, 0.95],
                            "_CLASS_": "olmo_core.optim.adamw.SkipStepAdamWConfig"},
                  "scheduler": {"warmup_steps": 2000, "decay_fraction": 0.2, "decay_min_lr": 0.0, "units": "steps",
                                "_CLASS_": "olmo_core.optim.scheduler.WSD"}},
 "trainer": {"max_duration": {"value": 10000, "unit": "steps", "_CLASS_": "Duration"}, "save_folder": "/runs/x",
             "callbacks": {"lm_evaluator": {"eval_interval": 250}}}}
"""
COMPOSER = """\
max_seq_len: 2048
model: {name: mpt_causal_lm, d_model: 768, n_heads: 12, n_layers: 12, max_seq_len: "${max_seq_len}",
  attn_config: {kv_n_heads: 4}}
n_gpus: 8
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
warmup_ratio: 0.1
max_steps: 1000
cosine_min_lr_ratio: 0.1
batch_size: 64
bf16: true
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
lr_schedule_type: 'cosine'
learning_rate_final_fraction: 0.1
wsd_decay_steps_fraction: 0.2
warmup_steps_fraction: 0.1
learning_rate_schedule_steps: -1
eval_interval: -1
eval_steps: 20
dtype: "bfloat16"
weight_dtype: "float32"
gradient_clipping_threshold: 0.0
adam_b1: 0.9
adam_b2: 0.95
adam_weight_decay: 0.1
opt_type: "adamw"
logits_via_embedding: false
"""
LEVANTER = """\
train_seq_len: 1024
model: {type: llama, hidden_dim: 768, intermediate_dim: 3072, num_heads: 12, num_kv_heads: 4, num_layers: 12,
  max_seq_len: 4096}
trainer: {train_batch_size: 256, num_train_steps: 20000, per_device_parallelism: 4, steps_per_eval: 1000,
  max_eval_batches: 10, mp: "p=f32,c=bfloat16"}
optimizer: {type: adam, learning_rate: 6E-4, weight_decay: 0.1, warmup: 0.01, min_lr_ratio: 0.1, beta1: 0.9,
  beta2: 0.95, max_grad_norm: 1.0, lr_schedule: inv_sqrt}
"""
MLX = """\
model: mlx-community/Mistral-7B
fine_tune_type: lora
num_layers: 16
batch_size: 4
iters: 1000
grad_accumulation_steps: 2
steps_per_report: 10
max_seq_length: 2048
optimizer: adamw
optimizer_config: {adamw: {weight_decay: 0.5}}
val_batches: 25
steps_per_eval: 200
learning_rate: 1e-5
lora_parameters: {rank: 8, dropout: 0.5}
lr_schedule: {name: cosine_decay, warmup: 100, arguments: [1e-5, 1000, 1e-7]}
"""
LIGHTNING = """\
trainer: {devices: [0, 1, 2], num_nodes: 1, max_epochs: 10, val_check_interval: 1.0, limit_val_batches: 1.0,
  precision: bf16-mixed, accumulate_grad_batches: 4}
"""

CASES: list[tuple[str, str, dict[str, Value]]] = [
    ("job.toml", TORCHTITAN, {
        "learning_rate": 3e-4, "warmup_steps": 200, "batch_size": 2, "global_batch_size": 64, "block_size": 8192,
        "planned_steps": 1000, "grad_clip": 1.0, "dataset": "c4", "compile": True, "eval_interval": 500,
        "eval_iters": 3, "tokens_per_step": 524_288, "schedule": "linear", "decay_start": 200, "decay_steps": 1000,
        "min_lr": 3e-5, "dtype": "bfloat16", "world_size": 64}),
    ("recipe.yaml", TORCHTUNE, {
        "batch_size": 2, "optimizer": "AdamW", "learning_rate": 3e-4, "schedule": "cosine", "warmup_steps": 100,
        "planned_epochs": 1.0, "gradient_accumulation_steps": 8, "dtype": "bfloat16", "grad_clip": 1.0,
        "packed": False, "out_dir": "/runs/torchtune", "device": "cuda"}),
    ("hyperparameters.yaml", LITGPT, {
        "n_layer": 22, "n_head": 32, "n_kv_head": 4, "n_embd": 2048, "block_size": 2048, "vocab_size": 32_064,
        "bias": False, "n_inner": 5632, "global_batch_size": 512, "batch_size": 4, "warmup_steps": 2000,
        "planned_tokens": 3_000_000_000_000, "grad_clip": 1.0, "min_lr": 4e-5, "tie_embeddings": False,
        "eval_interval": 1000, "eval_iters": 100, "optimizer": "AdamW", "tokens_per_step": 1_048_576,
        "dtype": "float16", "world_size": 16}),
    ("config.yaml", OLMO, {
        "n_embd": 2048, "n_head": 16, "n_layer": 16, "tie_embeddings": True, "block_size": 2048, "vocab_size": 50_280,
        "optimizer": "adamw", "learning_rate": 4e-4, "beta1": 0.9, "beta2": 0.95, "schedule": "cosine",
        "warmup_steps": 2000, "eval_interval": 1000, "planned_steps": 739_328, "global_batch_size": 2048,
        "tokens_per_step": 4_194_304, "min_lr": 4e-5, "decay_steps": 739_328}),
    ("config.yaml", OLMO_IN_TOKENS, {
        "block_size": 4096, "schedule": "cosine", "learning_rate": 3e-4, "planned_tokens": 4_000_000_000_000,
        "global_batch_size": 512, "tokens_per_step": 2_097_152, "warmup_steps": 4000, "min_lr": 3e-5}),
    ("config.json", OLMO_CORE, {
        "run_name": "OLMo-190M", "n_embd": 768, "n_layer": 12, "vocab_size": 100_352, "n_head": 12, "n_kv_head": 4,
        "n_inner": 3072, "n_expert": 64, "tokens_per_step": 524_288, "block_size": 1024, "grad_clip": 1.0,
        "compile": True, "dtype": "bfloat16", "learning_rate": 1e-3, "weight_decay": 0.1, "beta1": 0.9, "beta2": 0.95,
        "optimizer": "SkipStepAdamWConfig", "warmup_steps": 2000, "schedule": "wsd", "min_lr": 0.0,
        "planned_steps": 10_000, "decay_start": 8000, "decay_steps": 10_000, "out_dir": "/runs/x"}),
    ("mpt.yaml", COMPOSER, {
        "block_size": 2048, "n_embd": 768, "n_head": 12, "n_layer": 12, "schedule": "cosine", "warmup_steps": 100,
        "optimizer": "decoupled_adamw", "learning_rate": 6e-4, "grad_clip": 1.0, "planned_steps": 4800,
        "eval_interval": 500, "global_batch_size": 256, "dtype": "bfloat16", "tokens_per_step": 524_288,
        "min_lr": 6e-5, "decay_steps": 4800, "world_size": 8, "n_kv_head": 4}),
    ("axolotl.yml", AXOLOTL, {
        "block_size": 8192, "packed": True, "batch_size": 1, "gradient_accumulation_steps": 8,
        "optimizer": "paged_adamw_8bit", "schedule": "cosine", "learning_rate": 2e-5, "warmup_steps": 100,
        "min_lr": 2e-6, "planned_steps": 1000, "dtype": "bfloat16"}),
    ("base.yml", MAXTEXT, {
        "n_embd": 2048, "n_head": 16, "n_kv_head": 16, "n_layer": 18, "vocab_size": 32_000, "batch_size": 12,
        "block_size": 2048, "planned_steps": 150_001, "learning_rate": 3e-5, "warmup_steps": 15_001, "min_lr": 3e-6,
        "schedule": "cosine", "decay_steps": 150_001, "eval_iters": 20, "dtype": "bfloat16", "grad_clip": 0.0,
        "beta1": 0.9, "beta2": 0.95, "weight_decay": 0.1, "optimizer": "adamw", "tie_embeddings": False}),
    ("levanter.yaml", LEVANTER, {
        "n_embd": 768, "n_head": 12, "n_layer": 12, "block_size": 1024, "global_batch_size": 256,
        "planned_steps": 20_000, "eval_interval": 1000, "learning_rate": 6e-4, "weight_decay": 0.1,
        "tokens_per_step": 262_144, "warmup_steps": 200, "min_lr": 6e-5, "n_inner": 3072, "n_kv_head": 4,
        "batch_size": 4, "eval_iters": 10, "dtype": "bfloat16", "optimizer": "adam", "beta1": 0.9, "beta2": 0.95,
        "grad_clip": 1.0, "schedule": "inv_sqrt"}),
    ("lora.yaml", MLX, {
        "batch_size": 4, "planned_steps": 1000, "eval_iters": 25, "eval_interval": 200, "learning_rate": 1e-5,
        "schedule": "cosine", "warmup_steps": 100, "gradient_accumulation_steps": 2, "log_interval": 10,
        "block_size": 2048, "optimizer": "adamw"}),
    ("config.yaml", LIGHTNING, {
        "world_size": 3, "planned_epochs": 10.0, "dtype": "bfloat16", "gradient_accumulation_steps": 4}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), CASES)
def test_a_trainers_config_gives_its_facts(tmp_path: Path, name: str, text: str, expected: dict[str, Value]) -> None:
    """All of them, each with its type, and none from a section about something else."""
    assert_gives(tmp_path / name, text, expected)


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
