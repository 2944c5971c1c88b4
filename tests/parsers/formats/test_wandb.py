"""Weights & Biases' file as a source: whole, cut, growing, damaged, replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
from polled import curve, facts, only, poll_out
from raw_logs import CORPUS
from wandb_files import (
    HEADER,
    ended,
    rows,
    run,
    wandb_file,
    write,
)

from parsers.formats.wandb import Wandb
from parsers.records import Notice, Points, Recognised, Restart

LOGS = CORPUS / "wandb-offline"


def test_history_comes_back_point_for_point(tmp_path: Path) -> None:
    """Each row of the history gives its step, its value and its time; Recognised comes before all."""
    records = poll_out(Wandb(write(tmp_path / "run-a.wandb", rows(0, 500))))
    assert isinstance(records[0], Recognised)
    assert curve(records, "train_loss") == [(number, 5 - number / 100) for number in range(500)]
    (block,) = only(Points, records)
    assert block.seconds is not None
    assert block.seconds.tolist() == [1.7e9 + number for number in range(500)]


def test_a_file_longer_than_one_poll_gives_each_row_once(tmp_path: Path) -> None:
    """20,000 rows take several polls; their blocks together are the history, and progress rises in between."""
    store = Wandb(write(tmp_path / "run-a.wandb", rows(0, 20_000)))
    records, shares = store.poll(), []
    while not store.caught_up:
        shares.append(store.progress)
        records += store.poll()
    assert [step for step, _ in curve(records, "train_loss")] == list(range(20_000))
    assert len(shares) > 1
    assert shares == sorted(share for share in shares if share is not None)
    assert len(only(Recognised, records)) == 1


def test_a_growing_file_gives_each_row_once_whatever_the_cuts(tmp_path: Path) -> None:
    """A file that grows byte by byte gives each row exactly once, and says when it ends within a record."""
    path = tmp_path / "run-a.wandb"
    whole = wandb_file([run({"n_layer": 12}), *rows(0, 5), ended(0)])
    store, records = Wandb(path), []
    path.touch()
    halves = set()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        records += store.poll()
        halves.add(store.half_line)
    assert curve(records, "train_loss") == [(number, 5 - number / 100) for number in range(5)]
    assert facts(records) == {"n_layer": 12}
    assert halves == {True, False}
    assert store.done
    assert not only(Restart, records)


def test_every_cut_of_a_file_gives_a_prefix(tmp_path: Path) -> None:
    """A file that a crash cut at any byte gives the rows before the cut, without a word of damage."""
    path = tmp_path / "run-a.wandb"
    whole = wandb_file(rows(0, 5))
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        records = poll_out(Wandb(path))
        given_rows = curve(records, "train_loss")
        assert given_rows == [(number, 5 - number / 100) for number in range(len(given_rows))]
        assert not only(Notice, records)


def test_damage_is_told_once_and_the_rest_is_read(tmp_path: Path) -> None:
    """Two wrong checksums in a long file cost some rows and one notice."""
    whole = bytearray(wandb_file(rows(0, 2000)))
    whole[40_000] ^= 1
    whole[140_000] ^= 1
    path = tmp_path / "r.wandb"
    path.write_bytes(whole)
    records = poll_out(Wandb(path))
    found = curve(records, "train_loss")
    assert found == [(n, 5 - n / 100) for n, _ in found]
    assert 1000 < len(found) < 2000
    assert found[-1][0] == 1999
    assert [n.kind for n in only(Notice, records)] == ["reader"]


def test_damage_in_the_last_block_is_told_at_the_end(tmp_path: Path) -> None:
    """A small file with a wrong checksum gives what stands before it, and whoever stops reading hears of it, once."""
    whole = bytearray(wandb_file(rows(0, 4)))
    whole[-3] ^= 1
    path = tmp_path / "r.wandb"
    path.write_bytes(whole)
    store = Wandb(path)
    assert not only(Notice, store.poll())
    assert [n.kind for n in only(Notice, store.finish())] == ["reader"]
    assert store.finish() == []


def test_a_replaced_file_begins_anew_and_a_longer_copy_goes_on(tmp_path: Path) -> None:
    """A copy that is synchronised from another machine goes on where the old one ended; another run is a Restart."""
    path, copy = tmp_path / "r.wandb", tmp_path / "copy"
    store = Wandb(write(path, rows(0, 3)))
    store.poll()
    write(copy, rows(0, 5)).rename(path)
    assert curve(more := store.poll(), "train_loss") == [(3, 4.97), (4, 4.96)]
    assert not only(Restart, more)
    write(copy, [run({"n_layer": 2}), *rows(0, 1)]).rename(path)
    again = store.poll()
    assert isinstance(again[0], Restart)
    assert curve(again, "train_loss") == [(0, 5.0)]


def test_a_directory_of_a_run_is_read(tmp_path: Path) -> None:
    """offline-run-DATE-ID with its run-ID.wandb is a store; so is the file; other directories and files are none."""
    folder = tmp_path / "offline-run-20260101_000000-abc"
    folder.mkdir()
    assert not Wandb.holds(folder, b"")
    assert Wandb.holds(folder / "run-abc.wandb", b"")
    assert not Wandb.holds(folder / "train.log", b"")
    path = write(folder / "run-abc.wandb", rows(0, 2))
    assert Wandb.holds(folder, b"")
    assert Wandb.holds(path, path.read_bytes()[:100])
    assert not Wandb.holds(path, b"iter 0: loss 1.0\n")
    assert curve(poll_out(Wandb(folder)), "train_loss") == [(0, 5.0), (1, 4.99)]


def start(wandb: Path, day: int, records: list[bytes], *, run_id: str = "a-b", kind: str = "run") -> Path:
    """The directory of one start of a run, begun on that day of January."""
    folder = wandb / f"{kind}-2026010{day}_120000-{run_id}"
    folder.mkdir()
    write(folder / f"run-{run_id}.wandb", records)
    return folder


def test_a_resumed_run_is_one_whatever_start_is_opened(tmp_path: Path) -> None:
    """All starts of one ID come in the order in which they were begun, each in a segment; a file comes alone."""
    first = start(tmp_path, 1, [run({"n_layer": 12}), *rows(0, 30), ended(1)])
    second = start(tmp_path, 2, [run({"n_layer": 12}, starting_step=30), *rows(30, 50)], kind="offline-run")
    third = start(tmp_path, 3, [run({"n_layer": 12}, starting_step=50), *rows(50, 60), ended(0)])
    start(tmp_path, 2, rows(500, 510), run_id="a")
    start(tmp_path, 2, rows(600, 610), run_id="a-b-c")
    (tmp_path / "latest-run").symlink_to(third.name)
    expected = [(number, 5 - number / 100) for number in range(60)]
    for folder in (first, second, third, tmp_path / "latest-run"):
        store = Wandb(folder)
        records = poll_out(store)
        assert curve(records, "train_loss") == expected
        assert [r.why for r in only(Restart, records)] == [f"W&B resumed the run at its step {at}" for at in (30, 50)]
        assert [(n.kind, n.step) for n in only(Notice, records)] == [
            ("traceback", 29), ("resume", 29), ("resume", 49), ("end", 59),
        ]  # fmt: skip
        assert (store.done, store.caught_up, len(only(Recognised, records))) == (True, True, 1)
    assert curve(poll_out(Wandb(next(second.glob("*.wandb")))), "train_loss") == expected[30:50]


def test_two_starts_in_one_second(tmp_path: Path) -> None:
    """W&B then gives the second directory a suffix, which the ID does not have."""
    first = start(tmp_path, 1, rows(0, 3))
    second = tmp_path / f"{first.name}-1"
    second.mkdir()
    write(second / "run-a-b.wandb", [run({}, starting_step=3), *rows(3, 5)])
    assert [step for step, _ in curve(poll_out(Wandb(first)), "train_loss")] == [0, 1, 2, 3, 4]


def test_a_run_that_is_resumed_while_it_is_watched(tmp_path: Path) -> None:
    """A new directory is gone on to once the last file was read, and given each row once."""
    store = Wandb(start(tmp_path, 1, rows(0, 5)))
    records = poll_out(store)
    second = start(tmp_path, 2, [])
    records += poll_out(store)
    assert not only(Restart, records)
    write(second / "run-a-b.wandb", [run({}, starting_step=5), *rows(5, 7)])
    records += poll_out(store)
    write(second / "run-a-b.wandb", [run({}, starting_step=5), *rows(5, 9)])
    records += poll_out(store)
    assert [step for step, _ in curve(records, "train_loss")] == list(range(9))
    assert len(only(Restart, records)) == 1


def test_a_resumed_run_goes_back_to_its_checkpoint(tmp_path: Path) -> None:
    """What was logged after the checkpoint comes again in the new file, after the restart."""
    first = start(tmp_path, 1, rows(0, 12))
    again = [row.replace(b"1700000", b"1700009") for row in rows(10, 15)]
    start(tmp_path, 2, [run({}), *again])
    records = poll_out(Wandb(first))
    assert [step for step, _ in curve(records, "train_loss")] == [*range(12), *range(10, 15)]
    assert [r.why for r in only(Restart, records)] == ["the run was started again under its W&B ID"]


def test_a_process_that_logs_to_the_same_run_at_the_same_time(tmp_path: Path) -> None:
    """Its rows are no later stretch of the run: they are left out, which is said once; the next start goes on."""
    first = start(tmp_path, 1, rows(0, 500))
    start(tmp_path, 2, rows(3, 400))
    start(tmp_path, 3, [run({}, starting_step=500), *rows(500, 510)])
    records = poll_out(Wandb(first))
    assert [step for step, _ in curve(records, "train_loss")] == list(range(510))
    assert ["another process" in n.text for n in only(Notice, records)] == [True, False]
    assert len(only(Restart, records)) == 1


def test_progress_over_several_files(tmp_path: Path) -> None:
    """The share of all files' bytes, which rises to the end; a start without a row costs nothing."""
    first = start(tmp_path, 1, rows(0, 6000))
    start(tmp_path, 2, [])
    start(tmp_path, 3, rows(6000, 12_000))
    store, shares, records = Wandb(first), [], []
    while True:
        records += store.poll()
        if store.caught_up:
            break
        shares.append(store.progress)
    assert [step for step, _ in curve(records, "train_loss")] == list(range(12_000))
    known = [share for share in shares if share is not None]
    assert len(known) > 2
    assert known == sorted(known)


def test_it_says_why_nothing_comes(tmp_path: Path) -> None:
    """No file, an empty file, a file without history, and no file of W&B's each have their own words."""
    path = tmp_path / "r.wandb"
    store = Wandb(path)
    store.poll()
    assert "does not exist yet" in str(store.waiting_for)
    path.write_bytes(HEADER)
    store.poll()
    assert "is empty so far" in str(store.waiting_for)
    write(path, [run({})])
    assert only(Recognised, store.poll()) == []
    assert "logged with wandb.log so far" in str(store.waiting_for)
    assert store.problem is None
    path.write_bytes(b"a text\n" * 10)
    other = Wandb(path)
    assert other.poll() == []
    assert "is no W&B file" in str(other.problem)
    assert other.caught_up


@pytest.mark.skipif(not LOGS.is_dir(), reason="the corpus of real logs is not here")
def test_a_file_of_wandb_0_10_without_history() -> None:
    """A real file of 2021 is recognised, has ended, and says that nothing was logged."""
    store = Wandb(next(LOGS.glob("*.wandb")))
    records = poll_out(store)
    assert [type(r) for r in records] == [Recognised, Notice]
    assert store.done
    assert str(store.waiting_for).endswith("nothing was logged with wandb.log")
