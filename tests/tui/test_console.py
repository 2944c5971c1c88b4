"""How arguments are read and answers are written."""

from __future__ import annotations

import argparse
import io
import json
import sys

import pytest

from tui.console import ascii_only, columns, named, print_json, print_text, step, within


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("14500", 14500), ("14,500", 14500), ("14_500", 14500)])
def test_a_step_may_be_grouped(text: str, number: int) -> None:
    """As the screen shows it."""
    assert step(text) == number


@pytest.mark.parametrize("text", ["-1", "1e3", "1.5", "", "soon"])
def test_what_is_no_step_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(argparse.ArgumentTypeError, match="no step; write a number such as 14500"):
        step(text)


@pytest.mark.parametrize("text", ["0.0999", "100001", "nan", "inf", "-1", "24G"])
def test_a_number_beyond_what_can_be_is_a_slip(text: str) -> None:
    """The refusal says the bounds and an example; the bounds themselves are taken."""
    read = within(0.1, 1e5, "24")
    assert (read("0.1"), read("1e5")) == (0.1, 1e5)
    with pytest.raises(argparse.ArgumentTypeError, match=r"write a number from 0\.1 to 100,000, such as 24"):
        read(text)


def test_bounds_are_shown_as_people_write_them() -> None:
    """1e19, not 1e+19."""
    with pytest.raises(argparse.ArgumentTypeError, match="from 1e12 to 1e30, such as 1e19"):
        within(1e12, 1e30, "1e19")("5")


def test_an_empty_path_is_none() -> None:
    """It would mean the directory that one is in, where a variable of the shell was not set."""
    assert named("train.log") == "train.log"
    with pytest.raises(argparse.ArgumentTypeError, match="names nothing"):
        named("")


def test_text_is_no_wider_than_it_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As wide as the terminal else."""
    monkeypatch.setenv("COLUMNS", "60")
    assert columns() == 60
    monkeypatch.setenv("COLUMNS", "300")
    assert columns() == 110


def test_signs_that_the_output_does_not_take_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """In JSON they are escaped, so that it says the same."""
    bytes_out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_out, encoding="ascii"))
    assert ascii_only()
    print_text("± 0.008")
    print_json({"path": "\u00fc.log"})
    sys.stdout.flush()
    text, line = bytes_out.getvalue().decode("ascii").splitlines()
    assert text == "+-0.008"
    assert json.loads(line) == {"path": "\u00fc.log"}


def test_signs_that_the_output_takes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the user wants none."""
    monkeypatch.setenv("TERM", "xterm")
    bytes_out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_out, encoding="utf-8"))
    assert (ascii_only(), ascii_only(asked=True)) == (False, True)
    print_json({"path": "\u00fc.log"})
    sys.stdout.flush()
    assert "\u00fc.log" in bytes_out.getvalue().decode()
