"""Cuts a name of a log (`train/CrossEntropyLoss`, `lr-AdamW/pg1`, `TFLOPS/GPU`) into its words."""

from __future__ import annotations

import re
from dataclasses import dataclass


def terms(text: str) -> frozenset[str]:
    """The words of a text that blanks part."""
    return frozenset(text.split())


LONGEST = 200
"""Bytes of a name that is looked at; a longer one is no name."""
SCOPES = terms(
    "train training trainer metric metrics chart charts stat stats perf performance optim optimizer throughput system "
    "info summary scalars scalar log logs progress"
)
"""Words that say where a number was logged, and nothing about what it is."""

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]|\d+|%")
ONE_WORD = re.compile(r"[GMK]iB|[TG]?FLOPs?|[KM]B|kTok")


@dataclass(frozen=True, slots=True)
class Word:
    """A word in lower case, and where it stands in the name."""

    text: str
    start: int
    end: int


def words_of(name: str) -> tuple[Word, ...]:
    """The words of a name, cut at separators, digits and inner capitals; none of a name that is too long."""
    if len(name) > LONGEST:
        return ()
    plain = ONE_WORD.sub(_lower, name)
    return tuple(Word(found[0].lower(), *found.span()) for found in WORD.finditer(plain))


def _lower(found: re.Match[str]) -> str:
    return found[0].lower()
