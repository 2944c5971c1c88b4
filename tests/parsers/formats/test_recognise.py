"""Which format a log is in, and why."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.formats import FORMATS, by_name, recognise
from parsers.formats.nanogpt import NanoGPT
from parsers.formats.nanogpt_rows import may_hold_rows, row_across

ITERS = b"".join(b"iter %d: loss 3.2751, time 452.62ms, mfu 13.32%%\n" % n for n in range(5))
HEADER = b"Overriding config with config/x.py:\nn_layer = 1\n\ntokens per iteration will be: 524,288\n"

OTHERS = [
    b"step 00001/21400 (0.00%) | loss: 10.812345 | lrm: 1.00 | dt: 400.00ms | tok/sec: 1,310,720 | mfu: 40.00\n",
    b"step  1000 | loss: 3.612345 | lr 5.9000e-04 | norm: 0.2812 | dt: 338.77ms | tok/sec: 1547632.21\n",
    b"num decayed parameter tensors: 50, with 124,354,560 parameters\nusing fused AdamW: True\n",
    b"s:9535 tel:3.2751\ns:9535 trl:3.340180\n",
    b"step    1/19560 | loss 11.0 (+nanz)| norm 15.3 (+nanz)| lr 8.57e-07 | 3056.36 ms | 42.6% bf16 MFU\n",
    b"iter 800: val loss 3.1234, val time: 4000.00 ms\n",
    b"Epoch 1 | iter 20 step 5 | loss train: 2.3, val: n/a | iter time: 131.68 ms (step)\n",
    b"{'loss': 2.346, 'grad_norm': 1.2, 'learning_rate': 5e-05, 'epoch': 1.0}\n",
    b"0 | loss 10.4012 | lr 0.000000e+00 | 14563.29ms | mfu -100.00%\n",
]


def test_nanogpts_rows_and_headers_are_recognised() -> None:
    """Rows alone, a header alone (the run is still compiling) and rows behind a rank's prefix."""
    for head in (ITERS, HEADER, ITERS.replace(b"iter ", b"[rank0]: iter "), b"33" + ITERS):
        found = recognise(head)
        assert found is not None
        assert found[0] is NanoGPT
    assert NanoGPT.sniff(HEADER + ITERS) == 1.0


def test_the_reason_shows_the_first_line_that_told() -> None:
    """Shortened, without control characters."""
    found = recognise(b"hello\n\x07" + ITERS)
    assert found is not None
    assert found[1] == 'nanoGPT prints "iter 0: loss 3.2751, time 452.62ms, mfu 13.32%"'


@pytest.mark.parametrize("row", [ITERS.splitlines()[0], b"step 25: train loss 10.8684, val loss 10.8727"])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_the_fast_look_sees_every_row_that_the_slow_one_finds(row: bytes, end: bytes) -> None:
    """A narrow terminal has each row on two lines, broken anywhere, sometimes without the blank at the break."""
    found = 0
    for column in range(1, len(row)):
        head, tail = row[:column], row[column:]
        for first, second in ((head, tail), (head.rstrip(), tail.lstrip())):
            if row_across(first, second) is not None:
                found += 1
                assert may_hold_rows(b"hello\n" + first + b"\n" + second + end)
    assert found > len(row)
    assert may_hold_rows(row + end)


def test_one_line_alone_says_little() -> None:
    """A single row is a hint, not a proof."""
    assert 0 < NanoGPT.sniff(ITERS[:45] + b"\n" + ITERS.splitlines()[0]) < 0.5
    assert 0 < NanoGPT.sniff(b"step 0: train loss 10.8684, val loss 10.8727\n") < 0.5


@pytest.mark.parametrize("line", OTHERS)
def test_other_trainers_lines_are_not_nanogpts(line: bytes) -> None:
    """Lines that begin alike, or that other trainers took over from nanoGPT, count for nothing."""
    assert NanoGPT.sniff(line * 50) == 0
    found = recognise(line * 50)
    assert found is None or found[0] is not NanoGPT


def test_prose_source_code_and_nothing_are_not_recognised() -> None:
    """Neither the trainer's own source nor an empty log is a log of it."""
    source = b'print(f"iter {iter_num}: loss {lossf:.4f}, time {dt*1000:.2f}ms")\n# iter 0: loss 3.1234, time 4.00ms\n'
    for head in (b"", b"\n", b"Once upon a time\n" * 100, source * 50):
        assert recognise(head) is None


@settings(deadline=None)
@given(st.binary(max_size=500))
def test_any_bytes_may_come(head: bytes) -> None:
    """Noise is not recognised and raises nothing."""
    assert recognise(head) is None


def test_formats_have_ids_of_their_own() -> None:
    """Each is found by its name; another name finds none."""
    assert [by_name(kind.name) for kind in FORMATS] == list(FORMATS)
    assert by_name("nonsense") is None
    assert all(kind.title and kind.about for kind in FORMATS)
