"""Event files, byte by byte as TensorFlow's record writer makes them, with a CRC of its own to check against."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from polled import curve

from parsers.records import Record

START = 1_700_000_000.0
"""When the runs in these files began, seconds since 1970."""
NAME = "events.out.tfevents.1700000000.host.1.0"


def crc32c(data: bytes) -> int:
    """CRC-32C, a byte at a time (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _table()[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    """The CRC as it is stored: rotated right by 15 bits, and a constant added."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """Data with what stands around it in a file."""
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(value: int) -> bytes:
    """A protobuf varint; a negative one has ten bytes."""
    value &= (1 << 64) - 1
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def message(number: int, content: bytes) -> bytes:
    """A field of bytes, text or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def event(step: int, *summary_values: bytes, seconds: float | None = None) -> bytes:
    """An event's record. Step 0 is not written, as proto3 has it. One second a step where no time is given."""
    time = START + step if seconds is None else seconds
    body = b"\x09" + struct.pack("<d", time) + (b"\x10" + varint(step) if step else b"")
    return record(body + message(5, b"".join(message(1, value) for value in summary_values)))


def simple(tag: str, value: float) -> bytes:
    """A Summary.Value as torch and TF 1 write it."""
    return message(1, tag.encode()) + b"\x15" + struct.pack("<f", value)


def tensor(tag: str, content: bytes, *, shape: bytes = b"\x12\x00") -> bytes:
    """A Summary.Value as TF 2 writes it: a tensor, whose dtype and values are `content`, and the scalars plugin."""
    return message(1, tag.encode()) + message(8, content + shape) + message(9, message(1, message(1, b"scalars")))


def text(tag: str, said: str) -> bytes:
    """A Summary.Value as torch's add_text writes it."""
    content = b"\x08\x07" + message(2, message(2, b"\x08\x01")) + message(8, said.encode())
    return (
        message(1, f"{tag}/text_summary".encode()) + message(8, content) + message(9, message(1, message(1, b"text")))
    )


def scalar(step: int, tag: str, value: float, *, seconds: float | None = None) -> bytes:
    """The record of one scalar."""
    return event(step, simple(tag, value), seconds=seconds)


def long_record(size: int, *, length_damaged: bool = False) -> bytes:
    """A record of so many bytes that no reader of scalars reads; its own CRC is never looked at, so it is none."""
    length = struct.pack("<Q", size)
    said = bytes([length[0] ^ 1]) + length[1:] if length_damaged else length
    return said + masked(length) + bytes(range(256)) * (size // 256) + bytes(size % 256) + b"none"


def version() -> bytes:
    """The record that every event file begins with."""
    return record(b"\x09" + struct.pack("<d", START) + message(3, b"brain.Event:2"))


def losses(steps: Iterable[int], *, tag: str = "train/loss", later: float = 0.0) -> bytes:
    """Records of a loss of step / 8 (exact in any float), `later` seconds later than their steps say."""
    return b"".join(scalar(step, tag, step / 8, seconds=START + later + step) for step in steps)


def write(path: Path, content: bytes) -> Path:
    """An event file that begins as it must."""
    path.write_bytes(version() + content)
    return path


def rows(records: Sequence[Record], metric: str = "train_loss") -> list[tuple[int, float]]:
    """Step and value of a metric, in the order of the records."""
    return curve(records, metric)


@cache
def _table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table
