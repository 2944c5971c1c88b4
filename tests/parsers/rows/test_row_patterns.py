"""Layouts and fields: where the numbers of a row stand, and what is no row."""

from __future__ import annotations

import pytest

from parsers.rows.row_patterns import Fields, Found, Layout, RowPattern, known, values_of

LAYOUT = Layout(
    hint=b"step ",
    text=rb"step +(?P<step>\d+)/(?P<planned_steps>\d+) loss {train_loss}(?: lr {learning_rate})?"
    rb"(?: took {step_seconds}ms)?",
    scales={"step_seconds": 1e-3},
)
FIELDS = Fields(
    hint=b"iteration",
    anchor=rb"iteration +(?P<step>\d+)",
    item=rb" \| (?P<name>[a-z ]+): (?:{value}|n/a)",
    names={"lm loss": ("train_loss", 1.0), "loss": ("train_loss", 1.0), "time (ms)": ("step_seconds", 1e-3)},
    translate=lambda name: ("grad_norm", 1.0) if name.endswith("norm") else None,
)


def rows(pattern: RowPattern, line: bytes) -> list[Found]:
    return list(pattern.find(line))


def test_a_layout_gives_step_metrics_and_facts() -> None:
    """Scaled to SI; a part that is not there is absent."""
    line = b"step   7/99 loss 2.5 took 12.50ms"
    (row,) = rows(LAYOUT, line)
    assert values_of(row, line) == {"train_loss": 2.5, "step_seconds": pytest.approx(0.0125)}
    assert row.step is not None
    assert line[row.step.start : row.step.end] == b"7"
    assert [line[f.start : f.end] for f in row.facts] == [b"99"]


def test_several_rows_of_one_line_are_found() -> None:
    """Two processes may write into one line."""
    assert len(rows(LAYOUT, b"step 7/99 loss 2.5step 8/99 loss 2.4")) == 2


def test_fields_come_in_any_order_and_the_first_of_a_name_counts() -> None:
    """Unknown names and values that are no numbers are passed over."""
    line = b" iteration 12 | foo: 3 | lm loss: 2.5 | loss: 9.9 | grad norm: 0.5 | memory: n/a | bar: 1"
    (row,) = rows(FIELDS, line)
    assert values_of(row, line) == {"train_loss": 2.5, "grad_norm": 0.5}


def test_an_anchor_without_a_metric_is_no_row_of_fields() -> None:
    """Nothing was said."""
    assert rows(FIELDS, b"iteration 12 | foo: 3") == []


@pytest.mark.parametrize(
    "line",
    [b'f"step 7/99 loss 2.5"', b"# step 7/99 loss 2.5", b"the loss at step 7/99 loss 2.5", b"step 7/99 loss 2.5.1"],
)
def test_code_prose_and_broken_numbers_are_no_rows(line: bytes) -> None:
    """What stands before a row, and its numbers, tell."""
    assert rows(LAYOUT, line) == []


def test_where_a_row_begins_is_known_though_it_is_cut() -> None:
    """By the text up to its first number, or by its anchor."""
    assert LAYOUT.begins(b"xx step ")
    assert not LAYOUT.begins(b"stop 7")
    assert FIELDS.begins(b"iteration 12 | lm lo")


@pytest.mark.parametrize(
    ("name", "number", "is_known"),
    [("mfu", 0.0, False), ("mfu", -1.0, False), ("mfu", float("inf"), False), ("mfu", 0.3, True),
     ("train_loss", float("nan"), True), ("train_loss", 0.0, True), ("step_seconds", float("nan"), False)],
)  # fmt: skip
def test_some_numbers_say_that_nothing_is_known(name: str, number: float, is_known: bool) -> None:
    """0 % MFU is a GPU in no table; a loss that is no number is news."""
    assert known(name, number) is is_known
