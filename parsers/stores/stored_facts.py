"""The settings that a store keeps beside its metrics, as facts."""

from __future__ import annotations

from collections.abc import Mapping

from parsers.configs.config import facts_of_mapping
from parsers.records import Fact, Value


class StoredFacts:
    """Tells each fact once, and again when it changes: a store gives its settings little by little."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.told: dict[str, Value] = {}
        """What was told: name -> value."""

    def changed(self, settings: Mapping[str, object]) -> list[Fact]:
        """The facts in all settings that are known by now, as far as they were not told."""
        fresh = [f for f in facts_of_mapping(settings, "config", self._where) if self.told.get(f.name) != f.value]
        self.told.update({f.name: f.value for f in fresh})
        return fresh
