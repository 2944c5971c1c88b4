"""Text set to a width."""

from __future__ import annotations

from tui.paragraphs import wrapped


def test_words_with_hyphens_stay_whole() -> None:
    """Half of a finding's id is no id."""
    assert wrapped("watching: vram-growing", 20) == ["watching:", "vram-growing"]


def test_a_number_stays_with_its_unit_and_its_error() -> None:
    """As in "the optimum of 811 / M" a reader would take the one for another."""
    assert wrapped("the optimum of 811 M", 18) == ["the optimum of", "811 M"]
    assert wrapped("steady 40.2 TFLOP/s", 14) == ["steady", "40.2 TFLOP/s"]
    assert wrapped("val 3.523 ± 0.008", 14) == ["val 3.523", "± 0.008"]


def test_lines_begin_as_asked_and_there_is_one_at_least() -> None:
    """An empty paragraph is an empty line."""
    assert wrapped("one two", 7, "  ", "    ") == ["  one", "    two"]
    assert wrapped("", 40) == [""]
