"""What every text format inherits: rows anywhere, facts, steps for rows that have none, restarts, cuts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from format_checks import (
    assert_cut_rows_give_no_wrong_number,
    assert_sturdy,
    assert_survives_noise,
    curves,
    facts,
    read,
    run_of,
    wrapped,
)
from hypothesis import given
from hypothesis import strategies as st
from tiny_format import Tiny, log

from parsers.records import Notice, Points, Restart


def test_a_log_gives_its_points_and_facts() -> None:
    """Every row at its step, in SI units; what the start and the rows say of the run."""
    found = curves(Tiny, log(20))
    assert found["train_loss"] == [(row, round(6 - 0.01 * row, 4)) for row in range(20)]
    assert dict(found["step_seconds"])[7] == pytest.approx(12e-3)
    assert found["tokens"] == [(row, 1000.0 * (row + 1)) for row in range(0, 20, 5)]
    assert facts(Tiny, log(20)) == {"parameters": 1234, "planned_steps": 20}


def test_a_row_without_a_step_takes_that_of_its_neighbour() -> None:
    """`eval` is printed before its step's row, `held` after it."""
    found = curves(Tiny, log(30))
    assert [step for step, _ in found["val_loss"]] == [0, 10, 20]
    assert [step for step, _ in found["grad_norm"]] == list(range(30))


def test_a_last_eval_without_a_row_behind_it_is_kept() -> None:
    """The log ends with an eval: it belongs to the step after the last row."""
    assert curves(Tiny, b"it 7/9 loss 2.5\neval 2.25\n")["val_loss"] == [(8, 2.25)]


def test_an_eval_before_any_row_of_a_log_without_rows_is_dropped() -> None:
    """Nobody knows its step, so it has none."""
    assert curves(Tiny, b"eval 2.25\n") == {}


@pytest.mark.parametrize(
    "before",
    ["", "33", "[rank0]:", "0: ", "[default7]:", "2026-05-18 16:04:46,338 - root - INFO - ", "> ", "| ",
     "2026-05-18T16:04:46.123456789Z stdout F "],
)  # fmt: skip
def test_what_stands_before_a_row_does_not_hide_it(before: str) -> None:
    """Keys typed into the terminal, ranks, timestamps, quotes."""
    assert curves(Tiny, f"{before}it 7/9 loss 2.5\n".encode())["train_loss"] == [(7, 2.5)]


@pytest.mark.parametrize(
    "line", ['print(f"it 7/9 loss 2.5")', "# it 7/9 loss 2.5", "as we saw it 7/9 loss 2.5", "it {i}/{n} loss {l}"]
)
def test_code_comments_and_prose_give_no_row(line: str) -> None:
    """A log may hold the trainer's own source."""
    assert curves(Tiny, f"{line}\n".encode()) == {}


def test_clocks_before_rows_become_wall_seconds() -> None:
    """Rows with a timestamp carry it; where one has none the block has none."""
    rows = b"".join(b"2026-05-18 16:04:%02d it %d/9 loss 2.5\n" % (second, second) for second in range(1, 6))
    points = [r for r in read(Tiny, rows) if isinstance(r, Points)]
    assert points[0].seconds is not None
    assert (points[0].seconds - points[0].seconds[0]).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_of_ranks_that_run_apart_one_series_is_made_and_the_skew_is_known() -> None:
    """Rank 1 is two steps behind: its rows are not taken, the distance is a fact, nothing restarts."""
    lines = []
    for step in range(2, 40):
        lines += [f"[rank0]:it {step}/99 loss 2.5", f"[rank1]:it {step - 2}/99 loss 2.5"]
    run = run_of(read(Tiny, ("\n".join(lines) + "\n").encode()))
    assert len(run.segments) == 1
    assert run.series("train_loss").steps.tolist() == list(range(2, 40))
    assert run.facts["rank_skew_steps"].value == 2


def test_a_run_that_starts_again_opens_a_segment() -> None:
    """Two runs appended to one file; the second is what counts from its first step on."""
    records = read(Tiny, log(30) + log(12))
    assert len([r for r in records if isinstance(r, Restart)]) == 1
    assert len(run_of(records).segments) == 2


def test_checkpoints_resumes_ends_and_tracebacks_are_notices() -> None:
    """Each with the step that was printed before it."""
    text = b"it 5/9 loss 2.5\nsaved to out/5\nresumes from out/5\nit 6/9 loss 2.4\nall done\n"
    crash = b"Traceback (most recent call last):\n  File x\nValueError: bad\n"
    notices = [(r.kind, r.step) for r in read(Tiny, text + crash) if isinstance(r, Notice)]
    assert notices == [("checkpoint", 5), ("resume", 5), ("end", 6), ("traceback", 6)]


def test_a_number_that_says_nothing_is_absent_at_its_row_alone() -> None:
    """An MFU of 0 or less is unknown; the other rows keep theirs."""
    rows = b"".join(b"at %d a=1.0 m=%d.5\n" % (row, -1 if row == 3 else 30) for row in range(50))
    found = curves(Tiny, rows)
    assert [step for step, _ in found["mfu"]] == [row for row in range(50) if row != 3]
    assert len(found["learning_rate"]) == 50


def test_sniff_knows_its_rows_and_its_start() -> None:
    """Three rows leave no doubt, its start alone gives some, other text gives none, a wrapped log is known too."""
    assert Tiny.sniff(log(10)) == 1.0
    assert Tiny.sniff(wrapped(log(40), 40)) == 1.0
    assert 0 < Tiny.sniff(b"begins with 12 weights\n") < 1
    assert Tiny.sniff(b"it was eval time, at last\nhello\n") == 0.0


def test_cuts_junk_margins_and_noise_change_nothing() -> None:
    """The same points however the stream comes; no number out of a row that is cut; no exception."""
    assert_sturdy(Tiny, log())
    assert_cut_rows_give_no_wrong_number(Tiny, log())
    assert_survives_noise(Tiny, log())


@given(cuts=st.lists(st.integers(0, 3000), max_size=6), width=st.sampled_from([None, 41, 80]))
def test_any_cut_of_the_stream_gives_the_same_points(cuts: list[int], width: int | None) -> None:
    """Blocks end at line ends, wherever those are, within a wrapped row too."""
    text = log(40) if width is None else wrapped(log(40), width)
    lines = text.splitlines(keepends=True)
    reader = Tiny()
    edges = sorted({0, len(lines), *(c for c in cuts if c < len(lines))})
    records = [r for a, b in pairwise(edges) for r in reader.feed(b"".join(lines[a:b]))]
    run = run_of([*records, *reader.close()])
    whole = curves(Tiny, log(40))
    if width is None:
        assert {m: len(run.series(m)) for m in run.metrics()} == {m: len(p) for m, p in whole.items()}
    assert set(run.series("train_loss").steps.tolist()) <= {step for step, _ in whole["train_loss"]}
