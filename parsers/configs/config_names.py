"""What the setting at a path of names stands for, by the table of all trainers' settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parsers.configs.config_table import ASIDE, PLAIN, SHAPE, TABLE, Kind


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a setting stands for. The surer of two that mean the same fact has the higher `rank`."""

    fact: str
    kind: Kind
    rank: tuple[int, int]


def _meanings() -> dict[str, Meaning]:
    known: dict[str, Meaning] = {}
    for fact, kind, names in TABLE:
        for place, name in enumerate(names.split()):
            length = len(name.strip(".").split("."))
            known[name] = Meaning(fact, kind, (length, -place))
    return known


MEANINGS = _meanings()
LONGEST = max(name.count(".") for name in MEANINGS) + 1


def meaning(path: Sequence[str]) -> Meaning | None:
    """What the setting at a path of normal names ("optimizer", "lr") stands for; None where that is open."""
    for length in range(min(LONGEST, len(path)), 0, -1):
        found = MEANINGS.get(".".join(path[-length:]))
        if found is None and length == len(path):
            found = MEANINGS.get("." + ".".join(path))
        if found is not None:
            return found if _allowed(found, path[:-length]) else None
    return None


def normal(name: str) -> str:
    """A setting's name as the table has it: small letters, underscores, no dashes before it."""
    return name.strip().lstrip("-").replace("-", "_").lower()


def _allowed(found: Meaning, sections: Sequence[str]) -> bool:
    if any(s in ASIDE or s.startswith(("eval_", "val_", "validation_", "test_")) for s in sections):
        return False
    return found.fact in SHAPE or all(s in PLAIN for s in sections)
