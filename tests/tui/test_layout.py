"""Where the panels stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.layout import Needs, Placement, place
from tui.look import PANELS, Look

NEEDS = st.builds(Needs, gpu_lines=st.integers(0, 17), findings=st.integers(0, 40))
LOOKS = st.builds(
    Look,
    full=st.none() | st.sampled_from(PANELS),
    page=st.none() | st.sampled_from(("help", "details")),
    typing=st.booleans(),
)


def named(placed: tuple[Placement, ...]) -> dict[str, Placement]:
    """By name."""
    return {placement.name: placement for placement in placed}


@given(st.integers(1, 250), st.integers(1, 90), NEEDS, LOOKS)
def test_the_panels_cover_every_cell_once(width: int, height: int, needs: Needs, look: Look) -> None:
    """At any size, with any number of GPUs and findings."""
    placed = place(width, height, look, needs)
    assert sum(p.width * p.height for p in placed) == width * height
    cells = {(x, y) for p in placed for y in range(p.y, p.y + p.height) for x in range(p.x, p.x + p.width)}
    assert len(cells) == width * height
    assert len(named(placed)) == len(placed)


def test_no_cells_no_panels() -> None:
    """A terminal of no size is not an error."""
    assert place(0, 0, Look(), Needs()) == ()


def test_the_wide_screen() -> None:
    """At 120 x 36 the loss is at the left, tokens and speed at its right, GPU and findings below."""
    found = named(place(120, 36, Look(), Needs(gpu_lines=2, findings=6)))
    assert set(found) == {"status", "loss", "tokens", "speed", "run", "gpu", "diagnosis", "footer"}
    assert found["status"].y == 0
    assert found["footer"].y == 35
    assert found["loss"].x == 0
    assert found["loss"].width >= 75
    assert found["tokens"].x == found["speed"].x == found["loss"].width
    assert found["gpu"].height == 4
    assert found["diagnosis"].height == 8


def test_the_column_at_the_right_leaves_no_line_unused() -> None:
    """Tokens and speed are as high as what they say; the run's settings get the rest, or else the tokens do."""
    found = named(place(120, 36, Look(), Needs(gpu_lines=2, findings=3, tokens_lines=6, speed_lines=3)))
    assert (found["tokens"].height, found["speed"].height) == (8, 5)
    assert found["run"].height == found["loss"].height - 13
    low = named(place(120, 24, Look(), Needs(gpu_lines=2, findings=8, tokens_lines=4, speed_lines=3)))
    assert "run" not in low
    assert low["tokens"].height + low["speed"].height == low["loss"].height


def test_the_standard_terminal() -> None:
    """80 x 24 keeps the status, the loss, a line each for tokens, speed and GPU, and the findings."""
    found = named(place(80, 24, Look(), Needs(gpu_lines=2, findings=6)))
    assert [found[name].height for name in ("status", "tokens", "speed", "gpu", "footer")] == [1] * 5
    assert found["loss"].height >= 10
    assert found["diagnosis"].height >= 4


def test_small_screens_shed_what_matters_least() -> None:
    """From 60 x 15 down to one line: the status is the last to go."""
    assert set(named(place(60, 15, Look(), Needs(2, 6)))) >= {"status", "loss", "diagnosis", "gpu", "footer"}
    assert [p.name for p in place(20, 5, Look(), Needs(2, 6))] == ["status", "loss", "speed", "gpu", "diagnosis"]
    assert [p.name for p in place(20, 2, Look(), Needs(2, 6))] == ["status", "loss"]
    assert [p.name for p in place(1, 1, Look(), Needs(2, 6))] == ["status"]


def test_a_narrow_tall_screen_has_frames() -> None:
    """80 x 50 puts tokens and speed side by side below the loss."""
    found = named(place(80, 50, Look(), Needs(2, 6)))
    assert found["tokens"].y == found["speed"].y == found["loss"].y + found["loss"].height


@pytest.mark.parametrize("panel", PANELS)
def test_the_full_screen_leaves_status_and_footer(panel: str) -> None:
    """The panel takes the rest."""
    found = place(80, 24, Look(full=panel), Needs())  # type: ignore[arg-type]
    assert [(p.name, p.height) for p in found] == [("status", 1), (panel, 22), ("footer", 1)]


@pytest.mark.parametrize("height", [1, 2, 5, 9, 12, 30])
def test_what_is_typed_can_be_seen(height: int) -> None:
    """The footer is there while the filter is typed, however few lines there are."""
    assert "footer" in named(place(80, height, Look(typing=True), Needs(2, 6)))


def test_many_gpus_leave_room_for_the_loss() -> None:
    """Sixteen GPUs take a third of the screen at most."""
    found = named(place(120, 36, Look(), Needs(gpu_lines=17, findings=3)))
    assert found["gpu"].height <= 12
    assert found["loss"].height >= 10


def test_without_a_gpu_one_line_says_why() -> None:
    """No empty frame."""
    assert named(place(120, 36, Look(), Needs(gpu_lines=0, findings=3)))["gpu"].height == 1
