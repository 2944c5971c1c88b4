"""How many tokens are held out for validation beside the training data that --data names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from parsers.datasets.unique_tokens import (
    HELD_OUT,
    TRAIN,
    DataError,
    TokenCount,
    count_files,
    listed_files,
    names_in,
    said_of,
    spoken,
    token_files,
)

VALIDATION = re.compile(r"(?<![a-z])(?:val|valid|validation|eval|dev)(?![a-z])", re.IGNORECASE)
SPLITS = ("validation", "valid", "val", "eval", "dev", "test")
"""Folders of a split; a test set counts only where there is none for validation."""


def held_out_tokens(path: Path) -> TokenCount | None:
    """Counts the files for validation in the directory, or beside the training file, at `path`.

    None where there are none, where it is not clear which they are, and where they cannot be read: only the training
    data must be there.
    """
    try:
        for files in _candidates(path):
            if files:
                counted = count_files(files)
                return said_of(counted, files) if counted.tokens else None
    except (DataError, OSError, ValueError):
        return None
    return None


def _candidates(path: Path) -> Iterator[list[Path]]:
    if not path.is_dir():
        if TRAIN.search(spoken(path.name)):
            yield [file for file in _files_in(path.parent) if _kin(file.name) == _kin(path.name)]
        return
    for folder in (path, path / "data"):
        yield _files_in(folder)
        yield from (_split(folder / split) for split in SPLITS)
    if TRAIN.search(path.name):
        yield from (_split(path.parent / split) for split in SPLITS)


def _files_in(folder: Path) -> list[Path]:
    """The files in a folder whose names say that they are held out, of one kind."""
    if not folder.is_dir():
        return []
    names = token_files(names_in(folder))
    held = [name for name in names if HELD_OUT.search(spoken(name)) and not TRAIN.search(spoken(name))]
    chosen = [name for name in held if VALIDATION.search(spoken(name))] or held
    return [folder / name for name in chosen] if len({Path(name).suffix for name in chosen}) == 1 else []


def _kin(name: str) -> str:
    """What the names of one data set's splits have in common: all but the split and the number of the shard."""
    return re.sub(r"\s", "", HELD_OUT.sub("", TRAIN.sub("", spoken(name))))


def _split(folder: Path) -> list[Path]:
    """All files of a folder that is a split."""
    if not folder.is_dir():
        return []
    files = listed_files(folder) or [folder / name for name in token_files(names_in(folder))]
    return files if len({file.suffix for file in files}) == 1 else []
