"""TensorBoard's event files as a store: one file or the folder of a run, finished or growing."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path

import pytest
from event_files import NAME, START, event, long_record, losses, record, rows, scalar, simple, text, version, write
from growing import append, replace
from polled import only, poll_out

from parsers.formats import tensorboard
from parsers.formats.tensorboard import TensorBoard
from parsers.records import Fact, Notice, Points, Recognised, Record, Restart


def notices(records: list[Record]) -> list[str]:
    return [notice.text for notice in only(Notice, records)]


def restarts(records: list[Record]) -> list[tuple[int | None, str]]:
    return [(restart.step, restart.why) for restart in only(Restart, records)]


def rows_of(steps: range) -> list[tuple[int, float]]:
    return [(step, step / 8) for step in steps]


def test_holds(tmp_path: Path) -> None:
    """It holds event files, one with nothing in it yet, and folders with one directly in it; nothing else."""
    file = write(tmp_path / NAME, losses(range(3)))
    assert TensorBoard.holds(file, file.read_bytes())
    assert TensorBoard.holds(tmp_path / "renamed.bin", file.read_bytes())
    assert TensorBoard.holds(tmp_path, b"")
    assert not TensorBoard.holds(tmp_path.parent, b"")
    assert not TensorBoard.holds(tmp_path / NAME, b"a log of that name, as it happens")
    assert not TensorBoard.holds(tmp_path / "train.tfrecord", record(b"an example"))
    (tmp_path / "fresh.tfevents.1").touch()
    assert TensorBoard.holds(tmp_path / "fresh.tfevents.1", b"")


def test_one_file(tmp_path: Path) -> None:
    """A file gives who it is, then its curves with the times at which they were written."""
    store = TensorBoard(write(tmp_path / NAME, losses(range(5)) + losses(range(5), tag="eval/loss")))
    records = poll_out(store)
    assert isinstance(records[0], Recognised)
    assert rows(records) == rows(records, "val_loss") == rows_of(range(5))
    points = only(Points, records)[0]
    assert points.seconds is not None
    assert points.seconds.tolist() == [START + step for step in range(5)]
    assert (store.waiting_for, store.problem, store.progress, store.half_line, store.done) == (
        None,
        None,
        None,
        False,
        False,
    )


def test_live(tmp_path: Path) -> None:
    """What is appended comes once, a half record when it is whole, and a new file of the folder as it appears."""
    path = write(tmp_path / NAME, losses(range(2)))
    store = TensorBoard(tmp_path)
    assert rows(poll_out(store)) == rows_of(range(2))
    assert poll_out(store) == []
    more = losses(range(2, 4))
    append(path, more[:-1])
    assert rows(poll_out(store)) == rows_of(range(2, 3))
    assert store.half_line
    append(path, more[-1:])
    assert rows(poll_out(store)) == rows_of(range(3, 4))
    assert not store.half_line
    write(tmp_path / NAME.replace("1700000000", "1700000100"), losses(range(4, 6), later=100))
    assert rows(poll_out(store)) == rows_of(range(4, 6))


def test_restarted_run(tmp_path: Path) -> None:
    """A later file that repeats steps opens one new segment for all its metrics, and files come by their times."""
    late, early = "events.out.tfevents.1700000100.a.9.10", "events.out.tfevents.1700000100.a.9.2"
    both = losses(range(8)) + losses(range(0, 8, 2), tag="val/loss")
    write(tmp_path / early, both)
    write(tmp_path / late, losses(range(5, 9), later=50) + losses(range(6, 9, 2), tag="val/loss", later=50))
    records = poll_out(TensorBoard(tmp_path))
    assert restarts(records) == [(5, "the steps went back from 7 to 5")]
    assert rows(records) == rows_of(range(8)) + rows_of(range(5, 9))
    after = records[next(at for at, record in enumerate(records) if isinstance(record, Restart)) :]
    assert rows(after, "val_loss") == rows_of(range(6, 9, 2))


def test_steps_go_back_in_one_file(tmp_path: Path) -> None:
    """Within a block the rows before a restart stand before it; an epoch's own count is no going back."""
    first = b"".join(scalar(s, "loss", s / 8) + scalar(s // 10, "epoch", 0, seconds=START + s) for s in range(100))
    again = losses(range(40, 60), tag="loss", later=200) + scalar(4, "epoch", 4, seconds=START + 300)
    records = poll_out(TensorBoard(write(tmp_path / NAME, first + again)))
    assert restarts(records) == [(40, "the steps went back from 99 to 40")]
    at = next(at for at, record in enumerate(records) if isinstance(record, Restart))
    assert (rows(records[:at]), rows(records[at:])) == (rows_of(range(100)), rows_of(range(40, 60)))


def test_steps_that_hardly_rise(tmp_path: Path) -> None:
    """Who counts the batches of each epoch from 0 has many epochs and no thousand restarts."""
    epochs = b"".join(losses(range(3), tag="loss", later=10 * epoch) for epoch in range(200))
    assert restarts(poll_out(TensorBoard(write(tmp_path / NAME, epochs)))) == []


def test_parallel_writers(tmp_path: Path) -> None:
    """Two files written at the same time are one run: each metric comes from the first that has it."""
    write(tmp_path / f"{NAME}.rank0", losses(range(10)))
    write(tmp_path / f"{NAME}.rank1", losses(range(10), later=0.5) + losses(range(0, 10, 5), tag="val/loss"))
    records = poll_out(TensorBoard(tmp_path))
    assert restarts(records) == []
    assert (rows(records), rows(records, "val_loss")) == (rows_of(range(10)), rows_of(range(0, 10, 5)))


def test_cut_and_replaced(tmp_path: Path) -> None:
    """A file that begins anew while it is followed is a new segment, read from its start."""
    path = write(tmp_path / NAME, losses(range(10)))
    store = TensorBoard(path)
    poll_out(store)
    write(path, losses(range(3), later=99))
    records = poll_out(store)
    assert (restarts(records), rows(records)) == ([(None, f"{NAME} was cut or replaced")], rows_of(range(3)))
    replace(path, version() + losses(range(20, 90), later=200))
    assert rows(poll_out(store)) == rows_of(range(20, 90))


def test_damage(tmp_path: Path) -> None:
    """A damaged record is left out with one notice; where no record can be found any more that is said once."""
    broken = bytearray(losses(range(1)))
    broken[-6] ^= 1
    path = write(tmp_path / NAME, losses(range(3)) + bytes(broken) + losses(range(3, 6)))
    store = TensorBoard(path)
    records = poll_out(store)
    place = len(version() + losses(range(3)))
    assert rows(records) == rows_of(range(6))
    assert notices(records) == [f"{NAME}: a record is damaged at byte {place} and left out"]
    size = path.stat().st_size
    append(path, b"this is no record" + losses(range(6, 9)))
    assert notices(poll_out(store)) == [f"{NAME}: damaged at byte {size}; what follows in this file cannot be read"]
    append(path, losses(range(9, 10)))
    assert poll_out(store) == []


def test_a_poll_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll reads one block when its time is up; together the polls give each row once."""
    monkeypatch.setattr(tensorboard, "POLL_SECONDS", 0.0)
    store = TensorBoard(write(tmp_path / NAME, losses(range(1000)) * 40))
    first = store.poll()
    assert not store.caught_up
    assert store.progress == pytest.approx(0.5, abs=0.2)
    assert len(rows(first)) + len(rows(poll_out(store))) == 40_000
    assert store.caught_up
    assert store.progress is None


def test_waiting(tmp_path: Path) -> None:
    """While nothing can be shown one line says why, and a run that logs no loss names what it logs."""
    path = tmp_path / "run" / NAME
    store = TensorBoard(path.parent)
    path.parent.mkdir()
    assert (store.poll(), store.waiting_for) == ([], f"{path.parent} holds no event file yet (events.out.tfevents.*)")
    path.touch()
    assert (store.poll(), store.waiting_for) == ([], f"{path.parent} holds no scalar so far")
    write(path, b"".join(scalar(1, f"reward/\x1b[31m{number}", 1.0) for number in range(9)))
    store.poll()
    named = ", ".join(f"reward/{number}" for number in range(4))
    assert store.waiting_for == f"{path.parent} holds no loss that is known by its name, only {named}"
    assert store.problem is None
    append(path, losses(range(3)))
    assert rows(poll_out(store)) == rows_of(range(3))
    assert store.waiting_for is None


def test_not_there_yet(tmp_path: Path) -> None:
    """A path that is not there is waited for."""
    store = TensorBoard(tmp_path / NAME)
    assert (store.poll(), store.waiting_for) == ([], f"{tmp_path / NAME} does not exist yet")
    assert store.problem is None
    write(tmp_path / NAME, losses(range(3)))
    assert rows(poll_out(store)) == rows_of(range(3))


def test_no_event_file(tmp_path: Path) -> None:
    """Another file that is asked to be one is a problem with its mend, not a run without points."""
    (tmp_path / "train.log").write_text("iter 0: loss 10.9874, time 1.00ms, mfu 1.00%\n" * 9)
    store = TensorBoard(tmp_path / "train.log")
    assert poll_out(store) == []
    assert store.problem is not None
    assert store.problem.startswith(f"{tmp_path}/train.log holds no event records; name a file events.out.tfevents.*")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(tmp_path: Path) -> None:
    """A file that may not be read is a problem with its mend."""
    path = write(tmp_path / NAME, losses(range(3)))
    path.chmod(0)
    store = TensorBoard(path)
    assert store.poll() == []
    assert store.problem == f"{path}: permission denied; make it readable (chmod +r) or run as its owner"


def test_silence(tmp_path: Path) -> None:
    """Silence is counted from the last write to any of the files."""
    for number, age in ((1, 5000), (2, 100)):
        path = write(tmp_path / f"{NAME}.{number}", losses(range(3)))
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    store = TensorBoard(tmp_path)
    assert store.silence_seconds is None
    poll_out(store)
    assert store.silence_seconds == pytest.approx(100, abs=50)


def test_hugging_face(tmp_path: Path) -> None:
    """The Trainer's texts give facts, and what its numbers mean, before the first point."""
    arguments = {"gradient_accumulation_steps": 4, "logging_steps": 5, "max_steps": 90}
    config = {"architectures": ["LlamaForCausalLM"], "hidden_size": 64}
    said = event(0, text("args", json.dumps(arguments))) + event(0, text("model_config", json.dumps(config)))
    records = poll_out(TensorBoard(write(tmp_path / NAME, said + losses(range(5, 20, 5)))))
    recognised, *facts = records[:-1]
    assert isinstance(recognised, Recognised)
    assert (recognised.traits.train_loss, recognised.traits.loss_unit) == ("window mean", "nats")
    assert {fact.name: fact.value for fact in facts if isinstance(fact, Fact)} == {
        "gradient_accumulation_steps": 4,
        "planned_steps": 90,
        "n_embd": 64,
    }
    assert rows(records) == rows_of(range(5, 20, 5))


def test_losses_of_preferences(tmp_path: Path) -> None:
    """A language model that is trained on preferences or rewards has a loss that is none of tokens."""
    arguments = {"gradient_accumulation_steps": 4, "logging_steps": 5, "beta": 0.1}
    said = event(0, text("args", json.dumps(arguments))) + event(0, text("model_config", '{"model_type": "qwen3"}'))
    recognised = only(Recognised, poll_out(TensorBoard(write(tmp_path / NAME, said))))
    assert [known.traits.loss_unit for known in recognised] == ["other"]


def test_losses_of_no_language_model(tmp_path: Path) -> None:
    """Without such texts nobody says that the loss is a language model's."""
    recognised = poll_out(TensorBoard(write(tmp_path / NAME, event(1, simple("loss", 1.0), simple("lr", 0.5)))))[0]
    assert isinstance(recognised, Recognised)
    assert recognised.traits.loss_unit == "unknown"


def test_every_cut(tmp_path: Path) -> None:
    """A live file cut at any byte, polled there and then whole, gives the same points as the whole file."""
    content = version() + losses(range(126, 131)) + event(131, simple("loss", 1.0), simple("lr", 0.5))
    for cut in range(len(content)):
        path = tmp_path / f"{NAME}.{cut}"
        path.write_bytes(content[:cut])
        store = TensorBoard(path)
        before = poll_out(store)
        append(path, content[cut:])
        records = before + poll_out(store)
        assert (rows(records), rows(records, "learning_rate")) == (rows_of(range(126, 131)), [(131, 0.5)])
        assert (notices(records), restarts(records)) == ([], [])


LONG = 5 << 20


@pytest.mark.parametrize("piece", [65_537, (1 << 20) + 16, 3 << 20])
def test_images_between_scalars(tmp_path: Path, piece: int) -> None:
    """Records of 5 MiB, two of them in a row, cost no scalar after them, whatever the pieces in which they arrive."""
    whole = version() + losses(range(5)) + long_record(LONG) * 2 + losses(range(5, 9)) + long_record(LONG + 7)
    whole += losses(range(9, 12))
    path = tmp_path / NAME
    path.touch()
    store, records, halves = TensorBoard(tmp_path), [], set()
    for start in range(0, len(whole), piece):
        append(path, whole[start : start + piece])
        records += poll_out(store)
        halves.add(store.half_line)
    assert rows(records) == rows_of(range(12))
    assert (notices(records), restarts(records)) == ([], [])
    assert (halves, store.half_line) == ({True, False}, False)


def test_images_take_no_memory(tmp_path: Path) -> None:
    """Passing over 20 MiB holds a block or two at a time, of 1 MiB each."""
    store = TensorBoard(write(tmp_path / NAME, losses(range(5)) + long_record(4 * LONG) + losses(range(5, 9))))
    tracemalloc.start()
    records = poll_out(store)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows(records)[-1:] == rows_of(range(8, 9))
    assert peak < LONG


def test_damaged_length_of_an_image(tmp_path: Path) -> None:
    """A long length that its CRC denies is not believed: what stands before it is given, and the loss is told once."""
    content = losses(range(5)) + long_record(LONG, length_damaged=True) + losses(range(5, 9))
    records = poll_out(TensorBoard(write(tmp_path / NAME, content)))
    assert rows(records) == rows_of(range(5))
    assert len(notices(records)) == 1
    assert "what follows in this file cannot be read" in notices(records)[0]
