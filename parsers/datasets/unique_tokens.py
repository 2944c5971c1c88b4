"""How many unique tokens a tokenised data set holds: what --data names, a file or a directory of shards."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from parsers.clean import printable
from parsers.datasets.token_files import Counted, DataError, count_bin, count_idx, count_npy
from parsers.datasets.token_tables import count_tables

__all__ = ["DataError", "TokenCount", "unique_tokens"]

WANTED = "--data takes .bin, .idx, .npy, .arrow or .parquet files of tokens, or a directory of them"
MOST_ENTRIES = 100_000
TRAIN = re.compile(r"(?<![a-z])train(?:ing)?(?![a-z])", re.IGNORECASE)
HELD_OUT = re.compile(r"(?<![a-z])(?:val|valid|validation|test|eval|dev)(?![a-z])", re.IGNORECASE)
FOLDERS = ("train", "data")
"""Where a directory without shards of its own has them: a split of a DatasetDict, a repository of the Hub."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The tokens of a data set's training files."""

    tokens: int
    how: str
    """For people: "train.bin: 9,035,582,198 tokens of uint16"."""
    files: int

    def __float__(self) -> float:
        """The tokens, for laws."""
        return float(self.tokens)


def unique_tokens(path: Path) -> TokenCount:
    """Counts the tokens of a file or of a directory's training shards, by headers, indices and list offsets.

    No file is loaded into memory. Raises DataError, one line with the path and the mend, for what is missing, empty,
    cut off, of another kind or not clearly the training data.
    """
    try:
        files = _files(path)
        counted = count_files(files)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise DataError(f"{path} cannot be read ({reason}); {WANTED}") from None
    if counted.tokens == 0:
        raise DataError(f"{path} holds no tokens; name the training data")
    return said_of(counted, files)


def said_of(counted: Counted, files: Sequence[Path]) -> TokenCount:
    """The count of these files as people are told."""
    name = printable(files[0].name if len(files) == 1 else f"{len(files)} files in {files[0].parent.name}")
    return TokenCount(counted.tokens, f"{name}: {counted.tokens:,} tokens of {counted.dtype}", len(files))


def count_files(files: Sequence[Path]) -> Counted:
    """Tokens of files of one kind together. Raises DataError and OSError."""
    if files[0].suffix in (".arrow", ".parquet"):
        return count_tables(files)
    each = [COUNTERS[file.suffix](file) for file in files]
    return Counted(sum(one.tokens for one in each), " and ".join(sorted({one.dtype for one in each})))


COUNTERS: dict[str, Callable[[Path], Counted]] = {".bin": count_bin, ".idx": count_idx, ".npy": count_npy}
SUFFIXES = (*COUNTERS, ".arrow", ".parquet")


def _files(path: Path) -> list[Path]:
    """The training files behind a path, all of one kind."""
    if path.is_dir():
        return _shards(path)
    index = path.with_name(path.name.removesuffix(".bin") + ".idx")  # Megatron's tokens, or their prefix
    if path.suffix not in SUFFIXES or path.suffix == ".bin":
        if index.is_file():
            return [index]
        if not path.exists():
            raise DataError(f"{path} does not exist; {WANTED}")
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is a pipe or device; {WANTED}")
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path} is of no kind that is known here; {WANTED}")
    return [path]


def _shards(folder: Path, depth: int = 2) -> list[Path]:
    listed = listed_files(folder)
    if listed:
        return listed
    names = names_in(folder)
    tokens = token_files(names)
    if not tokens:
        for inner in FOLDERS:
            if inner in names and (folder / inner).is_dir() and depth:
                return _shards(folder / inner, depth - 1)
        raise DataError(f"{folder} holds no files of tokens; {WANTED}")
    chosen = _of_training(tokens)
    if not chosen:
        raise DataError(f"{folder} holds only {printable(tokens[0])} and the like; name the training data")
    kinds = Counter(Path(name).suffix for name in chosen)
    if len(kinds) > 1:
        raise DataError(
            f"{folder} holds {' and '.join(sorted(kinds))} files; name one of them, or a directory of one kind"
        )
    return [folder / name for name in chosen]


def token_files(names: Sequence[str]) -> list[str]:
    """The names of files of tokens; of Megatron's pairs the index."""
    tokens = [name for name in names if Path(name).suffix in SUFFIXES]
    return [n for n in tokens if not (n.endswith(".bin") and f"{n[:-4]}.idx" in names)]


def spoken(name: str) -> str:
    """A file's name as words, for `TRAIN` and `HELD_OUT`."""
    return re.sub(r"[_\d]", " ", name)


def _of_training(names: Sequence[str]) -> list[str]:
    """The training shards, where names tell them from others; else all. None where all are held out."""
    rest = [n for n in names if not HELD_OUT.search(spoken(n))]
    return [n for n in rest if TRAIN.search(spoken(n))] or rest


def listed_files(folder: Path) -> list[Path]:
    """The files that Hugging Face's save_to_disk lists in state.json (datasets, arrow_dataset.py)."""
    state = folder / "state.json"
    try:
        said = json.loads(state.read_bytes()) if state.is_file() and state.stat().st_size < 1 << 24 else {}
        listed = [str(one["filename"]) for one in said.get("_data_files") or []]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    missing = next((name for name in listed if not (folder / name).is_file()), None)
    if missing is not None:
        raise DataError(f"{folder} lists {printable(missing)}, which is not there; copy the data set again")
    return [folder / name for name in listed]


def names_in(folder: Path) -> list[str]:
    """The names in a folder, in order. Raises DataError for too many, and OSError."""
    names = []
    with os.scandir(folder) as entries:
        for entry in entries:
            names.append(entry.name)
            if len(names) > MOST_ENTRIES:
                raise DataError(f"{folder} has more than {MOST_ENTRIES:,} entries; name the directory of shards")
    return sorted(names)
