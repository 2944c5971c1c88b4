"""Takes out of a log what is meant for a terminal, so that formats see text and screens show only text."""

from __future__ import annotations

import re
import unicodedata

_SEQUENCE = r"""
    \[ [0-?]*+ [\ -/]*+ [@-~]                           # CSI: colours, cursor moves
  | [\]PX^_] [^\x07\x1b\n]*+ (?: \x07 | \x1b\\ )        # OSC, DCS and the like with their end: titles, links
  | [\ -/]*+ [0-~]                                      # two-byte sequences; of an open CSI or OSC only its start
"""
_ESCAPES = re.compile(rf"\x1b(?:{_SEQUENCE})?".encode(), re.VERBOSE)
_ESCAPES_IN_TEXT = re.compile(rf"(?:\x1b(?:{_SEQUENCE})?|\x9b[0-?]*+[\ -/]*+[@-~])", re.VERBOSE)
_RETURNS = re.compile(rb"\r\r+")
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])
_EACH_CONTROL = tuple(bytes([code]) for code in _CONTROLS)


def clean(block: bytes) -> bytes:
    r"""Whole lines without NUL, CR, escape sequences and other C0 controls but \n and \t.

    \r\n ends a line as \n does. A bare \r ends one too: a progress bar then is a line that no format knows,
    while a record that a bar was drawn over, or that stands before a bar on the same line, is never lost (what
    a log needs is not known here). An empty piece before a bare \r gives no line. Nothing is added but line
    ends in the place of \r, so the result is never longer than `block`. Each byte is mapped by its own line
    alone: cleaning line by line gives the same as cleaning all at once.

    A block without such bytes is returned as it is, at some 2 GB/s. An escape sequence that never ends takes only
    its first two bytes with it, so that it cannot swallow a record.
    """
    if b"\r" in block:
        block = _split_at_returns(block)
    if b"\x1b" in block:
        block = _ESCAPES.sub(b"", block)
    if any(control in block for control in _EACH_CONTROL):
        block = block.translate(None, _CONTROLS)
    return block


def _split_at_returns(block: bytes) -> bytes:
    block = block.replace(b"\r\n", b"\n")
    if b"\r\r" in block:
        block = _RETURNS.sub(b"\r", block)
    return block.removeprefix(b"\r").replace(b"\n\r", b"\n").replace(b"\r", b"\n")


def printable(text: str) -> str:
    """`text` as one line that is safe to show: foreign text cannot move the cursor, colour or reorder the line.

    Escape sequences, control and format characters (bidi overrides, zero-width characters, tags) are dropped,
    line ends and tabs become a space, and lone surrogates become U+FFFD.
    """
    if text.isprintable():
        return text
    return "".join(map(_shown, _ESCAPES_IN_TEXT.sub("", text)))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    return "" if category in {"Cc", "Cf"} else character
