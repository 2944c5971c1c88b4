"""The run's settings in event files: the texts that Hugging Face's TensorBoardCallback writes when training starts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from parsers.records import Fact, Value

ARGUMENTS, MODEL = "args/text_summary", "model_config/text_summary"
MOST_CHARACTERS = 1 << 20

ARGUMENT_NAMES: dict[str, tuple[str, type]] = {
    "learning_rate": ("learning_rate", float),
    "per_device_train_batch_size": ("batch_size", int),
    "gradient_accumulation_steps": ("gradient_accumulation_steps", int),
    "weight_decay": ("weight_decay", float),
    "adam_beta1": ("beta1", float),
    "adam_beta2": ("beta2", float),
    "optim": ("optimizer", str),
    "run_name": ("run_name", str),
    "output_dir": ("out_dir", str),
    "torch_compile": ("compile", bool),
}
"""transformers' TrainingArguments (5.23, training_args.py) -> the fact's name and its type."""
POSITIVE_ARGUMENT_NAMES: dict[str, tuple[str, type]] = {
    "max_steps": ("planned_steps", int),
    "warmup_steps": ("warmup_steps", int),
    "max_grad_norm": ("grad_clip", float),
}
"""Those whose 0 or -1 says that something else decides. A warmup_steps below 1 is a share of all steps."""
MODEL_NAMES: dict[str, tuple[str, type]] = {
    "hidden_size": ("n_embd", int),
    "n_embd": ("n_embd", int),
    "num_hidden_layers": ("n_layer", int),
    "n_layer": ("n_layer", int),
    "num_attention_heads": ("n_head", int),
    "n_head": ("n_head", int),
    "vocab_size": ("vocab_size", int),
}
"""A model's config.json. Its positions are the most that it can take, not what it is trained with: no block_size."""
SCHEDULES = {
    "cosine": "cosine",
    "linear": "linear",
    "constant": "constant",
    "constant_with_warmup": "constant",
    "warmup_stable_decay": "wsd",
}
LANGUAGE_MODELS = ("ForCausalLM", "LMHeadModel")
DECODERS = (
    *("gpt", "llama", "mistral", "mixtral", "qwen", "gemma", "phi", "opt", "bloom", "falcon", "olmo", "smollm"),
    *("deepseek", "mamba", "granite", "stablelm", "starcoder", "cohere", "glm", "codegen", "rwkv", "nemotron"),
)
"""How the model types of causal language models begin. A model that is made afresh names no architecture yet."""
OTHER_LOSSES = {"beta", "num_generations", "num_ppo_epochs", "kl_coef"}
"""Arguments of TRL's trainers whose loss is of preferences or rewards (DPOConfig, KTOConfig, GRPOConfig, PPOConfig)."""


def facts_of(tag: str, text: str, file: str) -> list[Fact]:
    """The facts in a text summary; none for a tag that nobody knows and a text that is no JSON object."""
    if tag not in (ARGUMENTS, MODEL):
        return []
    where = f"{tag.partition('/')[0]} in {file}"
    settings = _settings(text)
    found = _arguments(settings) if tag == ARGUMENTS else _named(settings, MODEL_NAMES)
    return [Fact(name, value, "log", where) for name, value in dict(found).items()]


def is_hugging_face(tag: str, text: str) -> bool:
    """Whether a text holds the arguments of Hugging Face's Trainer."""
    return tag == ARGUMENTS and _settings(text).keys() >= {"gradient_accumulation_steps", "logging_steps"}


def has_other_loss(tag: str, text: str) -> bool:
    """Whether a text says that the loss is none of tokens, though a language model is trained."""
    return tag == ARGUMENTS and not OTHER_LOSSES.isdisjoint(_settings(text))


def is_language_model(tag: str, text: str) -> bool:
    """Whether a text says that a causal language model is trained, whose loss is nats per token as a rule."""
    settings = _settings(text) if tag == MODEL else {}
    architectures = settings.get("architectures")
    if isinstance(architectures, list):
        return any(str(name).endswith(LANGUAGE_MODELS) for name in architectures)
    return str(settings.get("model_type")).startswith(DECODERS)


def _settings(text: str) -> dict[str, object]:
    try:
        found = json.loads(text[:MOST_CHARACTERS])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _arguments(settings: dict[str, object]) -> Iterator[tuple[str, Value]]:
    yield from _named(settings, ARGUMENT_NAMES)
    for name, value in _named(settings, POSITIVE_ARGUMENT_NAMES):
        if isinstance(value, int | float) and value > 0:
            yield name, value
    planned, epochs = settings.get("max_steps"), settings.get("num_train_epochs")
    if isinstance(epochs, int | float) and not (isinstance(planned, int | float) and planned > 0):
        yield "planned_epochs", epochs
    if (schedule := SCHEDULES.get(str(settings.get("lr_scheduler_type")))) is not None:
        yield "schedule", schedule
    for setting, dtype in (("bf16", "bfloat16"), ("fp16", "float16")):
        if settings.get(setting) is True:
            yield "dtype", dtype


def _named(settings: dict[str, object], names: dict[str, tuple[str, type]]) -> Iterator[tuple[str, Value]]:
    for setting, (name, kind) in names.items():
        value = settings.get(setting)
        if isinstance(value, str | bool) or kind in (str, bool):
            if isinstance(value, str | bool) and type(value) is kind:
                yield name, value
        elif isinstance(value, int | float) and math.isfinite(value) and (kind is float or value == int(value)):
            yield name, kind(value)
