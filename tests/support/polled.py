"""What a store gives, for tests of stores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from parsers.records import Fact, Points, Record, Value
from parsers.stores.store import Store

Kind = TypeVar("Kind")


def poll_out(store: Store) -> list[Record]:
    """Polls until the end of what there is, then what was held back."""
    records = store.poll()
    while not store.caught_up:
        records += store.poll()
    return [*records, *store.finish()]


def curve(records: Sequence[Record], metric: str) -> list[tuple[int, float]]:
    """All points of a metric as (step, value), in the order in which they came."""
    blocks = [r for r in records if isinstance(r, Points) and metric in r.columns]
    return [pair for b in blocks for pair in zip(b.steps.tolist(), b.columns[metric].tolist(), strict=True)]


def facts(records: Sequence[Record]) -> dict[str, Value]:
    """The facts by name, the last one of each."""
    return {r.name: r.value for r in records if isinstance(r, Fact)}


def only(kind: type[Kind], records: Sequence[Record]) -> list[Kind]:
    """The records of one kind."""
    return [r for r in records if isinstance(r, kind)]
