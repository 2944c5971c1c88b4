"""Configs whose settings do not stand as they are: W&B's wrapping, Hydra's overrides, a trainer's own rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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

    Beside min_length, max_length is a setting of text generation (20 by default).
    """
    out: set[str] = set()
    steps = settings.get("max_steps")
    if isinstance(steps, int) and steps > 0 and "log_history" not in settings:
        out.add("num_train_epochs")
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


def _maxtext(settings: Settings) -> Settings:
    """MaxText: the base_ dimensions hold for no named model, nor where they are scaled (configs/base.yml)."""
    named = settings.get("model_name", "default") != "default"
    if not (named or settings.get("global_parameter_scale", 1) != 1):
        return settings
    return {name: value for name, value in settings.items() if not name.startswith("base_")}


MENDS: tuple[Callable[[Settings], Settings], ...] = (
    _wandb_config,
    _wandb_metadata,
    _training_arguments,
    _trainer_state,
    _deepspeed,
    _nanochat,
    _maxtext,
)
