"""Tables that fit: names at the left, columns in blocks, nothing wider than the terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.tables import Column, table

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "M", "Z"]), max_size=40)


def test_columns_stand_below_their_heads() -> None:
    """Right-aligned, the title above the names; of two heads the last is nearest."""
    lines = table("loss", ["A", "B"], [Column(("last",), ("3.0", "2.95")), Column(("at", "6,000"), ("=", "–"))], 40)
    assert lines == [
        "               at",
        "loss  last  6,000",
        "  A    3.0      =",
        "  B   2.95      –",
    ]


def test_columns_that_do_not_fit_go_below() -> None:
    """With the names again."""
    columns = [Column((str(at),), ("12345",)) for at in range(4)]
    lines = table("t", ["x"], columns, 18)
    assert lines == ["t        0      1", "  x  12345  12345", "t        2      3", "  x  12345  12345"]


def test_what_is_too_wide_is_cut() -> None:
    """A path of 100 letters in a cell or a name."""
    (head, line) = table("t", ["n" * 100], [Column(("A",), ("v" * 100,))], 80)
    assert cell_len(line) == 30 + 2 + 16
    assert line.count("…") == 2
    assert head.endswith("A")


@given(
    st.lists(WORDS, min_size=1, max_size=4),
    st.lists(st.tuples(st.lists(WORDS, min_size=1, max_size=3), WORDS), min_size=1, max_size=9),
    st.integers(10, 120),
)
def test_no_line_is_wider_than_asked(names: list[str], columns: list[tuple[list[str], str]], width: int) -> None:
    """Whatever stands in it; and every column comes once."""
    made = [Column(tuple(heads), (cell,) * len(names)) for heads, cell in columns]
    lines = table("title", names, made, width)
    assert all(cell_len(line) <= width for line in lines)
