"""How numbers are said."""

from __future__ import annotations

import pytest

from diagnosis.wording import count, duration, flops, memory, percent, span, times


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (40.56e6, "40.56M"),
        (123.59e6, "123.6M"),
        (10.49e9, "10.49B"),
        (7264, "7.264k"),
        (125e6, "125M"),
        (999_999, "1M"),
        (12, "12"),
    ],
)
def test_counts(number: float, said: str) -> None:
    """Parameters and tokens have four digits at most and a letter."""
    assert count(number) == said


def test_units() -> None:
    """Memory is binary, time is in seconds or milliseconds, speed in TFLOP/s or GFLOP/s."""
    assert [memory(n) for n in (6.14 * 2**30, 225 * 2**20, 2048)] == ["6.14 GiB", "225 MiB", "2 KiB"]
    assert [duration(n) for n in (3.909, 0.0374)] == ["3.91 s", "37.4 ms"]
    assert [span(n) for n in (89, 2040, 5399, 5400)] == ["89 s", "34 min", "90 min", "1.5 h"]
    assert [flops(n) for n in (40.2e12, 9.1e9)] == ["40.2 TFLOP/s", "9.1 GFLOP/s"]


def test_shares_and_multiples() -> None:
    """Small shares keep a digit after the point, large ones do not deserve it."""
    assert [percent(n) for n in (0.69, 0.114, 0.0077, 0.0004)] == ["69 %", "11.4 %", "0.8 %", "0.04 %"]
    assert [times(n) for n in (12.93, 0.423, 180.4)] == ["12.9", "0.42", "180"]


def test_what_is_not_zero_is_not_said_to_be() -> None:
    """2 of 55,000 steps are no "0.00 %", and 65M tokens for 52B parameters no ratio of "0.00"."""
    assert [percent(n) for n in (2 / 55_000, 0.00005, 0.0)] == ["0.004 %", "0.01 %", "0.00 %"]
    assert [times(n) for n in (6.26e-5, 0.0051, 0.0)] == ["0.00006", "0.01", "0.00"]
