"""Running summaries say what a look at the whole history says, and look at each row once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest

from diagnosis.run import Run
from diagnosis.series import Series
from diagnosis.summaries import first_look, first_of, remembered, summary_of
from parsers.records import Points, Restart


class Total:
    """The sum of the rows, and how often a row was looked at."""

    def __init__(self) -> None:
        self.rows = 0
        self.total = 0.0
        self.seen = 0

    def extend(self, series: Series) -> None:
        new = series.values[self.rows :]
        self.total += float(new.sum())
        self.seen += len(new)
        self.rows = len(series)


def feed(run: Run, steps: range, value: float = 1.0) -> Series:
    run.apply(Points(np.array(steps), {"train_loss": np.full(len(steps), value)}))
    return run.series("train_loss")


def test_rows_are_looked_at_once_while_the_run_grows() -> None:
    """Ten polls of ten rows: a hundred looks, not five hundred and fifty."""
    run = Run()
    for at in range(10):
        seen = summary_of(feed(run, range(10 * at, 10 * at + 10)), Total)

    assert (seen.total, seen.seen) == (100.0, 100)


def test_a_summary_of_the_finite_rows_goes_on_too() -> None:
    """A NaN in between leaves out its own row alone."""
    run = Run()
    feed(run, range(10))
    run.apply(Points(np.array([10]), {"train_loss": np.array([np.nan])}))
    first = summary_of(run.series("train_loss").finite, Total)
    more = feed(run, range(11, 20))

    assert summary_of(more.finite, Total) is first
    assert (first.rows, first.seen) == (19, 19)


def test_a_restart_makes_it_anew() -> None:
    """Its steps replace older ones: what was summed up holds no more."""
    run = Run()
    before = summary_of(feed(run, range(100)), Total)
    run.apply(Restart(50, "resumed"))
    after = summary_of(feed(run, range(50, 60), 2.0), Total)

    assert after is not before
    assert after.total == 50 * 1.0 + 10 * 2.0


def test_a_row_that_another_rank_prints_anew_makes_it_anew() -> None:
    """The last row of a step counts: the sum must hold that one."""
    run = Run()
    feed(run, range(10))
    summary_of(run.series("train_loss"), Total)
    run.apply(Points(np.array([5, 10]), {"train_loss": np.array([7.0, 1.0])}))

    assert summary_of(run.series("train_loss"), Total).total == 10 * 1.0 + 7.0


def test_an_older_series_is_summed_up_without_the_newer_rows() -> None:
    """Whoever still holds the case of a moment ago sees what was known then."""
    run = Run()
    old = feed(run, range(10))
    summary_of(feed(run, range(10, 20)), Total)

    assert summary_of(old, Total).total == 10.0


@pytest.mark.parametrize("step", [1, 7, 400])
def test_the_first_look_is_the_same_however_the_rows_came(step: int) -> None:
    """Live, in blocks, or all at once: a finding has one date."""
    values = np.arange(400.0)
    memo: dict[Hashable, Any] = {}
    found = None
    for count in range(step, 401, step):
        series = Series("train_loss", np.arange(count), values[:count], memo)
        found = first_look(series, 6, lambda n: values[:n].sum() > 5000, "sum")

    assert found == first_look(Series("train_loss", np.arange(400), values), 6, lambda n: values[:n].sum() > 5000)


def test_what_was_seen_once_is_not_looked_at_again() -> None:
    """The answer is kept."""
    asked: list[int] = []
    series = Series("train_loss", np.arange(20), np.ones(20))

    def holds(count: int) -> bool:
        asked.append(count)
        return count == 8

    assert [first_look(series, 6, holds), first_look(series, 6, holds)] == [8, 8]
    assert asked == [6, 7, 8]


def test_what_was_found_first_stays_and_the_search_goes_on_where_it_ended() -> None:
    """The first value above 7.5 is asked of new rows alone; an older series, which has none, does not see it."""
    values, begun = np.arange(10.0), []
    memo: dict[Hashable, Any] = {}

    def ask(count: int) -> int | None:
        series = Series("train_loss", np.arange(count), values[:count], memo)

        def find(rows: int) -> int | None:
            begun.append(rows)
            return next((at for at in range(rows, count) if values[at] > 7.5), None)

        return first_of(series, find, "above")

    assert [ask(4), ask(8), ask(10), ask(10), ask(5)] == [None, None, 8, 8, None]
    assert begun == [0, 4, 8, 0]


def test_what_is_remembered_is_made_anew_for_another_state_alone() -> None:
    """Of two keys each has its own; a state of before was forgotten."""
    series, made = Series("train_loss", np.arange(3), np.ones(3)), []

    def ask(state: int, key: str) -> tuple[int, str]:
        def make() -> tuple[int, str]:
            made.append((state, key))
            return state, key

        return remembered(series, state, make, key)

    asked = [(1, "a"), (1, "a"), (1, "b"), (2, "a"), (2, "a"), (1, "a")]
    assert [ask(*one) for one in asked] == asked
    assert made == [(1, "a"), (1, "b"), (2, "a"), (1, "a")]
