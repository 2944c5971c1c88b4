"""What the benchmark measures on a device, in which order, and how each case is kept out of the cache. No torch."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Literal

Shape = tuple[int, int, int]
"""(M, N, K) of D = A @ B: A is (M, K), B is (K, N)."""

DTYPES = ("bf16", "fp16", "tf32", "fp32", "fp8")
CPU_DTYPES = ("fp32", "bf16")
"""Without AVX512_FP16 a CPU multiplies fp16 hundreds of times slower than bf16: it is never offered there."""
CUDA_SQUARES = (4096, 8192, 16384)
CPU_SQUARES = (512, 1024, 2048, 4096)
L2_BYTES = 128 << 20
"""Taken where torch does not tell the size of the L2 cache (before 2.5): the largest there is, a B200's 126 MB."""
CACHES = 3
"""Caches' worth of bytes that pass before an operand set is used again."""
MARGIN_BYTES = 512 << 20
HEADROOM = 1.5
MAX_SETS = 1024
_BYTES = {"bf16": 2, "fp16": 2, "tf32": 4, "fp32": 4, "fp8": 1}


@dataclass(frozen=True, slots=True)
class BenchJob:
    """What to measure. `device` is "cpu", an index or UUID as NVML gives it, or None for the first GPU."""

    device: str | None = None
    dtypes: tuple[str, ...] | None = None
    shapes: tuple[Shape, ...] = ()
    seconds: float = 30.0
    python: str = sys.executable
    """The interpreter that has torch: the training environment's."""
    force: bool = False
    """Measure although something else uses the GPU."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where it measures, as the child told. None is unknown; a CPU has no `cuda` and no `capability`."""

    kind: Literal["cuda", "cpu"]
    name: str | None
    torch: str | None
    cuda: str | None
    capability: tuple[int, int] | None
    cache_bytes: int
    free_bytes: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """One product to measure."""

    dtype: str
    shape: Shape

    @property
    def flop(self) -> int:
        """Multiplications and additions: 2 M N K."""
        m, n, k = self.shape
        return 2 * m * n * k

    @property
    def set_bytes(self) -> int:
        """Bytes of A, B and D. An fp8 product is written as bf16."""
        m, n, k = self.shape
        return _BYTES[self.dtype] * k * (m + n) + max(2, _BYTES[self.dtype]) * m * n


@dataclass(frozen=True, slots=True)
class Layout:
    """`sets` operand sets are used in turn, or `flush_bytes` written between runs. `cold`: whether that suffices."""

    sets: int
    flush_bytes: int
    cold: bool


def cases(device: Device, dtypes: tuple[str, ...] | None, shapes: tuple[Shape, ...]) -> list[Case]:
    """Squares from small to large, then `shapes`, for each of `dtypes`, or for those that the device has units for."""
    squares = CPU_SQUARES if device.kind == "cpu" else CUDA_SQUARES
    ordered = dict.fromkeys([*((n, n, n) for n in squares), *shapes])
    return [Case(dtype, shape) for dtype in dtypes or _native(device) for shape in ordered]


def _native(device: Device) -> tuple[str, ...]:
    if device.kind == "cpu":
        return CPU_DTYPES
    return ("bf16", "fp16", "tf32", "fp32") if _is_at_least(device, 8, 0) else ("fp16", "fp32")


def _is_at_least(device: Device, major: int, minor: int) -> bool:
    return device.capability is not None and device.capability >= (major, minor)


def refusal(device: Device, case: Case) -> str | None:
    """Why this device does not measure this case, or None."""
    if device.kind == "cpu":
        return None if case.dtype in CPU_DTYPES else f"{case.dtype} is not offered on a CPU"
    if case.dtype == "tf32" and not _is_at_least(device, 8, 0):
        return "TF32 needs compute capability 8.0"
    if case.dtype != "fp8":
        return None
    if device.cuda is None or not _is_at_least(device, 8, 9):
        return "fp8 needs CUDA and compute capability 8.9"
    _, n, k = case.shape
    return None if n % 16 == 0 == k % 16 else "fp8 needs N and K that 16 divides"


def layout(device: Device, case: Case) -> Layout | str:
    """How the cache is kept cold with the memory that is free now; a string says why nothing fits.

    It needs 1.5 x its bytes + 512 MiB free, for torch's context and the libraries' workspaces.
    """
    passing = CACHES * device.cache_bytes
    sets = 1 + math.ceil(passing / case.set_bytes)
    rotated = Layout(min(sets, MAX_SETS), 0, sets <= MAX_SETS)
    if _fits(rotated.sets * case.set_bytes, device.free_bytes):
        return rotated
    if _fits(case.set_bytes + passing, device.free_bytes):
        return Layout(1, passing, True)
    need = HEADROOM * (case.set_bytes + passing) + MARGIN_BYTES
    return f"needs {need / 2**30:.1f} GiB free, {(device.free_bytes or 0) / 2**30:.1f} GiB are"


def _fits(size: int, free_bytes: int | None) -> bool:
    return free_bytes is None or free_bytes >= HEADROOM * size + MARGIN_BYTES
