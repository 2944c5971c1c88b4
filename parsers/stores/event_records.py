"""The record layer of TensorFlow's TFRecord files, which event files are: from bytes to whole, checked records.

A record is its length (uint64), the masked CRC-32C of these 8 bytes, the data, and the masked CRC-32C of the data, all
little-endian (TensorFlow 2.19, tensorflow/core/lib/io/record_writer.cc).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from parsers.records import Ints
from parsers.stores.crc32c import Bytes, masked_crc32c

HEADER_BYTES, TRAILER_BYTES = 12, 4
AROUND_BYTES = HEADER_BYTES + TRAILER_BYTES
MOST_RECORD_BYTES = 1 << 20
"""A longer record is passed over unread: it holds images, audio or a graph, and a scalar has some 50 bytes."""
UNWRITTEN = bytes(HEADER_BYTES)
"""No header: the CRC of eight NULs is another. So looks what a network file system has not brought over yet."""
VERSION = b"\x1a\x0dbrain.Event:"
"""The field file_version of Event, a string of 13 bytes, as the first record of each event file holds it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole records of one length. `rows` is their data, uint8 of shape (n, length).

    `at`, of shape (n,), is the place of each record among all of its block, and rises.
    """

    rows: Bytes
    at: Ints


@dataclass(frozen=True, slots=True)
class Frames:
    """The whole records at the start of a block."""

    batches: list[Batch]
    """Those whose data are as their CRC says."""
    damaged: list[int]
    """Where, in the block, the records begin whose data are not."""
    end: int
    """Where the first record begins that is not whole."""
    to_skip: int | None = None
    """The size of a record at `end` that is too long to be read, its header included."""
    lost: bool = False
    """Whether what stands at `end` is no header of a record, so that no record after it can be found."""


NOTHING = Frames([], [], 0)


def frames(block: bytes) -> Frames:
    """The records of a block that begins at the start of a record. Raises for no bytes whatever."""
    starts = _chain(block)
    if not len(starts):
        return NOTHING
    view = np.frombuffer(block, np.uint8)
    headers = _rows(view, starts, HEADER_BYTES)
    lengths = headers[:, :8].copy().view("<u8").ravel()
    sound = masked_crc32c(headers[:, :8]) == headers[:, 8:].copy().view("<u4").ravel()
    whole = sound & (lengths <= MOST_RECORD_BYTES)
    whole &= starts + lengths.astype(np.int64) <= len(block) - AROUND_BYTES
    count = len(starts) if whole.all() else int(np.argmin(whole))
    batches, damaged = _checked(view, starts[:count], lengths[:count].astype(np.int64))
    if damaged and damaged[-1] == starts[count - 1] and _unwritten_trailer(block, damaged[-1]):
        count -= 1
        damaged.pop()
    if count == len(starts):
        return Frames(batches, damaged, int(starts[-1] + lengths[-1]) + AROUND_BYTES)
    end = int(starts[count])
    if not sound[count]:
        return Frames(batches, damaged, end, lost=not block.startswith(UNWRITTEN, end))
    too_long = lengths[count] > MOST_RECORD_BYTES
    return Frames(batches, damaged, end, to_skip=int(lengths[count]) + AROUND_BYTES if too_long else None)


def begins_event_file(head: bytes) -> bool:
    """Whether a file that begins with `head` is an event file: a record with the version of its events."""
    if len(head) < HEADER_BYTES:
        return False
    header = np.frombuffer(head, np.uint8, HEADER_BYTES)
    sound = masked_crc32c(header[None, :8])[0] == header[8:].view("<u4")[0]
    length = int(header[:8].view("<u8")[0])
    return bool(sound) and VERSION in head[HEADER_BYTES : HEADER_BYTES + length]


def _chain(block: bytes) -> Ints:
    """Where records begin if each length is believed; a header that is cut off is no record yet."""
    short = _short_chain(block)
    last = len(block) - HEADER_BYTES
    length_at = struct.Struct("<Q").unpack_from
    at = 0 if not len(short) else int(short[-1]) + AROUND_BYTES + length_at(block, short[-1])[0]
    starts: list[int] = []
    while at <= last:
        starts.append(at)
        at += length_at(block, at)[0] + AROUND_BYTES
    return np.concatenate((short, np.array(starts, np.int64)))


def _short_chain(block: bytes) -> Ints:
    """The first part of that chain, as far as all its records have less than 256 bytes.

    Scalars have; then seven NULs in a row are almost always in a length, so that all are found at once.
    """
    windows = np.ndarray((max(0, len(block) - HEADER_BYTES + 1),), "<u8", block, strides=(1,))
    found: Ints = np.flatnonzero(windows < 256)
    if not len(found) or found[0]:
        return found[:0]
    ends = found + windows[found].astype(np.int64) + AROUND_BYTES
    breaks = np.flatnonzero(ends[:-1] != found[1:])
    return found[: breaks[0] + 1] if len(breaks) else found


def _checked(view: Bytes, starts: Ints, lengths: Ints) -> tuple[list[Batch], list[int]]:
    batches, damaged = [], []
    for length, at in _by_length(lengths):
        rows = _rows(view, starts[at] + HEADER_BYTES, length + TRAILER_BYTES)
        data = rows[:, :length]
        sound = masked_crc32c(data) == rows[:, length:].copy().view("<u4").ravel()
        if sound.all():
            batches.append(Batch(data, at))
            continue
        damaged += starts[at[~sound]].tolist()
        if sound.any():
            batches.append(Batch(data[sound], at[sound]))
    return batches, sorted(damaged)


def _by_length(lengths: Ints) -> Iterator[tuple[int, Ints]]:
    """Each length with the places of the records that have it."""
    order = np.argsort(lengths, kind="stable")
    ranked = lengths[order]
    edges = np.flatnonzero(np.diff(ranked)) + 1
    for at in np.split(order, edges):
        if len(at):
            yield int(lengths[at[0]]), at


def _rows(view: Bytes, starts: Ints, width: int) -> Bytes:
    """A copy of the `width` bytes from each start on, shape (n, width)."""
    windows: Bytes = np.ndarray((len(view) - width + 1, width), np.uint8, view.data, strides=(1, 1))
    return windows[starts]


def _unwritten_trailer(block: bytes, start: int) -> bool:
    length = int.from_bytes(block[start : start + 8], "little")
    return not any(block[start + HEADER_BYTES + length : start + AROUND_BYTES + length])
