"""The record layer of `.wandb` files: cuts, checksums, damage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wandb_files import BLOCK, HEADER, chunk, wandb_file

from parsers.stores.wandb_records import LONGEST, RecordLog, header_fault

RECORDS = [b"first", b"", b"x" * 70_000, b"last"]


def test_records_come_back_across_blocks() -> None:
    """A record of 70,000 bytes goes over three blocks of 32 KiB and comes back whole, as do those around it."""
    log = RecordLog()
    whole = wandb_file(RECORDS)
    assert log.feed(whole) == RECORDS
    assert (log.offset, log.damaged_at, log.half) == (len(whole), None, False)


def test_every_cut_gives_a_prefix_and_then_the_rest() -> None:
    """Cut at any byte, what is whole before the cut is given, what is not waits for its rest, and nothing is lost."""
    records = [b"a" * 20, b"", b"b" * 30]
    whole = wandb_file(records)
    for cut in range(len(whole) + 1):
        log = RecordLog()
        before = log.feed(whole[:cut])
        assert before == records[: len(before)]
        assert log.offset <= cut
        assert before + log.feed(whole[log.offset :]) == records
        assert log.damaged_at is None


@pytest.mark.parametrize("room", range(8))
def test_the_end_of_a_block_is_padding_below_seven_bytes(room: int) -> None:
    """A record that leaves 0 to 7 bytes of a block is followed by the next one, in that block or the next."""
    records = [b"x" * (BLOCK - len(HEADER) - 7 - room), b"next"]
    log = RecordLog()
    assert log.feed(wandb_file(records)) == records
    assert log.damaged_at is None


def test_a_wrong_checksum_costs_the_rest_of_its_block_only() -> None:
    """After a flipped bit the reader goes on at the next block, and says where the damage is."""
    records = [b"%05d" % number * 20 for number in range(1000)]
    whole = bytearray(wandb_file(records))
    place = BLOCK + 5000
    whole[place] ^= 1
    log = RecordLog()
    found = log.feed(bytes(whole))
    assert log.damaged_at is not None
    assert log.damaged_at <= place
    lost = [record for record in records if record not in found]
    assert 0 < sum(map(len, lost)) <= BLOCK
    assert found == [record for record in records if record in found]
    assert found[-1] == records[-1]


def test_damage_in_the_last_block_waits_for_its_end() -> None:
    """A chunk with a wrong checksum may be half written while its block grows: nothing is skipped before its end."""
    whole = bytearray(wandb_file([b"good", b"bad!", b"good"]))
    whole[len(HEADER) + 7 + 4 + 7] ^= 1
    log = RecordLog()
    assert log.feed(bytes(whole)) == [b"good"]
    assert log.damaged_at is None
    assert log.doubt_at == log.offset == len(HEADER) + 11


@pytest.mark.parametrize(
    "chunks",
    [chunk(3, b"middle"), chunk(4, b"last"), chunk(2, b"first") + chunk(1, b"full"), chunk(2, b"a") + chunk(2, b"b")],
)
def test_parts_out_of_turn_are_damage(chunks: bytes) -> None:
    """A part without its first, or a record that begins within another, is damage and gives no wrong record."""
    log = RecordLog()
    assert all(record == b"full" for record in log.feed(HEADER + chunks))
    assert log.damaged_at is not None


def test_a_record_too_long_to_keep_is_passed_over() -> None:
    """A record of more than LONGEST bytes gives nothing, is no damage, and what follows it is read."""
    log = RecordLog()
    assert log.feed(wandb_file([b"x" * (LONGEST + 1), b"next"])) == [b"next"]
    assert log.damaged_at is None


@given(st.binary(max_size=3 * 64))
def test_random_bytes_never_raise(noise: bytes) -> None:
    """Whatever follows the header, the reader raises nothing and uses no more than there is."""
    log = RecordLog()
    log.feed(HEADER + noise)
    log.feed((HEADER + noise + bytes(BLOCK))[log.offset :])
    assert log.offset <= len(HEADER) + len(noise) + BLOCK


@pytest.mark.parametrize(
    ("head", "words"),
    [(b"PK\x03\x04", "is no W&B file"), (b":W&B\xe1\xbf\0", "is no W&B file"), (HEADER[:6] + b"\x07", "version 7")],
)
def test_another_header_is_told(head: bytes, words: str) -> None:
    """A file with another mark or a newer version is refused with its reason."""
    assert words in str(header_fault(head))


def test_a_header_that_is_not_whole_yet_is_no_fault() -> None:
    """The first bytes of a file that is being created are accepted at every length."""
    assert [header_fault(HEADER[:size]) for size in range(8)] == [None] * 8
