"""trainer_state.json of the HF Trainer: read whole, and again when it is replaced."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from growing import replace
from polled import curve, facts, only, poll_out

from parsers.formats import trainer_state
from parsers.formats.trainer_state import TrainerState
from parsers.records import Notice, Recognised, Record, Restart

Entry = dict[str, object]


def entries(first: int, end: int) -> list[Entry]:
    return [
        {"epoch": n / 10, "grad_norm": 1.5, "learning_rate": 1e-4, "loss": 3 - n / 100, "step": 10 * n}
        for n in range(first, end)
    ]


def document(history: list[Entry], indent: int | None = 2, **more: object) -> bytes:
    """As TrainerState.save_to_json writes it: keys sorted, some before the history and some after it."""
    state = {
        "best_metric": None, "epoch": 1.0, "eval_steps": 500, "global_step": 40, "is_world_process_zero": True,
        "log_history": history, "logging_steps": 10, "max_steps": 100, "num_train_epochs": 3, "save_steps": 500,
        "stateful_callbacks": {"TrainerControl": {"args": {"should_log": False}, "attributes": {}}},
        "total_flos": 1e15, "train_batch_size": 4, "trial_name": None, **more,
    }  # fmt: skip
    return (json.dumps(state, indent=indent, sort_keys=True) + "\n").encode()


def losses(records: list[Record]) -> list[tuple[int, float]]:
    return curve(records, "train_loss")


@pytest.mark.parametrize("indent", [2, None, 4])
def test_a_document(tmp_path: Path, indent: int | None) -> None:
    """Points and facts are the same, pretty-printed or on one line, and what it is comes first."""
    path = tmp_path / "trainer_state.json"
    path.write_bytes(document([*entries(1, 4), {"eval_loss": 2.75, "epoch": 0.3, "step": 30}], indent))
    assert TrainerState.holds(path, path.read_bytes())
    store = TrainerState(path)
    records = poll_out(store)
    assert isinstance(records[0], Recognised)
    assert losses(records) == [(10, 2.99), (20, 2.98), (30, 2.97)]
    assert curve(records, "val_loss") == [(30, 2.75)]
    assert curve(records, "grad_norm") == [(10, 1.5), (20, 1.5), (30, 1.5)]
    assert facts(records) == {"planned_steps": 100, "planned_epochs": 3, "batch_size": 4, "log_interval": 10}
    assert store.poll() == []
    assert (store.problem, store.waiting_for, store.caught_up, store.progress) == (None, None, True, None)
    store.close()
    store.close()


def test_no_number(tmp_path: Path) -> None:
    """Python writes NaN and Infinity into JSON; they are what the log says."""
    path = tmp_path / "trainer_state.json"
    path.write_bytes(document([{"loss": math.nan, "grad_norm": math.inf, "step": 10}]))
    records = poll_out(TrainerState(path))
    assert math.isnan(losses(records)[0][1])
    assert curve(records, "grad_norm") == [(10, math.inf)]


def test_a_longer_document_gives_only_what_is_new(tmp_path: Path) -> None:
    """The Trainer writes it anew at each checkpoint; known rows and facts do not come again."""
    path = tmp_path / "trainer_state.json"
    path.write_bytes(document(entries(1, 4)))
    store = TrainerState(path)
    assert len(losses(poll_out(store))) == 3
    replace(path, document(entries(1, 6), max_steps=200))
    records = poll_out(store)
    assert losses(records) == [(40, 2.96), (50, 2.95)]
    assert facts(records) == {"planned_steps": 200}
    assert not only(Recognised, records)
    assert not only(Restart, records)


def test_a_run_that_went_back_to_a_checkpoint(tmp_path: Path) -> None:
    """The history is the old one up to the checkpoint and another from there on, which is a restart."""
    path = tmp_path / "trainer_state.json"
    path.write_bytes(document(entries(1, 6)))
    store = TrainerState(path)
    poll_out(store)
    replace(path, document([*entries(1, 3), {"loss": 2.5, "step": 30}]))
    records = poll_out(store)
    assert losses(records) == [(30, 2.5)]
    assert [r.step for r in only(Restart, records)] == [30]
    replace(path, document([*entries(1, 3), {"loss": 2.5, "step": 30}, {"loss": 2.25, "step": 40}]))
    assert losses(poll_out(store)) == [(40, 2.25)]


def test_a_document_that_is_half_written(tmp_path: Path) -> None:
    """What is whole is read; a problem is only said once nothing more is waited for and nothing was read."""
    path = tmp_path / "trainer_state.json"
    whole = document(entries(1, 4))
    path.write_bytes(whole[:150])
    store = TrainerState(path)
    assert losses(store.poll()) == []
    assert store.problem is None
    assert store.waiting_for is not None
    path.write_bytes(whole[: whole.find(b'"loss": 2.97')])
    assert losses(store.poll()) == [(10, 2.99), (20, 2.98)]
    path.write_bytes(whole)
    assert losses(store.poll()) == [(30, 2.97)]
    assert store.waiting_for is None


def test_half_a_document_at_the_end(tmp_path: Path) -> None:
    """Where the file stays as it is, the sentence names it."""
    path = tmp_path / "trainer_state.json"
    path.write_bytes(b'{"global_step": 5, "best_metric": ')
    store = TrainerState(path)
    poll_out(store)
    assert store.problem is not None
    assert str(path) in store.problem


def test_the_end_of_a_run(tmp_path: Path) -> None:
    """The last entry's train_loss is the mean of the run and no point; train_runtime says that it is over."""
    path = tmp_path / "trainer_state.json"
    last: Entry = {"epoch": 3.0, "step": 45, "train_loss": 2.38, "train_runtime": 472.1, "total_flos": 1e15}
    path.write_bytes(document([*entries(1, 4), last]))
    records = poll_out(TrainerState(path))
    assert [step for step, _ in losses(records)] == [10, 20, 30]
    assert [(n.kind, n.step) for n in only(Notice, records)] == [("end", 45)]


def test_a_long_history_comes_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No poll does more than a share of the work; nothing is lost or doubled, also when it is replaced meanwhile."""
    monkeypatch.setattr(trainer_state, "ENTRIES_A_POLL", 7)
    path = tmp_path / "trainer_state.json"
    path.write_bytes(document(entries(1, 31)))
    store = TrainerState(path)
    first = store.poll()
    assert len(losses(first)) == 7
    assert not store.caught_up
    assert 0 < (store.progress or 0) < 1
    replace(path, document(entries(1, 41)))
    rest = poll_out(store) + poll_out(store)
    assert [step for step, _ in losses(first) + losses(rest)] == list(range(10, 410, 10))


def test_rewards_say_that_the_loss_is_none_of_language(tmp_path: Path) -> None:
    """The same Trainer writes the history of reinforcement learning."""
    path = tmp_path / "trainer_state.json"
    path.write_bytes(document([{"loss": 0.01, "reward": 0.5, "kl": 0.1, "num_tokens": 500.0, "step": 1}]))
    assert [r.traits.loss_unit for r in only(Recognised, poll_out(TrainerState(path)))] == ["nats", "other"]


def test_no_file_and_no_such_file(tmp_path: Path) -> None:
    """A path that is not there yet is waited for; a directory is refused with the mend; both raise nothing."""
    store = TrainerState(tmp_path / "trainer_state.json")
    assert poll_out(store) == []
    assert store.problem is None
    assert "does not exist yet" in str(store.waiting_for)
    (tmp_path / "trainer_state.json").write_bytes(document(entries(1, 2)))
    assert losses(store.poll()) == [(10, 2.99)]
    refused = TrainerState(tmp_path)
    assert poll_out(refused) == []
    assert "name a trainer_state.json" in str(refused.problem)


def test_an_empty_history(tmp_path: Path) -> None:
    """Nothing was logged before the first checkpoint: nothing is wrong."""
    path = tmp_path / "trainer_state.json"
    path.write_bytes(document([]))
    store = TrainerState(path)
    records = poll_out(store)
    assert losses(records) == []
    assert store.problem is None
    assert store.waiting_for == f"{path} holds no entries so far"


@pytest.mark.parametrize(
    "head", [b"", b"[1]", b'{"loss": 2.5, "step": 3}\n', b'{"model": {"log_history": 3}}', b"log_history"]
)
def test_other_files(head: bytes, tmp_path: Path) -> None:
    """Another JSON file, a text and a directory are none."""
    assert not TrainerState.holds(tmp_path / "state.json", head)


def test_silence(tmp_path: Path) -> None:
    """It is known from the file's time, and unknown before the file is there."""
    path = tmp_path / "trainer_state.json"
    store = TrainerState(path)
    assert store.silence_seconds is None
    path.write_bytes(document(entries(1, 2)))
    store.poll()
    assert store.silence_seconds is not None
