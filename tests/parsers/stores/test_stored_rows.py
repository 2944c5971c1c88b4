"""Metrics that are kept one by one: their blocks, restarts and units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polled import curve, only

from parsers.records import Points, Restart
from parsers.stores.stored_facts import StoredFacts
from parsers.stores.stored_rows import Metrics, StoredColumn, StoredRows


def column(order: Sequence[int], steps: Sequence[int]) -> StoredColumn:
    """Values that say where they stand in the order."""
    return StoredColumn(np.array(order, np.int64), np.array(steps, np.int64), np.array(order, np.float64))


def test_metrics_of_the_same_rows_are_one_block() -> None:
    """Two metrics of the same rows share a block; one of other rows has its own."""
    both = column([0, 1], [10, 20])
    records = StoredRows().arrange({"train_loss": both, "grad_norm": both, "val_loss": column([1], [20])})
    assert [set(p.columns) for p in only(Points, records)] == [{"train_loss", "grad_norm"}, {"val_loss"}]


def test_a_metric_that_falls_behind_itself_begins_a_segment_for_all() -> None:
    """What stands after the place of the restart comes after it, whatever its metric; across lots of columns too."""
    rows = StoredRows()
    before = rows.arrange({"train_loss": column([0, 2], [10, 20]), "val_loss": column([1], [9])})
    after = rows.arrange({"val_loss": column([3, 5], [19, 4]), "train_loss": column([4], [5])})
    assert only(Restart, before) == []
    assert [r.step for r in only(Restart, after)] == [5]
    assert curve(after[: after.index(only(Restart, after)[0])], "val_loss") == [(19, 3.0)]
    assert rows.last_step == 5


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), max_size=12),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), max_size=12),
)
def test_no_row_is_lost_or_told_twice(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    """Whatever the orders and steps, ties too, each row is told once, and within a segment no metric goes back."""
    columns = {}
    for name, rows in (("train_loss", first), ("val_loss", second)):
        order = sorted(place for place, _ in rows)
        columns[name] = column(order, [step for _, step in rows])
    records = StoredRows().arrange(columns)
    for name, given_column in columns.items():
        told = curve(records, name)
        assert told == list(zip(given_column.steps.tolist(), given_column.values.tolist(), strict=True))
        last = -1
        for record in records:
            if isinstance(record, Restart):
                last = -1
            elif isinstance(record, Points) and name in record.columns:
                assert (np.diff(record.steps, prepend=last) >= 0).all()
                last = int(record.steps[-1])


def test_units_become_si() -> None:
    """A unit in the name scales the values, and an MFU above 1.5 can only be percent, from then on too."""
    metrics = Metrics()
    metrics.add(["mfu", "step_time_ms"])
    meanings = {meaning.metric: meaning for meaning in metrics.meanings.values()}
    assert metrics.scaled(meanings["step_seconds"], np.array([250.0])).tolist() == [0.25]
    assert metrics.scaled(meanings["mfu"], np.array([np.nan, 0.4]))[1] == 0.4
    assert metrics.scaled(meanings["mfu"], np.array([41.0])).tolist() == pytest.approx([0.41])
    assert metrics.scaled(meanings["mfu"], np.array([1.0])).tolist() == [0.01]


@pytest.mark.parametrize(("name", "per_device"), [("tokens_per_sec", False), ("tokens_per_sec_per_gpu", True)])
def test_tokens_per_second_stay_of_a_run_or_of_a_device(name: str, per_device: bool) -> None:
    """Whether the tokens per second are of one device follows the name, and is known only once there are any."""
    metrics = Metrics()
    metrics.add(["loss"])
    assert (set(metrics.meanings), metrics.per_device) == ({"loss"}, None)
    metrics.add([name])
    assert (set(metrics.meanings), metrics.per_device) == ({"loss", name}, per_device)


def test_facts_are_told_when_they_change() -> None:
    """A setting is told once, again when it changes, and never when the same comes again."""
    facts = StoredFacts("somewhere")
    assert [f.value for f in facts.changed({"n_layer": 12})] == [12]
    assert facts.changed({"n_layer": 12}) == []
    assert [(f.value, f.origin) for f in facts.changed({"n_layer": 24})] == [(24, "config")]


def test_names_tell_what_a_loss_is_of() -> None:
    """Tokens are a language model's; rewards are reinforcement learning's, whatever else is logged beside them."""
    metrics, units = Metrics(), []
    for name in ("train/loss", "train/num_tokens", "train/reward", "eval/perplexity"):
        metrics.add([name])
        units.append(metrics.unit)
    assert units == ["unknown", "nats", "other", "other"]
