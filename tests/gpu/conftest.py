"""An NVML without a GPU, and a clock without time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_nvml import Clock, FakeGpu, FakeNvml, installed


@pytest.fixture
def library() -> Iterator[FakeNvml]:
    """The library behind pynvml for the length of a test: one RTX 4070."""
    with installed(FakeNvml(FakeGpu())) as fake:
        yield fake


@pytest.fixture
def clock() -> Clock:
    """Time stands still until the test moves it."""
    return Clock()
