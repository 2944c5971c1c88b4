"""The settings that a store keeps beside its metrics, as facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from parsers.configs.config import facts_of_mapping
from parsers.records import Fact, Value

LANGUAGE = frozenset({"vocab_size", "block_size"})
"""Settings that only a language model has."""


class StoredFacts:
    """Tells each fact once, and again when it changes: a store gives its settings little by little."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.told: dict[str, Value] = {}
        """What was told: name -> value."""

    @property
    def loss_unit(self) -> Literal["nats", "unknown"]:
        """What a loss is in, by the settings: of a model without a vocabulary nobody knows."""
        return "nats" if LANGUAGE & self.told.keys() else "unknown"

    def changed(self, settings: Mapping[str, object]) -> list[Fact]:
        """The facts in all settings that are known by now, as far as they were not told."""
        fresh = [f for f in facts_of_mapping(settings, "config", self._where) if self.told.get(f.name) != f.value]
        self.told.update({f.name: f.value for f in fresh})
        return fresh
