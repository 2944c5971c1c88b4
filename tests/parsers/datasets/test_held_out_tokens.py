"""How many tokens are held out beside the training data: in each layout, and where that is not clear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from parsers.datasets.held_out_tokens import held_out_tokens


def write(path: Path, tokens: int) -> Path:
    """nanoGPT's: nothing but tokens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.arange(tokens, dtype=np.uint16).tofile(path)
    return path


def tokens_of(path: Path) -> int | None:
    found = held_out_tokens(path)
    return None if found is None else found.tokens


def test_val_bin_stands_beside_train_bin(tmp_path: Path) -> None:
    """Whether the directory is named or the training file; where it was counted is said."""
    train = write(tmp_path / "train.bin", 1000)
    write(tmp_path / "val.bin", 55)
    for path in (tmp_path, train):
        found = held_out_tokens(path)
        assert found is not None
        assert (found.tokens, found.how) == (55, "val.bin: 55 tokens of uint16")


@pytest.mark.parametrize("name", ["fineweb_val_000000.bin", "fineweb_validation_1.bin", "fineweb_dev.bin"])
def test_shards_for_validation_are_told_by_their_names(tmp_path: Path, name: str) -> None:
    """Beside shards of training, of which any may be named."""
    for shard in range(2):
        train = write(tmp_path / f"fineweb_train_00000{shard}.bin", 1000)
    write(tmp_path / name, 55)
    assert tokens_of(tmp_path) == tokens_of(train) == 55


def test_another_data_set_in_the_folder_is_none_of_it(tmp_path: Path) -> None:
    """A training file has the validation of its own name."""
    train = write(tmp_path / "owt_train.bin", 1000)
    write(tmp_path / "owt_val.bin", 55)
    write(tmp_path / "fineweb_val.bin", 99)
    assert tokens_of(train) == 55


@pytest.mark.parametrize("split", ["validation", "val", "test"])
def test_splits_may_be_folders(tmp_path: Path, split: str) -> None:
    """As in a DatasetDict and in a repository of the Hub; the folder of training may be named, too."""
    write(tmp_path / "ds/train/a.bin", 1000)
    write(tmp_path / "ds" / split / "a.bin", 30)
    write(tmp_path / "ds" / split / "b.bin", 25)
    assert tokens_of(tmp_path / "ds") == tokens_of(tmp_path / "ds/train") == 55
    write(tmp_path / "hub/data/train-00000.bin", 1000)
    write(tmp_path / f"hub/data/{split}-00000.bin", 44)
    assert tokens_of(tmp_path / "hub") == 44


def test_a_test_set_counts_only_without_one_for_validation(tmp_path: Path) -> None:
    """Runs evaluate on the latter."""
    write(tmp_path / "train.bin", 1000)
    write(tmp_path / "test.bin", 77)
    assert tokens_of(tmp_path) == 77
    write(tmp_path / "val.bin", 55)
    assert tokens_of(tmp_path) == 55


def test_what_is_not_clear_is_not_counted(tmp_path: Path) -> None:
    """Nothing held out, a file without a split in its name, two kinds of files, no data at all, damage."""
    write(tmp_path / "alone/train.bin", 1000)
    write(tmp_path / "plain/tokens.bin", 1000)
    write(tmp_path / "plain/val.bin", 55)
    write(tmp_path / "kinds/train.bin", 1000)
    write(tmp_path / "kinds/val.bin", 55)
    np.save(tmp_path / "kinds/val.npy", np.zeros(9, np.uint16))
    write(tmp_path / "damaged/train.bin", 1000)
    (tmp_path / "damaged/val.bin").write_bytes(b"abc")
    write(tmp_path / "empty/train.bin", 1000)
    write(tmp_path / "empty/val.bin", 0)
    for path in ("alone", "plain/tokens.bin", "kinds", "damaged", "empty", "missing", "missing/train.bin"):
        assert tokens_of(tmp_path / path) is None
