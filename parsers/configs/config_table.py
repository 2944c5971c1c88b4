"""Which settings of which trainers mean which fact: the one table that knows their names.

Read in the trainers' own sources: nanoGPT train.py at 3adf61e, nanochat scripts/base_train.py at 92d63d4, transformers
5.23.0 (training_args.py, optimization.py, configuration_utils.py), trl 1.16.0 trainer/sft_config.py, axolotl 0.19.0
utils/schemas/, llamafactory 0.9.5 hparams/, Megatron-LM megatron/training/arguments.py at d98e8a6, NeMo
examples/nlp/language_modeling/conf/megatron_gpt_config.yaml at 000763d, gpt-neox megatron/neox_arguments/neox_args.py
at 007d6d0 and megatron/training.py at 00400bc, DeepSpeed runtime/constants.py at 0159ebb and runtime/lr_schedules.py,
torchtitan 0.3.0 config/configs.py and, in TOML, train_configs/llama3_8b.toml at 01424cb, torchtune 0.6.1
recipes/configs/, litgpt 0.5.13 args.py and config.py, nanotron 0.4 config/, OLMo 0.6.0 olmo/config.py, OLMo-core 3.0.0
(optim/scheduler.py, train/train_module/transformer/config.py, internal/experiment.py), Composer 0.32.1
optim/scheduler.py, llm-foundry 0.22.0 utils/config_utils.py, MaxText 0.2.5 configs/base.yml, Levanter trainer.py at
001ea75 and optim/config.py at 00816d0, mlx-lm 0.32.2 lora.py, fairseq dataclass/configs.py at 015b8f4 and
optim/lr_scheduler/polynomial_decay_schedule.py at 003179f, Meta's params.json. A few names that no trainer of these has
are what people call a setting in loops of their own (max_lr, d_ff, context_length).
"""

from __future__ import annotations

from typing import Literal

Kind = Literal[
    "count", "whole", "number", "positive", "flag", "no", "text", "class", "dtype", "half", "policy", "bf16", "fp16",
    "schedule", "betas", "duration", "interval", "warmup", "share", "horizon", "devices",
]  # fmt: skip
"""How a value is read: `count` is a whole number above 0, `whole` may be 0, `no` is a flag that denies the fact."""

LIMIT = "max_positions"
WARMUP_SHARE = "warmup_share"
WARMUP_TOKENS = "warmup_tokens"
MIN_LR_SHARE = "min_lr_share"
DECAY_LENGTH = "decay_length"
DECAY_END_SHARE = "decay_end_share"
TAIL = "tail"
TAIL_SHARE = "tail_share"
HORIZON = "horizon"
REPLICAS = "replicas"
SHARDS = "shards"
SHARD_REPLICAS = "shard_replicas"
WITHIN_REPLICA = ("tensor_ranks", "pipeline_stages", "context_ranks", "expert_ranks")
DEVICES = "devices"
NODES = "nodes"
PLAIN_SCHEDULE = "plain_schedule"
OPEN = "open"
HELPERS = frozenset({
    WARMUP_SHARE, WARMUP_TOKENS, MIN_LR_SHARE, DECAY_LENGTH, DECAY_END_SHARE, TAIL, TAIL_SHARE, HORIZON, REPLICAS,
    SHARDS, SHARD_REPLICAS, *WITHIN_REPLICA, DEVICES, NODES, PLAIN_SCHEDULE, OPEN,
})  # fmt: skip
"""Names that only other facts are made of, and one for settings that mean something else than their name says."""

SHAPE = frozenset({
    "n_layer", "n_head", "n_embd", "vocab_size", "n_kv_head", "head_dim", "n_inner", "gated_mlp", "activation",
    "mlp_type", "n_expert", "n_expert_active", "model_type", "tie_embeddings", LIMIT,
})  # fmt: skip
"""Their names are plain in any section; those of other facts only at the top and in a section that is known."""

TABLE: tuple[tuple[str, Kind, str], ...] = (
    ("n_layer", "count", """n_layer n_layers num_layers num_hidden_layers base_num_decoder_layers decoder_layers
        nlayers"""),
    ("n_head", "count", """n_head n_heads num_heads num_attention_heads base_num_query_heads
        decoder_attention_heads nhead"""),
    ("n_embd", "count", """n_embd n_embed d_model hidden_size base_emb_dim emb_dim decoder_embed_dim .dim
        model.dim model_args.dim model.hidden_dim"""),
    ("n_kv_head", "count", """n_kv_head n_kv_heads num_key_value_heads num_kv_heads kv_n_heads n_query_groups
        num_query_groups base_num_kv_heads"""),
    ("n_inner", "count", """intermediate_size n_inner ffn_hidden_size mlp_hidden_size base_mlp_dim d_ff
        decoder_ffn_embed_dim intermediate_dim feed_forward.hidden_size"""),
    ("head_dim", "count", "head_dim kv_channels head_size attention.head_dim"),
    ("gated_mlp", "flag", "swiglu gated_mlp gated_linear_unit"),
    ("activation", "text", "hidden_act activation_function activation_type hidden_activation"),
    ("mlp_type", "text", "mlp_class_name"),
    ("model_type", "text", "model_type"),
    (OPEN, "count", "feed_forward_moe.hidden_size shared_mlp.hidden_size"),
    ("n_expert", "count", "num_experts num_local_experts n_routed_experts n_expert moe_num_experts num_moe_experts"),
    ("n_expert_active", "count", """num_experts_per_tok num_experts_per_token n_expert_per_token moe_router_topk
        experts_per_token moe_top_k"""),
    ("vocab_size", "count", "padded_vocab_size vocab_size"),
    ("tie_embeddings", "flag", """tie_word_embeddings tie_embeddings weight_tying tied_embeddings logits_via_embedding
        share_embeddings_and_output_weights share_decoder_input_output_embed"""),
    ("tie_embeddings", "no", "no_weight_tying untie_embeddings_and_output_weights"),
    ("block_size", "count", """training.seq_len train_module.max_sequence_length tokens.sequence_length
        train.max_seq_length train_seq_len block_size seq_len seq_length sequence_length sequence_len max_seq_len
        max_sequence_length max_target_length context_length context_size ctx_len tokens_per_sample
        encoder_seq_length max_seq_length cutoff_len training.max_length train.max_length
        data.max_length .max_length"""),
    (LIMIT, "count", "max_position_embeddings n_positions n_ctx"),
    ("bias", "flag", "bias use_bias include_bias add_bias_linear"),
    ("bias", "no", "no_bias disable_bias_linear"),
    ("dropout", "number", "dropout dropout_rate hidden_dropout resid_pdrop residual_dropout hidden_dropout_prob"),
    ("batch_size", "count", """micro_batch_size per_device_train_batch_size train_micro_batch_size_per_gpu
        microbatch_size device_train_microbatch_size per_device_batch_size device_batch_size local_batch_size
        per_device_parallelism per_gpu_train_batch_size batch_size"""),
    ("gradient_accumulation_steps", "count", """gradient_accumulation_steps batch_accumulation_per_replica
        grad_accum_steps grad_accumulation_steps accumulate_grad_batches update_freq grad_acc_steps
        device_train_grad_accum gradient_accumulation_iters accumulation_steps"""),
    ("global_batch_size", "count", """global_batch_size global_train_batch_size trainer.train_batch_size
        total_train_batch_size effective_batch_size"""),
    ("tokens_per_step", "count", """tokens_per_step tokens_per_batch data_loader.global_batch_size
        user_config.total_batch_size"""),
    ("world_size", "count", "world_size distributed_training.distributed_world_size distributed_world_size"),
    (REPLICAS, "count", "parallelism.dp"),
    (SHARDS, "count", "parallelism.data_parallel_shard_degree"),
    (SHARD_REPLICAS, "count", "parallelism.data_parallel_replicate_degree"),
    (WITHIN_REPLICA[0], "count", "parallelism.tp parallelism.tensor_parallel_degree"),
    (WITHIN_REPLICA[1], "count", "parallelism.pp parallelism.pipeline_parallel_degree"),
    (WITHIN_REPLICA[2], "count", "parallelism.context_parallel_size parallelism.context_parallel_degree"),
    (WITHIN_REPLICA[3], "count", "parallelism.expert_parallel_size"),
    (DEVICES, "devices", "trainer.devices .devices"),
    (NODES, "count", "trainer.num_nodes .num_nodes"),
    ("packed", "flag", "packing sample_packing packed dataset.packed"),
    ("planned_steps", "count", """max_iters max_steps train_iters num_train_steps train_steps max_train_steps
        total_steps num_training_steps total_training_steps training_steps num_iterations max_update iters
        num_steps training.steps train.steps .steps"""),
    ("planned_steps", "duration", "max_duration"),
    ("planned_epochs", "positive", "num_train_epochs num_epochs max_epochs n_epochs epochs max_epoch"),
    ("planned_tokens", "count", "planned_tokens train.max_tokens train_tokens training_tokens max_train_tokens"),
    ("learning_rate", "number", "learning_rate lr max_lr peak_lr scheduler.params.warmup_max_lr"),
    ("min_lr", "number", "min_lr min_decay_lr min_learning_rate end_learning_rate decay_min_lr eta_min"),
    (OPEN, "number", "optimization.min_lr"),  # fairseq stops there
    (MIN_LR_SHARE, "share", """scheduler.alpha_f alpha_f min_lr_ratio learning_rate_final_fraction
        cosine_learning_rate_final_fraction min_lr_factor lr_scheduler.lr_min min_lr_rate cosine_min_lr_ratio
        cos_min_ratio final_lr_frac"""),
    ("warmup_steps", "whole", """warmup_iters num_warmup_steps lr_warmup_steps lr_warmup_iters warmup_updates
        warmup_num_steps"""),
    ("warmup_steps", "warmup", "warmup_steps warmup t_warmup"),
    (WARMUP_TOKENS, "count", WARMUP_TOKENS),
    (WARMUP_SHARE, "share", "warmup_ratio warmup_steps_fraction lr_warmup_fraction warmup_fraction"),
    (OPEN, "share", "train.lr_warmup_fraction"),  # of an epoch, in litgpt
    ("decay_start", "whole", "lr_decay_starting_step"),
    ("decay_steps", "count", """lr_scheduler.total_steps scheduler.total_steps lr_decay_iters decay_steps
        learning_rate_schedule_steps total_num_steps total_num_update"""),
    (DECAY_LENGTH, "count", "learning_rate_scheduler.lr_decay_steps"),
    (DECAY_END_SHARE, "share", "lr_decay_fraction"),
    (TAIL, "count", """train_module.scheduler.decay train_module.scheduler.decay_steps lr_wsd_decay_iters
        lr_scheduler_kwargs.num_decay_steps"""),
    (TAIL_SHARE, "share", "lr_scheduler.decay_ratio wsd_decay_steps_fraction train_module.scheduler.decay_fraction"),
    (HORIZON, "horizon", "scheduler.t_max"),
    ("decay_lr", "flag", "decay_lr"),
    ("schedule", "schedule", """lr_scheduler_type lr_decay_style lr_schedule_type lr_schedule lr_schedule.name
        scheduler.name scheduler.type scheduler._class_ lr_scheduler lr_scheduler._component_ lr_scheduler.decay_type
        lr_scheduler._name sched.name scheduler"""),
    ("weight_decay", "number", "weight_decay adam_weight_decay"),
    ("beta1", "number", "beta1 adam_beta1 adam_b1"),
    ("beta2", "number", "beta2 adam_beta2 adam_b2"),
    ("beta1", "betas", "betas adam_betas"),
    ("grad_clip", "number", """grad_clip clip_grad max_grad_norm gradient_clipping gradient_clip_val
        clip_grad_norm clip_norm max_norm gradient_clipping_threshold gradient_clipping.clipping_threshold"""),
    ("eval_interval", "interval", """eval_interval eval_steps steps_per_eval val_check_interval eval_every
        eval.interval validation.freq"""),
    ("eval_iters", "count", "eval_iters val_batches eval_subset_num_batches max_eval_batches eval.max_iters"),
    ("eval_iters", "count", "validation.steps"),
    ("eval_iters", "interval", "limit_val_batches"),
    ("log_interval", "interval", """log_interval logging_steps log_freq log_every_n_steps console_log_interval
        iteration_step_info_interval steps_per_report"""),
    ("optimizer", "class", """optimizer optim optimizer.type optimizer.name optimizer._component_
        optimizer.class_path optimizer._name optimizer_factory.name optim.name optim._class_ opt_type
        optimizer_name"""),
    ("dtype", "dtype", """dtype precision mixed_precision training.mixed_precision_param
        train_module.autocast_precision train_module.dp_config.param_dtype"""),
    ("dtype", "half", "training.dtype model.dtype"),
    (OPEN, "dtype", "text_config.dtype"),
    ("dtype", "policy", "trainer.mp .mp"),
    ("dtype", "bf16", "bf16 bf16.enabled bfloat16.enabled"),
    ("dtype", "fp16", "fp16 fp16.enabled"),
    ("gradient_checkpointing", "flag", "gradient_checkpointing activation_checkpointing"),
    ("zero_stage", "whole", "zero_optimization.stage zero_stage"),
    ("compile", "flag", "compile torch_compile compile.enable compile_model"),
    ("device", "text", "device"),
    ("gpu_name", "text", "gpu_name"),
    ("dataset", "text", "dataset dataset_name hf_dataset_or_datasets training.dataset"),
    ("run_name", "text", "wandb_run_name run_name wandb_name general.run user_config.run"),
    ("init_from", "text", "init_from"),
    ("out_dir", "text", "out_dir output_dir save_folder dump_folder base_output_directory"),
)  # fmt: skip
"""A fact, how its value is read, and the settings that mean it, the surest first.

A setting is a name or the end of a path ("training.steps"); with a dot before it, it stands at the top. Of two ends of
a path the longer counts.
"""

ASIDE_WORDS = """
    eval evals evaluation evaluator evaluators val valid validation test tests teacher draft vision
    vision_config audio audio_config speech_config lighteval generation generation_config task_specific_params
    profiler profiling discriminator critic reward lora lora_config peft peft_config quantization_config
    tokenizer tokenizer_config ema sweep search sampling sample inference
"""
ASIDE = frozenset(ASIDE_WORDS.split())
"""Sections about something other than the training of the model; so is every eval_x, val_x, validation_x and test_x."""

PLAIN_WORDS = """
    train training trainer train_config training_config training_args training_arguments train_args
    trainer_config optimizer optim optimization optimizer_config optimizer_factory scheduler lr_scheduler
    lr_schedule learning_rate_scheduler lr_scheduler_kwargs sched model model_config config cfg args arguments hparams
    hyper_parameters hyperparameters params parameters data dataset dataloader data_loader train_loader general
    run experiment settings user_config tokens logging metrics common text_config variables train_module gpt llm
    transformer setup task algorithms
"""
PLAIN = frozenset(PLAIN_WORDS.split())
"""Sections in which a short name such as lr or batch_size means the training's."""
