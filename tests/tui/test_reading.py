"""What --data tells of a run: the unique tokens, and those held out beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tui.errors import UserError
from tui.reading import counted_tokens


def write(path: Path, tokens: int) -> None:
    np.arange(tokens, dtype=np.uint16).tofile(path)


def test_data_gives_both_splits_as_facts(tmp_path: Path) -> None:
    """Each with the file in which it was counted; they are the user's word."""
    write(tmp_path / "train.bin", 1000)
    write(tmp_path / "val.bin", 55)
    facts = {fact.name: (fact.value, fact.origin, fact.where) for fact in counted_tokens(tmp_path)}
    assert facts == {
        "unique_tokens": (1000, "flag", "train.bin: 1,000 tokens of uint16"),
        "val_tokens": (55, "flag", "val.bin: 55 tokens of uint16"),
    }


def test_only_the_training_data_must_be_there(tmp_path: Path) -> None:
    """Without them the user hears what is missing; without validation the fact is absent."""
    write(tmp_path / "train.bin", 1000)
    assert [fact.name for fact in counted_tokens(tmp_path / "train.bin")] == ["unique_tokens"]
    with pytest.raises(UserError, match="does not exist"):
        counted_tokens(tmp_path / "missing.bin")
