"""How the lines of a JSON log look: rows with the same keys are read by one regular expression.

That is faster than a JSON parser, which still reads what looks otherwise, and takes only lines that it would take.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from parsers.rows.foreign import CODE

STRING = rb'"(?:[^"\\\x00-\x1f]|\\.)*+"'
NUMBER = rb"-?\d++(?:\.\d++)?+(?:[eE][-+]?\d++)?+"
OTHER = rb"-?Infinity|NaN|null|true|false"
VALUE = NUMBER + rb'|"[^"\\\x00-\x1f]*+"|' + OTHER
LIST = rb'\[[^][{}"]*+\]'
_TOKEN = re.compile(
    rb"(?P<key>"
    + STRING
    + rb")\s*+:|(?P<value>"
    + STRING
    + rb"|"
    + NUMBER
    + rb"|"
    + OTHER
    + rb")|(?P<list>"
    + LIST
    + rb")|[{},]|\s++"
)
_NO_PREFIX = re.compile(CODE.pattern + rb"|[=\[(]\s*$")

DEEPEST = 2
MOST_KEYS = 400
LONGEST = 1 << 16
"""A longer line is no row."""
MOST_PIECES = 12
"""A row of 900 characters fills as many lines of 80."""
MOST_SHAPES = 256
"""Rows of yet other kinds are no rows of one log."""
MOST_LAYOUTS = 32
"""As many kinds of rows are learned; the JSON parser reads what looks otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Rows with the same keys, of those that matter. An object in the row gives keys OBJECT/KEY."""

    names: tuple[str, ...]


Values = tuple[bytes, ...]
Row = tuple[int, Shape, Values]
"""The line it stands on, its keys and their values."""
Match = Callable[[bytes], re.Match[bytes] | None]


class Shapes:
    """Learns the shapes of a log's rows, and reads rows by them."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._layouts: list[tuple[Match, Shape]] = []
        self._tries = 0
        self._open = b""
        """An object that began and did not end yet, on as many lines."""
        self._pieces = 0
        self._shapes: dict[tuple[str, ...], Shape] = {}

    def rows(self, lines: Iterable[bytes]) -> Iterator[Row]:
        """The rows among some lines: the number of the line, its shape, its values as texts, quotes included."""
        layouts = self._layouts
        for at, line in enumerate(lines):
            for match, shape in layouts:
                found = match(line)
                if found is not None:
                    yield at, shape, found.groups()
                    self._open = b""
                    break
            else:
                other = (self._other(line) if b"}" in line else None) or self._joined(line)
                if other is not None:
                    yield at, *other

    def _joined(self, line: bytes) -> tuple[Shape, Values] | None:
        """What is on lines that a terminal's margin made of one, when the last of them came."""
        if self._open and not line.startswith(b'{"'):
            self._open += line
            self._pieces += 1
            found = self._other(self._open) if b"}" in line else None
            if found is not None or self._pieces >= MOST_PIECES or len(self._open) > LONGEST:
                self._open = b""
            return found
        self._open, self._pieces = (line, 1) if b"{" in line else (b"", 0)
        return None

    def _other(self, line: bytes) -> tuple[Shape, Values] | None:
        """What is on a line that looks like none before it."""
        text = json_in(line)
        if text is None:
            return None
        for match, shape in self._layouts if text != line else ():
            found = match(text)
            if found is not None:
                return shape, found.groups()
        row = flat(text)
        if row is None:
            return None
        names = tuple(name for name in row if self._wanted(name))
        if not names or (names not in self._shapes and len(self._shapes) >= MOST_SHAPES):
            return None
        shape = self._shapes.setdefault(names, Shape(names))
        if self._tries < MOST_LAYOUTS:
            self._tries += 1
            if (layout := _layout(text, shape)) is not None:
                self._layouts.append((layout, shape))
        return shape, tuple(row[name] for name in names)


def json_in(line: bytes) -> bytes | None:
    """The text from the first brace to the last of a line, where what stands before is no code; else None."""
    start = line.find(b"{")
    if start < 0 or len(line) > LONGEST or (start and _NO_PREFIX.search(line, 0, start)):
        return None
    text = line[start:] if start else line
    if not text.endswith(b"}"):
        text = text.rstrip(b" \t,")
    return text if text.endswith(b"}") else None


def flat(text: bytes) -> dict[str, bytes] | None:
    """The scalars of a JSON object, those of an object in it as OBJECT/KEY, as texts; None for what is no object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return dict(scalars(found)) if isinstance(found, dict) else None


def scalars(found: dict[str, object], outer: str = "") -> Iterator[tuple[str, bytes]]:
    """The names and texts of an object's scalars, one level deep."""
    for key, value in found.items():
        if isinstance(value, dict) and not outer:
            yield from scalars(value, key + "/")
        elif value is None or isinstance(value, int | float | str):
            yield outer + key, b"" if value is None else str(value).encode("utf-8", "replace")


def _layout(text: bytes, shape: Shape) -> Match | None:
    """What matches rows of the same look; None where there are lists or deeper objects in it."""
    pattern: list[bytes] = []
    outer: list[str] = []
    names: list[str] = []
    key = ""
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or len(names) > MOST_KEYS:
            return None
        at = token.end()
        if token["key"] is not None:
            key = str(json.loads(token["key"]))
            pattern.append(re.escape(token[0]))
        elif token["value"] is not None:
            names.append("/".join([*outer[1:], key]))
            pattern.append(b"(" + VALUE + b")" if names[-1] in shape.names else b"(?:" + STRING + b"|" + VALUE + b")")
        elif token["list"] is not None:
            pattern.append(LIST)
        else:
            pattern.append(rb"\s*+" if token[0].isspace() else re.escape(token[0]))
            if token[0] == b"{":
                outer.append(key)
            elif token[0] == b"}" and outer:
                outer.pop()
            if len(outer) > DEEPEST:
                return None
    return re.compile(b"".join(pattern)).fullmatch if _kept(names, shape) == shape.names else None


def _kept(names: Iterable[str], shape: Shape) -> tuple[str, ...]:
    return tuple(name for name in names if name in shape.names)
