"""The skeletons of a log's rows: learned as they come, tried on each block."""

from __future__ import annotations

import numpy as np

from parsers.records import Ints
from parsers.rows.batches import Line
from parsers.rows.joining import Reader, join
from parsers.rows.page import Page
from parsers.rows.row_patterns import Found, values_of
from parsers.rows.skeleton import Batch, Skeleton

FEWEST_LINES = 32
"""Below this learning costs more than it saves."""
FEWEST_ROWS = 4
"""A skeleton that takes fewer of a block is not worth trying on the next."""
MOST_KEPT = 24
MOST_LOOKS = 200
"""Lines of a block that are looked at to learn from."""
MOST_LEARNED = 12
"""In one block."""
LONGEST = 4096


class Skeletons:
    """Takes the rows of a block that look like rows seen before, and leaves those alone that a margin broke."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: list[Skeleton] = []

    def read(self, page: Page) -> tuple[list[Batch], Ints, list[Line]]:
        """The rows that were taken, the numbers of the other lines that are not empty, and the rows that taught."""
        left = np.flatnonzero(page.ends > page.starts)
        if len(left) < FEWEST_LINES:
            return [], left, []
        text = b"\n" + page.text
        batches: list[Batch] = []
        for skeleton in list(self._kept):
            left = self._try(skeleton, text, page, left, batches)
        taught: list[Line] = []
        left = self._learn(text, page, left, batches, taught)
        return batches, left, taught

    def _try(self, skeleton: Skeleton, text: bytes, page: Page, left: Ints, batches: list[Batch]) -> Ints:
        batch = skeleton.read(text, page.ends)
        if batch is None:
            return left
        fresh = np.flatnonzero(np.isin(batch.lines, left))
        if len(fresh):
            batches.append(batch if len(fresh) == len(batch.lines) else batch.only(fresh))
        if len(fresh) >= FEWEST_ROWS and skeleton not in self._kept:
            self._kept = [skeleton, *self._kept[: MOST_KEPT - 1]]
        return np.setdiff1d(left, batch.lines, assume_unique=True)

    def _learn(self, text: bytes, page: Page, left: Ints, batches: list[Batch], taught: list[Line]) -> Ints:
        looked_at = -1
        for _ in range(MOST_LOOKS):
            ahead = left[np.searchsorted(left, looked_at, side="right") :]
            if len(left) < FEWEST_LINES or not len(ahead) or len(taught) == MOST_LEARNED:
                break
            looked_at = int(ahead[0])
            joined = join(page, looked_at, self._reader, _anywhere)
            if (
                joined.lines == len(joined.rows) == 1
                and len(joined.text) <= LONGEST
                and _plain(joined.rows[0], joined.text)
            ):
                taught.append(Line(looked_at, joined.text, joined.rows[0]))
                left = self._try(Skeleton(joined.text, joined.rows[0]), text, page, left, batches)
        return left


def _plain(row: Found, text: bytes) -> bool:
    """Whether all its numbers are known: another row would have other metrics."""
    return len(values_of(row, text)) == len(row.values)


def _anywhere(at: int) -> bool:
    del at
    return True
