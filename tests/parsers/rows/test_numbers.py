"""Numbers and times as trainers print them."""

from __future__ import annotations

import re

import pytest

from parsers.rows.numbers import CLOCK, NUMBER, SUFFIXED, clock_seconds, expand, number, value


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3.2174", 3.2174), ("5.8923e-04", 5.8923e-4), ("2.345678E+00", 2.345678), ("103,385", 103385.0),
     ("1,234,567.5", 1234567.5), ("-0.01", -0.01), ("+0.12", 0.12), ("nan", float("nan")), ("-inf", float("-inf")),
     ("NaN", float("nan")), ("Infinity", float("inf")), ("0.", 0.0)],
)  # fmt: skip
def test_every_way_to_print_a_number_is_read(text: str, expected: float) -> None:
    """Decimals, exponents, thousands commas, signs and what is no number at all."""
    assert re.fullmatch(NUMBER, text.encode())
    assert number(text.encode()) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("text", ["1.2.3", "1.5E+", "5,4", "5,43", "1e-05e", "..", "nano"])
def test_a_cut_or_foreign_number_is_none(text: str) -> None:
    """A margin or the end of a file may cut a number; versions and words look like numbers."""
    found = re.match(NUMBER, text.encode())
    assert found is None or found[0] not in (b"1", b"1.2", b"1.5", b"5", b"54")


@pytest.mark.parametrize(
    ("text", "expected"), [("11.5K", 11500.0), ("85.8G", 85.8e9), ("85.8B", 85.8e9), ("9.7k", 9700.0), ("40M", 4e7)]
)
def test_suffixes_scale(text: str, expected: float) -> None:
    """K, M, G, B and T stand for powers of a thousand; G and B are the same."""
    assert re.fullmatch(SUFFIXED, text.encode())
    assert number(text.encode()) == pytest.approx(expected)


def test_a_unit_is_no_suffix() -> None:
    """GiB and MB begin with a suffix's letter, but are units."""
    for text in (b"9.46GiB", b"12MB", b"5.7TFLOPS"):
        found = re.match(SUFFIXED, text)
        assert found is not None
        assert not found[0].endswith((b"G", b"M", b"T"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2,048", 2048), ("40.56M", 40_560_000), ("3e-4", 3e-4), ("1.0", 1.0), ("True", True), ("false", False),
     ("cosine", "cosine"), ("12", 12)],
)  # fmt: skip
def test_a_setting_keeps_its_type(text: str, expected: object) -> None:
    """Counts become integers, fractions floats, switches truth values; all else is words."""
    found = value(text.encode())
    assert found == expected
    assert type(found) is type(expected)


def test_macros_name_groups() -> None:
    """{loss} is a named number, {tokens~} one that may have a suffix; a repetition {1,9} stays one."""
    pattern = re.compile(expand(rb"x{1,2} {loss} {tokens~}"))
    found = pattern.fullmatch(b"xx 3.5 9.7k")
    assert found is not None
    assert (found["loss"], found["tokens"]) == (b"3.5", b"9.7k")


def test_times_are_seconds_since_1970() -> None:
    """ISO and American dates; a fraction behind a comma or a point; a day that there is not is unknown."""
    texts = (b"2026-05-18 16:04:46,338", b"2026-05-18T16:04:46.338", b"05/18/2026 16:04:46")
    seconds = [clock_seconds(found) for text in texts if (found := CLOCK.match(text))]
    assert seconds == [pytest.approx(1779120286.338), pytest.approx(1779120286.338), 1779120286.0]
    no_day = CLOCK.match(b"2026-02-30 10:00:00")
    assert no_day is not None
    assert clock_seconds(no_day) is None
