"""metrics.csv of Lightning's CSVLogger."""

from __future__ import annotations

from pathlib import Path

from format_checks import assert_cut_rows_give_no_wrong_number, curves, read, run_of
from growing import append, poll_all
from logs_csv import log as plain_log
from logs_lightning_csv import log
from polled import only

from parsers.clean import clean
from parsers.formats.csv import Csv
from parsers.formats.lightning_csv import LightningCsv
from parsers.records import Points, Recognised, Restart
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


def test_a_rewrite_with_a_new_column_changes_no_curve(tmp_path: Path) -> None:
    """The follower sees a file that began anew; the points that came before are there once, and the new column."""
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"epoch,step,train_loss\r\n" + b"".join(b"0,%d,5.5\r\n" % n for n in range(49, 1049, 50)))
    source = LogFile(path, "lightning-csv")
    # names are looked up where formats are registered, so that this file needs no other
    source._intake._forced, source._intake._unknown_name = LightningCsv, None
    records = poll_all(source)
    rewritten = b"".join(b"0,%d,5.5,\r\n" % n for n in range(49, 1049, 50)) + b"0,999,,4.5\r\n"
    path.write_bytes(b"epoch,step,train_loss,val_loss\r\n" + rewritten)
    records += poll_all(source)
    append(path, b"1,1049,5.25,\r\n")
    records += poll_all(source)
    source.close()
    run = run_of(records)
    assert run.series("train_loss").steps.tolist() == list(range(49, 1099, 50))
    assert run.series("val_loss").values.tolist() == [4.5]


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
