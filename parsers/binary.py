"""Tells a file of text from all else by its first bytes, and says what to do with what is no text."""

from __future__ import annotations

MAGIC = (
    (b"\x1f\x8b", "is compressed; unpack it on the way: `gzip -dc FILE | traintop -`"),
    (b"\x28\xb5\x2f\xfd", "is compressed; unpack it on the way: `zstd -dc FILE | traintop -`"),
    (b"\xfd7zXZ\0", "is compressed; unpack it on the way: `xz -dc FILE | traintop -`"),
    (b"BZh", "is compressed; unpack it on the way: `bzip2 -dc FILE | traintop -`"),
    (b"PK\x03\x04", "is a zip archive (PyTorch checkpoints are), no log; name the file that the trainer prints to"),
)
NO_TEXT = "is binary, no log; name the file that the trainer prints to"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
ENOUGH_BYTES = 512
"""Less is no evidence: it may be a word in an old encoding."""
MOST_CONTROLS = 0.05
"""Random bytes have 9 %; a terminal's recording below 1 %, its escape sequences not counted."""
MOST_UNDECODABLE = 0.3
"""Random bytes have 45 %; logs in an encoding other than UTF-8 are still mostly ASCII."""

_CONTROLS = bytes([*range(1, 7), 11, *range(14, 27), *range(28, 32)])


def no_text(head: bytes) -> str | None:
    """Why the file that begins with `head` is no text, to end a sentence that begins with its name; None if it is.

    NULs say nothing: a log that was truncated under its writer begins with a hole of them, and the UTF-16 that
    PowerShell writes is half NULs.
    """
    for magic, what in MAGIC:
        if head.startswith(magic):
            return what
    if head.startswith(UTF_16):
        return None
    text = head.replace(b"\0", b"")
    if len(text) < ENOUGH_BYTES:
        return None
    controls = len(text) - len(text.translate(None, _CONTROLS))
    undecodable = text.decode("utf-8", "replace").count("\N{REPLACEMENT CHARACTER}")
    if controls > MOST_CONTROLS * len(text) or undecodable > MOST_UNDECODABLE * len(text):
        return NO_TEXT
    return None
