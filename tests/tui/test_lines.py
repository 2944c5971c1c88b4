"""The widget that rewrites only what changed."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip

from tui.lines import Lines, changed

RED, BLUE = Style.parse("red"), Style.parse("blue")


def strip(*parts: tuple[str, Style]) -> Strip:
    """A line of styled words."""
    return Strip([Segment(words, style) for words, style in parts])


def test_nothing_changed_gives_no_region() -> None:
    """Equal lines are not rewritten, however they are cut into segments."""
    whole = strip(("train 3.642", RED))
    pieces = strip(("train ", RED), ("3.642", RED))
    assert not list(changed([whole], [pieces]))


def test_only_the_changed_cells_of_the_changed_line() -> None:
    """From the first to the last cell that differs."""
    before = [strip(("step 14,400 / 20,000", RED)), strip(("same", RED))]
    after = [strip(("step 14,500 / 20,000", RED)), strip(("same", RED))]
    assert list(changed(before, after)) == [Region(8, 0, 1, 1)]


def test_a_colour_alone_is_a_change() -> None:
    """The same letters in another style are rewritten."""
    assert list(changed([strip(("ab", RED), ("cd", RED))], [strip(("ab", RED), ("cd", BLUE))])) == [Region(2, 0, 2, 1)]


def test_the_colour_of_a_blank_is_no_change() -> None:
    """Blanks look alike whatever their text colour is; a background or reverse is seen."""
    lit = Style.parse("reverse")
    assert not list(changed([strip(("a  b", RED))], [strip(("a", RED), ("  ", BLUE), ("b", RED))]))
    assert list(changed([strip(("a  b", RED))], [strip(("a", RED), ("  ", lit), ("b", RED))])) == [Region(1, 0, 2, 1)]


def test_wide_characters_are_rewritten_whole() -> None:
    """The region never starts in the middle of a wide character."""
    assert list(changed([strip(("日本x", RED))], [strip(("日語x", RED))])) == [Region(2, 0, 2, 1)]
    assert list(changed([strip(("日x", RED))], [strip(("abx", RED))])) == [Region(0, 0, 2, 1)]


def test_a_combining_character_belongs_to_its_base() -> None:
    """A new accent rewrites the letter under it."""
    assert list(changed([strip(("cafe", RED))], [strip(("cafe\u0301", RED))])) == [Region(3, 0, 1, 1)]


def test_another_width_rewrites_the_line() -> None:
    """As after a resize."""
    assert list(changed([strip(("abc", RED))], [strip(("abcd", RED))])) == [Region(0, 0, 4, 1)]


class OneWidget(App[None]):
    """An app that holds one Lines."""

    CSS = "Lines { width: 10; height: 2; }"

    def compose(self) -> ComposeResult:
        """The widget."""
        yield Lines(id="lines")


async def test_show_counts_the_lines_it_rewrites() -> None:
    """None for the same lines, all for another number of lines."""
    async with OneWidget().run_test(size=(20, 5)) as pilot:
        widget = pilot.app.query_one(Lines)
        first = [strip(("abcdefghij", RED)), strip(("0123456789", RED))]
        assert widget.show(first) == 2
        assert widget.show(list(first)) == 0
        assert widget.show([first[0], strip(("0123456780", RED))]) == 1
        assert widget.strips[1].text == "0123456780"


async def test_a_line_that_is_not_there_is_blank_and_has_a_style() -> None:
    """Textual may ask before anything was shown; a segment without a style would crash under NO_COLOR."""
    async with OneWidget().run_test(size=(20, 5)) as pilot:
        line = pilot.app.query_one(Lines).render_lines(Region(0, 1, 20, 1))[0]
        assert line.text.strip() == ""
        assert all(segment.style is not None for segment in line)
