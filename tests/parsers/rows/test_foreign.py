"""Which lines hold a word, searched all at once."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.rows.foreign import Hinted

lines_of_few_letters = st.lists(st.text("abAB ", max_size=6).map(str.encode), max_size=12)
words_of_few_letters = st.lists(st.text("ab ", min_size=1, max_size=3).map(str.encode), max_size=3)


@settings(deadline=None)
@given(lines_of_few_letters, words_of_few_letters)
def test_the_lines_are_those_that_hold_a_word_in_whatever_case(lines: list[bytes], words: list[bytes]) -> None:
    """The same as looking into each line, and never across two lines."""
    hinted = Hinted(lines)
    assert hinted.lines(words) == {at for at, line in enumerate(lines) if any(w in line.lower() for w in words)}
    assert hinted.count == len(lines)


def test_the_case_of_a_letter_must_not_move_what_follows() -> None:
    """Bytes that are no ASCII keep their length in small letters, so that the line numbers hold."""
    assert Hinted(["İİİ".encode(), b"\xff\xfe", b"error"]).lines([b"error"]) == {2}
