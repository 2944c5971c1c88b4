"""The wordings that out-of-memory errors have had."""

from __future__ import annotations

import pytest

from diagnosis.oom import OutOfMemory, parse

MIB, GIB = 2.0**20, 2.0**30


def test_todays_wording() -> None:
    """PyTorch 2.x: each size is found, and processes are summed."""
    said = parse(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 22.00 MiB. GPU 0 has a total capacity of "
        "23.65 GiB of which 11.06 MiB is free. Process 27 has 1.00 GiB memory in use. Process 28 has 512.00 MiB memory "
        "in use. Including non-PyTorch memory, this process has 22.14 GiB memory in use. Of the allocated memory "
        "21.00 GiB is allocated by PyTorch, with 14.00 MiB allocated in private pools, and 194.50 MiB is reserved by "
        "PyTorch but unallocated. If reserved but unallocated memory is large try setting ..."
    )

    assert said == OutOfMemory(
        tried=22 * MIB,
        tried_error=0.005 * MIB,
        total=23.65 * GIB,
        free=11.06 * MIB,
        in_use=22.14 * GIB,
        allocated=21 * GIB,
        unallocated=194.5 * MIB,
        others=1.5 * GIB,
    )


def test_the_misspelling() -> None:
    """PyTorch 2.0 and 2.1 wrote "capacty", and "0 bytes"."""
    said = parse(
        "CUDA out of memory. Tried to allocate 1.70 GiB. GPU 0 has a total capacty of 6.00 GiB of which 0 bytes is "
        "free. Of the allocated memory 2.93 GiB is allocated by PyTorch, and 2.30 GiB is reserved by PyTorch but "
        "unallocated."
    )

    assert (said.total, said.free) == (6 * GIB, 0)
    assert said.unallocated == pytest.approx(2.30 * GIB)


def test_the_wording_of_pytorch_1() -> None:
    """From 1.4 on "reserved in total" includes what tensors hold."""
    said = parse(
        "RuntimeError: CUDA out of memory. Tried to allocate 2.26 GiB (GPU 0; 6.00 GiB total capacity; 781.59 MiB "
        "already allocated; 3.03 GiB free; 1.24 GiB reserved in total by PyTorch)"
    )

    assert (said.tried, said.total, said.free) == (2.26 * GIB, 6 * GIB, 3.03 * GIB)
    assert said.unallocated == pytest.approx(1.24 * GIB - 781.59 * MIB)
    assert said.others is None


def test_the_oldest_wording() -> None:
    """Before 1.4 "cached" was what no tensor held, and small sizes came in KiB."""
    said = parse(
        "RuntimeError: CUDA out of memory. Tried to allocate 1024.00 KiB (GPU 0; 10.92 GiB total capacity; 8.57 MiB "
        "already allocated; 9.28 GiB free; 4.68 MiB cached)"
    )

    assert said.tried == MIB
    assert said.allocated == pytest.approx(8.57 * MIB)
    assert said.unallocated == pytest.approx(4.68 * MIB)


def test_amd_and_apple() -> None:
    """HIP has CUDA's words; MPS counts in GB and names a limit."""
    hip = parse(
        "HIP out of memory. Tried to allocate 1.88 GiB. GPU 0 has a total capacity of 23.98 GiB of "
        "which 1.70 GiB is free."
    )
    mps = parse(
        "MPS backend out of memory (MPS allocated: 6.04 GB, other allocations: 1.04 GB, max allowed: 6.77 GB). "
        "Tried to allocate 459.07 MB on private pool."
    )

    assert (hip.tried, hip.free) == (1.88 * GIB, 1.70 * GIB)
    assert mps.tried == pytest.approx(459.07e6)
    assert mps.total == pytest.approx(6.77e9)
    assert mps.allocated == pytest.approx(6.04e9)


def test_xla() -> None:
    """XLA gives exact bytes, which leave no rounding."""
    said = parse("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 25158058240 bytes.")

    assert (said.tried, said.tried_error) == (25158058240, 0)


@pytest.mark.parametrize("text", ["", "CUDA error: out of memory", "Tried to allocate more than 1EB memory."])
def test_words_without_sizes(text: str) -> None:
    """What is not said is None."""
    assert parse(text) == OutOfMemory(None, 0.0, None, None, None, None, None, None)
