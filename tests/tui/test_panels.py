"""Every panel at every size for every snapshot: exact, safe, never raising."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from snapshots import SNAPSHOTS
from textual.strip import Strip

from tui import board
from tui.look import PANELS, X_KINDS, Look
from tui.theme import TERMINAL, without_colour

MADE = {name: make() for name, make in SNAPSHOTS.items()}
LOOKS = st.builds(
    Look,
    ascii=st.booleans(),
    colour=st.booleans(),
    x_kind=st.sampled_from(X_KINDS),
    log_x=st.booleans(),
    log_y=st.booleans(),
    smoothing=st.sampled_from((0.0, 0.6, 0.99)),
    zoom=st.sampled_from((1.0, 2.0, 4096.0)),
    centre=st.none() | st.floats(0, 3e4),
    cursor=st.none() | st.floats(0, 3e4),
    focus=st.none() | st.sampled_from(PANELS),
    full=st.none() | st.sampled_from(PANELS),
    selected=st.none() | st.sampled_from(("size-mismatch", "non-finite", "gone")),
    filter=st.sampled_from(("", "gpu", "!mfu", "日本 \x1b[2J", "nothing holds this")),
    typing=st.booleans(),
    scroll=st.integers(0, 50),
    said=st.none() | st.just("copied\x1b[1m 日本"),
)


def check(strips: list[Strip], width: int, height: int) -> None:
    """The asked size to the cell, styles everywhere, and nothing that a terminal would obey."""
    assert len(strips) == height
    for strip in strips:
        assert strip.cell_length == width
        assert sum(cell_len(segment.text) for segment in strip) == width
        assert all(segment.style is not None and not segment.control for segment in strip)
        assert strip.text.isprintable() or not strip.text


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("panel", board.DRAW)
def test_every_panel_at_every_size(panel: str, name: str) -> None:
    """From 1 x 1 to 140 x 50 for empty, partial, hostile and huge snapshots."""
    for width in (1, 2, 3, 5, 6, 7, 12, 20, 38, 60, 80, 101, 140):
        for height in (1, 2, 3, 4, 7, 9, 24, 50):
            check(board.DRAW[panel](MADE[name], width, height, Look()), width, height)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(board.DRAW)), st.sampled_from(sorted(MADE)), st.integers(1, 140), st.integers(1, 50), LOOKS
)
def test_every_panel_in_every_look(panel: str, name: str, width: int, height: int, look: Look) -> None:
    """Axes, zoom, filters, ASCII, selections: any mixture of what keys can set."""
    strips = board.DRAW[panel](MADE[name], width, height, look)
    check(strips, width, height)
    if look.ascii:
        assert all(strip.text.isascii() for strip in strips)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(MADE)), st.integers(1, 140), st.integers(1, 50), LOOKS)
def test_the_whole_screen_in_every_look(name: str, width: int, height: int, look: Look) -> None:
    """The panels of a screen cover each of its cells once."""
    covered = [[0] * width for _ in range(height)]
    for placed, strips in board.draw(MADE[name], width, height, look):
        check(strips, placed.width, placed.height)
        for y in range(placed.y, placed.y + placed.height):
            for x in range(placed.x, placed.x + placed.width):
                covered[y][x] += 1
    assert all(cell == 1 for line in covered for cell in line)


def test_without_colour_nothing_has_a_colour() -> None:
    """Under NO_COLOR only bold, dim and reverse are left."""
    look = Look(palette=without_colour(TERMINAL), colour=False)
    for _, strips in board.draw(MADE["founding"], 120, 36, look):
        for strip in strips:
            assert all(segment.style is not None and segment.style.color is None for segment in strip)


def test_a_tick_of_the_clock_changes_nothing() -> None:
    """A second later, with nothing new, every cell is the same: an idle run writes no bytes."""
    snapshot = MADE["founding"]
    assert snapshot.case is not None
    later = replace(
        snapshot,
        taken_at=snapshot.taken_at + 1.0,
        case=replace(snapshot.case, silence_seconds=(snapshot.case.silence_seconds or 0.0) + 1.0),
    )
    for before, after in zip(
        board.draw(snapshot, 120, 36, Look(utc=True)), board.draw(later, 120, 36, Look(utc=True)), strict=True
    ):
        assert before == after
