"""Which config files belong to a log, by where its trainer keeps them, and the facts in them.

Where trainers write them: Hydra run.py (.hydra/), Lightning loggers/csv_logs.py and loggers/tensorboard.py
(hparams.yaml), Transformers 5.23.0 trainer.py (config.json in output_dir and in checkpoint-N), LLaMA-Factory 0.9.5
webui/common.py and webui/runner.py (training_args.yaml, llamaboard_config.yaml), W&B sdk/wandb_run.py (files/), litgpt
0.5.13 pretrain.py, save_checkpoint (hyperparameters.yaml and model_config.yaml in final/ and step-N/), torchtune 0.6.1
training/metric_logging.py (torchtune_config.yaml), OLMo 0.6.0 scripts/train.py and olmo/checkpoint.py (config.yaml in
save_folder and in stepN), OLMo-core 3.0.0 callbacks/config_saver.py (config.json in stepN, once in save_folder),
nanotron 0.4 serialize/main.py (config.yaml in checkpoints/N), nanochat checkpoint_manager.py (meta_N.json), mlx-lm
0.32.2 lora.py (adapter_config.json), GPT-NeoX megatron/checkpointing.py at 0a5ec32 (configs/ in global_stepN).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from parsers.clean import printable
from parsers.configs.config import ConfigError, read_config
from parsers.records import Fact, Notice

ANY = ("hparams.yaml", "config.yaml", "config.yml", "config.json", "config.toml", "hyperparameters.yaml",
       "model_config.yaml", "params.json", "args.json", "ds_config.json")  # fmt: skip
"""Config names that trainers and people use alike."""
TRAINERS: dict[str, tuple[str, ...]] = {
    "huggingface": ("config.json", "checkpoint-#/../config.json", "checkpoint-#/config.json", "ds_config.json"),
    "llamafactory": ("training_args.yaml", "llamaboard_config.yaml", "config.json", "checkpoint-#/config.json"),
    "wandb": ("config.yaml", "wandb-metadata.json", "files/config.yaml", "files/wandb-metadata.json"),
    "litgpt": ("hyperparameters.yaml", "model_config.yaml", "final/hyperparameters.yaml", "final/model_config.yaml",
               "step-#/hyperparameters.yaml", "step-#/model_config.yaml"),
    "torchtune": ("torchtune_config.yaml", "logs/../torchtune_config.yaml"),
    "olmo": ("config.yaml", "config.json", "step#/config.yaml", "step#/config.json"),
    "nanotron": ("config.yaml", "checkpoints/#/config.yaml", "#/config.yaml"),
    "nanochat": ("meta_#.json",),
    "mlx-lm": ("adapter_config.json", "adapters/adapter_config.json"),
    "gpt-neox": ("configs/*.yml", "global_step#/configs/*.yml"),
    "lightning-csv": ("hparams.yaml",),
    "tensorboard": ("hparams.yaml",),
}  # fmt: skip
"""Paths from the log's folder; # is a number, of which the highest is taken, and * must fit one file alone.

A path that begins with NAME/../ holds where the log's folder has that name.
"""

OWN_NAMES = re.compile(
    r"trainer_state\.json|trainer_log\.jsonl|metrics\.csv|events\.out\.tfevents\..*|.*\.wandb|output\.log"
)
"""Logs that lie in a folder of their run alone."""
RUN_SIGNS = re.compile(r"checkpoint-\d+|trainer_state\.json|trainer_log\.jsonl")
"""What an output folder of one run holds."""
NO_CONFIG = re.compile(
    r"\..*|(docker-)?compose.*|environment.*|pyproject\.toml|uv\.toml|ruff\.toml|Cargo\.toml|mkdocs.*|codecov.*|conda.*"
    r"|readthedocs.*|_config\.yml|mypy.*|action.*|Pipfile.*|poetry.*|dataset_info.*|tokenizer.*|special_tokens.*"
)
LOG_SUFFIXES = {".log", ".out"}
MOST_ENTRIES = 10_000
LOGGERS = re.compile(
    r"csv|logs?|lightning_logs|tensorboard|tb|wandb|files|checkpoints|version_\d+|checkpoint-\d+|(offline-)?run-.*"
)
"""Folders of loggers, which lie below Hydra's folder of a run: csv/version_0."""
HYDRA_LEVELS = 5


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path
    names: tuple[str, ...]


def beside(log: Path, format_name: str | None) -> list[Path]:
    """The config files of the run that a log, or a store's file or folder, is of; the most specific first.

    A file that may as well belong to another run is left out: of several that fit equally none is taken.
    """
    try:
        is_folder = log.is_dir()
        if not (is_folder or log.is_file()):
            return []
        folder = _folder(log if is_folder else log.parent)
    except (OSError, ValueError):
        return []
    found = [*_hydra(folder.path)]
    alone = is_folder or _alone(log, folder)
    if alone:
        for pattern in TRAINERS.get(_layout(log, format_name), ()):
            found += _one(folder.path, pattern)
    found += _of_the_same_name(log, folder)
    if alone and not found:
        found += _usual(folder)
    return [path for path in dict.fromkeys(found) if path != log]


def facts_beside(log: Path, format_name: str | None) -> tuple[list[Fact], list[Notice]]:
    """The facts in the configs beside a log, of each name the most specific; a Notice for each that cannot be read."""
    known: dict[str, Fact] = {}
    notices: list[Notice] = []
    for path in beside(log, format_name):
        place = printable(os.path.relpath(path, log if log.is_dir() else log.parent))
        try:
            facts = read_config(path, place)
        except ConfigError as error:
            notices.append(Notice("reader", f"{place} beside the log was not read: it {error.reason}"))
            continue
        for fact in facts:
            known.setdefault(fact.name, fact)
    return [fact for fact in known.values() if not _only_a_limit(fact, known)], notices


def _only_a_limit(fact: Fact, known: dict[str, Fact]) -> bool:
    """Whether it is the context that litgpt's model can have: only pretraining, which plans tokens, fills it."""
    return fact.name == "block_size" and "model_config.yaml, " in fact.where and "planned_tokens" not in known


def _folder(path: Path) -> _Folder:
    names = []
    with os.scandir(path) as entries:
        for entry in entries:
            names.append(entry.name)
            if len(names) >= MOST_ENTRIES:
                break
    return _Folder(path, tuple(sorted(names)))


def _alone(log: Path, folder: _Folder) -> bool:
    """Whether all in the folder is of this log's run: by what it holds, or as there is no other log."""
    if OWN_NAMES.fullmatch(log.name) or any(RUN_SIGNS.fullmatch(name) for name in folder.names):
        return True
    return not any(Path(n).suffix in LOG_SUFFIXES and Path(n).stem != log.stem for n in folder.names)


def _layout(log: Path, format_name: str | None) -> str:
    """Whose layout the folder has: W&B keeps any trainer's output beside its own config."""
    if log.name == "output.log" and log.parent.name == "files":
        return "wandb"
    return format_name or ""


def _hydra(folder: Path) -> Iterator[Path]:
    for level in (folder, *folder.absolute().parents)[:HYDRA_LEVELS]:
        path = level / ".hydra" / "config.yaml"
        if _is_file(path):
            yield path
        if _is_file(path) or not LOGGERS.fullmatch(level.absolute().name):
            return


def _one(folder: Path, pattern: str) -> list[Path]:
    """The file that a pattern names: the one with the highest number, or the only one there is."""
    own, up, rest = pattern.partition("/../")
    if up:
        return _one(folder.parent, rest) if re.fullmatch(own.replace("#", r"\d+"), folder.name) else []
    try:
        found = [path for path in folder.glob(pattern.replace("#", "*")) if _is_file(path)]
    except (OSError, ValueError):
        return []
    if "#" in pattern:
        form = re.compile(re.escape(pattern).replace(r"\#", r"(\d+)").replace("#", r"(\d+)").replace(r"\*", "[^/]+"))
        numbered = [(int(m[1]), p) for p in found if (m := form.fullmatch(p.relative_to(folder).as_posix()))]
        highest = max((number for number, _ in numbered), default=None)
        found = [path for number, path in numbered if number == highest]
    return found if len(found) == 1 else []


def _of_the_same_name(log: Path, folder: _Folder) -> list[Path]:
    """run7.yaml beside run7.log."""
    wanted = {log.stem + suffix for suffix in (".yaml", ".yml", ".toml")}  # x.json may be its data
    found = [folder.path / name for name in folder.names if name in wanted]
    return found if len(found) == 1 and _is_file(found[0]) else []


def _usual(folder: _Folder) -> list[Path]:
    """The configs under the usual names, or else the only YAML or TOML file that may be one."""
    named = [folder.path / name for name in ANY if name in folder.names]
    rest = [n for n in folder.names if Path(n).suffix in (".yaml", ".yml", ".toml") and not NO_CONFIG.fullmatch(n)]
    found: Sequence[Path] = named or [folder.path / name for name in rest]
    kinds = {path.stem for path in found}
    if named and len(kinds) < len(found):
        return []
    return [path for path in found if _is_file(path)] if named or len(found) == 1 else []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
