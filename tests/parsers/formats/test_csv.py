"""Tables of metrics: what their rows become, whatever their header, delimiter and gaps."""

from __future__ import annotations

import math

import pytest
from format_checks import (
    assert_cut_rows_give_no_wrong_number,
    assert_survives_noise,
    curves,
    read,
    run_of,
    with_junk,
    wrapped,
)
from hypothesis import given
from hypothesis import strategies as st
from logs_csv import log
from polled import curve, only

from parsers.formats.csv import Csv
from parsers.records import Points, Recognised, Restart, Traits


def traits(text: bytes) -> Traits:
    """What the last header tells; those of the format where it tells nothing."""
    return ([Csv.traits, *(r.traits for r in only(Recognised, read(Csv, text)))])[-1]


def test_a_row() -> None:
    """Each column that is known is a metric in SI units; the others are left out."""
    found = curves(Csv, b"step,note,loss,lr,dt_ms,memory_gb\n10,x,2.5,1e-4,250,2\n")
    assert found == {
        "train_loss": [(10, 2.5)],
        "learning_rate": [(10, 1e-4)],
        "step_seconds": [(10, 0.25)],
        "memory_bytes": [(10, 2e9)],
    }


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t", b", "])
def test_delimiters(delimiter: bytes) -> None:
    """Comma, semicolon and tab part cells, with or without a blank."""
    text = b"step,loss,lr\n1,2.5,0.1\n2,2.25,0.1\n".replace(b",", delimiter)
    assert curves(Csv, text)["train_loss"] == [(1, 2.5), (2, 2.25)]


def test_decimal_commas() -> None:
    """A spreadsheet of many countries writes 2,5 and parts cells by semicolons."""
    assert curves(Csv, b"step;loss\n1;2,5\n2;2,25\n")["train_loss"] == [(1, 2.5), (2, 2.25)]


def test_quotes_and_a_byte_order_mark() -> None:
    """Quoted cells may hold the delimiter, and Excel begins the file with a mark."""
    text = b'\xef\xbb\xbf"step","what, and why","train/loss"\n"1","a, b","2.5"\n2,c,2.25\n'
    assert curves(Csv, text)["train_loss"] == [(1, 2.5), (2, 2.25)]


def test_a_quote_that_never_ends_takes_no_other_line_with_it() -> None:
    """Junk with an odd quote costs its own line alone."""
    text = b'step,loss\n1,2.5\nhe said "no, never\n2,2.25\n3,2.0\n'
    assert curves(Csv, text)["train_loss"] == [(1, 2.5), (2, 2.25), (3, 2.0)]


@pytest.mark.parametrize("empty", [b"", b" ", b"NA", b"null", b"None", b"N/A", b"-"])
def test_absent_cells(empty: bytes) -> None:
    """What says that there is no number gives no point; nan is a number that the log said."""
    found = curves(Csv, b"step,loss,val_loss\n1,2.5,%b\n2,nan,3.5\n3,inf,\n" % empty)
    assert found["val_loss"] == [(2, 3.5)]
    assert found["train_loss"] == [(1, 2.5), (2, -12345.678), (3, math.inf)]  # curves writes NaN as a number


def test_unknown_rates_are_absent() -> None:
    """An MFU of -1, a time of 0 and an infinite speed are not known yet."""
    text = b"step,loss,mfu,step_time_s,tok/s,lr\n1,2.5,-1,0,inf,nan\n2,2.5,0.4,0.5,1e5,1e-4\n"
    found = curves(Csv, text)
    assert {name: [step for step, _ in points] for name, points in found.items()} == {
        "train_loss": [1, 2], "mfu": [2], "step_seconds": [2], "tokens_per_second": [2], "learning_rate": [2],
    }  # fmt: skip


def test_rows_that_are_too_short_or_too_long_are_none() -> None:
    """A row that was cut, or two that were glued, put numbers under wrong names."""
    text = b"step,loss,lr\n1,2.5,0.1\n2,2.4\n3,2.3,0.1,4,2.2,0.1\n5,2.1,0.1\n"
    assert curves(Csv, text)["train_loss"] == [(1, 2.5), (5, 2.1)]


def test_a_last_row_without_an_end() -> None:
    """Its last number may have been cut, the others were not."""
    found = curves(Csv, b"step,loss,lr\n1,2.5,0.125\n2,2.25,0.1")
    assert found == {"train_loss": [(1, 2.5), (2, 2.25)], "learning_rate": [(1, 0.125)]}
    assert curves(Csv, b"loss,step\n2.5,10\n2.25,1")["train_loss"] == [(10, 2.5)]


def test_a_table_cut_anywhere() -> None:
    """A file that is still written ends within a number; no wrong one is read."""
    assert_cut_rows_give_no_wrong_number(Csv, log(8))


def test_lines_of_other_programs_and_noise() -> None:
    """Junk between the rows changes nothing, and random bytes raise nothing."""
    assert curves(Csv, with_junk(log())) == curves(Csv, log())
    assert_survives_noise(Csv, log())


@given(st.lists(st.sampled_from([1, 2, 7]), max_size=12), st.booleans())
def test_the_points_are_the_same_however_the_stream_is_cut(sizes: list[int], junk: bool) -> None:
    """Also where a header and its first row, or two runs, come in different pieces."""
    text = log(9) + b"step,loss,tokens\n0,3.5,100\n5,3.25,600\n9,3,1000\n"
    whole = with_junk(text) + b"\n" if junk else text
    reader, records, lines = Csv(), [], whole.splitlines(keepends=True)
    for size in sizes:
        records += reader.feed(b"".join(lines[:size]))
        lines = lines[size:]
    run, expected = run_of([*records, *reader.feed(b"".join(lines))]), run_of(read(Csv, whole))
    assert {n: run.series(n).values.tolist() for n in run.metrics()} == {
        n: expected.series(n).values.tolist() for n in expected.metrics()
    }
    assert [r.step for r in run.restarts] == [r.step for r in expected.restarts] == [0]


def test_a_header_again_with_other_columns() -> None:
    """A second run that is appended has its own columns; steps that go back are a restart."""
    text = b"step,loss,lr\n1,2.5,0.1\n2,2.4,0.1\nlr,step,loss\n0.2,1,2.6\n"
    records = read(Csv, text)
    assert curve(records, "train_loss") == [(1, 2.5), (2, 2.4), (1, 2.6)]
    assert [r.step for r in only(Restart, records)] == [1]


def test_words_with_commas_are_no_new_header() -> None:
    """Prose that names metrics does not take the table's columns away."""
    text = b"step,loss,lr\n1,2.5,0.1\nlr, step, loss\n2,2.4,0.1\n3,2.3,0.1\n"
    assert curves(Csv, text.replace(b"lr, step, loss", b"the lr, the step, the loss"))["train_loss"][-1] == (3, 2.3)


def test_epochs_count_where_no_steps_do() -> None:
    """Keras's CSVLogger: a row an epoch, from 0, NA for what is missing."""
    text = b"epoch,accuracy,loss,val_accuracy,val_loss\n0,0.1,3.5,0.2,3.25\n1,0.2,3.0,NA,NA\n"
    assert curves(Csv, text)["train_loss"] == [(0, 3.5), (1, 3.0)]
    assert curves(Csv, text)["val_loss"] == [(0, 3.25)]
    assert traits(text).steps_count == "epochs"


def test_rows_count_where_nothing_else_does() -> None:
    """Without a step, or with an epoch that is a share, the rows are numbered from 1, in pieces too."""
    text = b"epoch,loss,lr\n0.1,3.5,0.1\n\n0.2,3.25,0.1\n0.3,3,0.1\n"
    assert curves(Csv, text)["train_loss"] == curves(Csv, text, 1)["train_loss"] == [(1, 3.5), (2, 3.25), (3, 3.0)]
    assert traits(text).steps_count == "rows"


def test_a_second_run_of_rows_that_count_themselves() -> None:
    """Only its header tells that it began."""
    records = read(Csv, b"train_loss,lr\n3.5,0.1\n3.25,0.1\ntrain_loss,lr\n3.75,0.1\n")
    assert curve(records, "train_loss") == [(1, 3.5), (2, 3.25), (1, 3.75)]
    assert len(only(Restart, records)) == 1


def test_steps_that_begin_anew_in_each_epoch() -> None:
    """They are joined to one count, in pieces too, and are no restart; a step back in one epoch is one."""
    text = b"epoch,batch,loss\n0,0,5\n0,10,4.5\n0,20,4.25\n1,0,4\n1,10,3.5\n1,20,3.25\n2,0,3\n"
    expected = [(0, 5.0), (10, 4.5), (20, 4.25), (30, 4.0), (40, 3.5), (50, 3.25), (60, 3.0)]
    assert curves(Csv, text)["train_loss"] == curves(Csv, text, 1)["train_loss"] == expected
    assert not only(Restart, read(Csv, text))
    assert len(only(Restart, read(Csv, text + b"0,0,5\n"))) == 1


def test_mfu_in_percent() -> None:
    """A column whose values pass 1.5 is in per cent from there on, also for small values and later pieces."""
    text = b"step,loss,mfu\n1,3,-100\n2,3,41.5\n3,3,1.2\n"
    assert curves(Csv, text)["mfu"] == curves(Csv, text, 1)["mfu"] == [(2, 0.41500000000000004), (3, 0.012)]
    assert curves(Csv, b"step,loss,mfu\n1,3,0.4\n2,3,1.02\n")["mfu"] == [(1, 0.4), (2, 1.02)]


def test_tokens_of_one_step_are_not_those_of_the_run() -> None:
    """Tokens that do not grow with the steps are a batch's; those that count up are taken from the second row on."""
    each = b"step,loss,tokens\n0,3,5000\n1,3,5100\n2,3,4900\n"
    total = b"step,loss,tokens\n10,3,5000\n20,3,9800\n30,3,14700\n"
    for lines in (None, 1):
        assert "tokens" not in curves(Csv, each, lines)
        assert curves(Csv, total, lines)["tokens"] == [(20, 9800), (30, 14700)]


def test_a_clock_column() -> None:
    """Seconds since 1970 are the rows' times; seconds since the start are not."""
    points = only(Points, read(Csv, b"time,step,loss\n1700000000.5,1,3\n1700000001.5,2,3\n"))
    assert [p.seconds.tolist() for p in points if p.seconds is not None] == [[1700000000.5, 1700000001.5]]
    assert [p.seconds for p in only(Points, read(Csv, b"time,step,loss\n0.5,1,3\n1.5,2,3\n"))] == [None]


def test_what_the_header_tells_of_the_numbers() -> None:
    """A loss alone may be of anything; perplexity is of text; a speed of one device is said to be one."""
    assert traits(b"step,loss\n1,3\n").loss_unit == "unknown"
    assert traits(b"step,loss,perplexity\n1,3,20\n").loss_unit == "nats"
    assert traits(b"step,loss,tgs\n1,3,20\n").tokens_per_second_of == "device"
    assert traits(b"step,loss,tok/s\n1,3,20\n").tokens_per_second_of == "run"


def test_a_thousand_columns() -> None:
    """Columns that mean nothing cost nothing but their parting."""
    head = b",".join(b"expert_%d" % n for n in range(1000))
    row = b",".join(b"0.5" for _ in range(1000))
    found = curves(Csv, b"step,loss," + head + b"\n" + b"".join(b"%d,2.5,%b\n" % (n, row) for n in range(5)))
    assert found == {"train_loss": [(n, 2.5) for n in range(5)]}


NO_LOGS = {
    "profit and loss": b"date,profit,loss\n2024-01-01,5,3\n2024-01-02,4,2\n",
    "sizes": b"batch_size,tokens_per_second,memory_gb\n1,100,2\n2,180,3\n",
    "nvidia-smi": b"timestamp, name, utilization.gpu [%], memory.used [MiB]\n2024/01/01, H100, 99 %, 40000 MiB\n",
    "addresses": b"name,street,city\nA,B,C\nD,E,F\n",
    "prose": b"At each step, the loss, as ever, fell.\nThe loss, step by step, fell, too.\n",
    "code": b'for step, loss in rows:\n    print(step, loss, lr)\nwriter.writerow(["step", "loss", "lr"])\n',
    "header alone": b"step,loss,lr\n",
    "nothing": b"",
    "one column": b"loss\n2.5\n2.4\n",
}


@pytest.mark.parametrize("name", NO_LOGS)
def test_other_tables_are_not_recognised(name: str) -> None:
    """A table of something else, prose and code give less than a format needs to be chosen."""
    assert Csv.sniff(NO_LOGS[name]) < 0.3


def test_a_table_is_recognised_by_header_and_rows() -> None:
    """Also where junk stands before and between, and more surely with more rows."""
    assert Csv.sniff(with_junk(log())) >= 0.6
    assert 0.3 <= Csv.sniff(b"step,loss\n1,2.5\n") < Csv.sniff(log())


def wide(rows: int = 12, width: int = 0) -> bytes:
    """A table of eleven columns whose rows have some 120 characters and many digits."""
    names = ["step", "train_loss", "val_loss", "lr", "grad_norm", *(f"expert_{n}" for n in range(6 + width))]
    lines = [",".join(names)]
    for row in range(rows):
        cells = [str(10 * row), f"{11 / (row + 3):.13f}", f"{11 / (row + 2):.13f}", f"{3e-4 / (row + 1):.9e}"]
        lines.append(",".join([*cells, f"{1.5 + row / 7:.11f}", *(f"{row / 7 + n:.5f}" for n in range(6 + width))]))
    return "".join(line + "\n" for line in lines).encode()


@pytest.mark.parametrize("columns", range(40, 130))
@pytest.mark.parametrize("more", [0, 12])
def test_rows_that_a_margin_broke(columns: int, more: int) -> None:
    """Copied from a terminal of any width, with a header that is broken as well or not, all points are the same."""
    text = wide(width=more)
    assert curves(Csv, wrapped(text, columns)) == curves(Csv, text)
    assert Csv.sniff(wrapped(text, columns)) == Csv.sniff(text)


def test_a_header_whose_first_line_names_no_metric() -> None:
    """Lightning sorts its columns by name: where the margin comes before the loss, the header is known by its rest."""
    head = b"accuracy_of_the_first,accuracy_of_the_second,epoch,note_of_the_run,step,train_loss\n"
    text = head + b"".join(b"0.%d,0.%d,%d,%s,%d,%d.5\n" % (n, n, n, b"x" * 44, n, n) for n in range(1, 6))
    assert curves(Csv, wrapped(text, 48)) == curves(Csv, text)
    assert len(curves(Csv, text)["train_loss"]) == 5


def test_a_margin_takes_nothing_that_is_not_certain() -> None:
    """One broken row alone, rows that were cut for good, and lines of unlike width are no rows."""
    head, first, *rest = wide().splitlines(keepends=True)
    once = head + first[:80] + b"\n" + first[80:]
    assert curves(Csv, once) == {}
    cut = head + b"".join(row[:80] + b"\n" for row in rest)
    assert curves(Csv, cut) == {}
    ragged = head + b"".join(row[: 70 + at] + b"\n" + row[70 + at :] for at, row in enumerate(rest))
    assert curves(Csv, ragged) == {}


def test_a_wide_line_among_broken_rows() -> None:
    """Where some line is wider than where the rows break, no margin broke them."""
    head = b"step,train_loss,val_loss,lr,grad_norm,a,b,c,d,e,f\n"
    broken = head + wrapped(wide().partition(b"\n")[2], 80)
    assert len(curves(Csv, broken)["train_loss"]) == 12
    assert curves(Csv, broken + b"x" * 100 + b"\n") == {}


def test_a_broken_table_after_other_lines_and_before_another() -> None:
    """Words before it and a second table below it, narrow enough to be whole, change nothing of its points."""
    second = b"step,loss\n200,0.5\n210,0.25\n"
    text = b"$ cat metrics.csv\n" + wrapped(wide(), 80).rstrip(b"\n") + b"\n" + second
    assert curves(Csv, text)["train_loss"] == [*curves(Csv, wide())["train_loss"], (200, 0.5), (210, 0.25)]


@pytest.mark.parametrize("columns", [40, 57, 80, 100])
def test_a_broken_table_that_is_cut_gives_no_wrong_number(columns: int) -> None:
    """Copied up to any place of its last rows, within a number too."""
    text = wide(4)
    expected = {name: set(points) for name, points in curves(Csv, text).items()}
    whole = wrapped(text, columns)
    for end in range(len(whole) - 200, len(whole)):
        for name, points in curves(Csv, whole[:end]).items():
            assert set(points) <= expected[name]


@pytest.mark.parametrize("lines", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("columns", range(91, 130, 3))
def test_a_broken_table_in_pieces_gives_no_wrong_number(columns: int, lines: int) -> None:
    """A page whose header is whole and that comes in pieces may lose rows and makes up none."""
    expected = {name: set(points) for name, points in curves(Csv, wide()).items()}
    for name, points in curves(Csv, wrapped(wide(), columns), lines).items():
        assert set(points) <= expected.get(name, set())
