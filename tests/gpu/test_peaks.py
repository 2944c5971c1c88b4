"""Peaks by dtype, by clock and by the rule for GPUs without an entry."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gpu.peaks import SPECS, GpuSpec, candidates, clock_true_flops, derive, find, peak_flops

TERA = 1e12


@settings(deadline=None)
@given(st.text(max_size=60))
@example("rtx" * 20)
@example("4070\x00\x1b[31m")
@example("İ²Ⅷ ４０７０")
def test_no_text_raises(text: str) -> None:
    """Any text at all is a name to look for."""
    assert find(text) is None or isinstance(find(text), GpuSpec)
    assert isinstance(candidates(text), tuple)
    for capability in ((7, 5), (8, 9), (9, 0), (99, 9)):
        ends = derive(text, capability, 4096, 1e9, text)
        assert ends is None or ends[0] <= ends[1]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["nvidia", "rtx", "4070", "ti", "super", "a100", "sxm4", "80gb", "laptop", "h100", "l4"]))
)
def test_a_found_gpu_has_every_word_of_the_name(words: list[str]) -> None:
    """Whatever words are put together, the GPU found is one that may bear all of them."""
    spec = find(" ".join(words))
    assert spec is None or {*words} - {"nvidia"} <= spec.match.every


@pytest.mark.parametrize("spec", [s for s in SPECS if s.fp16_flops and s.boost_clock_hz], ids=lambda spec: spec.name)
def test_every_published_peak_follows_from_sms_clock_and_rate(spec: GpuSpec) -> None:
    """SMs x boost clock x FLOP per clock and SM gives the data sheet's tensor peak within 1.3 %."""
    by_rule = clock_true_flops(spec, spec.boost_clock_hz or 0, "float16")
    assert by_rule == pytest.approx(spec.fp16_flops, rel=0.013)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_entry_is_sane(spec: GpuSpec) -> None:
    """All numbers are positive and finite, and a fraction or a unit slip of a thousand would be seen."""
    flops = (spec.bf16_flops, spec.fp16_flops, spec.tf32_flops, spec.fp32_flops, spec.fp8_flops)
    assert all(1e12 < value < 1e16 for value in flops if value is not None)
    assert spec.bandwidth_bytes_per_second is None or 5e10 < spec.bandwidth_bytes_per_second < 1e13
    assert spec.memory_bytes is None or 5e9 < spec.memory_bytes < 1e12
    assert spec.tensor_bf16 or spec.bf16_flops is None
    assert math.isfinite(spec.boost_clock_hz or 1e9)
    assert find(spec.name) == spec or find(spec.name) is None


def test_the_rtx_4070_in_full() -> None:
    """46 SMs at 2,475 MHz and half rate: 58.3 TFLOP/s in bf16, and 12,282 MiB by NVML."""
    spec = find("NVIDIA GeForce RTX 4070")
    assert spec is not None
    assert spec.memory_bytes == 12878610432
    assert (spec.sm_count, spec.boost_clock_hz, spec.compute_capability) == (46, 2.475e9, (8, 9))
    assert spec.bandwidth_bytes_per_second == 504e9
    in_all = [peak_flops(spec, dtype) for dtype in ("bf16", "fp16", "tf32", "fp32", "fp8")]
    assert in_all == pytest.approx([58.3e12, 58.3e12, 29.15e12, 29.1e12, 116.6e12])


@pytest.mark.parametrize("dtype", ["bfloat16", "bf16", "torch.bfloat16", "BF16"])
def test_dtypes_have_torchs_and_short_names(dtype: str) -> None:
    """A log's "bfloat16" and a flag's "bf16" mean the same."""
    spec = find("H100 SXM")
    assert spec is not None
    assert peak_flops(spec, dtype) == 989.4e12


def test_a_dtype_without_a_unit_has_no_peak() -> None:
    """bf16 is emulated on a T4 and fp8 absent on an A100; an unknown dtype has no peak either."""
    turing, ampere = find("Tesla T4"), find("A100")
    assert turing is not None
    assert ampere is not None
    assert not turing.tensor_bf16
    assert ampere.tensor_bf16
    assert peak_flops(turing, "bfloat16") is None
    assert peak_flops(turing, "float16") == pytest.approx(65.1e12)
    assert clock_true_flops(turing, 1.5e9, "bfloat16") is None
    assert peak_flops(ampere, "float8_e4m3fn") is None
    assert peak_flops(ampere, "int8") is None
    assert clock_true_flops(ampere, 1e9, "int8") is None


def test_the_peak_at_the_observed_clock() -> None:
    """At 2.61 GHz a 4070 can do 46 x 512 x 2.61e9 = 61.5 TFLOP/s; where the SMs are unknown, so is this."""
    known, unknown = find("RTX 4070"), find("NVIDIA B300")
    assert known is not None
    assert unknown is not None
    assert clock_true_flops(known, 2.61e9, "bf16") == pytest.approx(61.47e12, rel=1e-3)
    assert clock_true_flops(known, 2.61e9, "fp32") == pytest.approx(30.73e12, rel=1e-3)
    assert clock_true_flops(unknown, 1.9e9, "bf16") is None


@pytest.mark.parametrize(
    ("name", "capability", "cores", "clock", "tera"),
    [
        ("NVIDIA GeForce RTX 3050", (8, 6), 2560, 1.777e9, (18.2, 18.2)),
        ("NVIDIA GeForce RTX 4060 Laptop GPU", (8, 9), 3072, 2.67e9, (32.8, 32.8)),
        ("NVIDIA RTX 5000 Ada Generation", (8, 9), 12800, 2.55e9, (261.1, 261.1)),
        ("NVIDIA RTX A2000 12GB", (8, 6), 3328, 1.2e9, (31.9, 31.9)),
        ("NVIDIA RTX 3000 Ada Generation Laptop GPU", (8, 9), 4608, 1.695e9, (31.2, 62.5)),
        ("NVIDIA Brand New", (8, 9), 12800, 2.55e9, (130.6, 261.1)),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", (12, 0), 24064, 2.6e9, (500.5, 500.5)),
        ("NVIDIA A100-SXM-64GB", (8, 0), 7936, 1.395e9, (354.3, 354.3)),
        ("NVIDIA H100 64GB", (9, 0), 16896, 1.83e9, (989.4, 989.4)),
    ],
)
def test_the_rule_for_gpus_without_an_entry(
    name: str, capability: tuple[int, int], cores: int, clock: float, tera: tuple[float, float]
) -> None:
    """Cores, clock and the architecture's rate give the peak, and a range where half or full rate is open."""
    assert find(name) is None or find(name, cores).bf16_flops is None  # type: ignore[union-attr]
    assert derive(name, capability, cores, clock) == pytest.approx((tera[0] * TERA, tera[1] * TERA), rel=2e-3)


@pytest.mark.parametrize(
    ("name", "capability", "cores", "clock"),
    [
        ("NVIDIA GeForce GTX 1660", (7, 5), 1408, 1.7e9),
        ("NVIDIA T1000", (7, 5), 896, 1.4e9),
        ("NVIDIA GeForce RTX 2080 SUPER", (7, 5), 3072, 1.8e9),
        ("NVIDIA cut-down Hopper", (9, 0), 9984, 1.9e9),
        ("NVIDIA GB10", (12, 1), 6144, 2.4e9),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", (8, 0), 896, 1.4e9),
        ("NVIDIA GeForce RTX 3050", (8, 6), 2561, 1.7e9),
        ("NVIDIA GeForce RTX 3050", (8, 6), None, 1.7e9),
        ("NVIDIA GeForce RTX 3050", (8, 6), 0, 1.7e9),
        ("NVIDIA GeForce RTX 3050", (8, 6), 2560, None),
        ("NVIDIA GeForce RTX 3050", None, 2560, 1.7e9),
        (None, (8, 6), 2560, 1.7e9),
    ],
)
def test_the_rule_says_nothing_where_it_does_not_know(
    name: str | None, capability: tuple[int, int] | None, cores: int | None, clock: float | None
) -> None:
    """No tensor cores, bf16 emulated, a cut-down or unknown chip, a slice, or a missing input: no peak."""
    assert derive(name, capability, cores, clock) is None


def test_turing_has_fp16_only() -> None:
    """The rule gives a 2080 SUPER its fp16 peak: 48 SMs x 512 x 1.815 GHz."""
    assert derive("NVIDIA GeForce RTX 2080 SUPER", (7, 5), 3072, 1.815e9, "float16") == pytest.approx(
        (44.6e12, 44.6e12), rel=1e-3
    )
