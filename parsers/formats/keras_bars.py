"""The bars of Keras' fit(epochs=1), which prints no line of its epoch: where in the run each of them stands."""

from __future__ import annotations

from typing import Literal, NamedTuple

Part = Literal["within", "end", "end with validation"]
"""Where in fit() a bar stands: before its last batch, or at its end."""


class Bar(NamedTuple):
    """One bar as it is drawn."""

    batch: int
    """Batches of the epoch that are done."""
    batches: int | None
    """Of the whole epoch; None where Keras does not know."""
    full: bool
    """Whether it is one that is drawn at the end."""
    counts_batches: bool
    """Whether it says that it counts batches; TF 1 counts samples."""
    told: frozenset[str]
    """Which losses stand beside it: train_loss, val_loss."""


class Place(NamedTuple):
    """Where a bar stands in the run, in batches."""

    part: Part
    step: int
    planned: int | None
    """Batches of all calls of fit() so far; None unless the first bar was seen."""


class OneEpoch:
    """Tells the bars of fit() from those of evaluate(), which look the same.

    fit() comes first or, where it does not, has more batches. Bars of as many batches that begin anew after a full one
    are another fit() in a loop; they are counted on, as the epochs are.
    """

    def __init__(self) -> None:
        self.begun = False
        self._batches: int | None = None
        self._offset = 0
        self._ended = False
        self._seen_whole = False
        self._told: set[str] = set()
        """What the full bars of this fit() told."""

    def place(self, bar: Bar) -> Place | None:
        """Where a bar stands; None for one that is none of fit()'s, or tells nothing new."""
        if self._begins(bar):
            self.begun, self._batches, self._offset = True, bar.batches, 0
            self._seen_whole = bar.batch == 1
            self._ended, self._told = False, set()
        elif not self.begun or not (bar.batches == self._batches or (self._batches is None and bar.full)):
            return None
        elif self._ended and not bar.full:
            if self._batches is None or 2 * bar.batch > self._batches:
                return None
            self._offset += self._batches
            self._ended, self._told = False, set()
        return self._end(bar) if bar.full else self._at(bar, "within")

    def _begins(self, bar: Bar) -> bool:
        if bar.full or not (bar.counts_batches or bar.batch == 1):
            return False
        if not self.begun or bar.batches is None or self._batches is None:
            return not self.begun
        surely_fit = "val_loss" in self._told
        return bar.batches > self._batches and not surely_fit if self._ended else bar.batches != self._batches

    def _end(self, bar: Bar) -> Place | None:
        if self._batches is None:
            self._batches = bar.batches
        self._ended = True
        fresh = bar.told - self._told
        if not fresh or (self._told and "val_loss" not in fresh):
            return None
        self._told |= fresh
        return self._at(bar, "end with validation" if "val_loss" in fresh else "end")

    def _at(self, bar: Bar, part: Part) -> Place:
        planned = self._offset + self._batches if self._seen_whole and self._batches is not None else None
        return Place(part, self._offset + bar.batch, planned)
