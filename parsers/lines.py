"""Whole lines out of a stream of bytes that comes in pieces of any size."""

from __future__ import annotations

LINE_BYTES = 64 << 10
"""Of a longer line only the end is kept: it is no record, and memory must not grow with it."""


class LineBuffer:
    r"""Holds back the half line at the end until the rest of it came.

    A line ends in \n, \r\n or a bare \r (a progress bar may go on for hours without \n). The lines are the same,
    each exactly once, however the stream is cut into pieces. NULs, which stand where a truncated file has a
    hole, are dropped.
    """

    def __init__(self) -> None:
        self.half = b""
        """What came after the last whole line, at most LINE_BYTES and a CR."""

    def feed(self, piece: bytes) -> bytes:
        r"""The lines that are whole now, ends included. A last \r waits: \n may follow it."""
        if b"\0" in piece:
            piece = piece.translate(None, b"\0")
        text = self.half + piece if self.half else piece
        end = text.rfind(b"\n") + 1
        end = max(end, text.rfind(b"\r", end, max(end, len(text) - 1)) + 1)
        self.half = _end_of(text[end:])
        return _without_long_lines(text[:end])


def _end_of(line: bytes) -> bytes:
    body = len(line.rstrip(b"\r\n"))
    return line[max(0, body - LINE_BYTES) :]


def _without_long_lines(lines: bytes) -> bytes:
    stride = LINE_BYTES // 2
    for start in range(0, len(lines) - LINE_BYTES, stride):
        # A line that is too long covers at least one whole stride; two memchr calls a stride cost next to nothing.
        if lines.find(b"\n", start, start + stride) < 0 and lines.find(b"\r", start, start + stride) < 0:
            return b"".join(map(_end_of, lines.splitlines(keepends=True)))
    return lines
