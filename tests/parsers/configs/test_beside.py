"""Which config belongs to a log: its own run's, by the trainer's layout, and never another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsers.configs.beside import beside, facts_beside
from parsers.records import Fact, Notice

LAYOUTS: list[tuple[str, str | None, list[str], list[str]]] = [
    ("train.log", None, [".hydra/config.yaml", "config.yaml"], [".hydra/config.yaml"]),
    ("csv/version_0/metrics.csv", "lightning-csv", [".hydra/config.yaml", "csv/version_0/hparams.yaml"],
     [".hydra/config.yaml", "csv/version_0/hparams.yaml"]),
    ("version_0/metrics.csv", "lightning-csv", ["version_0/hparams.yaml", "version_1/hparams.yaml", "hparams.yaml"],
     ["version_0/hparams.yaml"]),
    ("trainer_state.json", "huggingface",
     ["config.json", "checkpoint-900/config.json", "checkpoint-1000/config.json", "checkpoint-best/config.json"],
     ["config.json", "checkpoint-1000/config.json"]),
    ("checkpoint-500/trainer_state.json", "huggingface",
     ["config.json", "checkpoint-500/config.json", "checkpoint-900/config.json"],
     ["checkpoint-500/config.json", "config.json"]),
    ("run-2/trainer_state.json", "huggingface", ["config.json", "run-1/config.json"], []),
    ("files/output.log", "nanogpt", ["files/config.yaml", "files/wandb-metadata.json", "config.yaml"],
     ["files/config.yaml", "files/wandb-metadata.json"]),
    ("run-abc.wandb", "wandb", ["files/config.yaml"], ["files/config.yaml"]),
    ("train.log", "litgpt", ["step-00001000/hyperparameters.yaml", "step-00002000/hyperparameters.yaml"],
     ["step-00002000/hyperparameters.yaml"]),
    ("train.log", "litgpt", ["final/model_config.yaml", "final/hyperparameters.yaml"],
     ["final/hyperparameters.yaml", "final/model_config.yaml"]),
    ("train.log", "olmo", ["config.yaml", "step1000/config.yaml"], ["config.yaml", "step1000/config.yaml"]),
    ("train.log", "nanotron", ["checkpoints/10/config.yaml", "checkpoints/9/config.yaml"],
     ["checkpoints/10/config.yaml"]),
    ("train.log", "nanochat", ["meta_000900.json", "meta_001000.json"], ["meta_001000.json"]),
    ("logs/log_1.txt", "torchtune", ["torchtune_config.yaml", "config.yaml"], ["torchtune_config.yaml"]),
    ("logs/train.log", "huggingface", ["config.json"], []),
    ("train.log", "mlx-lm", ["adapters/adapter_config.json"], ["adapters/adapter_config.json"]),
    ("train.log", "gpt-neox", ["global_step10/configs/a.yml"], ["global_step10/configs/a.yml"]),
    ("train.log", "gpt-neox", ["global_step10/configs/a.yml", "global_step10/configs/b.yml"], []),
    ("train.log", "torchtitan", ["llama3_8b.toml", "pyproject.toml", ".pre-commit-config.yaml"], ["llama3_8b.toml"]),
    ("train.log", "huggingface", ["axolotl.yml"], ["axolotl.yml"]),
    ("train.log", "huggingface", ["a.yml", "b.yml"], []),
    ("train.log", None, ["config.yaml", "config.json"], []),
    ("train.log", None, ["config.yaml", "params.json"], ["config.yaml", "params.json"]),
    ("run7.log", None, ["run7.yaml", "run8.yaml", "run8.log"], ["run7.yaml"]),
    ("run7.log", None, ["config.yaml", "run8.log"], []),
    ("slurm-1.out", None, ["config.yaml", "slurm-2.out"], []),
    ("job.out", None, ["config.yaml", "job.err", "job.log"], ["config.yaml"]),
    ("log.txt", None, ["sub/config.yaml"], []),
    ("sub/train.log", None, [".hydra/config.yaml"], []),
    ("train.log", None, ["train.json"], []),
]  # fmt: skip


@pytest.mark.parametrize(("log", "format_name", "others", "expected"), LAYOUTS)
def test_the_config_of_the_run_is_found(
    tmp_path: Path, log: str, format_name: str | None, others: list[str], expected: list[str]
) -> None:
    """In the order of trust; where two fit as well, neither is taken."""
    for name in (log, *others):
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    found = beside(tmp_path / "run" / log, format_name)
    assert [path.relative_to(tmp_path / "run").as_posix() for path in found] == expected


def test_a_store_may_be_a_folder(tmp_path: Path) -> None:
    """Then its configs lie in it."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files/config.yaml").write_text("")
    assert beside(tmp_path, "wandb") == [tmp_path / "files/config.yaml"]


@pytest.mark.parametrize("name", ["none.log", "-", "x\0y", "x" * 300])
def test_a_log_that_is_not_there_has_no_config(tmp_path: Path, name: str) -> None:
    """Nor has standard input."""
    (tmp_path / "config.yaml").write_text("n_layer: 2")
    assert beside(tmp_path / name, None) == []
    assert facts_beside(tmp_path / name, None) == ([], [])


def test_facts_say_which_file_beside_the_log_they_are_from(tmp_path: Path) -> None:
    """With the file's path from the log's folder and the setting's path."""
    (tmp_path / "train.log").write_text("")
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra/config.yaml").write_text("optimizer: {lr: 3e-4}\n")
    assert facts_beside(tmp_path / "train.log", None) == (
        [Fact("learning_rate", 3e-4, "config", ".hydra/config.yaml, optimizer.lr")],
        [],
    )


def test_the_more_specific_config_wins(tmp_path: Path) -> None:
    """The checkpoint's own before that of its folder."""
    folder = tmp_path / "checkpoint-5"
    folder.mkdir()
    (folder / "trainer_state.json").write_text("{}")
    (folder / "config.json").write_text('{"n_layer": 2}')
    (tmp_path / "config.json").write_text('{"n_layer": 3, "n_head": 4}')
    facts, _ = facts_beside(folder / "trainer_state.json", "huggingface")
    assert [(f.name, f.value, f.where) for f in facts] == [
        ("n_layer", 2, "config.json, n_layer"), ("n_head", 4, "../config.json, n_head"),
    ]  # fmt: skip


def test_a_trained_context_beats_a_models_limit(tmp_path: Path) -> None:
    """Also where the limit stands in the more specific file."""
    (tmp_path / "train.log").write_text("")
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 131072}')
    (tmp_path / "ds_config.json").write_text('{"seq_length": 2048}')
    facts, _ = facts_beside(tmp_path / "train.log", "huggingface")
    assert {f.name: f.value for f in facts} == {"max_positions": 131_072, "block_size": 2048}


@pytest.mark.parametrize("plan", ["max_tokens: 1000000", "max_steps: 100"])
def test_the_context_of_litgpts_model_is_the_trained_one_in_pretraining_alone(tmp_path: Path, plan: str) -> None:
    """Fine-tuning data are shorter; only pretraining plans tokens."""
    (tmp_path / "final").mkdir()
    (tmp_path / "train.log").write_text("")
    (tmp_path / "final/hyperparameters.yaml").write_text(f"train: {{{plan}}}\n")
    (tmp_path / "final/model_config.yaml").write_text("block_size: 131072\nn_layer: 16\n")
    names = {fact.name for fact in facts_beside(tmp_path / "train.log", "litgpt")[0]}
    assert "n_layer" in names
    assert ("block_size" in names) == ("max_tokens" in plan)


def test_an_unreadable_config_is_told_and_costs_no_other(tmp_path: Path) -> None:
    """One line that names it and what is wrong with it."""
    (tmp_path / "train.log").write_text("")
    (tmp_path / "hparams.yaml").write_text("a: [1\n")
    (tmp_path / "params.json").write_text('{"n_layers": 2}')
    facts, notices = facts_beside(tmp_path / "train.log", None)
    assert [f.value for f in facts] == [2]
    (notice,) = notices
    assert isinstance(notice, Notice)
    assert notice.kind == "reader"
    assert notice.text.startswith("hparams.yaml beside the log was not read: it is no YAML in line 2")
