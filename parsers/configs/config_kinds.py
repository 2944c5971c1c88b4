"""Configs whose settings do not stand as they are: W&B's wrapping, Hydra's overrides, a trainer's own rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from parsers.configs.config_names import normal
from parsers.configs.config_table import WARMUP_TOKENS
from parsers.configs.config_values import flag, number

Settings = dict[str, object]


def settings_of(found: Mapping[str, object] | Sequence[object]) -> Settings:
    """The settings of a document with their plain meaning: wrapping off, and out what its own trainer overrules."""
    if not isinstance(found, Mapping):
        return overrides([str(one) for one in found])
    settings: Settings = {str(key): value for key, value in found.items()}
    for mend in MENDS:
        settings = mend(settings)
    return settings


def overrides(words: Sequence[str]) -> Settings:
    """The settings in a command line's words: "+optimizer.lr=3e-4" as of Hydra, "--lr=3e-4" and "--lr 3e-4"."""
    found: Settings = {}
    waiting: str | None = None
    for word in words:
        name, sign, value = word.partition("=")
        if sign and name:
            found[name.lstrip("+-~")] = value
            waiting = None
        elif word.startswith("--"):
            found[word[2:]] = "true"
            waiting = word[2:]
        elif waiting:
            found[waiting] = word
            waiting = None
    return found


def _wandb_config(settings: Settings) -> Settings:
    """W&B's files/config.yaml: {name: {desc, value}}."""
    if not ("_wandb" in settings or "wandb_version" in settings or _wrapped(settings)):
        return settings
    return {k: v["value"] for k, v in settings.items() if isinstance(v, Mapping) and "value" in v and k != "_wandb"}


def _wrapped(settings: Settings) -> bool:
    return bool(settings) and all(
        isinstance(v, Mapping) and "value" in v and v.keys() <= {"value", "desc"} for v in settings.values()
    )


def _wandb_metadata(settings: Settings) -> Settings:
    """W&B's files/wandb-metadata.json: the GPU's name and the words of the command line."""
    if "program" not in settings or not {"os", "python", "host"} & settings.keys():
        return settings
    words = settings.get("args")
    made = overrides([str(word) for word in words]) if isinstance(words, list) else {}
    gpu = settings.get("gpu")
    return {**made, "gpu_name": gpu} if isinstance(gpu, str) else made


def _trainer_state(settings: Settings) -> Settings:
    """Hugging Face's trainer_state.json, whose train_batch_size is of one device (trainer_callback.py, TrainerState).

    Its eval_steps is 500 also where nothing is evaluated.
    """
    if "log_history" not in settings:
        return settings
    names = {"max_steps": "max_steps", "num_train_epochs": "num_train_epochs", "logging_steps": "logging_steps",
             "train_batch_size": "per_device_train_batch_size"}  # fmt: skip
    return {new: settings[old] for old, new in names.items() if old in settings}


def _training_arguments(settings: Settings) -> Settings:
    """Hugging Face's TrainingArguments: a positive max_steps overrides the epochs, an eval strategy the eval steps.

    axolotl calls its epochs num_epochs. Beside min_length, max_length is a setting of text generation (20 by default).
    """
    out: set[str] = set()
    steps = settings.get("max_steps")
    if isinstance(steps, int) and steps > 0 and "log_history" not in settings:
        out |= {"num_train_epochs", "num_epochs"}
    strategy = settings.get("eval_strategy", settings.get("evaluation_strategy"))
    if strategy is not None and "step" not in str(strategy).lower():
        out.add("eval_steps")
    if "min_length" in settings:
        out.add("max_length")
    return {name: value for name, value in settings.items() if name not in out}


def _deepspeed(settings: Settings) -> Settings:
    """DeepSpeed and GPT-NeoX: train_batch_size is of all devices and one optimiser step (runtime/config.py)."""
    if not {"train_micro_batch_size_per_gpu", "zero_optimization"} & settings.keys():
        return settings
    return {"global_batch_size" if n == "train_batch_size" else n: value for n, value in settings.items()}


def _nanochat(settings: Settings) -> Settings:
    """nanochat: total_batch_size counts tokens (scripts/base_train.py)."""
    if not {"device_batch_size", "total_batch_size"} <= settings.keys():
        return settings
    return {"tokens_per_step" if n == "total_batch_size" else n: value for n, value in settings.items()}


def _model_config(settings: Settings) -> Settings:
    """Hugging Face's config.json: dtype is that of the saved weights (configuration_utils.py), not of the matmuls."""
    if not {"transformers_version", "architectures"} & settings.keys():
        return settings
    return _without(settings, "dtype", "torch_dtype")


def _megatron(settings: Settings) -> Settings:
    """Megatron-LM: num_query_groups is 1, and means nothing, without group_query_attention (training/arguments.py)."""
    known = {normal(name): value for name, value in settings.items()}
    grouped = flag(known.get("group_query_attention"))
    return _without(settings, "num_query_groups") if grouped is False else settings


def _nemo(settings: Settings) -> Settings:
    """NeMo: the batches tell the accumulation; max_steps comes before max_epochs (conf/megatron_gpt_config.yaml)."""
    model, trainer = settings.get("model"), settings.get("trainer")
    if not (isinstance(model, Mapping) and isinstance(trainer, Mapping) and "global_batch_size" in model):
        return settings
    epochs = () if (number(trainer.get("max_steps")) or 0) <= 0 else ("max_epochs",)
    return {**settings, "trainer": _without(trainer, "accumulate_grad_batches", *epochs)}


def _llm_foundry(settings: Settings) -> Settings:
    """LLM Foundry logs its world size as n_gpus (utils/config_utils.py)."""
    return _renamed(settings, {"n_gpus": "world_size"}) if "global_train_batch_size" in settings else settings


def _mlx_lm(settings: Settings) -> Settings:
    """mlx-lm: num_layers counts the layers that are tuned (lora.py)."""
    if "iters" not in settings or not {"steps_per_report", "fine_tune_type", "lora_parameters"} & settings.keys():
        return settings
    return _without(settings, "num_layers")


def _in_tokens(settings: Settings) -> Settings:
    """OLMo and OLMo-core: a schedule whose units are tokens (olmo/config.py; olmo_core/optim/scheduler.py)."""
    module = settings.get("train_module")
    if isinstance(module, Mapping):
        return {**settings, "train_module": _in_tokens(dict(module))}
    scheduler = settings.get("scheduler")
    if not isinstance(scheduler, Mapping) or scheduler.get("units") != "tokens":
        return settings
    told = dict.fromkeys(("t_warmup", "warmup", "warmup_steps"), WARMUP_TOKENS)
    return {**settings, "scheduler": _renamed(_without(scheduler, "decay", "decay_steps"), told)}


def _maxtext(settings: Settings) -> Settings:
    """MaxText: the base_ dimensions hold for no named model, nor where they are scaled (configs/base.yml).

    Its eval_steps counts the batches of an evaluation.
    """
    if "max_target_length" in settings:
        settings = _renamed(settings, {"eval_steps": "eval_iters"})
    named = settings.get("model_name", "default") != "default"
    if not (named or settings.get("global_parameter_scale", 1) != 1):
        return settings
    return {name: value for name, value in settings.items() if not name.startswith("base_")}


def _without(settings: Mapping[str, object], *names: str) -> Settings:
    return {name: value for name, value in settings.items() if normal(name) not in names}


def _renamed(settings: Mapping[str, object], names: Mapping[str, str]) -> Settings:
    """A setting that is unset gives its new name to none."""
    return {names.get(name, name): value for name, value in settings.items() if not (name in names and value is None)}


MENDS: tuple[Callable[[Settings], Settings], ...] = (
    _wandb_config,
    _wandb_metadata,
    _training_arguments,
    _trainer_state,
    _deepspeed,
    _nanochat,
    _model_config,
    _megatron,
    _nemo,
    _llm_foundry,
    _mlx_lm,
    _in_tokens,
    _maxtext,
)
