"""What may stand around a record on its line: typed keys and loggers' prefixes, but no comment, code or prose."""

from __future__ import annotations

import re

RANK = re.compile(rb"(?:\[(?:rank|default)?\d+\]:|\d+:) ?")
CODE = re.compile(rb"[#\"'`]|\bprint\b|\bf?\.write\b")
PROSE = re.compile(rb"[a-z][,;.)]? +$")
MOST_CHARACTERS = 2000


def credible(before: bytes) -> bool:
    """Whether a record may begin after this text: nothing, keys typed over it (33iter), a timestamp, a rank."""
    return not (CODE.search(before) or PROSE.search(before))


def without_rank(line: bytes) -> bytes:
    """The line without a launcher's "[rank0]: " or "0: "."""
    found = RANK.match(line)
    return line[found.end() :] if found else line


def words(line: bytes) -> str:
    """Foreign bytes as text of bounded length, for a notice or a fact."""
    return line[: 4 * MOST_CHARACTERS].decode("utf-8", "replace").strip()[:MOST_CHARACTERS]
