"""What the config beside a log adds to a run, what it may not overrule, and when it is read again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from diagnosis.run import Run
from parsers.records import Fact, Notice, Origin, Points, Recognised, Record, Restart, Traits, Value
from tui.beside import Beside

BEGIN = Recognised("nanogpt", "nanoGPT", Traits(), "a test")
LOG = Path("train.log")


def fact(value: Value, origin: Origin, where: str, name: str = "learning_rate") -> Fact:
    return Fact(name, value, origin, where)


class Config:
    """Stands for the files beside a log, which may change."""

    def __init__(self, *facts: Fact) -> None:
        self.facts, self.notices = list(facts), list[Notice]()
        self.asked: list[tuple[Path, str | None]] = []

    def facts_beside(self, log: Path, format_name: str | None) -> tuple[list[Fact], list[Notice]]:
        self.asked.append((log, format_name))
        return list(self.facts), list(self.notices)


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    """A config that says learning_rate = 0.1."""
    made = Config(fact(0.1, "config", "hparams.yaml, lr"))
    monkeypatch.setattr("parsers.configs.beside.facts_beside", made.facts_beside)
    return made


def after(beside: Beside, run: Run, *blocks: Sequence[Record], live: bool = True) -> Run:
    """The run after these blocks, each taken in as a reading does."""
    for block in blocks:
        for record in block:
            run.apply(record)
        beside.follow(run, block, live=live)
    return run


def disagreements(run: Run) -> list[str]:
    return [notice.text for notice in run.notices if notice.kind == "disagreement"]


def test_the_config_is_read_when_the_format_is_known_and_not_before(config: Config) -> None:
    """Once: facts and points that follow ask nothing of the disk."""
    beside, run = Beside(LOG), Run()
    after(beside, run, [fact("adam", "flag", "--x", "optimizer")])
    assert config.asked == []

    points = Points(np.array([1]), {"train_loss": np.array([2.0])})
    after(beside, run, [BEGIN], [points], [fact(12, "log", "line 3", "n_layer")])

    assert config.asked == [(LOG, "nanogpt")]
    assert run.facts["learning_rate"] == fact(0.1, "config", "hparams.yaml, lr")
    assert disagreements(run) == []


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize(
    "other",
    [fact(0.2, "flag", "--lr"), fact(0.2, "log", "line 3"), fact(0.2, "config", "mine.yaml, lr")],
    ids=["flag", "log", "the config that the user named"],
)
def test_what_the_user_and_the_log_say_holds_and_the_disagreement_is_noted(
    config: Config, order: str, other: Fact
) -> None:
    """Whichever came first; the notice names both and which is taken, once."""
    blocks: list[list[Record]] = [[other], [BEGIN]] if order == "before" else [[BEGIN], [other]]
    run = after(Beside(LOG), Run(), *blocks, [fact(1, "log", "line 9", "n_head")])

    assert run.facts["learning_rate"] == other
    assert disagreements(run) == [
        f"learning_rate: {other.where} says 0.2, hparams.yaml, lr says 0.1; {other.where} is taken"
    ]


def test_a_source_that_says_the_same_is_no_disagreement(config: Config) -> None:
    """Two sources of one value."""
    run = after(Beside(LOG), Run(), [BEGIN], [fact(0.1, "log", "line 3")])

    assert run.facts["learning_rate"].origin == "log"
    assert disagreements(run) == []


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_default_gives_way_to_a_config(config: Config, order: str) -> None:
    """What the trainer would take is no word of this run."""
    default = fact(6e-4, "config", "nanoGPT's default")
    blocks: list[list[Record]] = [[default, BEGIN]] if order == "before" else [[BEGIN], [default]]
    run = after(Beside(LOG), Run(), *blocks)

    assert run.facts["learning_rate"].value == 0.1
    assert disagreements(run) == []


def test_two_logs_words_disagree_with_no_config_at_all(config: Config) -> None:
    """The user's flag against the log; of the size and of --tokens-per-step other parts speak."""
    config.facts = []
    given = [fact("owt", "flag", "--dataset", "dataset"), fact(1.3, "flag", "--params", "parameters")]
    given.append(fact(9, "flag", "--tokens-per-step", "tokens_per_step"))
    printed = [fact("fineweb", "log", "line 2", "dataset"), fact(1, "log", "line 3", "parameters")]
    printed.append(fact(8, "log", "line 4", "tokens_per_step"))
    run = after(Beside(LOG), Run(), given, [BEGIN, *printed])

    assert disagreements(run) == ["dataset: --dataset says owt, line 2 says fineweb; --dataset is taken"]


def test_a_log_that_begins_anew_has_its_config_read_again(config: Config) -> None:
    """It may have been edited; a replay that passes a restart reads nothing again."""
    beside, run = Beside(LOG), Run()
    after(beside, run, [BEGIN])
    config.facts = [fact(0.3, "config", "hparams.yaml, lr")]
    after(beside, run, [Restart(None, "truncated")])
    assert run.facts["learning_rate"].value == 0.3

    after(beside, run, [Restart(None, "a step back")], live=False)
    assert len(config.asked) == 2


def test_a_run_that_is_read_from_its_start_is_told_all_again(config: Config) -> None:
    """A replay that goes back; the disk is not asked twice."""
    config.notices = [Notice("reader", "config.yaml beside the log was not read: it is no YAML")]
    beside, other = Beside(LOG), fact(0.2, "log", "line 3")
    first = after(beside, Run(), [BEGIN, other], live=False)
    beside.begin_anew()
    second = after(beside, Run(), [BEGIN, other], live=False)

    assert list(first.notices) == list(second.notices)
    assert [notice.kind for notice in second.notices] == ["reader", "disagreement"]
    assert len(config.asked) == 1


def test_standard_input_has_nothing_beside_it(config: Config) -> None:
    """No path, no folder."""
    run = after(Beside(None), Run(), [BEGIN])

    assert config.asked == []
    assert run.facts == {}


@pytest.mark.parametrize(("given", "said"), [(42e6, False), (124e6, True)])
def test_a_size_that_no_way_of_counting_explains_is_named(config: Config, given: float, said: bool) -> None:
    """With or without the embeddings is a third at most; 124M is another model than 40.56M."""
    config.facts = []
    flag, printed = fact(given, "flag", "--params", "parameters"), fact(40_560_000, "log", "line 37", "parameters")
    run = after(Beside(LOG), Run(), [flag], [BEGIN, printed])

    wanted = "parameters: --params says 124,000,000, line 37 says 40560000; --params is taken"
    assert disagreements(run) == ([wanted] if said else [])


@pytest.mark.parametrize(("differ", "said"), [(2, 2), (3, 1)])
def test_a_config_that_says_much_otherwise_is_said_to_be_of_another_run(config: Config, differ: int, said: int) -> None:
    """One sentence instead of many; two flags given at the start are no other run."""
    names = ["n_layer", "n_embd", "batch_size"][:differ]
    config.facts = [fact(9, "config", f"other.py, line {i}", name) for i, name in enumerate(names)]
    run = after(Beside(LOG), Run(), [BEGIN, *(fact(7, "log", "line 3", name) for name in names)])

    told = disagreements(run)
    assert len(told) == said
    assert told[0].startswith("other.py seems to be of another run: it says n_layer 9 (log: 7)") is (said == 1)
