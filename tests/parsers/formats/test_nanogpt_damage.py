"""Rows glued to junk, cut, wrapped by a terminal, and text that merely looks like rows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanogpt_logs import read, rows

FULL = ("train_loss", "step_seconds", "mfu")
PLAIN = ("train_loss", "step_seconds")
EVAL = ("eval_train_loss", "val_loss")
ITER_LINE = "iter 74850: loss 3.2751, time 452.62ms, mfu 113.32%"
ITER_ROW = {FULL: [(74850, 3.2751, 452.62 / 1000, 113.32 / 100)]}
STEP_LINE = "step 20000: train loss 3.6087, val loss 3.5228"
STEP_ROW = {EVAL: [(20000, 3.6087, 3.5228)]}


@pytest.mark.parametrize(
    "before",
    ["33", "^[[A^[[A", "[A[A", "B", "clear", "[rank0]:", "0: ", "[default7]:", "  ", "(main pid=77) ", "train  | ",
     "2024-11-18 22:27:11,793 INFO ", "Nov 18 22:27:11 box python[1234]: ", " 50%|     | 5/10 [00:01<00:01]",
     "2024-11-18T22:27:11.123456789Z stdout F ", "iter 74800: loss 3.1, tim"],
)  # fmt: skip
def test_keys_and_prefixes_before_a_row_are_ignored(before: str) -> None:
    """Keys typed into the terminal, timestamps, ranks and a cut row do not take the row behind them away."""
    assert rows(read(f"{before}{ITER_LINE}\n")) == [ITER_ROW]
    assert rows(read(f"{before}{STEP_LINE}\n")) == [STEP_ROW]


@pytest.mark.parametrize("after", [" ", "^[[A", "[A", "  \t", "33"])
def test_keys_behind_a_row_are_ignored(after: str) -> None:
    """What was typed after the row's last sign is no part of it."""
    assert rows(read(f"{ITER_LINE}{after}\n")) == [ITER_ROW]


def test_rows_that_lost_their_line_breaks_are_all_read() -> None:
    """A line may hold several records."""
    glued = f"{STEP_LINE}saving checkpoint to out\n{STEP_LINE.replace('20000', '20500')}{ITER_LINE}{ITER_LINE}\n"
    found = rows(read(glued))
    assert [row for segment in found for row in segment.get(EVAL, [])] == [
        (20000, 3.6087, 3.5228),
        (20500, 3.6087, 3.5228),
    ]
    assert sum(len(segment.get(FULL, [])) for segment in found) == 2


@pytest.mark.parametrize("line", [ITER_LINE, STEP_LINE])
def test_a_row_cut_at_its_end_gives_nothing(line: str) -> None:
    """No prefix of a row is a number: neither "loss 3" nor "mfu 12.8" without its per cent sign.

    The one exception is a row that ends after its time, as the lines of early 2023 do.
    """
    for end in range(len(line)):
        assert rows(read(line[:end] + "\n")) == (
            [{PLAIN: [ITER_ROW[FULL][0][:3]]}] if line[end - 2 : end] == "ms" else []
        )


@pytest.mark.parametrize("line", [ITER_LINE, STEP_LINE])
def test_a_row_without_its_head_gives_nothing(line: str) -> None:
    """What a ring buffer or `tail -c` left of a row is not read."""
    for start in range(1, len(line)):
        assert rows(read(line[start:] + "\n")) == []


@pytest.mark.parametrize(("line", "row"), [(ITER_LINE, ITER_ROW), (STEP_LINE, STEP_ROW)])
def test_a_row_wrapped_by_a_terminal_is_joined(line: str, row: dict[tuple[str, ...], list[tuple[float, ...]]]) -> None:
    """Wherever the right margin broke it, also inside a number, in one piece and fed line by line.

    Behind "ms" the first half is a whole row already; the mfu on the next line is lost, no number is wrong.
    """
    for at in range(1, len(line)):
        halves = f"^[[A^[[A{line[:at]}\n{line[at:]}\niter 80000: loss 3.0000, time 1.00ms\n"
        expected = {PLAIN: [row[FULL][0][:3]]} if line[:at].endswith("ms") else row
        for sizes in ([], [1, 1]):
            found = rows(read(halves, sizes))[0]
            assert {kind: found[kind][:1] for kind in expected} == expected


def test_a_blank_that_the_margin_swallowed_is_put_back() -> None:
    """A tmux capture drops blanks at the end of a line."""
    assert rows(read("iter 74850: loss\n3.2751, time 452.62ms, mfu 113.32%\n")) == [ITER_ROW]


@settings(deadline=None)
@given(st.integers(1, len(ITER_LINE) - 1), st.sampled_from(["", "hello", "saving checkpoint to out", STEP_LINE]))
def test_a_cut_row_is_not_joined_with_anything_else(at: int, between: str) -> None:
    """Only the very next line can be the rest of a row."""
    found = rows(read(f"{ITER_LINE[:at]}\n{between}\n{ITER_LINE[at:]}\n"))
    assert all(FULL not in segment for segment in found)


def test_two_cut_rows_are_not_mixed() -> None:
    """The head of one row and the tail of the next do not make a row where a head stands between."""
    assert rows(read("iter 100: loss 3.1234, time 45\niter 101: loss 3.2345, ti\nme 46.00ms, mfu 1.00%\n")) == [
        {FULL: [(101, 3.2345, 46.0 / 1000, 1.0 / 100)]}
    ]


def test_a_val_loss_with_fewer_decimals_than_the_train_loss_is_cut() -> None:
    """The last number of a step line has no end mark but its decimals."""
    assert rows(read("step 500: train loss 5.4354, val loss 5.53\n")) == []
    assert rows(read("step 500: train loss nan, val loss 5.53\n")) == []
    assert rows(read("step 500: train loss 5.435412, val loss 5.532812\n")) == [{EVAL: [(500, 5.435412, 5.532812)]}]


LOOK_ALIKES = [
    """print(f"step {iter_num}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")""",
    """        print(f"iter {iter_num}: loss {lossf:.4f}, time {dt*1000:.2f}ms, mfu {running_mfu*100:.2f}%")""",
    f'expected = "{ITER_LINE}"',
    f"print('{STEP_LINE}')",
    f"# {ITER_LINE}",
    f"n_layer = 12  # gave {STEP_LINE}",
    f"You should see something like `{ITER_LINE}`",
    f"On my machine this ended with {STEP_LINE}",
    f"Then comes {ITER_LINE}",
    f"{ITER_LINE}, which is good",
    f"{STEP_LINE}. That is better than before.",
    "iter 800: val loss 3.1234, val time: 4000.00 ms",
    "iter 4810 | step 601: loss 0.2745, iter time: 131.68 ms (optimizer.step)",
    "step  1000 | loss: 3.612345 | lr 5.9000e-04 | norm: 0.2812 | dt: 338.77ms | tok/sec: 1547632.21",
    "step 00001/21400 (0.00%) | loss: 10.812345 | lrm: 1.00 | dt: 400.00ms",
    "step 5: train loss 3.1, val loss",
    "iter 12: loss -, time 3.00ms, mfu 1.00%",
    "iter 9999999999999999999999: loss 3.1234, time 3.00ms, mfu 1.00%",
    f"iter 5: loss {'1' * 400}.0000, time 3.00ms, mfu 1.00%",
]


@pytest.mark.parametrize("line", LOOK_ALIKES)
def test_what_merely_looks_like_a_row_gives_nothing(line: str) -> None:
    """Source code, comments, prose and other trainers' lines are no rows, alone and in a block of real ones."""
    assert rows(read(line + "\n")) == []
    real = [f"iter {n}: loss 3.0000, time 1.00ms, mfu 2.00%\n" for n in range(60)]
    assert rows(read("".join([*real[:30], line + "\n", *real[30:]]))) == rows(read("".join(real)))
