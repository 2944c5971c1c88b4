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
    """The first number of rows at which something held."""

    def __init__(self) -> None:
        self.rows = 0
        self.found: int | None = None


def first_look(series: Series, fewest: int, holds: Callable[[int], bool], *key: Hashable) -> int | None:
    """The first of `looks` at which `holds(count)` is true of the first `count` rows; None where there is none.

    `holds` must be a function of those rows and of `key` alone: what was once seen is not looked at again.
    """
    name = (first_look, *key)
    known: Any = series.memo.get(name)
    if known is None or known.rows > len(series):
        known = series.memo[name] = _First()
    if known.found is None:
        known.found = next((n for n in looks(len(series), fewest) if n > known.rows and holds(n)), None)
        known.rows = len(series)
    found: int | None = known.found
    return found
