"""nanoGPT's rows: what they become, in whatever pieces they come."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nanogpt_logs import notices, read, rows

from parsers.formats.nanogpt import NanoGPT
from parsers.records import Points

FULL = ("train_loss", "step_seconds", "mfu")
PLAIN = ("train_loss", "step_seconds")
EVAL = ("eval_train_loss", "val_loss")

losses = st.floats(0, 12).map("{:.4f}".format) | st.sampled_from(["nan", "inf"])
times = st.floats(0.01, 1e6).map("{:.2f}".format)
shares = st.floats(0, 200).map("{:.2f}".format) | st.just("-100.00")


@st.composite
def logs(draw: st.DrawFn) -> str:
    """A log whose steps rise, with evals, checkpoints, old and new rows, blank and foreign lines between."""
    lines: list[str] = []
    for step in range(draw(st.integers(0, 45))):
        if step % 7 == 0:
            lines.append(f"step {step}: train loss {draw(losses)}, val loss {draw(losses)}")
        if step % 14 == 7:
            lines.append("saving checkpoint to out")
        row = f"iter {step}: loss {draw(losses)}, time {draw(times)}ms"
        lines.append(row if step % 11 == 3 else f"{row}, mfu {draw(shares)}%")
        lines += draw(st.lists(st.sampled_from(["", "hello", "iter", "iter 5: loss", "step 3: train"]), max_size=1))
    return "".join(line + "\n" for line in lines)


def test_an_iter_line_gives_loss_seconds_and_mfu() -> None:
    """Milliseconds become seconds and per cent a fraction."""
    assert rows(read("iter 400: loss 5.7609, time 3903.44ms, mfu 12.87%\n")) == [
        {FULL: [(400, 5.7609, 3903.44 / 1000, 12.87 / 100)]}
    ]


def test_a_step_line_gives_both_losses_of_the_evaluation() -> None:
    """The train split's loss in eval mode has another name than the micro-batch's."""
    assert rows(read("step 500: train loss 5.4354, val loss 5.5328\n")) == [{EVAL: [(500, 5.4354, 5.5328)]}]


@pytest.mark.parametrize("lines", [1, 64])
def test_lines_of_early_2023_have_no_mfu_column(lines: int) -> None:
    """A line that ends after its time is whole, one by one and as a block."""
    text = "".join(f"iter {n}: loss 1.2052, time 745.63ms\n" for n in range(lines))
    assert rows(read(text)) == [{PLAIN: [(n, 1.2052, 745.63 / 1000) for n in range(lines)]}]


@pytest.mark.parametrize("lines", [1, 64])
def test_an_mfu_of_minus_100_percent_is_unknown(lines: int) -> None:
    """The trainer prints -100 % until it has measured; such a row has no mfu, rather than -1."""
    text = "".join(f"iter {n}: loss 9.1234, time 29.00ms, mfu -100.00%\n" for n in range(lines))
    assert rows(read(text)) == [{PLAIN: [(n, 9.1234, 29.0 / 1000) for n in range(lines)]}]


@pytest.mark.parametrize("lines", [1, 64])
def test_nan_and_infinity_are_values(lines: int) -> None:
    """A loss that is nan or inf stays in the series as the log said it."""
    text = "".join(
        f"iter {n}: loss {'inf' if n % 2 else 'nan'}, time 29.00ms, mfu 1.00%\n"
        f"step {n + 1}: train loss nan, val loss inf\n"
        for n in range(lines)
    )
    points = {tuple(p.columns): p for p in read(text) if isinstance(p, Points)}
    train = points[FULL].columns["train_loss"]
    assert np.isnan(train[::2]).all()
    assert np.isinf(train[1::2]).all()
    assert np.isnan(points[EVAL].columns["eval_train_loss"]).all()
    assert np.isinf(points[EVAL].columns["val_loss"]).all()


@settings(deadline=None, max_examples=30)
@given(logs(), st.lists(st.integers(1, 20), max_size=20))
def test_the_pieces_in_which_a_log_comes_do_not_matter(log: str, sizes: list[int]) -> None:
    """Fed whole, in pieces or line by line, which take other ways through the parser, the rows have the same bits."""
    whole = read(log)
    pieces = read(log, sizes)
    single = read(log, [1] * log.count("\n"))
    assert rows(whole) == rows(pieces) == rows(single)
    assert notices(whole, "checkpoint") == notices(pieces, "checkpoint") == notices(single, "checkpoint")


@settings(deadline=None, max_examples=30)
@given(logs(), st.sampled_from(["[rank0]: ", "0: ", "2024-11-18 22:27:11,793 INFO ", "[default0]:"]))
def test_a_launchers_prefix_changes_nothing(log: str, prefix: str) -> None:
    """Rows behind the same prefix on each line are taken as a block too, with the same bits."""
    assert rows(read("".join(prefix + line + "\n" for line in log.splitlines()))) == rows(read(log))


@settings(deadline=None)
@given(st.binary(max_size=2000), st.lists(st.integers(1, 5), max_size=10))
def test_any_bytes_may_come(noise: bytes, sizes: list[int]) -> None:
    """Noise raises nothing and makes no rows."""
    assert rows(read(noise, sizes)) == []


@settings(deadline=None, max_examples=30)
@given(logs(), st.binary(max_size=200))
def test_noise_between_two_logs_loses_nothing(log: str, noise: bytes) -> None:
    """What stands before a line of noise and after it is read as if the noise were not there."""
    clean = read(log + log)
    noisy = read(log.encode() + b"\n<<<" + noise + b">>>\n" + log.encode())
    assert rows(noisy) == rows(clean)


def test_one_feed_gives_one_block_for_each_kind_of_row() -> None:
    """Evals between the iterations do not cut them into many small blocks."""
    text = "".join(
        (f"step {n}: train loss 3.1000, val loss 3.2000\nsaving checkpoint to out\n" if n % 10 == 0 else "")
        + f"iter {n}: loss 3.0000, time 4.00ms, mfu 5.00%\n"
        for n in range(1000)
    )
    blocks = [record for record in NanoGPT().feed(text.encode()) if isinstance(record, Points)]
    assert {tuple(block.columns): len(block.steps) for block in blocks} == {FULL: 1000, EVAL: 100}
    assert all(block.steps.dtype == np.int64 for block in blocks)
    assert all(column.dtype == np.float64 for block in blocks for column in block.columns.values())


def test_a_checkpoint_is_a_notice_at_the_step_before_it() -> None:
    """The trainer prints it between the step line and the iter line of the same step."""
    log = (
        "step 500: train loss 5.4354, val loss 5.5328\nsaving checkpoint to out-x\niter 500: loss 5.0, time 1.0ms\n"
        * 40
    )
    assert {(n.text, n.step) for n in notices(read(log), "checkpoint")} == {("saving checkpoint to out-x", 500)}


def test_what_the_numbers_mean_is_said_for_the_rules() -> None:
    """The traits say micro-batch, train mode, one update apart, eval inside the step, and an A100's peak."""
    traits = NanoGPT.traits
    assert (traits.train_loss, traits.train_loss_in_train_mode) == ("micro-batch", True)
    assert traits.updates_at_train_row - traits.updates_at_eval_row == 1
    assert traits.step_seconds_contain_eval
    assert traits.eval_draws_new_batches
    assert math.isclose(traits.mfu_peak_flops or 0, 312e12)
    assert traits.explanations is not None
    assert {*FULL, *EVAL} == set(traits.explanations)
