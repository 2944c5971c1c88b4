"""Settings as lines to paste: each syntax, and whose names count."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace

import pytest
import yaml
from cases import make_case

from diagnosis.case import Case
from diagnosis.patch import has_name, patch
from parsers.configs.written import HUGGINGFACE, LITGPT, MEGATRON, NANOGPT
from parsers.records import Fact, Settings, Syntax, Traits, Value

BATCH: tuple[tuple[str, Value], ...] = (("batch_size", 8), ("gradient_accumulation_steps", 64))
NESTED = {"a": "x.one", "b": "x.y.two", "c": "three", "d": "x.four"}
VALUES: tuple[tuple[str, Value], ...] = (("a", 1), ("b", 6e-5), ("c", True), ("d", "bf 16"))


def case_of(settings: Settings | None, facts: dict[str, Value] | None = None) -> Case:
    return make_case(None, facts, traits=Traits(settings=settings))


def configured(settings: Settings | None, **places: str) -> Case:
    """A case whose config files have facts at these places; the log says the same, and is believed."""
    facts = {name: Fact(name, 1, "config", place) for name, place in places.items()}
    return replace(case_of(settings, dict.fromkeys(places, 1)), configured=facts)


def nested(syntax: Syntax) -> str:
    return "\n".join(patch(case_of(Settings(syntax, NESTED)), VALUES))


def test_python_has_an_assignment_a_line() -> None:
    """As nanoGPT's config files."""
    settings: tuple[tuple[str, Value], ...] = (*BATCH, ("dtype", "bfloat16"), ("compile", True), ("dropout", 0.0))
    assert patch(case_of(NANOGPT), settings) == (
        "batch_size = 8",
        "gradient_accumulation_steps = 64",
        "dtype = 'bfloat16'",
        "compile = True",
        "dropout = 0.0",
    )


def test_flags_are_one_line_for_the_end_of_a_command() -> None:
    """A switch has no value."""
    assert patch(case_of(HUGGINGFACE), (*BATCH, ("dtype", "bfloat16"))) == (
        "--per_device_train_batch_size 8 --gradient_accumulation_steps 64 --bf16",
    )


def test_a_switch_that_is_to_be_off_has_no_flag() -> None:
    """It is off where it is not given."""
    assert patch(case_of(HUGGINGFACE), (("compile", False),)) == ()


def test_overrides_are_one_line_with_equals_signs() -> None:
    """As Hydra and MaxText take them, quoted for the shell."""
    assert nested("overrides") == "x.one=1 x.y.two=6.0e-05 three=True x.four='bf 16'"


def test_yaml_nests_what_dots_part() -> None:
    """Sections are opened once, and a small number is no text: PyYAML wants a point in it."""
    assert yaml.safe_load(nested("yaml")) == {"x": {"one": 1, "y": {"two": 6e-5}, "four": "bf 16"}, "three": True}


def test_toml_has_a_table_for_each_section() -> None:
    """Settings of the top stand before the first."""
    assert tomllib.loads(nested("toml")) == {"x": {"one": 1, "y": {"two": 6e-5}, "four": "bf 16"}, "three": True}


def test_json_is_the_inside_of_an_object() -> None:
    """Of a .json file, or of a YAML one that is written with braces."""
    found = json.loads("{" + nested("json") + "}")
    assert found == {"x": {"one": 1, "y": {"two": 6e-5}, "four": "bf 16"}, "three": True}


@pytest.mark.parametrize(
    ("value", "written"),
    [(3e-4 / 2, "0.00015"), (0.1 + 0.2, "0.3"), (1e-5, "1.0e-05"), (1.25e-5, "1.25e-05"), (100, "100"), (1.0, "1.0")],
)
def test_numbers_are_written_short(value: float, written: str) -> None:
    """Six digits, a computed one too, and whole ones as they are."""
    assert patch(case_of(NANOGPT), (("learning_rate", value),)) == (f"learning_rate = {written}",)


def test_a_share_is_one_of_what_is_set_with_it_or_else_of_what_is_known() -> None:
    """min_lr as a share of learning_rate; without one there is no line."""
    shared = Settings("yaml", {"learning_rate": "lr"}, shares={"min_lr": ("alpha", "learning_rate")})
    known = case_of(shared, {"learning_rate": 6e-4})
    assert patch(known, (("min_lr", 6e-5),)) == ("alpha: 0.1",)
    assert patch(known, (("learning_rate", 3e-4), ("min_lr", 6e-5))) == ("lr: 0.0003", "alpha: 0.2")
    assert patch(case_of(shared), (("min_lr", 6e-5),)) == ()


def test_a_setting_without_a_name_has_no_line() -> None:
    """Words say it; the others are written."""
    assert patch(case_of(HUGGINGFACE), (("weight_decay", 0.1), ("decay_steps", 6000))) == ("--weight_decay 0.1",)
    assert patch(case_of(None), BATCH) == ()
    assert patch(case_of(NANOGPT), ()) == ()


def test_a_batch_is_written_whole_or_not_at_all() -> None:
    """A micro-batch without its accumulation would change the tokens of a step."""
    assert patch(case_of(MEGATRON), (*BATCH, ("learning_rate", 1e-4))) == ("--lr 0.0001",)
    assert patch(case_of(MEGATRON), (("batch_size", 8), ("global_batch_size", 512))) == (
        "--micro-batch-size 8 --global-batch-size 512",
    )


def test_a_config_files_other_names_count() -> None:
    """Axolotl prints as the Trainer does, but the micro_batch_size of its YAML is no flag of the Trainer."""
    places = {"batch_size": "axolotl.yml, micro_batch_size", "gradient_accumulation_steps": "axolotl.yml, accumulate"}
    assert patch(configured(HUGGINGFACE, **places), BATCH) == ("micro_batch_size: 8", "accumulate: 64")
    places["learning_rate"] = "axolotl.yml, learning_rate"
    assert patch(configured(HUGGINGFACE, **places), (("learning_rate", 1e-3),)) == ("learning_rate: 0.001",)
    assert patch(configured(HUGGINGFACE, **places), (("warmup_steps", 100),)) == ()
    assert patch(configured(None, **places), BATCH) == ("micro_batch_size: 8", "accumulate: 64")
    assert patch(configured(None, learning_rate="a, b/job.toml, optimizer.lr"), (("learning_rate", 1e-3),)) == (
        "[optimizer]",
        "lr = 0.001",
    )


@pytest.mark.parametrize("place", ["config.yaml, train.micro_batch_size", "config.yaml, train.Micro-Batch-Size"])
def test_the_same_name_is_written_as_the_trainer_has_it(place: str) -> None:
    """A copy that the trainer wrote has its names, perhaps without their sections."""
    case = configured(LITGPT, batch_size=place)
    assert patch(case, (("batch_size", 8), ("global_batch_size", 64)))[:2] == ("train:", "  micro_batch_size: 8")


@pytest.mark.parametrize(
    "place",
    ["config.yaml, a and b", "config/train.py, line 12", "config.json, micro_batch", "config.yaml, with blanks"],
)
def test_a_place_that_names_no_setting_gives_none(place: str) -> None:
    """Made of two settings, a line of Python, a record of a run, and no name."""
    assert patch(configured(None, learning_rate=place), (("learning_rate", 1e-3),)) == ()


def test_only_plain_numbers_go_by_a_config_files_names() -> None:
    """A warm-up may be a share or "100ba" there, min_lr a share: the number of steps would be another thing."""
    case = configured(None, warmup_steps="mpt.yaml, scheduler.t_warmup", min_lr="x.yaml, lr_scheduler_type")
    assert patch(case, (("warmup_steps", 100), ("min_lr", 1e-5))) == ()


def test_whether_a_name_is_known() -> None:
    """The trainer's or the config file's."""
    assert has_name(case_of(NANOGPT), "batch_size")
    assert has_name(configured(None, batch_size="axolotl.yml, micro_batch_size"), "batch_size")
    assert not has_name(case_of(MEGATRON), "gradient_accumulation_steps")
    assert not has_name(case_of(None), "batch_size")
