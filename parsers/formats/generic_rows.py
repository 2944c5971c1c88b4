"""Rows of loops that nobody knows: numbers with names in front of them, a loss and a count of steps among them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from parsers.names import columns_of, meaning_of, step_of
from parsers.rows.foreign import credible
from parsers.rows.numbers import NUMBER
from parsers.rows.row_patterns import Found, Layout, RowPattern, Span

LONGEST = 1000
MOST_NUMBERS = 60
MOST_WORDS = 4
"""A longer name is a sentence."""
LOSSES = ("train_loss", "val_loss", "eval_train_loss")
PLACES = ("update", "batch", "count", "epoch")
"""What tells where a row is, the best first: a count of steps, of batches, an n/m without a name, an epoch."""

VALUE = re.compile(
    rb"(?<![\w.])(?P<number>" + NUMBER + rb")(?:(?P<total> ?/ ?\d{1,12})(?![\d/.]))?"
    rb"(?P<unit>(?:ms|secs?|s|%| ?[GMK]i?B)(?![A-Za-z/])|[kKMB](?![A-Za-z/]))?(?![A-Za-z_]|/s)"
)
CUT = re.compile(rb"[|,;:\t\[\](){}<>]|  +| - |\. |\xe2\x94\x82")
"""What stands between the fields of a row."""
WORDS = re.compile(rb"[^A-Za-z_]*([A-Za-z_][\w./%-]*(?: [A-Za-z_][\w./%-]*)*)")
"""A name; signs and keys that somebody typed may stand before it."""
AT = re.compile(r"(?i)(?P<loss>.*loss) (?:at|@) (?P<place>step|iteration|iter|epoch)")
ALIASES = {"steps": "step", "iters": "iter", "itr": "iter", "ep": "epoch"}
SCOPE = re.compile(
    rb"(?i)(?<![\w./-])(?:(train|training|tr)|(val|valid|validation|eval|evaluation|evaluating|test|testing|dev))(?![\w.])"
)
SPLIT = re.compile(r"(?i)(?:^|[^a-z])(?:train|training|tr|val|valid|validation|eval|evaluation|test|dev)(?![a-z])")
BATCH = re.compile(r"(?i)(?:(?:mini|micro)[ _-]?)?batch(?:es|[ _-]?(?:idx|index|num|number|i|id))?")
NO_ROW = re.compile(rb"""["'`]|#(?! ?\d)|(?:^|\s)--[a-z]|\bprint\b""")
"""What code, JSON and command lines have and rows have not."""
VAL = frozenset({"val", "valid", "validation"})
CLEAR = re.compile(rb"^[\s>*#=-]*$|[\]|:>)-]\s*$|\d[:.,]\d{2,6}\s*$|\b(?:INFO|DEBUG|WARNING)\s*$")
"""What may stand before a row that tells no step: nothing, or what a logger prints."""


class Item(NamedTuple):
    """A number of a line: its name as printed, where it stands, the `total` of an n/m, and its unit."""

    name: str
    start: int
    """Where the name begins."""
    value: tuple[int, int]
    total: tuple[int, int] | None
    unit: str


class Named(NamedTuple):
    """What was taken for what: the name as the log prints it, and the metric or place."""

    printed: str
    meaning: str


class Guess(NamedTuple):
    """A row: its spans, where it begins and ends, what was taken for what, and what tells its place."""

    values: tuple[Span, ...]
    start: int
    end: int
    named: tuple[Named, ...]
    place: str | None


@lru_cache(maxsize=8)
def items_of(line: bytes) -> tuple[Item, ...]:
    """The numbers of a line, each with the words in front of it."""
    items: list[Item] = []
    before = 0
    for found in VALUE.finditer(line, 0, LONGEST):
        name, start = _name(line, before, found.start())
        unit = (found["unit"] or b"").decode().strip()
        items.append(
            Item(name, start, found.span("number"), None if found["total"] is None else _total(line, found), unit)
        )
        before = found.end()
        if len(items) == MOST_NUMBERS:
            break
    return tuple(_turned(items))


def _turned(items: list[Item]) -> list[Item]:
    """The numbers of `Loss at step 10: 3.2` with the names that they have."""
    for at, (item, after) in enumerate(pairwise(items)):
        if not after.name and (found := AT.fullmatch(item.name)):
            items[at] = item._replace(name=found["place"])
            items[at + 1] = after._replace(name=found["loss"], start=item.start)
    return items


def _total(line: bytes, found: re.Match[bytes]) -> tuple[int, int]:
    start, end = found.span("total")
    return start + len(line[start:end]) - len(line[start:end].lstrip(b" /")), end


def _name(line: bytes, start: int, end: int) -> tuple[str, int]:
    """The words right before a number, and where they begin; nothing where there are none or too many."""
    text = line[start:end].rstrip(b" :=[(\t")
    cuts = [found.end() for found in CUT.finditer(text)]
    at = cuts[-1] if cuts else 0
    words = text[at:].strip(b" -")
    found = WORDS.fullmatch(words)
    if found is None or found[1].count(b" ") >= MOST_WORDS:
        return "", end
    name = found[1].decode()
    return ALIASES.get(name.lower(), name), start + text.rindex(found[1])


@lru_cache(maxsize=8)
def guess(line: bytes) -> Guess | None:
    """The row in a line; None where it has no loss, or prose or code stands before it."""
    code = NO_ROW.search(line)
    if code is not None and code.start() < line.lower().find(b"loss"):
        return None
    items = items_of(line)
    names = [_full(line, item) for item in items]
    places = _places(items)
    taken = _metrics(tuple(name for at, name in enumerate(names) if at not in {p.at for p in places}))
    metrics = [(at, *taken[name]) for at, name in enumerate(names) if name in taken and name]
    kept = [row for row in metrics if row[0] == next(at for at, metric, _ in metrics if metric == row[1])]
    if not any(metric.startswith(LOSSES) for _, metric, _ in kept):
        return None
    start = min([items[at].start for at, *_ in kept] + [p.start for p in places])
    if not _may_begin(line, start):
        return None
    values = [Span(metric, *items[at].value, scale * _suffix(items[at])) for at, metric, scale in kept]
    values += [span for place in places for span in place.spans]
    named = [Named(items[at].name, metric) for at, metric, _ in kept] + [Named(p.printed, p.name) for p in places]
    best = next((name for name in PLACES if any(p.name == name for p in places)), None)
    order = tuple(sorted(values, key=lambda span: span.start))
    if code is not None and code.start() < order[-1].end:
        return None
    return Guess(order, start, order[-1].end, tuple(named), best)


class Place(NamedTuple):
    """A count in a row: which one, its number and its total as spans."""

    name: str
    printed: str
    at: int
    start: int
    spans: tuple[Span, ...]


def _places(items: Sequence[Item]) -> list[Place]:
    """The counts of a row, one of each kind, the first of each."""
    found: dict[str, Place] = {}
    for at, item in enumerate(items):
        kind = _kind(item, found)
        if kind is None or kind in found:
            continue
        spans = [Span(kind, *item.value, 1.0)]
        if item.total is not None:
            spans.append(Span("epochs" if kind == "epoch" else "total", *item.total, 1.0))
        found[kind] = Place(kind, item.name, at, item.start, tuple(spans))
    if len({"update", "batch", "count"} & found.keys()) > 1:  # only one of them can tell the step
        best = next(name for name in PLACES if name in found)
        return [p for name, p in found.items() if name in (best, "epoch")]
    return list(found.values())


def _kind(item: Item, found: dict[str, Place]) -> str | None:
    if item.unit:
        return None
    if not item.name:
        at_start = item.start <= item.value[0] and not found
        return "count" if item.total is not None and (at_start or "epoch" in found) else None
    if BATCH.fullmatch(item.name):
        return "batch"
    if step_of([item.name]) is not None:
        return "update"
    meaning = meaning_of(item.name)
    return "epoch" if meaning is not None and meaning.metric == "epoch" else None


@lru_cache(maxsize=512)
def _metrics(names: tuple[str, ...]) -> dict[str, tuple[str, float]]:
    """Of the names of a row those that are metrics, each with what makes its number SI."""
    taken = {name: (m.metric, m.scale) for name, m in columns_of(filter(None, names)).items() if m.metric != "epoch"}
    loss = any(metric == "train_loss" for metric, _ in taken.values())
    val = [name for name in names if name.lower() in VAL]
    if loss and val and not any(metric == "val_loss" for metric, _ in taken.values()):
        taken[val[0]] = ("val_loss", 1.0)
    return taken


def _full(line: bytes, item: Item) -> str:
    """The name with what it leaves to its surroundings: the unit behind the number, the split before the line."""
    if item.unit and item.unit not in "kKMB":
        return f"{item.name} {item.unit}" if item.name else ""
    if "loss" in item.name.lower() and not SPLIT.search(item.name):
        scopes = list(SCOPE.finditer(line, 0, item.start))
        if scopes and scopes[-1][2] is not None:
            return f"val {item.name}"
    return item.name


def _suffix(item: Item) -> float:
    return {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}.get(item.unit, 1.0)


def _may_begin(line: bytes, start: int) -> bool:
    return credible(line[:start]) and line[start - 1 : start] in b" \t[|]:>-0123456789" if start else True


@dataclass(frozen=True, eq=False)
class GuessedRow(RowPattern):
    """A line with a loss: one that tells where it is, or (`placed` false) one that does not."""

    placed: bool = True

    def find(self, line: bytes) -> Iterator[Found]:
        """The row of this kind in a line."""
        row = guess(line) if len(line) <= LONGEST else None
        if row is None or (row.place is not None) != self.placed:
            return
        if self.placed or CLEAR.search(line[: row.start]):
            yield Found(self, row.start, row.end, None, row.values, ())

    def begins(self, line: bytes) -> bool:
        """Whether a row of this kind begins in the line: a count of steps stands in it."""
        if not self.placed or len(line) > LONGEST:
            return False
        places = _places(items_of(line))
        return bool(places) and _may_begin(line, places[0].start)


HEADER = Layout(
    hint=b"epoch",
    text=rb"(?i:^[\s=*#>-]{0,80}epoch) {0,3}[:#\[(=]? {0,3}{epoch}(?: ?(?:/| of ) ?{epochs})?[\])]?[\s:=*#-]{0,80}$",
    start=rb"(?i:^[\s=*#>-]{0,80}epoch) {0,3}[:#\[(=]? {0,3}\d",
    own=False,
)
"""A line that has nothing but an epoch; the rows below it belong to it."""
