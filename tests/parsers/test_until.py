"""parsers/replay.py: what was known at a step."""

from __future__ import annotations

import numpy as np
from played import LAYERS, LOG, RECOGNISED, seen, train

from parsers.records import Fact, Notice, Points, Record, Restart
from parsers.replay import until


def test_until_a_step_gives_what_was_known() -> None:
    """Rows to the step, its own included; evals too; notices of later steps are dropped."""
    log = [*LOG, Notice("end", "", 99)]
    known = until(log, 50)
    assert seen(known) == list(range(51))
    assert seen(known, "val_loss") == [0, 10, 20, 30, 40, 50]
    assert [record for record in known if isinstance(record, Notice)] == [log[4]]
    assert known[:2] == [RECOGNISED, LAYERS]
    assert until(log, 49)[-1] is not log[4]


def test_until_copies_nothing() -> None:
    """A block that is whole is the same object, a cut one a view."""
    block = train(range(100))
    assert until([block], 99)[0] is block
    (cut,) = until([block], 10)
    assert isinstance(cut, Points)
    assert np.shares_memory(cut.steps, block.steps)


def test_until_stops_where_the_step_was_first_reached() -> None:
    """A restarted log that had come that far before: what came after the restart was not known then."""
    log: list[Record] = [train(range(50)), Restart(20, "resumed"), train(range(20, 90))]
    assert seen(until(log, 30)) == list(range(31))
    assert seen(until(log, 49)) == list(range(50))
    assert seen(until(log, 60)) == [*range(50), *range(20, 61)]


def test_until_drops_later_blocks_and_facts() -> None:
    """A block behind the step, and a fact that only came then, were not known."""
    late = Fact("dataset", "fineweb", "log", "line 900")
    known = until([LAYERS, train(range(10)), train(range(10, 20)), late, train([3])], 12)
    assert known[0] is LAYERS
    assert late not in known
    assert seen(known) == list(range(13))


def test_until_before_the_first_step() -> None:
    """Only what stands before the rows."""
    assert until([RECOGNISED, LAYERS, train(range(100, 200))], 5) == [RECOGNISED, LAYERS]
