"""Writes `.wandb` files byte by byte, without wandb and without what reads them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

HEADER = b":W&B\xe1\xbe\x00"
BLOCK = 32768
HISTORY, CONFIG, SUMMARY, METRIC, RUN, EXIT = 2, 5, 3, 12, 17, 18


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    number &= 2**64 - 1
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def text(number: int, value: str | bytes) -> bytes:
    """A field of words, bytes or a message."""
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def count(number: int, value: int) -> bytes:
    """A field of a number."""
    return varint(number << 3) + varint(value)


def item(name: str | tuple[str, ...], value: object, *, flat: bool = False) -> bytes:
    """A named value as JSON: by nested_key as wandb-core writes it, or flat by key as old clients did."""
    names = (name,) if isinstance(name, str) else name
    said = value if isinstance(value, str) and value.startswith("raw:") else json.dumps(value)
    key = text(1, names[0]) if flat else b"".join(text(2, part) for part in names)
    return key + text(16, said.removeprefix("raw:"))


def history(row: Mapping[str, object], *, flat: bool = False) -> bytes:
    """A history record of one call of wandb.log."""
    return text(HISTORY, b"".join(text(1, item(name, value, flat=flat)) for name, value in row.items()))


def config(settings: Mapping[str, object]) -> bytes:
    """A config record."""
    return text(CONFIG, _updates(settings))


def run(settings: Mapping[str, object], *, name: str = "", starting_step: int = 0) -> bytes:
    """A run record; with a starting step it is a resumed run."""
    resumed = count(14, starting_step) + count(18, 1) if starting_step else b""
    return text(RUN, text(4, _updates(settings)) + text(8, name) + resumed)


def metric(glob: str, step_metric: str) -> bytes:
    """What define_metric(glob, step_metric=...) writes."""
    return text(METRIC, text(2, glob) + text(4, step_metric))


def ended(code: int) -> bytes:
    """An exit record."""
    return text(EXIT, count(1, code) if code else b"")


def chunk(kind: int, data: bytes) -> bytes:
    """A chunk of the log with its checksum."""
    return struct.pack("<IHB", zlib.crc32(bytes([kind]) + data), len(data), kind) + data


def wandb_file(records: Iterable[bytes]) -> bytes:
    """A whole file."""
    out = bytearray(HEADER)
    for record in records:
        left, first = record, True
        while left or first:
            room = BLOCK - len(out) % BLOCK
            if room < 7:
                out += bytes(room)
                continue
            part, left = left[: room - 7], left[room - 7 :]
            out += chunk((1 if first else 4) if not left else (2 if first else 3), part)
            first = False
    return bytes(out)


def rows(first: int, end: int) -> list[bytes]:
    """History as wandb-core writes it, a summary after each row."""
    made = []
    for number in range(first, end):
        row = {"train/loss": 5 - number / 100, "_step": number, "_timestamp": 1.7e9 + number, "_runtime": 0.5 * number}
        made += [history(row), text(SUMMARY, text(1, item("train/loss", 5 - number / 100)))]
    return made


def write(path: Path, records: Iterable[bytes]) -> Path:
    """A whole file on the disk."""
    path.write_bytes(wandb_file(records))
    return path


def _updates(settings: Mapping[str, object]) -> bytes:
    return b"".join(text(1, item(name, value, flat=True)) for name, value in settings.items())
