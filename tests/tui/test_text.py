"""Numbers as people read them, foreign text, and text cut to cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui import text

NUMBERS = st.one_of(st.none(), st.floats(), st.integers(-(10**25), 10**25).map(float))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (7.6e9, "7.60 B"),
        (134_100.0, "134 k"),
        (999_600.0, "1.00 M"),
        (40.56e6, "40.6 M"),
        (512.0, "512"),
        (0.0, "0"),
        (None, "–"),
        (1e20, "1.00e+20"),
        (float("nan"), "NaN"),
    ],
)
def test_counts_have_three_digits_and_a_scale(value: float | None, shown: str) -> None:
    """A large count is read at one glance; what is unknown is a dash."""
    assert text.count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (21_480.0, "5 h 58 m"),
        (75.0, "1 m 15 s"),
        (59.4, "59 s"),
        (3_599.0, "59 m"),
        (190_000.0, "2 d 4 h"),
        (None, "–"),
        (float("inf"), "–"),
    ],
)
def test_durations_use_their_two_largest_units(value: float | None, shown: str) -> None:
    """An ETA is said in hours and minutes, never as 21480 s."""
    assert text.duration(value) == shown


def test_the_units_of_the_screen() -> None:
    """SI data are scaled on the screen only: seconds, FLOP/s, GiB, shares, nats."""
    assert text.seconds(3.91) == "3.91 s"
    assert text.seconds(0.0421) == "42.1 ms"
    assert text.flops(40.2e12) == "40.2 TFLOP/s"
    assert text.gib(int(10.9 * 2**30)) == "10.9 GiB"
    assert text.percent(0.113, 1) == "11.3 %"
    assert text.loss(3.5696) == "3.570"
    assert text.loss(3.21e-5) == "3.2e-05"
    assert text.loss(0.0) == "0.000"
    assert text.whole(14_500) == "14,500"


def test_a_difference_always_has_its_sign() -> None:
    """Minus is the sign that is as wide as plus."""
    assert text.change(-0.007) == "−0.007"
    assert text.change(0.01) == "+0.010"


def test_a_moment_is_said_in_utc_when_asked() -> None:
    """A picture for a page must not depend on the machine's time zone."""
    assert text.clock(1_763_500_000.0, utc=True) == "21:06"
    assert text.clock(None) == "–"
    assert text.clock(1e40) == "–"


@given(NUMBERS)
def test_no_number_breaks_the_writing(value: float | None) -> None:
    """Whatever a log says, each writer gives some text without control characters."""
    writers = (text.count, text.whole, text.seconds, text.duration, text.flops, text.gib, text.percent, text.loss)
    for write in (*writers, text.change, text.clock):
        assert write(value).isprintable()


def test_foreign_text_cannot_reach_the_terminal() -> None:
    """Escape sequences, bells and bidi overrides are gone; letters of any script stay."""
    assert text.foreign("\x1b[31mred\x1b[0m\x07 日本\u202e\ufe0f") == "red 日本"


@given(st.text(), st.integers(0, 40))
def test_padded_text_has_the_asked_width(words: str, width: int) -> None:
    """Wide and combining characters included, for any text that is safe to show."""
    assert cell_len(text.pad(text.foreign(words), width)) == width


def test_cut_text_says_so() -> None:
    """What was cut ends in a mark; what fits is left alone."""
    assert text.cut("diagnosis", 6) == "diagn…"
    assert text.cut("diagnosis", 9) == "diagnosis"
    assert text.cut("日本語", 4) == "日…"
    assert text.pad("7", 3, right=True) == "  7"


@given(st.text())
def test_plain_text_is_ascii(words: str) -> None:
    """Nothing beyond ASCII is left, whatever a name holds."""
    assert text.plain(text.foreign(words)).isascii()


def test_plain_text_keeps_the_meaning() -> None:
    """Each sign becomes its nearest in ASCII."""
    assert text.plain("▲ 3.53 ± 0.03 · −0.11 – 68 °C") == "! 3.53 +-0.03 - -0.11 - 68 C"


def test_small_shares_keep_two_digits() -> None:
    """A CPU's MFU against an A100's peak is not nothing."""
    assert text.percent(0.113, 1) == "11.3 %"
    assert text.percent(0.00012) == "0.012 %"
    assert text.percent(0.0, 1) == "0.0 %"
    assert text.percent(None) == "–"
    assert text.digits(0.0042, 2) == "0.0042"
    assert text.digits(0.0999, 2) == "0.10"
    assert text.digits(1e-12, 2) == "1.0e−12"
