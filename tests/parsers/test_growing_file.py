"""A file that is looked at again and again: what was used, what is seen again, cuts and copies, refusals."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parsers.growing_file import GrowingFile


def test_what_was_not_used_is_seen_again(tmp_path: Path) -> None:
    """A look begins after what was used, and tells whether it saw all that there is."""
    path = tmp_path / "f"
    path.write_bytes(b"abcdef")
    file = GrowingFile(path)
    assert (file.look(4), file.at_end) == (b"abcd", False)
    file.use(b"abc")
    assert (file.look(), file.at_end, file.offset, file.size) == (b"def", True, 3, 6)
    with path.open("ab") as more:
        more.write(b"g")
    assert file.look() == b"defg"


def test_a_file_that_began_anew_is_told(tmp_path: Path) -> None:
    """A shorter file and one with other bytes before the offset give None, and then their own bytes."""
    path = tmp_path / "f"
    path.write_bytes(b"abcdef")
    file = GrowingFile(path)
    file.use(file.look() or b"")
    for other in (b"abc", b"uvwxyz", b"a longer text than before"):
        path.write_bytes(other)
        assert file.look() is None
        assert file.look() == other
        file.use(other)


def test_a_longer_copy_goes_on(tmp_path: Path) -> None:
    """Another file at the path that begins with what was used is the same one, synchronised."""
    path, copy = tmp_path / "f", tmp_path / "copy"
    path.write_bytes(b"x" * 500)
    file = GrowingFile(path)
    file.use(file.look() or b"")
    copy.write_bytes(b"x" * 500 + b"new")
    copy.rename(path)
    assert file.look() == b"new"


@pytest.mark.parametrize(("kind", "refused"), [("absent", False), ("folder", True), ("pipe", True)])
def test_what_is_no_file_is_told(tmp_path: Path, kind: str, refused: bool) -> None:
    """An absent file is waited for; a directory and a pipe are refused without waiting for a writer."""
    path = tmp_path / "f"
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    file = GrowingFile(path)
    assert file.look() == b""
    assert (file.refused, file.at_end) == (refused, True)
    assert str(path) in str(file.reason)


def test_silence_is_the_shorter_of_age_and_growth(tmp_path: Path) -> None:
    """A file of an hour ago is silent for an hour; once it was seen to grow that counts, whatever its clock says."""
    path = tmp_path / "f"
    path.write_bytes(b"a")
    os.utime(path, (1000, 1000))
    now = 50.0
    file = GrowingFile(path, clock=lambda: 4600.0, monotonic=lambda: now)
    assert file.silence_seconds is None
    file.look()
    assert file.silence_seconds == 3600.0
    path.write_bytes(b"ab")
    os.utime(path, (9000, 9000))
    file.look()
    now = 57.0
    assert file.silence_seconds == 7.0
