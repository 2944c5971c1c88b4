"""Rows of loops that people write themselves: names and numbers in any order, a loss and a step among them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from parsers.foreign import credible
from parsers.names import Meaning, meaning_of
from parsers.numbers import NUMBER
from parsers.row_patterns import LONGEST, Found, RowPattern, Span

COUNT = rb"[ :=#\[]{1,4}(?P<n>\d{1,12})(?:(?: ?/ ?| of )(?P<of>\d{1,12}))?(?![.\d])"
STEP = re.compile(rb"(?<![A-Za-z_])(?:global[_ ]step|steps?|iter(?:ation)?s?|it|updates?|batch)" + COUNT, re.IGNORECASE)
EPOCH = re.compile(rb"(?<![A-Za-z_])epochs?" + COUNT, re.IGNORECASE)
COUNTER = re.compile(rb"^[ (]*\[ ?(?P<n>\d{1,12}) ?/ ?(?P<of>\d{1,12}) ?\]")
PAIR = re.compile(
    rb"(?P<name>(?<![A-Za-z])[A-Za-z][A-Za-z_/.\-]{0,30}(?: [A-Za-z][A-Za-z_/.\-]{0,30}){0,2}) ?(?:[:=] {0,6}| )"
    rb"(?P<value>" + NUMBER + rb") ?(?P<unit>%|(?:ms|s|GiB|MiB|GB|MB)(?![A-Za-z/]))?"
)
LOSSES = ("train_loss", "val_loss", "eval_train_loss", "val_bpb")
COUNTS = frozenset(
    {"step", "steps", "iter", "iters", "it", "update", "updates", "batch", "epoch", "epochs", "iteration"}
)
TIMED = {b"ms": 1e-3, b"s": 1.0}
TIME_NAMES = frozenset({"time", "dt", "step time", "iter time", "t"})


@dataclass(frozen=True, eq=False)
class LooseRow(RowPattern):
    """A row that names a loss and, for `counter`, a step or an epoch. The names decide what is taken."""

    counter: re.Pattern[bytes] = STEP
    unless: re.Pattern[bytes] | None = None
    """A line with this is another pattern's."""

    def find(self, line: bytes) -> Iterator[Found]:
        """The row of a line, if it is one: such rows fill their line."""
        counted = self.counter.search(line, 0, LONGEST)
        if counted is None or (self.unless is not None and self.unless.search(line)):
            return
        spans = _spans(line)
        start = min([counted.start(), *(span.start for span in spans)])
        if not any(span.name in LOSSES for span in spans) or not credible(line[:start]):
            return
        facts = _facts(line, counted, self.counter)
        if self.counter is not EPOCH and (epoch := EPOCH.search(line)) and not any(s.name == "epoch" for s in spans):
            spans.append(Span("epoch", *epoch.span("n"), 1.0))
        step = Span("step", *counted.span("n"), 1.0)
        end = max(span.end for span in (*spans, *facts, step))
        yield Found(self, start, end, step, tuple(spans), tuple(facts))

    def begins(self, line: bytes) -> bool:
        """Whether a row may begin in the line: where it counts."""
        return self.counter.search(line) is not None


def _facts(line: bytes, counted: re.Match[bytes], counter: re.Pattern[bytes]) -> list[Span]:
    """How many there will be. A count within an epoch tells the steps of an epoch instead."""
    if counted["of"] is None:
        return []
    name = "planned_epochs" if counter is EPOCH else "steps_per_epoch" if EPOCH.search(line) else "planned_steps"
    return [Span(name, *counted.span("of"), 1.0)]


def _spans(line: bytes) -> list[Span]:
    spans: list[Span] = []
    for found in PAIR.finditer(line, 0, LONGEST):
        meaning = _meaning(found["name"], found["unit"])
        if meaning is not None and all(span.name != meaning.metric for span in spans):
            spans.append(Span(meaning.metric, *found.span("value"), meaning.scale))
    return spans


@cache
def _meaning(name: bytes, unit: bytes | None) -> Meaning | None:
    """What a pair is of: its whole name must mean something, since a policy loss is no loss."""
    known = name.decode().lower().replace("_", " ")
    if known in COUNTS:
        return None
    if unit in TIMED:
        return Meaning("step_seconds", TIMED[unit]) if known in TIME_NAMES else None
    if unit == b"%":
        return Meaning("mfu", 0.01) if known == "mfu" else None
    meaning = meaning_of(known.replace(" ", "_") + ("" if unit is None else "_" + unit.decode()))
    return None if meaning is None or meaning.metric == "epoch" else meaning
