"""Writes a TensorBoard event file of any length, the same bytes for the same seed.

    python benchmarks/make_events.py events.out.tfevents.1 --scalars 1000000

It is laid out as torch's SummaryWriter has it: four tags at each step, one event a scalar.
"""

from __future__ import annotations

import argparse
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from parsers.stores.crc32c import Bytes, masked_crc32c

TAGS = ("train/loss", "train/learning_rate", "train/grad_norm", "train/epoch")
BEGAN = 1.7e9
"""Seconds since 1970."""
BLOCK = 10_000


def write_events(path: Path, scalars: int, *, seed: int = 0) -> None:
    """An event file of `scalars` scalars, by steps; their number is a multiple of four."""
    random = np.random.default_rng(seed)
    with path.open("wb") as file:
        version = b"\x09" + struct.pack("<d", BEGAN) + b"\x1a\x0dbrain.Event:2"
        file.write(_framed(np.frombuffer(version, np.uint8)[None]).tobytes())
        for first in range(0, scalars, BLOCK):
            places = [np.arange(first + at, min(first + BLOCK, scalars), len(TAGS)) for at in range(len(TAGS))]
            events = [_tagged(random, tag, numbers) for tag, numbers in zip(TAGS, places, strict=True)]
            file.write(b"".join(record for step in zip(*events, strict=True) for record in step))


def _tagged(random: np.random.Generator, tag: str, numbers: npt.NDArray[np.int64]) -> list[bytes]:
    """The records of a tag, whose places among all scalars are `numbers`; their step is a fourth of the place."""
    steps = numbers // len(TAGS)
    value = b"\x0a" + bytes([len(tag)]) + tag.encode() + b"\x15"
    times, values = BEGAN + numbers / 400, random.normal(3.0, 0.1, len(numbers)).astype("<f4")
    by_place: dict[int, bytes] = {}
    widths = 1 + (steps >= 1 << 7) + (steps >= 1 << 14)
    for width in np.unique(widths).tolist():
        here = np.flatnonzero(widths == width)
        step = [(steps[here] >> 7 * byte & 0x7F | (0x80 if byte < width - 1 else 0)) for byte in range(width)]
        head = b"*" + bytes([len(value) + 6]) + b"\x0a" + bytes([len(value) + 4]) + value
        parts = [
            _same(b"\x09", len(here)),
            times[here].astype("<f8").view(np.uint8).reshape(-1, 8),
            _same(b"\x10", len(here)),
            np.stack(step, axis=1).astype(np.uint8),
            _same(head, len(here)),
            values[here].view(np.uint8).reshape(-1, 4),
        ]
        rows = _framed(np.concatenate(parts, axis=1))
        by_place |= dict(zip(here.tolist(), map(bytes, rows), strict=True))
    return [by_place[place] for place in range(len(numbers))]


def _same(content: bytes, count: int) -> Bytes:
    return np.broadcast_to(np.frombuffer(content, np.uint8), (count, len(content)))


def _framed(data: Bytes) -> Bytes:
    """Records of one length with their headers and trailers, uint8 of shape (n, length + 16)."""
    length = _same(struct.pack("<Q", data.shape[1]), len(data))
    crcs = [masked_crc32c(part).astype("<u4").view(np.uint8).reshape(-1, 4) for part in (length, data)]
    return np.concatenate([length, crcs[0], data, crcs[1]], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--scalars", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write_events(given.path, given.scalars // len(TAGS) * len(TAGS), seed=given.seed)


if __name__ == "__main__":
    main()
