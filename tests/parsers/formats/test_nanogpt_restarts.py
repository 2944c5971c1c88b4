"""Where a new segment begins, and where none does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from nanogpt_logs import notices, read, restarts, rows

HEADER = "tokens per iteration will be: 524,288\nnumber of parameters: 40.56M\n"


def step(number: int, loss: float = 3.0) -> str:
    return f"step {number}: train loss {loss:.4f}, val loss {loss:.4f}\n"


def iters(first: int, last: int) -> str:
    return "".join(f"iter {n}: loss 3.0000, time 9.00ms, mfu 1.00%\n" for n in range(first, last + 1))


def test_a_run_from_start_to_end_has_no_restart() -> None:
    """Neither its header nor iter N behind step N begins anything new."""
    log = HEADER + "".join(step(n) + "saving checkpoint to out\n" + iters(n, n + 9) for n in range(0, 200, 10))
    assert restarts(read(log)) == []
    assert restarts(read(log, [1] * log.count("\n"))) == []


def test_steps_that_go_back_begin_a_segment() -> None:
    """A log that was appended to without a header still shows where the run went back to a checkpoint."""
    log = step(0) + iters(0, 57) + step(50) + iters(50, 99)
    found = read(log)
    assert [(r.step, r.why) for r in restarts(found)] == [(50, "the steps went back from 57 to 50")]
    assert [
        len(rows_of) for rows_of in (segment[("train_loss", "step_seconds", "mfu")] for segment in rows(found))
    ] == [
        58,
        50,
    ]


def test_a_step_line_behind_the_iter_line_of_its_step_begins_a_segment() -> None:
    """A run that died right after its checkpoint goes on at the very same step."""
    found = read(step(0) + iters(0, 50) + step(50) + iters(50, 60))
    assert [(r.step, r.why) for r in restarts(found)] == [(50, "step 50 came again")]


def test_a_header_after_rows_begins_a_segment_with_the_next_row() -> None:
    """The step of the new segment is that of its first row, also where the numbers do not go back."""
    found = read(iters(0, 40) + HEADER + iters(41, 80))
    assert [(r.step, r.why) for r in restarts(found)] == [(41, "tokens per iteration will be: 524,288")]
    assert [len(next(iter(segment.values()))) for segment in rows(found)] == [41, 40]


def test_a_resume_is_said_in_its_own_words() -> None:
    """The line that says so tells more than the lines around it, and is a notice of its own."""
    found = read(iters(0, 57) + HEADER + "Resuming training from out-x\n" + step(50) + iters(50, 60))
    assert [(r.step, r.why) for r in restarts(found)] == [(50, "Resuming training from out-x")]
    assert [(n.text, n.step) for n in notices(found, "resume")] == [("Resuming training from out-x", 57)]


def test_a_header_that_no_row_follows_begins_nothing() -> None:
    """Ranks that die flush the header that they had buffered; that is no new run."""
    log = iters(0, 40) + HEADER + HEADER
    assert restarts(read(log)) == []
    assert restarts(read(log, [41, 1, 1, 1, 1])) == []


def test_lines_printed_twice_begin_nothing() -> None:
    """Several ranks, or `tee` twice, repeat a line; the number does not go back."""
    log = "".join(step(n) * 2 + iters(n, n) * 2 for n in range(40))
    assert restarts(read(log)) == []


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 45), st.booleans()), max_size=5), st.data())
def test_restarts_do_not_depend_on_the_pieces(runs: list[tuple[int, int, bool]], data: st.DataObject) -> None:
    """However a log is cut into pieces, its segments and the reasons for them are the same."""
    log = "".join((HEADER if header else "") + iters(first, first + count) for first, count, header in runs)
    sizes = data.draw(st.lists(st.integers(1, 40), max_size=12))
    whole, pieces, single = read(log), read(log, sizes), read(log, [1] * log.count("\n"))
    assert rows(whole) == rows(pieces) == rows(single)
    assert restarts(whole) == restarts(pieces) == restarts(single)
