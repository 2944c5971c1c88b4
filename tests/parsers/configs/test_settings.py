"""What a Python text assigns, read without running it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from parsers.configs.settings import Setting, literal, salvaged_settings, settings
from parsers.records import Value


def values(source: str) -> dict[str, Value]:
    return {setting.name: setting.value for setting in settings(source)}


@pytest.mark.parametrize(
    ("expression", "value"),
    [("5 * 8", 40), ("2 ** 4 + 1", 17), ("-1", -1), ("+2.5", 2.5), ("7 // 2", 3), ("7 % 4", 3), ("1e-3 / 10", 1e-4),
     ("(8 - 2) * (1 + 1)", 12), ("'out-' + 'xy'", "out-xy"), ("True", True), ("6e5", 600000.0), ("int(6e5)", 6e5),
     ("round(0.05 * 1000)", 50), ("float(3)", 3.0), ("0x10", 16), ("1_000", 1000)],
)  # fmt: skip
def test_literals_and_arithmetic_are_known(expression: str, value: Value) -> None:
    """Numbers, strings, switches and what they make together."""
    assert values(f"x = {expression}\n") == {"x": value}
    assert type(values(f"x = {expression}\n")["x"]) in {type(value), int}
    assert literal(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["time.time()", "'ft-' + str(time.time())", "unknown * 2", "[1, 2]", "None", "f'{y}'", "1 if y else 2", "1 / 0",
     "10 ** 10 ** 10", "9 ** 999999999", "1e999", "1e300 * 1e300", "'a' * 10 ** 9", "(-8) ** 0.5", "1j", "not y",
     "int('3')", "max(1, 2)", "__import__('os')", "open('/etc/passwd')", "2 ** 63", "x", "b'x'", "3 + 'a'"],
)  # fmt: skip
def test_what_must_be_run_or_makes_no_sense_is_left_out(expression: str) -> None:
    """Calls, unknown names, containers, complex and endless numbers."""
    assert values(f"y = 1\nx = {expression}\n") == {"y": 1}


def test_earlier_names_may_be_used() -> None:
    """As the interpreter would, in order."""
    assert values("batch_size = 4\nsequences = batch_size * 2\nbatch_size = 8\n") == {"sequences": 8, "batch_size": 8}


@pytest.mark.parametrize(
    "later",
    ["x = f()", "x += 1", "for x in range(3): pass", "if y:\n    x = 2", "import x", "from a import b as x", "del x",
     "def x(): pass", "class x: pass", "x, z = 1, 2", "with open('f') as x: pass", "(x := 3)", "x: int"],
)  # fmt: skip
def test_a_name_that_is_bound_again_to_something_unknown_is_left_out(later: str) -> None:
    """A value that held only once must not be told."""
    assert "x" not in values(f"x = 1\n{later}\n")


def test_an_annotated_and_a_double_assignment_are_assignments() -> None:
    """Both bind a value that can be known."""
    assert values("x: int = 3\na = b = 4\n") == {"x": 3, "a": 4, "b": 4}


def test_the_line_of_the_assignment_is_kept() -> None:
    """Counted from 1, behind comments, blank lines and strings of several lines."""
    assert settings('"""text\nx = 9\n"""\n# x = 8\n\nx = 7\n') == [Setting("x", 7, 6)]


def test_a_program_behind_an_exec_is_no_config() -> None:
    """The defaults of nanoGPT's train.py stand above the exec of its configurator."""
    source = "batch_size = 12\nexec(open('configurator.py').read())\nif ddp:\n    batch_size = 3\nn = 4\n"
    assert values(source) == {"batch_size": 12}


def test_broken_lines_are_left_out_where_that_is_asked() -> None:
    """A text with foreign lines in between gives the rest; a whole file that is no Python does not."""
    torn = "a = 1\nthis is stderr, and\nb = a + 1\n    c = 3\nd = 'open\n"
    assert salvaged_settings(torn) == [Setting("a", 1, 1), Setting("b", 2, 3)]
    with pytest.raises(SyntaxError):
        settings(torn)


def test_nothing_is_printed_for_an_odd_escape(capfd: pytest.CaptureFixture[str]) -> None:
    """Python warns about an escape sequence that it does not know; no screen must see that."""
    assert values("x = '\\d'\n") == {"x": "\\d"}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "source",
    ["(" * 5000, "x = " + "1+" * 20_000 + "1", "x = " + "-" * 5000 + "1", "x = " + "9" * 10_000, "\0", "x = [" * 300],
)
def test_hostile_texts_give_nothing(source: str) -> None:
    """Deep nesting and endless numbers neither crash nor hang."""
    assert salvaged_settings(source) == []


@hypothesis_settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_may_come(text: str) -> None:
    """Noise is a SyntaxError or settings with finite values, whichever way it is read."""
    for setting in salvaged_settings(f"a = 1\n{text}\n"):
        assert isinstance(setting.value, str) or math.isfinite(setting.value)
