"""The names under which trainers' settings are written: each is read back as the fact that it stands for."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import make_case

from diagnosis.patch import patch
from parsers.configs import written
from parsers.configs.config import facts_of_mapping, read_config
from parsers.configs.config_kinds import overrides
from parsers.formats import FORMATS
from parsers.records import Settings, Traits, Value

VALUES: dict[str, Value] = {
    "batch_size": 8, "gradient_accumulation_steps": 64, "global_batch_size": 512, "tokens_per_step": 524_288,
    "block_size": 1024, "learning_rate": 6e-5, "min_lr": 6e-6, "warmup_steps": 700, "decay_steps": 6000,
    "planned_steps": 6100, "planned_epochs": 3.0, "planned_tokens": 10**10, "weight_decay": 0.1, "beta1": 0.9,
    "beta2": 0.95, "dropout": 0.1, "grad_clip": 1.0, "eval_iters": 80, "eval_interval": 250, "log_interval": 10,
    "dtype": "bfloat16", "compile": True, "n_layer": 12, "n_head": 12, "n_embd": 768, "bias": True, "decay_lr": True,
}  # fmt: skip
KNOWN: dict[str, Settings] = {name: one for name, one in vars(written).items() if isinstance(one, Settings)}
NOT_READ: dict[str, set[str]] = {
    "LLMC": set(written.LLMC.names) | set(written.LLMC.shares),
    "BUILD_NANOGPT": {"batch_size", "block_size", "tokens_per_step"},
    "NANOCHAT": {"tokens_per_step"},
    "LITGPT": {"learning_rate", "weight_decay"},
}
"""Names that mean something at this trainer alone, so that no config reader may know them."""
SUFFIX = {"python": ".py", "yaml": ".yaml", "toml": ".toml", "json": ".json"}


def facts_of(settings: Settings) -> list[str]:
    """The facts that it can write."""
    return [*settings.names, *settings.shares, *(name for name, _ in settings.values)]


def read_back(settings: Settings, lines: tuple[str, ...], folder: Path) -> dict[str, Value]:
    """The facts that the config readers find in the lines."""
    if settings.syntax in ("flags", "overrides"):
        found = facts_of_mapping(overrides(" ".join(lines).split()), "config", "")
    else:
        text = "\n".join(lines)
        path = folder / f"config{SUFFIX[settings.syntax]}"
        path.write_text("{" + text + "}" if settings.syntax == "json" else text)
        found = read_config(path)
    return {fact.name: fact.value for fact in found}


@pytest.mark.parametrize("name", KNOWN)
def test_each_setting_is_read_back_as_its_fact(name: str, tmp_path: Path) -> None:
    """One by one: neither the name nor the unit of another fact. A share is read with what it is a share of."""
    settings = KNOWN[name]
    case = make_case(traits=Traits(settings=settings))
    for fact in dict.fromkeys(facts_of(settings)):
        if fact in NOT_READ.get(name, set()):
            continue
        whole = [settings.shares[fact][1]] if fact in settings.shares else []
        wanted = [(one, VALUES[one]) for one in (*whole, fact)]
        found = read_back(settings, patch(case, wanted), tmp_path)
        assert found.get(fact) == pytest.approx(VALUES[fact]), fact


@pytest.mark.parametrize("name", KNOWN)
def test_all_settings_together_are_read_back(name: str, tmp_path: Path) -> None:
    """No two of them have one name, and one block holds them all; epochs are left out, as steps overrule them."""
    settings = KNOWN[name]
    left_out = {"planned_epochs", *NOT_READ.get(name, set())}
    readable = [fact for fact in dict.fromkeys(facts_of(settings)) if fact not in left_out]
    case = make_case(traits=Traits(settings=settings))
    found = read_back(settings, patch(case, [(fact, VALUES[fact]) for fact in readable]), tmp_path)
    assert {fact: found.get(fact) for fact in readable} == pytest.approx({fact: VALUES[fact] for fact in readable})


def test_the_names_that_only_one_trainer_has() -> None:
    """As llm.c's usage, the sources of build-nanogpt and nanochat, and litgpt's hyperparameters.yaml have them."""

    def lines(settings: Settings, *facts: str) -> tuple[str, ...]:
        return patch(make_case(traits=Traits(settings=settings)), [(fact, VALUES[fact]) for fact in facts])

    assert lines(written.LLMC, "batch_size", "tokens_per_step", "learning_rate", "min_lr") == (
        "-b 8 -d 524288 -l 6.0e-05 -q 0.1",
    )
    assert lines(written.BUILD_NANOGPT, "batch_size", "tokens_per_step") == ("B = 8", "total_batch_size = 524288")
    assert lines(written.LITGPT, "learning_rate", "weight_decay") == (
        "optimizer:",
        "  init_args:",
        "    lr: 6.0e-05",
        "    weight_decay: 0.1",
    )
    assert lines(written.NANOCHAT, "batch_size", "tokens_per_step") == (
        "--device-batch-size 8 --total-batch-size 524288",
    )


def test_no_log_that_any_trainer_may_have_made_has_names() -> None:
    """A table of numbers, a progress bar or an event file does not tell who wrote it."""
    known = {one.name for one in FORMATS if one.traits.settings is not None}
    assert not known & {"generic", "csv", "jsonl", "tqdm", "tensorboard", "wandb", "mlflow", "keras", "lightning-csv"}
    assert {"nanogpt", "huggingface", "megatron", "torchtitan", "litgpt"} <= known
