"""Rule rank-skew: one rank that falls behind for good, and the jitter that is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from cases import make_case
from format_checks import read, run_of
from tiny_format import Tiny

from diagnosis.case import Case
from diagnosis.rules.rank_skew import NEEDS, rule

Row = tuple[int, int]
"""Rank and step."""


def case_of(rows: Iterable[Row], lines_a_time: int | None = None) -> Case:
    """Of a log with these rows, read at once or so many lines at a time."""
    text = "".join(f"[rank{rank}]:it {step}/9999 loss 2.5\n" for rank, step in rows)
    run = run_of(read(Tiny, text.encode(), lines_a_time))
    facts = {name: fact.value for name, fact in run.facts.items()}
    series = run.series("train_loss")
    return make_case({"train_loss": (series.steps, series.values)}, facts)


def together(last: int, ranks: int = 3, behind: int = 0, interval: int = 1) -> Iterator[Row]:
    """All ranks print in turn, the last of them `behind` steps later."""
    for step in range(0, last, interval):
        for rank in range(ranks):
            yield rank, max(0, step - (behind if rank == ranks - 1 else 0))


def silent_after(last: int, more: int, interval: int = 1) -> list[Row]:
    """Rank 2 prints no more after `last`, the others go on."""
    others = [(rank, step) for step in range(last, last + more, interval) for rank in (0, 1)]
    return [*together(last, interval=interval), *others]


@pytest.mark.parametrize("lines_a_time", [None, 7])
def test_a_rank_that_falls_silent_is_named(lines_a_time: int | None) -> None:
    """It printed up to step 49; ten rows of the others later its silence counts, however much later one looks."""
    for more in (20, 400):
        found = rule(case_of(silent_after(50, more), lines_a_time))
        assert found is not None
        assert (found.severity, found.first_step) == ("warning", 60)
        assert found.title == f"Rank 2 is {more} steps behind the others"


@pytest.mark.parametrize(("more", "fires"), [(10, False), (11, True)])
def test_ten_rows_are_not_yet_too_many(more: int, fires: bool) -> None:
    """The threshold from both sides; in a log with every tenth step these are 100 steps."""
    assert (rule(case_of(silent_after(50, more))) is not None) is fires
    assert (rule(case_of(silent_after(500, 10 * more, 10))) is not None) is fires


@pytest.mark.parametrize("behind", [0, 2, 30])
def test_a_constant_distance_is_usual(behind: int) -> None:
    """A rank whose output comes late is no slower, however late."""
    assert rule(case_of(together(200, behind=behind))) is None


def test_output_in_blocks_is_usual() -> None:
    """Rank 1 writes 40 rows at a time: 40 steps behind, and then there again."""
    rows: list[Row] = []
    for start in range(0, 1000, 40):
        rows += [(0, step) for step in range(start, start + 40)]
        rows += [(1, step) for step in range(start, start + 40)]
    rows += [(0, step) for step in range(1000, 1039)]
    assert rule(case_of(rows)) is None
    assert rule(case_of([*rows, *((0, step) for step in range(1039, 1400))])) is not None


def test_a_rank_that_catches_up_is_forgiven() -> None:
    """Its evidence is gone for good, and such a distance is usual from then on."""
    late = [(2, step) for step in range(50, 90)]
    assert rule(case_of([*silent_after(50, 40), *late])) is None


def test_ranks_that_print_a_start_only_are_not_behind() -> None:
    """Many trainers print a few rows of all ranks and go on with one."""
    assert rule(case_of([*together(15), *((0, step) for step in range(15, 500))])) is None


def test_a_restart_makes_nobody_late() -> None:
    """All go back to a checkpoint, one rank fewer than before: the log of the first start counts no more."""
    again = [(rank, step) for step in range(100, 180) for rank in (0, 1)]
    assert rule(case_of([*together(200), *again])) is None
    assert rule(case_of([*together(200), *again[:1]])) is None


def test_one_process_has_no_others() -> None:
    """And what printed without saying who it was is not judged."""
    alone = case_of((0, step) for step in range(300))
    assert rule(alone) is None
    assert not NEEDS[0].known(alone)
    assert rule(make_case({"train_loss": ([0, 9], [9.0, 8.0])})) is None


@pytest.mark.parametrize(("more", "fires"), [(159, False), (163, True)])
def test_four_times_what_was_usual_is_too_far(more: int, fires: bool) -> None:
    """A rank that writes 40 rows at a time was 40 behind, and came back from it."""
    rows: list[Row] = []
    for start in range(0, 1000, 40):
        rows += [(rank, step) for rank in (0, 1) for step in range(start, start + 40)]
    assert (rule(case_of([*rows, *((0, step) for step in range(1000, 1000 + more))])) is not None) is fires
