"""Running summaries of a growing series: a look at new rows costs what they cost, not what the whole history does."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar

from diagnosis.series import Series
from diagnosis.statistics import looks


class Summary(Protocol):
    """Something that is made of the rows of a series one after the other. `rows` says how many it holds."""

    rows: int

    def extend(self, series: Series) -> None:
        """Takes in the rows from `self.rows` on."""


S = TypeVar("S", bound=Summary)
T = TypeVar("T")


def summary_of(series: Series, begin: Callable[..., S], *args: Hashable) -> S:
    """The summary `begin(*args)` with all rows of the series in it.

    Where the run remembers one of fewer rows it is extended, else it is made anew: the result is the same.
    """
    name = (begin, *args)
    known: Any = series.memo.get(name)
    if known is None or known.rows > len(series):
        known = series.memo[name] = begin(*args)
    if known.rows < len(series):
        known.extend(series)
    found: S = known
    return found


class _First:
    """What was found first, and among how many rows it was looked for."""

    def __init__(self) -> None:
        self.rows = 0
        self.found: Any = None


def first_of(series: Series, find: Callable[[int], T | None], *key: Hashable) -> T | None:
    """What `find` finds first while the series grows: `find(rows)` looks at what the first `rows` rows do not show.

    It must be a function of the rows of the series and of `key` alone: what was once seen is not looked at again.
    """
    name = (first_of, *key)
    known: Any = series.memo.get(name)
    if known is None or known.rows > len(series):
        known = series.memo[name] = _First()
    if known.found is None:
        known.found, known.rows = find(known.rows), len(series)
    found: T | None = known.found
    return found


def first_look(series: Series, fewest: int, holds: Callable[[int], bool], *key: Hashable) -> int | None:
    """The first of `looks` at which `holds(count)` is true of the first `count` rows; None where there is none."""

    def find(rows: int) -> int | None:
        return next((count for count in looks(len(series), fewest) if count > rows and holds(count)), None)

    return first_of(series, find, first_look, *key)


def remembered(series: Series, state: Hashable, make: Callable[[], T], *key: Hashable) -> T:
    """What `make()` gives, worked out anew only where `state` is another than it was when last asked for `key`.

    It must be a function of `state`, of `key` and of rows of the series that do not change any more.
    """
    name = (remembered, *key)
    known: Any = series.memo.get(name)
    if known is None or known[0] != state:
        known = series.memo[name] = (state, make())
    found: T = known[1]
    return found
