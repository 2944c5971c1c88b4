"""How many tokens a data set holds: each kind of file, directories of shards, and what is none of them."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from parsers.datasets.unique_tokens import DataError, TokenCount, unique_tokens


def write_tokens(path: Path, tokens: int, dtype: str = "uint16", high: int = 50_257) -> Path:
    """nanoGPT's: nothing but tokens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.random.default_rng(7).integers(0, high, tokens).astype(dtype).tofile(path)
    return path


def write_llmc(path: Path, tokens: int, magic: int = 20240520, dtype: str = "uint16", said: int | None = None) -> Path:
    """llm.c's: 256 int32, then the tokens."""
    header = np.zeros(256, "<i4")
    header[:3] = magic, 1, tokens if said is None else said
    path.write_bytes(header.tobytes() + np.arange(tokens, dtype=dtype).tobytes())
    return path


def write_idx(path: Path, lengths: list[int], *, version: int = 1, code: int = 8) -> Path:
    """Megatron-LM's index of sequences and documents."""
    pointers = np.cumsum([0, *lengths[:-1]]).astype("<i8") * 2
    documents = np.arange(len(lengths) + 1, dtype="<i8")
    head = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", version, code, len(lengths), len(documents))
    path.write_bytes(head + np.array(lengths, "<i4").tobytes() + pointers.tobytes() + documents.tobytes())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        unique_tokens(path)
    message = str(caught.value)
    assert "\n" not in message
    assert ";" in message
    return message


def test_nanogpts_tokens_are_16_bits_wide(tmp_path: Path) -> None:
    """The file is nothing but tokens, so that its size says it."""
    path = write_tokens(tmp_path / "train.bin", 1234)
    assert unique_tokens(path) == TokenCount(1234, "train.bin: 1,234 tokens of uint16", 1)
    assert float(unique_tokens(path)) == 1234.0


def test_a_character_level_data_set_is_16_bits_wide(tmp_path: Path) -> None:
    """Its ids are small, but not every second one."""
    assert unique_tokens(write_tokens(tmp_path / "train.bin", 1001, high=65)).tokens == 1001


def test_tokens_of_32_bits_are_seen(tmp_path: Path) -> None:
    """Every second 16-bit word of such ids is next to nothing."""
    path = write_tokens(tmp_path / "train.bin", 1001, "uint32", high=128_256)
    assert unique_tokens(path).how == "train.bin: 1,001 tokens of uint32"


@pytest.mark.parametrize("name", ["meta.json", "train.json", "train.bin.json"])
def test_a_dtype_beside_the_tokens_is_believed(tmp_path: Path, name: str) -> None:
    """Also where the tokens alone would look like 16 bits."""
    path = write_tokens(tmp_path / "train.bin", 1000, "uint16")
    (tmp_path / name).write_text(json.dumps({"dtype": "uint32"}))
    assert unique_tokens(path).tokens == 500
    (tmp_path / name).write_text("{")
    assert unique_tokens(path).tokens == 1000


@pytest.mark.parametrize(("magic", "dtype"), [(20240520, "uint16"), (20240801, "uint32")])
def test_llmcs_header_says_count_and_width(tmp_path: Path, magic: int, dtype: str) -> None:
    """modded-nanogpt writes the first kind."""
    path = write_llmc(tmp_path / "fineweb_train_000001.bin", 700, magic, dtype)
    assert unique_tokens(path).how == f"fineweb_train_000001.bin: 700 tokens of {dtype}"


def test_megatrons_index_lists_the_lengths(tmp_path: Path) -> None:
    """By the .idx, the .bin beside it, or the prefix of both that Megatron's own option takes."""
    write_idx(tmp_path / "text_document.idx", [3, 4, 5])
    write_tokens(tmp_path / "text_document.bin", 12)
    for name in ("text_document.idx", "text_document.bin", "text_document"):
        assert unique_tokens(tmp_path / name) == TokenCount(12, "text_document.idx: 12 tokens of uint16", 1)
    assert unique_tokens(tmp_path).tokens == 12


def test_numpys_header_says_the_shape(tmp_path: Path) -> None:
    """One row or many; a raw file of that name, as OLMo has, counts by its size."""
    np.save(tmp_path / "a.npy", np.zeros((3, 4), np.uint16))
    assert unique_tokens(tmp_path / "a.npy").how == "a.npy: 12 tokens of uint16"
    assert unique_tokens(write_tokens(tmp_path / "part-000-00000.npy", 999)).tokens == 999


def test_a_directory_counts_its_training_shards(tmp_path: Path) -> None:
    """The names tell them from others; other files cost nothing."""
    for name, tokens in (("train.bin", 100), ("val.bin", 10)):
        write_tokens(tmp_path / "owt" / name, tokens)
    (tmp_path / "owt/meta.pkl").write_bytes(b"\x80\x04")
    assert unique_tokens(tmp_path / "owt") == TokenCount(100, "train.bin: 100 tokens of uint16", 1)
    for name in ("edufineweb_train_000001", "edufineweb_train_000002", "edufineweb_val_000000"):
        np.save(tmp_path / f"{name}.npy", np.zeros(50, np.uint16))
    assert unique_tokens(tmp_path) == TokenCount(100, f"2 files in {tmp_path.name}: 100 tokens of uint16", 2)


def test_shards_without_a_split_in_their_names_all_count(tmp_path: Path) -> None:
    """Less those that are named as held out; with none left there is nothing to count."""
    for name in ("shard_0.bin", "shard_1.bin", "test.bin"):
        write_tokens(tmp_path / name, 100)
    assert unique_tokens(tmp_path).tokens == 200
    write_tokens(tmp_path / "only/val_0.bin", 100)
    assert "only val_0.bin and the like" in refusal(tmp_path / "only")


def test_shards_may_lie_a_folder_deeper(tmp_path: Path) -> None:
    """As in a repository of the Hub and in a DatasetDict."""
    write_tokens(tmp_path / "data/train/a.bin", 100)
    assert unique_tokens(tmp_path).tokens == 100


def damaged(folder: Path) -> dict[str, Path]:
    """Files that no count can be taken from, by what is said of each."""
    negative = write_idx(folder / "negative.idx", [5, -1])
    cut = write_idx(folder / "cut.idx", [1] * 100)
    cut.write_bytes(cut.read_bytes()[:-1])
    np.save(folder / "float.npy", np.zeros(3))
    np.save(folder / "short.npy", np.zeros(1000, np.uint16))
    (folder / "short.npy").write_bytes((folder / "short.npy").read_bytes()[:-1])
    contents = {
        "odd.bin": b"abc", "empty.bin": b"", "model.bin": b"PK\x03\x04" + bytes(100), "old.idx": b"TNTIDX\x00\x00",
        "text.idx": b"hello", "broken.npy": b"\x93NUMPY\x01\x00\x10\x00{'descr': }      ", "a.txt": b"words",
        "half.npy": b"\x93NUMPY\x01",
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {
        "should hold 999 tokens": write_llmc(folder / "a.bin", 10, said=999),
        "should hold -1 tokens": write_llmc(folder / "b.bin", 10, said=-1),
        "evaluation examples": write_llmc(folder / "hellaswag_val.bin", 10, 20240522),
        "no multiple of 2": folder / "odd.bin",
        "holds no tokens": folder / "empty.bin",
        "checkpoint": folder / "model.bin",
        "negative length": negative,
        "should list 100 sequences": cut,
        "version 2": write_idx(folder / "new.idx", [1], version=2),
        "version 1": write_idx(folder / "code.idx", [1], code=99),
        "old kind": folder / "old.idx",
        "no index of Megatron-LM": folder / "text.idx",
        "no token ids": folder / "float.npy",
        "should hold 1,000 tokens": folder / "short.npy",
        "no numpy array": folder / "broken.npy",
        "no numpy array (": folder / "half.npy",
        "no kind that is known": folder / "a.txt",
        "does not exist": folder / "none",
        "cannot be read": folder / ("x" * 300),
        "holds .bin and .idx and .npy files": folder,
    }


def test_what_cannot_be_counted_is_told_in_one_line(tmp_path: Path) -> None:
    """The line names the path, what is wrong and the mend; a wrong count would be worse than none."""
    for reason, path in damaged(tmp_path).items():
        message = refusal(path)
        assert message.startswith(str(path))
        assert reason in message


def test_an_empty_directory_and_a_pipe_hold_no_tokens(tmp_path: Path) -> None:
    """To open a pipe would wait for its writer."""
    assert "no files of tokens" in refusal(tmp_path)
    os.mkfifo(tmp_path / "train.bin")
    assert "pipe" in refusal(tmp_path / "train.bin")
