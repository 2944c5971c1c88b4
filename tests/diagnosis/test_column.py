"""A column grows without moving what was seen of it."""

from __future__ import annotations

import numpy as np
import pytest

from diagnosis.column import Column


def test_what_was_seen_stays_as_it_was() -> None:
    """A view of three rows has three, whatever is appended, and nobody can write to it."""
    column = Column(np.arange(3))
    seen = column.view()
    for _ in range(10):
        column.extend(np.arange(100))

    assert seen.tolist() == [0, 1, 2]
    assert column.length == len(column.view()) == 1003
    assert column.view()[:5].tolist() == [0, 1, 2, 0, 1]
    with pytest.raises(ValueError, match="read-only"):
        seen[0] = 7


def test_rows_that_fit_move_nothing() -> None:
    """Two views begin at the same memory, by which a longer series is known to begin with a shorter one."""
    column = Column(np.empty(0))
    column.extend(np.ones(2))
    first = column.view()
    column.extend(np.ones(100))

    assert np.shares_memory(first, column.view())


def test_rows_that_were_given_are_not_written_to() -> None:
    """The first rows are the caller's own."""
    given = np.arange(3)
    column = Column(given)
    column.extend(np.arange(5))

    assert given.tolist() == [0, 1, 2]
