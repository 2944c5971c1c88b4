"""parsers/lines.py: the same lines, each once, however the stream is cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

import parsers.lines
from parsers.clean import clean
from parsers.lines import LINE_BYTES, LineBuffer

STREAM = st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"bc", b"\0", b"\x1b[1m", b"d" * 9])).map(b"".join)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in pieces, cut at these places."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


def read(pieces: list[bytes]) -> bytes:
    """All lines of these pieces, cleaned, with the half line as the last."""
    buffer = LineBuffer()
    text = b"".join(clean(buffer.feed(piece)) for piece in pieces)
    return text + clean(buffer.half + b"\n")


def test_a_half_line_waits() -> None:
    """A line is given when its end came, not before."""
    buffer = LineBuffer()
    assert buffer.feed(b"iter 1: lo") == b""
    assert buffer.feed(b"ss 2\niter 2") == b"iter 1: loss 2\n"
    assert buffer.half == b"iter 2"


def test_a_last_return_waits_for_a_line_feed() -> None:
    r"""A \r at the end of a piece may be half of \r\n; a progress bar is given as soon as the next one begins."""
    buffer = LineBuffer()
    assert buffer.feed(b"a\r") == b""
    assert buffer.feed(b"\nb\r") == b"a\r\n"
    assert buffer.feed(b"c") == b"b\r"
    assert buffer.half == b"c"


@settings(deadline=None)
@given(STREAM, st.lists(st.integers(0, 200)))
def test_cuts_change_nothing(stream: bytes, places: list[int]) -> None:
    """Every way to cut a stream into writes gives the same lines, each exactly once."""
    assert read(cut(stream, places)) == read([stream])


@settings(deadline=None)
@given(STREAM, st.lists(st.integers(0, 200)))
def test_cuts_change_nothing_in_long_lines(stream: bytes, places: list[int]) -> None:
    """That holds also where lines are longer than what is kept of them."""
    kept = parsers.lines.LINE_BYTES
    parsers.lines.LINE_BYTES = 4
    try:
        assert read(cut(stream, places)) == read([stream])
    finally:
        parsers.lines.LINE_BYTES = kept


def test_a_long_line_is_not_kept_whole() -> None:
    """Of a line of 30 MB the last 64 KB are held and given, and the next line is whole."""
    buffer = LineBuffer()
    for _ in range(30):
        assert buffer.feed(b"x" * 1_000_000) == b""
        assert len(buffer.half) <= LINE_BYTES
    assert buffer.feed(b"end\niter 1\n") == b"x" * (LINE_BYTES - 3) + b"end\niter 1\n"


def test_a_long_line_inside_a_piece_is_cut_too() -> None:
    """A line that is too long is cut as well where it comes whole."""
    lines = LineBuffer().feed(b"a\n" + b"x" * 300_000 + b"\r\nb\n")
    assert lines == b"a\n" + b"x" * LINE_BYTES + b"\r\nb\n"
