"""Tables that were copied from a terminal, whose right margin broke wide rows over several lines.

A row is joined only where that is certain: all its lines but the last are as wide as the widest line of the page,
together they have just as many cells as the header, and so it is for more than one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parsers.columns import numbers
from parsers.formats.csv_header import DELIMITERS, HINTS, LONGEST, Header, cells_of, header_of
from parsers.rows.foreign import Hinted

NARROWEST = 40
"""Columns. Nobody reads logs on a narrower terminal, and shorter lines are of one width by chance."""
MOST_LINES = 64
FEWEST_ROWS = 2
PAIRS = re.compile(rb"[:=] ?[-+]?[\d.]")
"""`loss: 3.2, lr: 1e-3`: names that have their numbers beside them are no header."""
FEWEST_PAIRS = 2

Joined = dict[int, tuple[bytes, int]]
"""Line -> the text of what begins there, and the line after it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, the widest of which have `width` bytes."""

    texts: Sequence[bytes]
    width: int

    def full(self, at: int) -> bool:
        """Whether a line goes to the margin."""
        return len(self.texts[at]) == self.width


@dataclass(frozen=True, slots=True)
class Reading:
    """What the lines below a header are, if it is that header."""

    joined: Joined
    rows: int
    """Those that were joined and those on one line."""
    failed: int
    """Lines to the margin that are a part of a row, of which the rest is not there."""
    explained: int
    """Bytes in rows, less those in lines that failed."""


def unbroken(texts: Sequence[bytes], known: Header | None) -> Sequence[bytes]:
    """The lines, each broken row and header in one; what it went on in is empty. `known` is the header so far."""
    width = max(map(len, texts), default=0)
    if not NARROWEST <= width <= LONGEST:
        return texts
    full = [text for text in texts if len(text) == width]
    delimiter = max(DELIMITERS, key=full[0].count)
    if len(full) < FEWEST_ROWS or len({text.count(delimiter) for text in texts if text}) == 1:
        return texts
    page, joined = Page(texts, width), Joined()
    heads = list(_heads(page))
    edges = [head for head, _ in heads] + [len(texts)]
    if known is not None:
        joined |= _best(page, [(0, known)], 0, edges[0])
    for (head, candidates), end in zip(heads, edges[1:], strict=True):
        joined |= _best(page, candidates, head, end)
    return _with(texts, joined)


def _with(texts: Sequence[bytes], joined: Joined) -> Sequence[bytes]:
    if not joined:
        return texts
    lines = list(texts)
    for at, (text, end) in joined.items():
        lines[at:end] = [text, *[b""] * (end - at - 1)]
    return lines


def _heads(page: Page) -> Iterator[tuple[int, list[tuple[int, Header]]]]:
    """Where headers may begin, and what header each is that ends before which line."""
    after = 0
    for hinted in sorted(Hinted(page.texts).lines(HINTS)):
        at = hinted
        while at > after and page.full(at - 1) and _names(page.texts[at - 1]):
            at -= 1
        if at < after:
            continue
        candidates = list(_headers(page, at))
        if candidates:
            after = candidates[-1][0]
            yield at, candidates


def _headers(page: Page, at: int) -> Iterator[tuple[int, Header]]:
    text = b""
    for line in range(at, min(at + MOST_LINES, len(page.texts))):
        piece = page.texts[line]
        if not _names(piece):
            return
        text += piece
        if (header := header_of(text)) is not None:
            yield line + 1, header
        if not page.full(line):
            return


def _names(text: bytes) -> bool:
    """Whether a line may be a part of a header: no whole cell of it is a number. The margin may part `expert_12`."""
    if len(PAIRS.findall(text)) >= FEWEST_PAIRS:
        return False
    cells = text.split(max(DELIMITERS, key=text.count))
    return bool(text) and not numbers([cell.strip() for cell in cells[1:-1]])[1].any()


def _best(page: Page, candidates: Sequence[tuple[int, Header]], head: int, end: int) -> Joined:
    """What is joined if the header is the one that the lines fit best; of equals the longest. Nothing if not sure.

    The lines before `end` are those of the table, the first of them its header.
    """
    first, header = candidates[0]
    best, best_first = _read(page, header, first, end), first
    for first, header in candidates[1:]:
        found = _read(page, header, first, end)
        if found.rows >= FEWEST_ROWS and found.explained >= best.explained:
            best, best_first = found, first
    if best_first > head + 1:
        sure = best.rows >= FEWEST_ROWS and best.explained > 0
        return {head: (b"".join(page.texts[head:best_first]), best_first), **best.joined} if sure else {}
    return best.joined if len(best.joined) >= FEWEST_ROWS and len(best.joined) > best.failed else {}


def _read(page: Page, header: Header, first: int, end: int) -> Reading:
    joined: Joined = {}
    rows = failed = explained = 0
    at = first
    while at < end:
        cells = cells_of(page.texts[at], header.delimiter)
        row = _row(page, header, at, end) if page.full(at) else None
        if row is not None:
            joined[at] = row
        if row is not None or header.fits(cells):
            rows += 1
            explained += len(page.texts[at] if row is None else row[0])
        elif page.full(at) and 1 < len(cells) < len(header.names):
            failed += 1
            explained -= page.width
        at = at + 1 if row is None else row[1]
    return Reading(joined, rows, failed, explained)


def _row(page: Page, header: Header, at: int, end: int) -> tuple[bytes, int] | None:
    """The row that begins on a line and goes on below, with the line after it."""
    text, found = page.texts[at], None
    for below in range(at + 1, min(end, at + MOST_LINES)):
        piece = page.texts[below]
        text += piece
        cells = cells_of(text, header.delimiter)
        if not piece or len(cells) > len(header.names):
            break
        if header.fits(cells):
            found = text, below + 1
        if not page.full(below):
            break
    return found
