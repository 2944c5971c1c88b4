"""The scalars and texts of a block of event records, by tag."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from parsers.records import Floats, Ints
from parsers.stores.crc32c import Bytes
from parsers.stores.event_layout import Layout, layout_of
from parsers.stores.event_messages import UnreadableError, values
from parsers.stores.event_records import Batch

LOOKS = 4
"""Records of one length in which a layout is looked for before all the rest are read one by one."""
LAYOUTS_KEPT = 1000
FEW_TAGS = 12
"""Tags that are compared with all rows one after another; sorting is cheaper for more."""

Columns = tuple[Ints, Ints, Floats, Floats]


@dataclass(frozen=True, slots=True)
class Scalars:
    """The scalars of one tag in a block, in the order of the file; each column of shape (n,)."""

    tag: str
    at: Ints
    """Which record of the block each is from."""
    steps: Ints
    seconds: Floats
    """Wall-clock time, seconds since 1970."""
    values: Floats


@dataclass(frozen=True, slots=True)
class Found:
    """What a block says, the tags in the order in which they first appear."""

    scalars: list[Scalars]
    texts: list[tuple[str, str]]
    """Tag and text."""
    unreadable: int
    """Records that are no events though their CRC is right."""


@dataclass(slots=True)
class _Pieces:
    """What was found so far: for each tag its columns, piece by piece."""

    columns: dict[bytes, list[Columns]] = field(default_factory=dict)
    texts: list[tuple[int, str, str]] = field(default_factory=list)
    unreadable: int = 0


class ScalarReader:
    """Remembers how the records of each length are laid out, from block to block.

    Tags that are `ignored`, a collection that may grow, are passed over at little cost.
    """

    def __init__(self, ignored: Collection[bytes] = ()) -> None:
        self._ignored = ignored
        self._layouts: dict[int, list[Layout]] = {}

    def read(self, batches: Sequence[Batch]) -> Found:
        """The scalars and texts in the records of one block. Raises for no record whatever."""
        found = _Pieces()
        for batch in batches:
            self._read_one_by_one(self._read_alike(batch, found), found)
        scalars = [_joined(tag, pieces) for tag, pieces in found.columns.items()]
        scalars.sort(key=lambda known: int(known.at[0]))
        texts = [(tag, text) for _, tag, text in sorted(found.texts)]
        return Found(scalars, texts, found.unreadable)

    def _read_alike(self, batch: Batch, found: _Pieces) -> Batch:
        """Reads the records that are laid out as known ones, and as one of the first few; gives the rest."""
        length = batch.rows.shape[1]
        for layout in self._layouts.get(length, ()):
            batch = self._take(layout, batch, found)
        for _ in range(LOOKS):
            if not len(batch.at):
                break
            new = layout_of(batch.rows[0].tobytes())
            if new is None:
                self._read_one_by_one(Batch(batch.rows[:1], batch.at[:1]), found)
                batch = Batch(batch.rows[1:], batch.at[1:])
            else:
                if len(self._layouts) < LAYOUTS_KEPT or length in self._layouts:
                    known = self._layouts.setdefault(length, [])
                    self._layouts[length] = [new, *known][:LOOKS]
                batch = self._take(new, batch, found)
        return batch

    def _take(self, layout: Layout, batch: Batch, found: _Pieces) -> Batch:
        fits = layout.fits(batch.rows)
        if not fits.any():
            return batch
        rows, at = (batch.rows, batch.at) if fits.all() else (batch.rows[fits], batch.at[fits])
        for tag, places in _by_tag(layout, rows):
            if tag not in self._ignored:
                of_tag = rows[places]
                found.columns.setdefault(tag, []).append((at[places], *layout.columns(of_tag)))
        return Batch(batch.rows[~fits], batch.at[~fits])

    def _read_one_by_one(self, batch: Batch, found: _Pieces) -> None:
        rows: dict[bytes, list[tuple[int, int, float, float]]] = {}
        for row, at in zip(batch.rows, batch.at.tolist(), strict=True):
            try:
                for said in values(row.tobytes()):
                    if isinstance(said.value, str):
                        found.texts.append((at, said.tag.decode("utf-8", "replace"), said.value))
                    elif said.tag not in self._ignored:
                        rows.setdefault(said.tag, []).append((at, said.step, said.seconds, said.value))
            except UnreadableError:
                found.unreadable += 1
        for tag, listed in rows.items():
            at, steps, seconds, numbers = zip(*listed, strict=True)
            columns = (np.array(at), np.array(steps, np.int64), np.array(seconds), np.array(numbers))
            found.columns.setdefault(tag, []).append(columns)


def _by_tag(layout: Layout, rows: Bytes) -> Iterator[tuple[bytes, Ints | slice]]:
    """Each tag with the places of its rows."""
    tags = layout.tags(rows)
    rest = np.arange(len(rows))
    for number in range(FEW_TAGS):
        here = tags == tags[0]
        if here.all():
            yield tags[0].tobytes(), slice(None) if not number else rest
            return
        yield tags[0].tobytes(), rest[here]
        tags, rest = tags[~here], rest[~here]
    texts = tags.view(f"S{tags.dtype.itemsize}")
    _, which = np.unique(texts, return_inverse=True)
    order = np.argsort(which, kind="stable")
    for places in np.split(order, np.cumsum(np.bincount(which))[:-1]):
        yield tags[places[0]].tobytes(), rest[places]


def _joined(tag: bytes, pieces: list[Columns]) -> Scalars:
    at, steps, seconds, numbers = pieces[0] if len(pieces) == 1 else map(np.concatenate, zip(*pieces, strict=True))
    if len(pieces) > 1:
        order = np.argsort(at, kind="stable")
        at, steps, seconds, numbers = at[order], steps[order], seconds[order], numbers[order]
    return Scalars(tag.decode("utf-8", "replace"), at, steps, seconds, numbers)
