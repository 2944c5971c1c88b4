"""What is measured where, and how the cache is kept cold."""

from __future__ import annotations

import dataclasses

import pytest

from gpu.bench_plan import CACHES, HEADROOM, MARGIN_BYTES, MAX_SETS, Case, Device, Layout, cases, layout, refusal

H200 = Device("cuda", "NVIDIA H200", "2.13.0", "13.0", (9, 0), 60 << 20, 140 << 30)
T4 = Device("cuda", "Tesla T4", "2.4.0", "12.1", (7, 5), 4 << 20, 14 << 30)
UNKNOWN = Device("cuda", None, None, "13.0", None, 128 << 20, None)
CPU = Device("cpu", "AMD EPYC", "2.13.0", None, None, 32 << 20, 8 << 30)


def test_flop_is_twice_the_product_of_the_sizes() -> None:
    """A product costs one multiplication and one addition for each of M x N x K terms."""
    assert Case("bf16", (3, 5, 7)).flop == 2 * 3 * 5 * 7


@pytest.mark.parametrize(("dtype", "size"), [("bf16", 2), ("fp16", 2), ("tf32", 4), ("fp32", 4)])
def test_an_operand_set_holds_a_b_and_d(dtype: str, size: int) -> None:
    """A set is A (M x K), B (K x N) and D (M x N) in the type's bytes."""
    assert Case(dtype, (10, 20, 30)).set_bytes == size * (10 * 30 + 30 * 20 + 10 * 20)


def test_an_fp8_product_is_written_as_bf16() -> None:
    """fp8 operands take 1 byte, their product 2."""
    assert Case("fp8", (16, 32, 64)).set_bytes == 16 * 64 + 64 * 32 + 2 * 16 * 32


def test_squares_come_first_and_a_shape_only_once() -> None:
    """The squares rise, then the given shapes follow; one that is a square already is not measured twice."""
    shapes = [case.shape for case in cases(H200, ("bf16",), ((64, 32, 16), (4096, 4096, 4096)))]
    assert shapes == [(4096,) * 3, (8192,) * 3, (16384,) * 3, (64, 32, 16)]


@pytest.mark.parametrize(
    ("device", "dtypes"),
    [
        (H200, ["bf16", "fp16", "tf32", "fp32"]),
        (T4, ["fp16", "fp32"]),
        (UNKNOWN, ["fp16", "fp32"]),
        (CPU, ["fp32", "bf16"]),
    ],
)
def test_the_default_types_are_those_with_units(device: Device, dtypes: list[str]) -> None:
    """A Turing has no bf16 and no TF32 units, nor is one of unknown make asked for them, nor a CPU for fp16."""
    assert list(dict.fromkeys(case.dtype for case in cases(device, None, ()))) == dtypes


@pytest.mark.parametrize(
    ("device", "dtype", "shape", "why"),
    [
        (T4, "tf32", (64, 64, 64), "8.0"),
        (T4, "fp8", (64, 64, 64), "8.9"),
        (UNKNOWN, "tf32", (64, 64, 64), "8.0"),
        (dataclasses.replace(H200, cuda=None), "fp8", (64, 64, 64), "CUDA"),
        (H200, "fp8", (64, 40, 64), "16"),
        (H200, "fp8", (64, 64, 40), "16"),
        (CPU, "fp16", (64, 64, 64), "CPU"),
        (CPU, "fp8", (64, 64, 64), "CPU"),
    ],
)
def test_what_the_device_lacks_is_refused_with_the_reason(
    device: Device, dtype: str, shape: tuple[int, int, int], why: str
) -> None:
    """TF32 needs Ampere, fp8 Ada, CUDA and N, K by 16; a CPU has neither, nor a fast fp16."""
    assert why in (refusal(device, Case(dtype, shape)) or "")


@pytest.mark.parametrize("case", [Case("fp8", (17, 64, 32)), Case("tf32", (5, 5, 5)), Case("bf16", (1, 1, 1))])
def test_what_the_device_has_is_not_refused(case: Case) -> None:
    """An H200 measures every type; fp8 leaves M free."""
    assert refusal(H200, case) is None


def test_bf16_on_a_turing_is_measured_when_asked_for() -> None:
    """Emulated bf16 is slow, and its number is what shows it."""
    assert refusal(T4, Case("bf16", (64, 64, 64))) is None


@pytest.mark.parametrize("size", [512, 1024, 4096, 16384])
def test_three_caches_pass_before_a_set_is_used_again(size: int) -> None:
    """Between two uses of one set the others are touched: at least 3 x L2 of them."""
    plan = layout(H200, Case("bf16", (size, size, size)))
    assert isinstance(plan, Layout)
    assert plan.cold
    assert (plan.sets - 1) * Case("bf16", (size, size, size)).set_bytes >= CACHES * H200.cache_bytes


def test_a_tiny_shape_is_told_to_be_warm() -> None:
    """No more than 1024 sets are made; where they do not fill three caches, that is said."""
    assert layout(H200, Case("bf16", (16, 16, 16))) == Layout(MAX_SETS, 0, cold=False)


def test_where_rotation_does_not_fit_the_cache_is_flushed() -> None:
    """Two sets of 1.5 GiB do not fit into 4 GiB with their headroom; one and a buffer of three caches do."""
    tight = dataclasses.replace(H200, free_bytes=4 << 30)
    assert layout(tight, Case("bf16", (16384,) * 3)) == Layout(1, CACHES * H200.cache_bytes, cold=True)


def test_what_does_not_fit_says_how_much_it_needs() -> None:
    """Below 1.5 x its bytes + 512 MiB nothing is allocated; the reason names both sizes."""
    case = Case("bf16", (4096,) * 3)
    least = int(HEADROOM * (case.set_bytes + CACHES * H200.cache_bytes) + MARGIN_BYTES)
    assert isinstance(layout(dataclasses.replace(H200, free_bytes=least), case), Layout)
    why = layout(dataclasses.replace(H200, free_bytes=least - 1), case)
    assert isinstance(why, str)
    assert f"{least / 2**30:.1f} GiB" in why


def test_unknown_memory_is_tried() -> None:
    """Where nothing tells what is free, torch will."""
    assert isinstance(layout(dataclasses.replace(CPU, free_bytes=None), Case("fp32", (4096,) * 3)), Layout)
