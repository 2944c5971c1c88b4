"""metrics.csv of Lightning's CSVLogger."""

from __future__ import annotations

from pathlib import Path

import pytest
from format_checks import assert_cut_rows_give_no_wrong_number, curves, read, run_of
from growing import poll_all
from logs_csv import log as plain_log
from logs_lightning_csv import log
from polled import curve, only

from parsers.clean import clean
from parsers.formats import csv_rewritten
from parsers.formats.csv import Csv
from parsers.formats.lightning_csv import LightningCsv
from parsers.records import Points, Recognised, Record, Restart
from parsers.sources import LogFile


def test_training_validation_and_learning_rate_stand_on_rows_of_their_own() -> None:
    """Their points keep the steps as written, 49, 99 and on; an empty cell is no point."""
    found = curves(LightningCsv, log(20))
    assert found["train_loss"] == [(50 * row + 49, 11.0 - 0.11 * row) for row in range(20)]
    assert found["val_loss"] == [(499, 11.1 - 0.11 * 9), (999, 11.1 - 0.11 * 19)]
    assert found["learning_rate"] == [(50 * row + 49, 3e-4 - 1e-6 * row) for row in range(20)]


def test_the_last_batch_comes_before_the_mean_of_the_epoch() -> None:
    """Of train_loss_step and train_loss_epoch only the first is train_loss, in every block."""
    points = [p for p in only(Points, read(LightningCsv, log(20))) if "train_loss" in p.columns]
    assert sum(len(p.steps) for p in points) == 20
    only_mean = b"epoch,step,train_loss_epoch\r\n0,99,5.5\r\n1,199,5.25\r\n"
    assert curves(LightningCsv, only_mean)["train_loss"] == [(99, 5.5), (199, 5.25)]


def test_steps_do_not_go_back_in_one_run() -> None:
    """Rows of several kinds at one step are no restart, at whatever lines the stream is cut."""
    for lines in (None, 1, 7):
        assert not only(Restart, read(LightningCsv, log(), lines))
    assert curves(LightningCsv, log(), 7) == curves(LightningCsv, log(), 1) == curves(LightningCsv, log())


def test_a_file_cut_anywhere() -> None:
    """The logger writes in blocks of a hundred rows; a half row at their end gives no wrong number."""
    assert_cut_rows_give_no_wrong_number(LightningCsv, log(12))


ROWS = [(n, 5.5 - n / 1000) for n in range(49, 1049, 50)]


def table(rows: list[tuple[int, float]], *, val: bool = False) -> bytes:
    """metrics.csv with these training rows; with a validation column, as Lightning fills it in what was there."""
    head = b"epoch,step,train_loss,val_loss\r\n" if val else b"epoch,step,train_loss\r\n"
    return head + b"".join(b"0,%d,%.4f%b\r\n" % (step, loss, b"," if val else b"") for step, loss in rows)


def followed(path: Path, *contents: bytes, forced: bool = True) -> list[Record]:
    """The records of a file that has these contents one after another, polled to the end of each."""
    source = LogFile(path, "lightning-csv" if forced else None)
    records: list[Record] = []
    for content in contents:
        path.write_bytes(content)
        records += poll_all(source)
    records += source.finish()
    source.close()
    return records


@pytest.mark.parametrize("forced", [True, False])
def test_a_rewrite_with_a_new_column_is_the_same_run(tmp_path: Path, forced: bool) -> None:
    """The rows that come again are given once, those after them go on, and nothing restarts."""
    anew = table(ROWS, val=True) + b"0,999,,4.5\r\n"
    contents = (table(ROWS), anew, anew + b"1,1049,5.25,\r\n")
    records = followed(tmp_path / "metrics.csv", *contents, forced=forced)
    assert not only(Restart, records)
    assert curve(records, "train_loss") == [*ROWS, (1049, 5.25)]
    assert curve(records, "val_loss") == [(999, 4.5)]


def test_a_rewrite_that_is_seen_half_done(tmp_path: Path) -> None:
    """Polled at any byte of the new file, which is empty at first, nothing is told twice and nothing is lost."""
    anew = table(ROWS, val=True) + b"0,999,,4.5\r\n"
    for end in range(0, len(anew), 7):
        records = followed(tmp_path / f"{end}.csv", table(ROWS), anew[:end], anew)
        assert (curve(records, "train_loss"), curve(records, "val_loss")) == (ROWS, [(999, 4.5)])
        assert not only(Restart, records)


def test_two_rewrites_before_the_first_was_read(tmp_path: Path) -> None:
    """A second new column comes while the first rewrite is only partly seen."""
    last = table(ROWS, val=True).replace(b"\r\n", b",\r\n").replace(b"val_loss,", b"val_loss,z_norm")
    contents = (table(ROWS), table(ROWS[:4], val=True), last + b"0,999,,4.5,\r\n")
    records = followed(tmp_path / "metrics.csv", *contents)
    assert (curve(records, "train_loss"), curve(records, "val_loss")) == (ROWS, [(999, 4.5)])
    assert not only(Restart, records)


def test_a_rewrite_with_other_rows_is_another_run(tmp_path: Path) -> None:
    """From the first row on that is not what it was, all is given again after one restart."""
    others = [(step, loss + (0.25 if row >= 3 else 0)) for row, (step, loss) in enumerate(ROWS[:6])]
    records = followed(tmp_path / "metrics.csv", table(ROWS), table(others, val=True))
    assert [r.step for r in only(Restart, records)] == [others[3][0]]
    assert curve(records, "train_loss") == [*ROWS, *others[3:]]
    assert run_of(records).series("train_loss").steps.tolist() == [step for step, _ in others]


def test_a_rewrite_that_changes_what_a_column_means(tmp_path: Path) -> None:
    """Where train_loss_step takes the place of train_loss_epoch, the points of before were of something else."""
    mean = b"epoch,step,train_loss_epoch\r\n0,99,5.5\r\n1,199,5.25\r\n"
    both = b"epoch,step,train_loss_epoch,train_loss_step\r\n0,99,5.5,\r\n1,199,5.25,\r\n1,249,,5\r\n"
    records = followed(tmp_path / "metrics.csv", mean, both)
    assert len(only(Restart, records)) == 1
    assert run_of(records).series("train_loss").values.tolist() != [5.5, 5.25, 5.0]


def test_a_rewrite_by_another_logger(tmp_path: Path) -> None:
    """Another trainer's log in the same file is a restart."""
    source = LogFile(path := tmp_path / "metrics.csv")
    path.write_bytes(table(ROWS))
    poll_all(source)
    path.write_bytes(b"".join(b"iter %d: loss 4.5, time 10.00ms, mfu 1.00%%\n" % n for n in range(50)))
    records = poll_all(source)
    source.close()
    assert isinstance(records[0], Restart)
    assert len(curve(records, "train_loss")) == 50


def test_too_long_a_table_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what is remembered a rewrite is a restart, and the curves are the same."""
    monkeypatch.setattr(csv_rewritten, "MOST_ROWS", 10)
    records = followed(tmp_path / "metrics.csv", table(ROWS), table(ROWS, val=True))
    assert len(only(Restart, records)) == 1
    assert run_of(records).series("train_loss").steps.tolist() == [step for step, _ in ROWS]


def test_what_tells_it_from_other_tables() -> None:
    """It is surer than the plain table by the margin that a choice needs, and silent about other tables."""
    window = clean(log())
    assert LightningCsv.sniff(window) - Csv.sniff(window) >= 0.1
    only_training = b"epoch,step,train_loss\n0,49,5.5\n0,99,5.25\n"
    assert LightningCsv.sniff(only_training) > Csv.sniff(only_training) + 0.1
    assert LightningCsv.sniff(plain_log()) == 0
    dense = b"epoch,step,train_loss,val_loss\n0,100,5.5,5.6\n1,200,5.25,5.5\n"
    assert LightningCsv.sniff(dense) == 0
    assert LightningCsv.sniff(b"step,epoch,loss_step\n1,0,2.5\n") == 0


def test_what_its_names_tell_of_the_loss() -> None:
    """A perplexity beside it says nats; a loss alone may be of anything."""
    perplexity = b"epoch,step,train_loss_step,train_perplexity_step\n0,49,5.5,244.7\n"
    assert [r.traits.loss_unit for r in only(Recognised, read(LightningCsv, perplexity))] == ["nats"]
    assert LightningCsv.traits.loss_unit == "unknown"
    assert not only(Recognised, read(LightningCsv, log()))
