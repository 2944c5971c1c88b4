"""What is said once before the rows."""

from __future__ import annotations

from parsers.records import Fact
from parsers.rows.said import Learned, Said

SIZE = Said(b"parameters", rb"Model (?P<run_name>\S+) has {parameters} parameters")


def test_groups_become_facts_with_the_line_that_said_them() -> None:
    """Counts are integers, words are words."""
    found = SIZE.match(b"[rank0]:INFO - Model llama3 has 8,030,261,248 parameters")
    assert found is not None
    assert list(SIZE.facts(found, "line 3")) == [
        Fact("run_name", "llama3", "log", "line 3"),
        Fact("parameters", 8_030_261_248, "log", "line 3"),
    ]


def test_a_comment_says_nothing() -> None:
    """Nor does source code."""
    assert SIZE.match(b"# Model llama3 has 8,030,261,248 parameters") is None
    assert SIZE.match(b'print("Model llama3 has 8,030 parameters")') is None


def test_a_fact_that_was_said_is_not_said_again() -> None:
    """Each rank prints the header; another value is news."""
    learned = Learned()
    first = Fact("n_layer", 12, "log", "line 1")
    assert learned.new([first, Fact("n_layer", 12, "log", "line 2")]) == [first]
    assert [f.value for f in learned.new([Fact("n_layer", 24, "log", "line 9")])] == [24]
