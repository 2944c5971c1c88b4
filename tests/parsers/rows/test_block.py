"""Whole blocks of lines against `re` and `float`, one line at a time."""

from __future__ import annotations

import math
import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.rows.block import Block, Template

TEMPLATE: Template = (b"iter ", 0, b": loss ", 4, b", time ", 2, b"ms\n")
PATTERN = re.compile(rb"iter (\d{1,9}): loss (\d{1,9}\.\d{4}), time (\d{1,9}\.\d\d)ms")

numbers = st.from_regex(r"[0-9]{1,11}", fullmatch=True)
decimals = st.from_regex(r"[0-9]{0,10}\.?[0-9]{0,6}", fullmatch=True)
near_rows = st.builds("iter {}: loss {}, time {}ms".format, numbers, decimals, decimals)
lines_of_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


def match(text: bytes, template: Template = TEMPLATE) -> tuple[list[int], list[list[float]]]:
    block = Block(text)
    lines, columns = block.match(template, np.arange(len(block.starts)))
    return lines.tolist(), [column.tolist() for column in columns]


@settings(deadline=None, max_examples=40)
@given(st.lists(near_rows | lines_of_text, max_size=60))
def test_a_block_finds_what_a_pattern_finds_and_float_reads(texts: list[str]) -> None:
    """The same lines match as by `re`, and their numbers are float()'s to the last bit."""
    lines = [text.encode() for text in texts]
    found = [(at, m) for at, line in enumerate(lines) if (m := PATTERN.fullmatch(line))]
    at_lines, columns = match(b"".join(line + b"\n" for line in lines))
    assert at_lines == [at for at, _ in found]
    for number, column in enumerate(columns, start=1):
        assert column == [float(m[number]) for _, m in found]


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_may_come(noise: bytes) -> None:
    """Bytes that are no text match nothing and raise nothing, also right before the end of the block."""
    lines, _ = match(noise + b"\niter 1: loss 2.0000, time 3.00ms\n" + noise.replace(b"\n", b"") + b"\n")
    assert noise.count(b"\n") + 1 in lines


@settings(deadline=None)
@given(st.integers(0, 10**9 - 1), st.integers(0, 9999))
def test_a_loss_has_the_bits_of_float(whole: int, fraction: int) -> None:
    """Digits divided once by a power of ten round as float() does, for up to 13 digits."""
    text = f"{whole}.{fraction:04}"
    _, columns = match(f"iter 0: loss {text}, time 1.00ms\n".encode())
    assert columns[1] == [float(text)]


def test_a_nan_in_the_template_is_the_literal_nan() -> None:
    """A column that says nan on every line is a column of NaN; a number there does not match."""
    template: Template = (b"iter ", 0, b": loss ", math.nan, b"\n")
    lines, columns = match(b"iter 1: loss nan\niter 2: loss 1.0\niter 3: loss nan\n", template)
    assert lines == [0, 2]
    assert columns[0] == [1, 3]
    assert all(math.isnan(value) for value in columns[1])


def test_more_digits_than_are_exact_are_left_to_others() -> None:
    """A number with ten digits before its point is no match: it might not have float()'s bits."""
    assert match(b"iter 1234567890: loss 1.0000, time 1.00ms\n")[0] == []


def test_an_empty_block_has_no_lines() -> None:
    """No bytes, no lines, no rows."""
    block = Block(b"")
    assert len(block.starts) == len(block.ends) == 0
    assert match(b"") == ([], [[], [], []])
