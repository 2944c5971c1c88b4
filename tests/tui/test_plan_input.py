"""What a plan reads: configs, logs, folders; and what a change makes stale."""

from __future__ import annotations

from pathlib import Path

import pytest
from planned import FOUNDING, GPT2, LLAMA, written

from parsers.records import Fact, Value
from tui.errors import UserError
from tui.options import Options
from tui.plan_input import Subject, read_subject


def values(subject: Subject) -> dict[str, Value]:
    """Its facts."""
    return {name: fact.value for name, fact in subject.facts.items()}


def change(**facts: Value) -> dict[str, Fact]:
    """Changes as --set makes them."""
    return {name: Fact(name, value, "flag", "--set") for name, value in facts.items()}


def test_what_a_nanogpt_config_leaves_out_is_train_pys(tmp_path: Path) -> None:
    """The model of config/train_gpt2.py stands in train.py alone; its accumulation counts all GPUs."""
    subject = read_subject(str(written(tmp_path, "train_gpt2.py", GPT2)), Options())
    known = values(subject)
    assert (known["n_layer"], known["n_embd"], known["vocab_size"], known["compile"]) == (12, 768, 50304, True)
    assert subject.recognised is not None
    assert subject.recognised.format == "nanogpt"
    assert subject.case().tokens_per_step == 491_520


@pytest.mark.parametrize(
    ("dataset", "known"),
    [("fineweb", True), ("openwebtext", True), ("shakespeare", True), ("shakespeare_char", False), ("stdlib", False)],
)
def test_the_vocabulary_of_a_data_set(tmp_path: Path, dataset: str, known: bool) -> None:
    """GPT-2's where its name tells so; else it is open, as characters have a meta.pkl of their own."""
    path = written(tmp_path, "train.py", f"{GPT2}dataset = '{dataset}'\n")
    assert ("vocab_size" in read_subject(str(path), Options()).facts) is known


def test_the_folder_of_the_data_tells_better_than_their_name(tmp_path: Path) -> None:
    """A meta.pkl there is another vocabulary, its absence is GPT-2's."""
    for name in ("config", "data/mine", "data/fineweb"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data/fineweb/meta.pkl").touch()
    for dataset, known in (("mine", True), ("fineweb", False)):
        path = written(tmp_path / "config", "train.py", f"{GPT2}dataset = '{dataset}'\n")
        assert ("vocab_size" in read_subject(str(path), Options()).facts) is known


def test_another_python_config_has_no_defaults(tmp_path: Path) -> None:
    """Only what it says."""
    subject = read_subject(str(written(tmp_path, "my.py", "n_layer = 6\nd_model = 512\nlr = 1e-3\n")), Options())
    assert values(subject) == {"n_layer": 6, "n_embd": 512, "learning_rate": 1e-3}
    assert subject.recognised is None


def test_a_config_may_come_as_an_option(tmp_path: Path) -> None:
    """PATH or --config, not both."""
    path = written(tmp_path, "c.py", FOUNDING)
    assert values(read_subject(None, Options(config=path))) == values(read_subject(str(path), Options()))
    with pytest.raises(UserError, match="config too"):
        read_subject(str(path), Options(config=path))


def test_a_log_is_read_with_its_config(log: Path) -> None:
    """Its printed facts, the config beside it, and its pace."""
    log.with_suffix(".yaml").write_text("vocab_size: 65\n")
    subject = read_subject(str(log), Options())
    assert subject.case().size is not None
    assert values(subject)["vocab_size"] == 65
    assert subject.speed is not None
    assert subject.speed.seconds_per_step == pytest.approx(0.06)


def test_a_trainer_state_is_a_log_and_no_config(tmp_path: Path) -> None:
    """Though its name ends as a config's may."""
    state = '{"log_history": [{"loss": 3.0, "step": 10}], "max_steps": 20, "global_step": 10}'
    subject = read_subject(str(written(tmp_path, "trainer_state.json", state)), Options())
    assert subject.recognised is not None
    assert subject.recognised.format == "huggingface"


def test_a_directory_is_its_newest_run_or_its_config(tmp_path: Path, log: Path) -> None:
    """A folder without a log may hold a config."""
    assert read_subject(str(log.parent), Options()).path.endswith("train.log")
    folder = tmp_path / "model"
    folder.mkdir()
    written(folder, "config.json", LLAMA)
    assert values(read_subject(str(folder), Options()))["n_kv_head"] == 4


@pytest.mark.parametrize("name", ["nope.py", "nope.log"])
def test_what_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    """With its path."""
    with pytest.raises(UserError, match=name):
        read_subject(str(tmp_path / name), Options())


class TestChanges:
    def base(self, **more: Value) -> Subject:
        """The founding run as its log has it."""
        facts: dict[str, Value] = {
            "n_layer": 12, "n_embd": 384, "block_size": 1024, "vocab_size": 50304, "parameters": 40_560_000,
            "parameters_decayed": 40_943_616, "batch_size": 16, "gradient_accumulation_steps": 32,
            "tokens_per_step": 524_288, **more,
        }  # fmt: skip
        return Subject("train.log", None, {n: Fact(n, v, "log", "line 1") for n, v in facts.items()})

    def test_a_printed_count_is_of_the_model_that_was_trained(self) -> None:
        """Another width has another."""
        changed = values(self.base().changed(change(n_embd=768)))
        assert changed["n_embd"] == 768
        assert not changed.keys() & {"parameters", "parameters_decayed"}
        assert changed["tokens_per_step"] == 524_288

    def test_the_same_value_changes_nothing(self) -> None:
        """The printed count stays."""
        assert values(self.base().changed(change(n_embd=384)))["parameters"] == 40_560_000

    def test_a_count_that_the_user_gave_stays(self) -> None:
        """--params is for whatever --set makes."""
        base = self.base()
        flagged = Subject("x", None, {**base.facts, "parameters": Fact("parameters", 1e6, "flag", "--params")})
        assert values(flagged.changed(change(n_embd=768)))["parameters"] == 1e6

    def test_another_micro_batch_makes_other_steps(self) -> None:
        """The printed tokens of a step hold no longer."""
        assert "tokens_per_step" not in self.base().changed(change(batch_size=8)).facts

    def test_other_tokens_a_step_take_another_accumulation(self) -> None:
        """The micro-batch stays."""
        changed = values(self.base().changed(change(tokens_per_step=262_144)))
        assert changed["batch_size"] == 16
        assert "gradient_accumulation_steps" not in changed

    def test_a_derived_batch_goes_and_a_stated_one_stays(self) -> None:
        """Nanotron's global batch is made of three settings, Megatron's is one."""
        stated = self.base(global_batch_size=512)
        assert "global_batch_size" in stated.changed(change(batch_size=8)).facts
        made = Fact("global_batch_size", 512, "config", "a.yaml, micro and dp")
        derived = Subject("x", None, {**stated.facts, "global_batch_size": made})
        assert "global_batch_size" not in derived.changed(change(batch_size=8)).facts
