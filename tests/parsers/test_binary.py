"""parsers/binary.py: text, and all else."""

from __future__ import annotations

import random
import zipfile
from io import BytesIO

import pytest

from parsers.binary import no_text

LOG = b"iter 200: loss 6.2977, time 3917.80ms, mfu 12.87%\n" * 100


def zipped() -> bytes:
    """As torch.save writes."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02")
    return file.getvalue()


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x80\x81",
        LOG,
        b"\0" * 5000 + LOG,
        LOG.decode().encode("utf-16"),
        ("│─┤ 训练 " * 200).encode("utf-16"),
        ("训练开始，损失 3.2 " + LOG.decode() * 2).encode("gbk"),
        "训练开始，损失值持续下降\n".encode() * 100,
        b"\x1b[31mstep: 1  \x1b[32mloss: 3.2\x1b[0m\x1b(B\x0f\n" * 100,
        b"\x08" * 50 + b"\r128/128 - loss: 3.1\n" + LOG,
    ],
    ids=["empty", "a few bytes", "log", "hole", "utf-16", "utf-16 of no ASCII", "gbk", "utf-8", "colours", "keras"],
)
def test_logs_are_text(head: bytes) -> None:
    """A hole of NULs, UTF-16, another encoding, colours and backspaces do not make a log binary."""
    assert no_text(head) is None


@pytest.mark.parametrize(
    "head",
    [
        random.Random(1).randbytes(4096),
        b"".join(random.Random(2).randrange(50257).to_bytes(2, "little") for _ in range(2048)),
        bytes(range(256)) * 16,
        b"\x0a\x09\x0b\x10\x01\x1a\x05\x12\x03\x02" * 200,
    ],
    ids=["random", "tokens", "all bytes", "protobuf"],
)
def test_rubbish_is_not(head: bytes) -> None:
    """Random bytes, a file of tokens and protocol buffers are binary; the sentence says what to name instead."""
    assert "is binary, no log; name" in (no_text(head) or "")


@pytest.mark.parametrize(
    ("head", "mend"),
    [
        (b"\x1f\x8b\x08", "gzip -dc"),
        (b"\x28\xb5\x2f\xfd", "zstd -dc"),
        (b"\xfd7zXZ\0", "xz -dc"),
        (zipped(), "checkpoint"),
    ],
)
def test_known_kinds_are_named(head: bytes, mend: str) -> None:
    """What is compressed gets the command that unpacks it; a checkpoint is called one."""
    assert mend in (no_text(head) or "")
