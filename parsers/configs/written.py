"""How the trainers' users write the settings that facts are made of: the other way round from config_table.

Of each trainer only names that mean the fact in its own unit. Read in the sources that config_table names, and, where
they are no config's, in llm.c's train_gpt2.cu (error_usage) at 00247dc, nanochat's scripts/base_train.py at 00255c1,
build-nanogpt's train_gpt2.py at 6104ab1, mlx-lm's lora.py (build_parser), fairseq's fairseq/dataclass/configs.py and
MaxText's configs/types.py (a step has per_device_batch_size x devices x gradient_accumulation_steps sequences).
"""

from __future__ import annotations

from parsers.records import Settings, Value


def _names(words: str, inside: str = "") -> dict[str, str]:
    """Facts with their settings, as "batch_size warmup_steps=warmup_iters": one alone goes by the fact's name."""
    pairs = (word.partition("=") for word in words.split())
    return {fact: inside + (setting or fact) for fact, _, setting in pairs}


HALF: dict[tuple[str, Value], tuple[str, Value]] = {
    ("dtype", "bfloat16"): ("bf16", True),
    ("dtype", "float16"): ("fp16", True),
}
"""Two switches in place of a data type."""

NANOGPT = Settings(
    "python",
    _names(
        """batch_size gradient_accumulation_steps block_size learning_rate min_lr warmup_steps=warmup_iters
        decay_steps=lr_decay_iters planned_steps=max_iters weight_decay beta1 beta2 dropout grad_clip eval_iters
        eval_interval log_interval dtype compile n_layer n_head n_embd bias decay_lr"""
    ),
)
BUILD_NANOGPT = Settings(
    "python",
    _names(
        """batch_size=B block_size=T tokens_per_step=total_batch_size learning_rate=max_lr min_lr warmup_steps
        planned_steps=max_steps"""
    ),
)
"""It works the accumulation out, and decays to its last step."""
NANOCHAT = Settings(
    "flags",
    _names(
        """batch_size=device-batch-size tokens_per_step=total-batch-size planned_steps=num-iterations
        eval_interval=eval-every"""
    ),
)
"""Its learning rates are of groups of parameters, and none is the run's."""
LLMC = Settings(
    "flags",
    _names(
        """batch_size=b block_size=t tokens_per_step=d planned_steps=x learning_rate=l warmup_steps=u weight_decay=c
        eval_interval=v eval_iters=m"""
    ),
    shares={"min_lr": ("q", "learning_rate")},
)
"""Of train_gpt2.cu; the flags of train_gpt2.py are others."""
_TRAINING_ARGUMENTS = _names(
    """batch_size=per_device_train_batch_size gradient_accumulation_steps learning_rate warmup_steps
    planned_steps=max_steps planned_epochs=num_train_epochs weight_decay beta1=adam_beta1 beta2=adam_beta2
    grad_clip=max_grad_norm eval_interval=eval_steps log_interval=logging_steps compile=torch_compile"""
)
HUGGINGFACE = Settings("flags", _TRAINING_ARGUMENTS, values=HALF)
LLAMAFACTORY = Settings("yaml", _TRAINING_ARGUMENTS, values=HALF)
MEGATRON = Settings(
    "flags",
    _names(
        """batch_size=micro-batch-size global_batch_size=global-batch-size block_size=seq-length learning_rate=lr
        min_lr=min-lr warmup_steps=lr-warmup-iters decay_steps=lr-decay-iters planned_steps=train-iters
        weight_decay=weight-decay beta1=adam-beta1 beta2=adam-beta2 dropout=hidden-dropout grad_clip=clip-grad
        eval_iters=eval-iters eval_interval=eval-interval log_interval=log-interval n_layer=num-layers
        n_head=num-attention-heads n_embd=hidden-size"""
    ),
    values=HALF,
)
GPT_NEOX = Settings(
    "json",
    _names(
        """batch_size=train_micro_batch_size_per_gpu gradient_accumulation_steps block_size=seq_length
        learning_rate=optimizer.params.lr min_lr decay_steps=lr_decay_iters planned_steps=train_iters weight_decay
        dropout=hidden_dropout grad_clip=gradient_clipping eval_iters eval_interval log_interval n_layer=num_layers
        n_head=num_attention_heads n_embd=hidden_size"""
    ),
)
"""Its .yml files are written with braces."""
DEEPSPEED = Settings(
    "json",
    _names(
        """batch_size=train_micro_batch_size_per_gpu gradient_accumulation_steps learning_rate=optimizer.params.lr
        weight_decay=optimizer.params.weight_decay warmup_steps=scheduler.params.warmup_num_steps
        decay_steps=scheduler.params.total_num_steps grad_clip=gradient_clipping"""
    ),
    values={("dtype", "bfloat16"): ("bf16.enabled", True), ("dtype", "float16"): ("fp16.enabled", True)},
)
TORCHTITAN = Settings(
    "flags",
    _names(
        """batch_size=training.local_batch_size global_batch_size=training.global_batch_size
        block_size=training.seq_len planned_steps=training.steps learning_rate=optimizer.lr
        weight_decay=optimizer.weight_decay beta1=optimizer.beta1 beta2=optimizer.beta2
        warmup_steps=lr_scheduler.warmup_steps grad_clip=training.max_norm compile=compile.enable
        eval_iters=validation.steps eval_interval=validation.freq"""
    ),
    shares={"min_lr": ("lr_scheduler.min_lr_factor", "learning_rate")},
)
TORCHTUNE = Settings(
    "yaml",
    _names(
        """batch_size gradient_accumulation_steps learning_rate=optimizer.lr weight_decay=optimizer.weight_decay
        warmup_steps=lr_scheduler.num_warmup_steps planned_epochs=epochs grad_clip=clip_grad_norm compile"""
    ),
    values={("dtype", "bfloat16"): ("dtype", "bf16"), ("dtype", "float32"): ("dtype", "fp32")},
)
LITGPT = Settings(
    "yaml",
    {
        **_names(
            """batch_size=micro_batch_size global_batch_size planned_tokens=max_tokens planned_epochs=epochs
            warmup_steps=lr_warmup_steps min_lr grad_clip=max_norm""",
            "train.",
        ),
        **_names("learning_rate=lr weight_decay", "optimizer.init_args."),
        **_names("eval_iters=max_iters eval_interval=interval", "eval."),
    },
)
NANOTRON = Settings(
    "yaml",
    {
        **_names(
            """batch_size=micro_batch_size gradient_accumulation_steps=batch_accumulation_per_replica
            block_size=sequence_length planned_steps=train_steps""",
            "tokens.",
        ),
        **_names(
            "learning_rate warmup_steps=lr_warmup_steps min_lr=min_decay_lr", "optimizer.learning_rate_scheduler."
        ),
        **_names("weight_decay grad_clip=clip_grad", "optimizer."),
        **_names("n_layer=num_hidden_layers n_head=num_attention_heads n_embd=hidden_size", "model.model_config."),
    },
)
COMPOSER = Settings(
    "yaml",
    _names(
        """batch_size=device_train_microbatch_size global_batch_size=global_train_batch_size
        learning_rate=optimizer.lr weight_decay=optimizer.weight_decay
        grad_clip=algorithms.gradient_clipping.clipping_threshold eval_iters=eval_subset_num_batches"""
    ),
    shares={"min_lr": ("scheduler.alpha_f", "learning_rate")},
)
MAXTEXT = Settings(
    "overrides",
    _names(
        """batch_size=per_device_batch_size gradient_accumulation_steps block_size=max_target_length
        planned_steps=steps learning_rate weight_decay=adam_weight_decay beta1=adam_b1 beta2=adam_b2
        grad_clip=gradient_clipping_threshold eval_interval"""
    ),
)
LEVANTER = Settings(
    "yaml",
    {
        **_names(
            """batch_size=per_device_parallelism global_batch_size=train_batch_size planned_steps=num_train_steps
            eval_interval=steps_per_eval eval_iters=max_eval_batches""",
            "trainer.",
        ),
        **_names("learning_rate weight_decay beta1 beta2 grad_clip=max_grad_norm warmup_steps=warmup", "optimizer."),
    },
    shares={"min_lr": ("optimizer.min_lr_ratio", "learning_rate")},
)
MLX_LM = Settings(
    "flags",
    _names(
        """batch_size=batch-size gradient_accumulation_steps=grad-accumulation-steps block_size=max-seq-length
        planned_steps=iters learning_rate=learning-rate eval_iters=val-batches eval_interval=steps-per-eval
        log_interval=steps-per-report"""
    ),
)
FAIRSEQ = Settings(
    "flags",
    _names(
        """batch_size=batch-size gradient_accumulation_steps=update-freq block_size=tokens-per-sample
        planned_steps=max-update planned_epochs=max-epoch learning_rate=lr warmup_steps=warmup-updates
        decay_steps=total-num-update weight_decay=weight-decay dropout grad_clip=clip-norm
        log_interval=log-interval"""
    ),
    values=HALF,
)
"""Its min-lr is where it stops, not where the schedule ends."""
