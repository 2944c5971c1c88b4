"""The record layer of event files: each whole record once, whatever is cut, damaged, replaced or made up."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from event_files import crc32c as crc_by_bytes
from event_files import losses, masked, record, version
from growing import append, replace
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.stores import event_records
from parsers.stores.crc32c import crc32c
from parsers.stores.event_file import BLOCK_BYTES, EventFile
from parsers.stores.event_records import MOST_RECORD_BYTES, begins_event_file, frames

FEW = [b"", b"\x01", b"second record", bytes(range(40)), b"last"]


def data_of(block: bytes) -> list[bytes]:
    """The data of the sound records of a block, in their order."""
    found = [
        (at, row.tobytes()) for batch in frames(block).batches for row, at in zip(batch.rows, batch.at, strict=True)
    ]
    return [data for _, data in sorted(found, key=lambda pair: int(pair[0]))]


def read(file: EventFile) -> list[bytes]:
    """The data of all records that there are now."""
    found: list[bytes] = []
    while True:
        batches = file.read().frames.batches
        rows = [(at, row.tobytes()) for batch in batches for row, at in zip(batch.rows, batch.at.tolist(), strict=True)]
        found += [data for _, data in sorted(rows)]
        if file.at_end:
            return found


def test_crc_of_the_standard() -> None:
    """The CRC of the test vectors of RFC 3720, appendix B.4, and of the usual nine digits."""
    vectors = {bytes(32): 0x8A9136AA, b"\xff" * 32: 0x62A8AB43, bytes(range(32)): 0x46DD794E, b"123456789": 0xE3069283}
    for data, expected in vectors.items():
        assert crc32c(np.frombuffer(data, np.uint8)[None]).tolist() == [expected]


@pytest.mark.parametrize("count", [1, 3, 250])
@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 29, 1023, 1024, 1025, 1027, 3000])
def test_crc_of_any_length(length: int, count: int) -> None:
    """Rows of any length and number have the CRC that a table and a loop give, equal columns or not."""
    rows = np.random.default_rng(length).integers(0, 256, (count, length)).astype(np.uint8)
    rows[:, : length // 2] = 7
    for row, found in list(zip(rows, crc32c(rows).tolist(), strict=True))[:3]:
        assert found == crc_by_bytes(row.tobytes())


def test_records_in_order() -> None:
    """Records of different lengths come with their data and places, and nothing is left over."""
    block = b"".join(map(record, FEW))
    assert data_of(block) == FEW
    assert frames(block).end == len(block)


def test_every_cut_of_a_block() -> None:
    """Cut anywhere, a block gives the records that are whole, and says where the half one begins."""
    ends = np.cumsum([len(record(data)) for data in FEW]).tolist()
    block = b"".join(map(record, FEW))
    for cut in range(len(block) + 1):
        whole = sum(end <= cut for end in ends)
        assert data_of(block[:cut]) == FEW[:whole]
        assert frames(block[:cut]).end == [0, *ends][whole]
        assert not frames(block[:cut]).lost


def test_growing_file_byte_by_byte(tmp_path: Path) -> None:
    """A file that grows by one byte gives each record exactly once, when it is whole."""
    path = tmp_path / "events"
    path.touch()
    file, found = EventFile(path), []
    for byte in b"".join(map(record, FEW)):
        append(path, bytes([byte]))
        found.append(read(file))
    assert [data for poll in found for data in poll] == FEW
    assert all(len(poll) <= 1 for poll in found)


@pytest.mark.parametrize("at", range(len(record(FEW[2]))))
def test_damage_in_each_byte(at: int) -> None:
    """A wrong byte in the data or their CRC costs that record; one in the length or its CRC all that follow."""
    before, damaged, after = record(b"before"), bytearray(record(FEW[2])), record(b"after")
    damaged[at] ^= 0x10
    block = before + bytes(damaged) + after
    found = frames(block)
    if at < event_records.HEADER_BYTES:
        assert (data_of(block), found.lost, found.end) == ([b"before"], True, len(before))
    else:
        assert (data_of(block), found.damaged) == ([b"before", b"after"], [len(before)])
        assert (found.lost, found.end) == (False, len(block))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    """Random bytes raise nothing, after a sound record too, and cost no sound record before them."""
    frames(data)
    assert data_of(record(b"sound") + data)[:1] == [b"sound"]


@pytest.mark.parametrize("length", [MOST_RECORD_BYTES + 1, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_huge_lengths(length: int) -> None:
    """A length beyond all reason is no reason to read, and with a right CRC a record that is passed over."""
    header = struct.pack("<Q", length)
    found = frames(record(b"sound") + header + masked(header) + b"rest")
    assert found.to_skip == length + event_records.AROUND_BYTES
    assert frames(record(b"sound") + header + b"what").lost


def test_long_record_is_passed_over(tmp_path: Path) -> None:
    """A record of several blocks is passed over while it is written, and the one after it is read."""
    path = tmp_path / "events"
    length = struct.pack("<Q", 3 * BLOCK_BYTES)
    path.write_bytes(record(b"before") + length + masked(length) + bytes(BLOCK_BYTES))
    file = EventFile(path)
    assert (read(file), file.within_record) == ([b"before"], True)
    append(path, bytes(2 * BLOCK_BYTES + 4) + record(b"after"))
    assert (read(file), file.within_record) == ([b"after"], False)


def test_longest_record_is_read(tmp_path: Path) -> None:
    """The longest record that is read fits in one read, wherever it begins."""
    path = tmp_path / "events"
    path.write_bytes(record(b"before") + record(bytes(MOST_RECORD_BYTES)) + record(b"after"))
    assert read(EventFile(path)) == [b"before", bytes(MOST_RECORD_BYTES), b"after"]


def test_many_blocks(tmp_path: Path) -> None:
    """A file of several blocks gives all its records, in order."""
    path = tmp_path / "events"
    expected = [number.to_bytes(4, "little") * (5 + number % 7) for number in range(60_000)]
    some = expected[:500]
    path.write_bytes(b"".join(map(record, some)) + b"".join(map(record, some)) * 100)
    assert read(EventFile(path)) == some * 101


def test_truncated_and_replaced_while_followed(tmp_path: Path) -> None:
    """A file that is cut and written anew, or replaced, is read from its start, and says so once."""
    path = tmp_path / "events"
    path.write_bytes(version() + losses(range(10)))
    file = EventFile(path)
    assert len(read(file)) == 11
    path.write_bytes(version() + losses(range(2)))
    assert (file.read().anew, file.read().anew) == (True, False)
    replace(path, version() + losses(range(50, 90)))
    again = file.read()
    assert (again.anew, sum(len(batch.at) for batch in again.frames.batches)) == (True, 41)


def test_copy_of_the_same_goes_on(tmp_path: Path) -> None:
    """A longer copy, synchronised from another machine, goes on where the old one ended."""
    path = tmp_path / "events"
    path.write_bytes(version() + losses(range(10)))
    file = EventFile(path)
    read(file)
    replace(path, version() + losses(range(12)))
    again = file.read()
    assert (again.anew, sum(len(batch.at) for batch in again.frames.batches)) == (False, 2)


def test_lost_until_replaced(tmp_path: Path) -> None:
    """Where no record can be found it is said once, and a replaced file is read again."""
    path = tmp_path / "events"
    path.write_bytes(record(b"sound") + b"no header of a record, for sure")
    file = EventFile(path)
    assert [file.read().lost_at, file.read().lost_at] == [len(record(b"sound")), None]
    append(path, record(b"never found"))
    assert (read(file), file.lost, file.read().lost_at) == ([], True, None)
    replace(path, record(b"new") + record(b"and sound"))
    assert (read(file), file.lost) == ([b"new", b"and sound"], False)


def test_bytes_that_are_not_there_yet(tmp_path: Path) -> None:
    """NULs where a network file system has not brought the data over yet are waited for, in header and trailer."""
    path = tmp_path / "events"
    whole = record(b"sound") + record(b"comes later")
    for cut in (len(record(b"sound")), len(whole) - 4):
        path.write_bytes(whole[:cut] + bytes(len(whole) - cut))
        file = EventFile(path)
        assert (read(file), file.lost) == ([b"sound"], False)
        path.write_bytes(whole)
        assert read(file) == [b"comes later"]


def test_missing_and_removed(tmp_path: Path) -> None:
    """A file that is not there yet, or no more, is waited for, with the reason in words."""
    file = EventFile(tmp_path / "events")
    assert (read(file), file.file.reason) == ([], f"{tmp_path}/events does not exist yet")
    file.file.path.write_bytes(record(b"here"))
    assert read(file) == [b"here"]
    file.file.path.unlink()
    assert (read(file), file.file.reason) == ([], f"{tmp_path}/events was removed")


def test_head_of_an_event_file() -> None:
    """An event file begins with a record that names its version; another TFRecord file does not."""
    assert begins_event_file(version())
    assert not begins_event_file(record(b"an example of a data set"))
    assert not begins_event_file(version()[:8])
    assert not begins_event_file(b"iter 0: loss 10.9, time 1.00ms, mfu 1.00%" + version())
