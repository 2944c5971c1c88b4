"""CRC-32C of many records of one length at once (Castagnoli; RFC 3720, appendix B.4), in numpy.

A CRC is linear over bits: each byte of a message contributes a word that depends on its value and on how many bytes
follow it, and the CRC is the exclusive or of all of them. So a column of bytes costs one look-up for all records
together, and one that is the same in all records costs next to nothing.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]

POLYNOMIAL = 0x82F63B78
"""0x1EDC6F41 with its bits reversed."""
WIDTH = 1024
"""Bytes of a record that are taken together; a longer one is cut into such pieces."""
MANY = 200
"""From so many records on, one look-up a column is cheaper than one for each byte of each record."""
MASK_DELTA = 0xA282EAD8
"""TensorFlow, lib/hash/crc32c.h: a CRC that is stored beside its data is masked."""


def masked_crc32c(rows: Bytes) -> Words:
    """The masked CRC-32C of each row of `rows`, uint8 of shape (n, length), as TFRecord files store it; shape (n,)."""
    crc = crc32c(rows)
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(MASK_DELTA)


def crc32c(rows: Bytes) -> Words:
    """The CRC-32C of each row of `rows`, uint8 of shape (n, length); shape (n,)."""
    count, length = rows.shape
    state: Words = np.full(count, 0xFFFFFFFF, np.uint32)
    pieces = -(-length // WIDTH)
    for number in range(pieces):
        piece = rows[:, number * length // pieces : (number + 1) * length // pieces]
        state = _carried(state, piece)
    return ~state


def _carried(state: Words, piece: Bytes) -> Words:
    """The state after a piece of each row: the state before goes into its first four bytes."""
    width = piece.shape[1]
    if width < 4:
        for column in range(width):
            state = _tables()[0][(state ^ piece[:, column]) & np.uint32(0xFF)] ^ (state >> np.uint32(8))
        return state
    mixed = piece.copy()
    mixed[:, :4] ^= state.astype("<u4").view(np.uint8).reshape(-1, 4)
    return _by_columns(mixed) if len(mixed) >= MANY else _by_bytes(mixed)


def _by_bytes(rows: Bytes) -> Words:
    width = rows.shape[1]
    places = np.arange(width - 1, -1, -1) * 256
    found: Words = np.bitwise_xor.reduce(_tables().ravel()[places + rows], axis=1)
    return found


def _by_columns(rows: Bytes) -> Words:
    width = rows.shape[1]
    crc: Words = np.repeat(_by_bytes(rows[:1]), len(rows))
    columns = np.ascontiguousarray(rows.T)
    for column in np.flatnonzero((columns != columns[:, :1]).any(axis=1)).tolist():
        table = _tables()[width - 1 - column]
        crc ^= (table ^ table[columns[column, 0]]).take(columns[column])
    return crc


@cache
def _tables() -> npt.NDArray[np.uint32]:
    """What a byte contributes that d bytes follow, at [d, byte]; shape (WIDTH, 256)."""
    table: Words = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & np.uint32(1), np.uint32(POLYNOMIAL), np.uint32(0))
    tables = [table]
    for _ in range(WIDTH - 1):
        last = tables[-1]
        tables.append(table[last & np.uint32(0xFF)] ^ (last >> np.uint32(8)))
    return np.stack(tables)
