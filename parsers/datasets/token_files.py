"""How many tokens a .bin, .idx or .npy file holds, by its header and its size: the tokens themselves are not read."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

HEADER_BYTES = 1024
LLMC_HEADERS = {20240520: "uint16", 20240801: "uint32"}
"""First of the 256 int32 in the header of llm.c and modded-nanogpt (llm.c, dev/data/data_common.py, HEADERS_INFO)."""
LLMC_EVAL = 20240522
IDX_MAGIC = b"MMIDIDX\x00\x00"
IDX_START = 34
"""Magic, version, code of the type, two counts (Megatron-LM, core/datasets/indexed_dataset.py, _IndexReader)."""
IDX_DTYPES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float64", 7: "float32", 8: "uint16"}
NPY_MAGIC = b"\x93NUMPY"
CHUNK_BYTES = 1 << 22
SAMPLE_BYTES = 1 << 16
DTYPES = ("uint8", "uint16", "int16", "uint32", "int32", "int64", "uint64")
FOREIGN = {b"PK\x03\x04": "a PyTorch checkpoint or another archive", b"GGUF": "a GGUF model", b"\x1f\x8b": "compressed"}


class DataError(Exception):
    """Why the tokens of a data set cannot be counted: one line with its path and the mend."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The tokens of one file and the type in which they are stored."""

    tokens: int
    dtype: str


def count_bin(path: Path) -> Counted:
    """Tokens of llm.c's .bin, which says in its header, or of nanoGPT's, which is nothing but tokens.

    nanoGPT's are uint16 unless a meta.json or train.bin.json beside them names another dtype, or each second 16-bit
    word shows that the tokens have 32 bits. Raises DataError for a size that does not fit and OSError.
    """
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    size = path.stat().st_size
    magic = struct.unpack_from("<i", head)[0] if len(head) >= HEADER_BYTES else 0
    if magic == LLMC_EVAL:
        raise DataError(f"{path} holds evaluation examples of llm.c; name the training file")
    if magic in LLMC_HEADERS:
        return _llmc(path, LLMC_HEADERS[magic], struct.unpack_from("<i", head, 8)[0], size)
    for sign, what in FOREIGN.items():
        if head.startswith(sign):
            raise DataError(f"{path} is {what}; name the file of tokens")
    dtype = _said_dtype(path) or ("uint32" if _looks_like_32_bits(head) else "uint16")
    return _raw(path, dtype, size)


def count_idx(path: Path) -> Counted:
    """Tokens of Megatron-LM's data set: the sum of the sequence lengths in its index, read in pieces."""
    with path.open("rb") as file:
        head = file.read(IDX_START)
        if head.startswith(b"TNTIDX"):
            raise DataError(f"{path} is an index of the old kind (TNTIDX); make it anew with preprocess_data.py")
        if not head.startswith(IDX_MAGIC) or len(head) < IDX_START:
            raise DataError(f"{path} is no index of Megatron-LM; name the .idx beside the .bin")
        version, code, sequences, documents = struct.unpack_from("<QBQQ", head, len(IDX_MAGIC))
        if version != 1 or code not in IDX_DTYPES:
            raise DataError(f"{path} is an index of version {version}, which is not known here; make it anew")
        if path.stat().st_size < IDX_START + 12 * sequences + 8 * documents:
            raise DataError(f"{path} is cut off; it should list {sequences:,} sequences; copy it again")
        tokens = _sum_of_lengths(file, sequences)
    if tokens is None:
        raise DataError(f"{path} lists a sequence of negative length; it is damaged; copy it again")
    return Counted(tokens, IDX_DTYPES[code])


def count_npy(path: Path) -> Counted:
    """Tokens of a numpy array of integers, by its header; a raw file of that name, as OLMo has, counts as .bin does."""
    with path.open("rb") as file:
        if file.read(len(NPY_MAGIC)) != NPY_MAGIC:
            return count_bin(path)
        file.seek(0)
        shape, dtype = _npy_header(path, file)
        start = file.tell()
    tokens = int(np.prod(shape, dtype=np.int64))
    if dtype.kind not in "iu":
        raise DataError(f"{path} holds {dtype}, no token ids; name the array of tokens")
    if path.stat().st_size < start + tokens * dtype.itemsize:
        raise DataError(f"{path} is cut off; it should hold {tokens:,} tokens; copy it again")
    return Counted(tokens, str(dtype))


def _llmc(path: Path, dtype: str, tokens: int, size: int) -> Counted:
    room = (size - HEADER_BYTES) // np.dtype(dtype).itemsize
    if tokens < 0 or tokens != room:
        raise DataError(f"{path} should hold {tokens:,} tokens by its header and has room for {room:,}; copy it again")
    return Counted(tokens, dtype)


def _raw(path: Path, dtype: str, size: int) -> Counted:
    width = np.dtype(dtype).itemsize
    if size % width:
        raise DataError(
            f"{path} is no file of {dtype} tokens: its {size:,} bytes are no multiple of {width}; copy it again"
        )
    return Counted(size // width, dtype)


def _said_dtype(path: Path) -> str | None:
    """The dtype in a JSON file beside the tokens."""
    for beside in (path.with_name(f"{path.name}.json"), path.with_suffix(".json"), path.with_name("meta.json")):
        try:
            if not beside.is_file() or beside.stat().st_size > CHUNK_BYTES:
                continue
            said = json.loads(beside.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        dtype = str(said.get("dtype", "")).removeprefix("np.") if isinstance(said, dict) else ""
        if dtype in DTYPES:
            return dtype
    return None


def _looks_like_32_bits(head: bytes) -> bool:
    """Whether of each two 16-bit words the second is next to nothing, as in ids below 262,144, and the first is not."""
    words = np.frombuffer(head[: len(head) // 4 * 4], "<u2")
    low, high = words[0::2], words[1::2]
    return len(high) >= 64 and bool(np.mean(high <= 3) > 0.999) and bool(np.mean(low <= 3) < 0.5)


def _sum_of_lengths(file: IO[bytes], sequences: int) -> int | None:
    total, left = 0, 4 * sequences
    while left:
        piece = file.read(min(left, CHUNK_BYTES))
        lengths: npt.NDArray[np.int32] = np.frombuffer(piece, "<i4")
        if not len(lengths) or int(lengths.min()) < 0:
            return None
        total += int(lengths.sum(dtype=np.int64))
        left -= len(piece)
    return total


def _npy_header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except (ValueError, SyntaxError, TypeError, EOFError) as error:
        raise DataError(f"{path} is no numpy array ({str(error).splitlines()[0]}); write it again") from None
    return shape, dtype
