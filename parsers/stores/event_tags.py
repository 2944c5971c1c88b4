"""Which tags of an event file are read, and as what. A tag is judged when it first appears, once for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from parsers.names import Meaning, columns_of, meaning_of, mfu_scale
from parsers.stores.event_order import Curve
from parsers.stores.event_scalars import Scalars

MOST_TAGS = 20_000
"""Further ones are not looked at: a run names its tensors, not its steps."""


@dataclass(frozen=True, slots=True)
class _Taken:
    metric: str
    scale: float


class Tags:
    """Each metric has one tag. A better one that comes later does not mix with it."""

    def __init__(self) -> None:
        self.left_out: list[str] = []
        """The tags that are no metric or a second one for it, in the order in which they appeared."""
        self.ignored: set[bytes] = set()
        """The same tags, as the file spells them."""
        self._taken: dict[str, _Taken] = {}
        self._known: set[str] = set()

    def curves(self, scalars: Sequence[Scalars]) -> list[Curve]:
        """What a block says of metrics, in SI units. The tags of the first block are chosen from together."""
        fresh = {found.tag: found for found in scalars if found.tag not in self._known}
        if fresh and len(self._known) < MOST_TAGS:
            self._choose(fresh.keys())
            for tag, found in fresh.items():
                taken = self._taken.get(tag)
                if taken is not None and taken.metric == "mfu":
                    self._taken[tag] = replace(taken, scale=taken.scale * _unit_of_mfu(found, taken))
        return [
            Curve(taken.metric, found if taken.scale == 1.0 else replace(found, values=found.values * taken.scale))
            for found in scalars
            if (taken := self._taken.get(found.tag)) is not None
        ]

    def _choose(self, fresh: Iterable[str]) -> None:
        fresh = list(fresh)
        self._known.update(fresh)
        chosen = columns_of(fresh)
        for tag in fresh:
            best = chosen.get(tag)
            if best is None or not (self._take(tag, best) or self._take(tag, meaning_of(tag))):
                self.left_out.append(tag)
                self.ignored.add(tag.encode())

    def _take(self, tag: str, meaning: Meaning | None) -> bool:
        """The first evaluation set of several is the plain val_loss; a set that comes later keeps its name."""
        if meaning is None or meaning.per_device or any(meaning.metric == t.metric for t in self._taken.values()):
            return False
        self._taken[tag] = _Taken(meaning.metric, meaning.scale)
        return True


def _unit_of_mfu(found: Scalars, taken: _Taken) -> float:
    """Percent or fractions: only the values tell, where the name does not."""
    return mfu_scale(float(found.values.max())) if taken.scale == 1.0 else 1.0
