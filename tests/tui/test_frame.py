"""One picture without a terminal."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from rich.cells import cell_len
from snapshots import SNAPSHOTS, founding

from tui.frame import frame, strips, svg
from tui.look import Look
from tui.theme import COLOUR_BLIND, LIGHT, PALETTES, TERMINAL, TEXTUAL_THEMES


@pytest.mark.parametrize("name", SNAPSHOTS)
@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 15), (20, 5), (1, 1)])
def test_a_frame_has_the_asked_size(name: str, size: tuple[int, int]) -> None:
    """Lines at most as wide as asked, never more nor fewer of them."""
    lines = frame(SNAPSHOTS[name](), *size)
    assert len(lines) == size[1]
    assert all(cell_len(line) <= size[0] for line in lines)


def test_a_frame_is_the_screen() -> None:
    """The same panels: state, loss, tokens, speed, GPU, findings."""
    text = "\n".join(frame(founding(), 120, 36, Look(utc=True)))
    for words in ("● running", "val 3.555", "9.4 × Chinchilla", "MFU 69 %", "10.9 / 12.0 GiB", "The printed MFU"):
        assert words in text


def test_a_frame_tells_the_curves_apart_without_colour() -> None:
    """Plain text has no colours: the evals are an "o" each."""
    assert "o val 3.555" in "\n".join(frame(founding(), 120, 36))


def test_an_ascii_frame_is_ascii() -> None:
    """For mail, and for terminals that know no more."""
    assert "\n".join(frame(founding(), 120, 36, Look(ascii=True))).isascii()


def test_the_picture_is_the_same_each_time() -> None:
    """Fixed ids and UTC: a picture in the repository changes only when the screen does."""
    assert svg(founding(), 120, 36) == svg(founding(), 120, 36)
    assert svg(founding(), 120, 36) != svg(founding(14_000), 120, 36)


def test_the_picture_is_well_formed_and_holds_the_screen() -> None:
    """An XML reader accepts it, and the words are in it."""
    picture = svg(founding(), 100, 30, title="traintop replay")
    words = "".join(ET.fromstring(picture).itertext())  # noqa: S314  our own output
    assert "MFU\xa069\xa0%" in words
    assert "traintop\xa0replay" in words


def test_no_text_of_the_picture_begins_with_a_blank() -> None:
    """Some readers of SVG drop blanks there, which would shift the words."""
    for node in ET.fromstring(svg(founding(), 120, 36)).iter("{http://www.w3.org/2000/svg}text"):  # noqa: S314
        assert not (node.text or "").startswith("\xa0\xa0")


def test_strips_are_full_lines() -> None:
    """Panels that stand side by side are joined in order."""
    drawn = strips(founding(), 120, 36, Look())
    assert all(strip.cell_length == 120 for strip in drawn)
    assert "Loss" in drawn[1].text
    assert "Tokens" in drawn[1].text


def test_every_palette_has_a_theme() -> None:
    """Three of them, and each keeps the terminal's own background."""
    assert set(PALETTES) == set(TEXTUAL_THEMES) == {"terminal", "light", "colour-blind"}
    for palette in (TERMINAL, LIGHT, COLOUR_BLIND):
        assert palette.text.bgcolor is None
        assert replace(palette, text=palette.text) == palette
