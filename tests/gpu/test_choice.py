"""Which GPU is meant by what a person types."""

from __future__ import annotations

import pytest

from gpu.choice import select
from gpu.sample import GpuSample

SAMPLES = [
    GpuSample(0, "NVIDIA GeForce RTX 4070", "GPU-aaaa1111-0"),
    GpuSample(1, "NVIDIA GeForce RTX 4070 Ti", "GPU-bbbb2222-0"),
    GpuSample(2, "NVIDIA A100-SXM4-80GB", "GPU-a1003333-0"),
    GpuSample(3, "NVIDIA RTX A1000 Laptop GPU", None),
]


@pytest.mark.parametrize(
    ("wanted", "indices"),
    [
        (None, [0, 1, 2, 3]),
        ("0", [0]),
        ("2,0", [0, 2]),
        ("9", []),
        ("GPU-bbbb", [1]),
        ("gpu-AAAA1111-0", [0]),
        ("bbbb2222", [1]),
        ("4070", [0]),
        ("RTX 4070 Ti", [1]),
        ("NVIDIA GeForce RTX 4070", [0]),
        ("a100", [2]),
        ("H100", []),
        ("RTX A1000", [3]),
        ("", []),
    ],
)
def test_a_gpu_is_chosen_by_index_uuid_or_name(wanted: str | None, indices: list[int]) -> None:
    """An index, the beginning of a UUID, a name as short as it may be, several by comma; nothing is guessed."""
    assert [sample.index for sample in select(SAMPLES, wanted)] == indices
