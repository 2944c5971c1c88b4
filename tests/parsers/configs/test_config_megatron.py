"""The configs of Megatron-LM and its kin, DeepSpeed, nanotron and fairseq: their parallel sizes and schedules."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_facts import assert_gives

from parsers.configs.config import facts_of_mapping
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
DEEPSPEED_COSINE = """\
{"train_batch_size": 32, "train_micro_batch_size_per_gpu": "auto", "gradient_clipping": 1.0,
 "bfloat16": {"enabled": true}, "optimizer": {"type": "AdamW", "params": {"lr": 1e-3}},
 "scheduler": {"type": "WarmupCosineLR", "params": {"warmup_num_steps": 100, "total_num_steps": 1000,
                                                    "cos_min_ratio": 0.1}}}
"""
MEGATRON = """\
{"num_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "group_query_attention": false,
 "num_query_groups": 1, "seq_length": 2048, "micro_batch_size": 4, "global_batch_size": 256, "train_iters": 10000,
 "lr": 3e-4, "min_lr": 3e-5, "lr_decay_style": "WSD", "lr_decay_iters": 10000, "lr_wsd_decay_iters": 2000,
 "lr_warmup_fraction": 0.01, "clip_grad": 1.0, "untie_embeddings_and_output_weights": true, "add_bias_linear": false,
 "world_size": 16}
"""
NEMO = """\
trainer: {devices: 8, num_nodes: 4, precision: 16, max_epochs: 1000, max_steps: 100000, log_every_n_steps: 10,
  val_check_interval: 100, limit_val_batches: 50, accumulate_grad_batches: 1, gradient_clip_val: 1.0}
model:
  micro_batch_size: 4
  global_batch_size: 256
  encoder_seq_length: 512
  max_position_embeddings: ${.encoder_seq_length}
  num_layers: 12
  hidden_size: 768
  ffn_hidden_size: 3072
  num_attention_heads: 12
  num_query_groups: null
  hidden_dropout: 0.1
  share_embeddings_and_output_weights: true
  optim: {name: fused_adam, lr: 2e-4, weight_decay: 0.01, betas: [0.9, 0.98],
    sched: {name: CosineAnnealing, warmup_steps: 500, constant_steps: 50000, min_lr: 2e-5}}
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
FAIRSEQ = """\
common: {fp16: true, log_interval: 100}
distributed_training: {distributed_world_size: 8}
dataset: {max_tokens: 2048, batch_size: null}
task: {tokens_per_sample: 512}
optimization: {max_epoch: 0, max_update: 50000, lr: [0.0005], update_freq: [16], clip_norm: 0.0, min_lr: 1.0e-9}
optimizer: {_name: adam, adam_betas: "(0.9, 0.98)", weight_decay: 0.01}
lr_scheduler: {_name: polynomial_decay, warmup_updates: 4000, total_num_update: 50000, end_learning_rate: 0.0}
model: {_name: transformer_lm, dropout: 0.1, decoder_layers: 6, decoder_embed_dim: 512, decoder_attention_heads: 8,
  decoder_ffn_embed_dim: 2048, share_decoder_input_output_embed: true}
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
    ("ds_config.json", DEEPSPEED_COSINE, {
        "global_batch_size": 32, "grad_clip": 1.0, "dtype": "bfloat16", "optimizer": "AdamW", "learning_rate": 1e-3,
        "schedule": "cosine", "warmup_steps": 100, "decay_steps": 1000, "min_lr": 1e-4}),
    ("args.json", MEGATRON, {
        "n_layer": 24, "n_embd": 1024, "n_head": 16, "block_size": 2048, "batch_size": 4, "global_batch_size": 256,
        "planned_steps": 10_000, "learning_rate": 3e-4, "min_lr": 3e-5, "schedule": "wsd", "decay_steps": 10_000,
        "decay_start": 8000, "warmup_steps": 100, "grad_clip": 1.0, "tie_embeddings": False, "bias": False,
        "world_size": 16, "tokens_per_step": 524_288}),
    ("megatron_gpt_config.yaml", NEMO, {
        "world_size": 32, "dtype": "float16", "planned_steps": 100_000, "log_interval": 10, "eval_interval": 100,
        "eval_iters": 50, "grad_clip": 1.0, "batch_size": 4, "global_batch_size": 256, "block_size": 512,
        "n_layer": 12, "n_embd": 768, "n_inner": 3072, "n_head": 12, "dropout": 0.1, "tie_embeddings": True,
        "optimizer": "fused_adam", "learning_rate": 2e-4, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.98,
        "schedule": "cosine", "warmup_steps": 500, "min_lr": 2e-5, "tokens_per_step": 131_072}),
    ("config.yaml", NANOTRON, {
        "run_name": "tiny", "n_embd": 64, "n_head": 4, "n_layer": 2, "n_kv_head": 2, "max_positions": 4096,
        "vocab_size": 256, "tie_embeddings": True, "learning_rate": 3e-4, "decay_start": 10, "schedule": "linear",
        "warmup_steps": 2, "min_lr": 1e-5, "gradient_accumulation_steps": 3, "batch_size": 2, "block_size": 256,
        "planned_steps": 25, "global_batch_size": 48, "tokens_per_step": 12_288, "decay_steps": 23,
        "world_size": 32}),
    ("config.yaml", FAIRSEQ, {
        "block_size": 512, "planned_steps": 50_000, "learning_rate": 5e-4, "gradient_accumulation_steps": 16,
        "grad_clip": 0.0, "warmup_steps": 4000, "dtype": "float16", "log_interval": 100, "world_size": 8,
        "optimizer": "adam", "beta1": 0.9, "beta2": 0.98, "weight_decay": 0.01, "schedule": "polynomial_decay",
        "decay_steps": 50_000, "min_lr": 0.0, "dropout": 0.1, "n_layer": 6, "n_embd": 512, "n_head": 8,
        "n_inner": 2048, "tie_embeddings": True}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), CASES)
def test_a_trainers_config_gives_its_facts(tmp_path: Path, name: str, text: str, expected: dict[str, Value]) -> None:
    """All of them, each with its type, and none from a section about something else."""
    assert_gives(tmp_path / name, text, expected)


def known(settings: dict[str, object]) -> dict[str, Value]:
    return {fact.name: fact.value for fact in facts_of_mapping(settings, "config", "")}


@pytest.mark.parametrize("grouped", [True, "True"])
def test_megatrons_query_groups_count_where_they_are_used(grouped: object) -> None:
    """Without group_query_attention they are 1, its default, and each head has its own keys."""
    assert known({"num_query_groups": 8, "group_query_attention": grouped})["n_kv_head"] == 8
    assert "n_kv_head" not in known({"num-query-groups": "1", "group-query-attention": "False"})


def test_gpt_neox_may_decay_over_a_share_of_the_run() -> None:
    """The warm-up is a share of that, and lr_decay_iters goes before it."""
    said: dict[str, object] = {"train_iters": 1001, "lr_decay_fraction": 0.5, "warmup": 0.01}
    assert known(said) == {"planned_steps": 1001, "decay_steps": 500, "warmup_steps": 5}
    assert known({**said, "lr_decay_iters": 300})["decay_steps"] == 300


def test_a_plateau_ends_only_where_the_schedule_has_one() -> None:
    """Megatron-LM prints lr_wsd_decay_iters, and MaxText's base.yml wsd_decay_steps_fraction, of every run."""
    said: dict[str, object] = {"lr_decay_iters": 1000, "lr_wsd_decay_iters": 200, "lr_decay_style": "cosine"}
    assert "decay_start" not in known(said)
    assert known({**said, "lr_decay_style": "WSD"})["decay_start"] == 800
    maxtext: dict[str, object] = {"steps": 1000, "wsd_decay_steps_fraction": 0.1, "lr_schedule_type": "wsd"}
    assert known(maxtext) == {"planned_steps": 1000, "schedule": "wsd", "decay_start": 900, "decay_steps": 1000}
    assert "decay_start" not in known({**maxtext, "lr_schedule_type": "cosine"})


def test_the_shards_that_torchtitan_leaves_open_leave_the_world_open() -> None:
    """-1 stands for all ranks that are left over."""
    degrees: dict[str, object] = {"data_parallel_shard_degree": -1, "tensor_parallel_degree": 4}
    assert known({"parallelism": degrees}) == {}
    assert known({"parallelism": {**degrees, "data_parallel_shard_degree": 2}}) == {"world_size": 8}
