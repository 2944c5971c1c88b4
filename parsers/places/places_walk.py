"""The folders below a root, with bounded work: a data set of a million files must not hold up a look for a log."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

DEPTH = 6
"""outputs/DATE/TIME/lightning_logs/version_0/metrics.csv lies five folders deep."""
FOLDERS = 2_000
ENTRIES_OF_A_FOLDER = 5_000
ENTRIES = 50_000
SKIPPED = {"node_modules", "site-packages", "__pycache__", "venv"}


@dataclass(frozen=True, slots=True)
class Folder:
    """The names in one folder, sorted; hidden ones stand apart."""

    path: Path
    files: tuple[str, ...]
    folders: tuple[str, ...]
    hidden: tuple[str, ...] = ()


def walk(root: Path) -> Iterator[Folder]:
    """The root and the folders below it, the nearest first, each once; those behind symbolic links come last.

    What may not be read is passed over. The bounds above hold for all of it.
    """
    waiting, links = deque([(root, 0)]), deque[tuple[Path, int]]()
    seen: set[tuple[int, int]] = set()
    entries = folders = 0
    while (waiting or links) and folders < FOLDERS and entries < ENTRIES:
        path, depth = (waiting or links).popleft()
        listed = _listed(path, seen)
        if listed is None:
            continue
        folder, linked = listed
        folders += 1
        entries += len(folder.files) + len(folder.folders)
        yield folder
        if depth < DEPTH:
            for name in folder.folders:
                (links if name in linked else waiting).append((path / name, depth + 1))


def _listed(path: Path, seen: set[tuple[int, int]]) -> tuple[Folder, set[str]] | None:
    """The folder, and which of its folders are symbolic links; None where it was seen or may not be read."""
    files, folders, hidden, linked = [], [], [], set()
    try:
        status = path.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return None
        seen.add(identity)
        with os.scandir(path) as found:
            for entry in islice(found, ENTRIES_OF_A_FOLDER):
                if entry.name.startswith("."):
                    hidden.append(entry.name)
                elif _is_folder(entry):
                    if entry.name not in SKIPPED:
                        folders.append(entry.name)
                        linked.update([entry.name] if entry.is_symlink() else [])
                else:
                    files.append(entry.name)
    except (OSError, ValueError):
        return None
    return Folder(path, tuple(sorted(files)), tuple(sorted(folders)), tuple(hidden)), linked


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
