"""Which GPU a name stands for."""

from __future__ import annotations

import pytest

from gpu.peaks import SPECS, _words, candidates, find

TERA = 1e12

# As NVML gives them (public nvidia-smi outputs), with the bf16 peak, or fp16 where bf16 is emulated.
NVML_NAMES = {
    "NVIDIA GeForce RTX 4070": 58.3,
    "NVIDIA GeForce RTX 4070 SUPER": 71.0,
    "NVIDIA GeForce RTX 4070 Ti": 80.2,
    "NVIDIA GeForce RTX 4070 Ti SUPER": 88.2,
    "NVIDIA GeForce RTX 4060": 30.2,
    "NVIDIA GeForce RTX 4060 Ti": 44.1,
    "NVIDIA GeForce RTX 4080": 97.5,
    "NVIDIA GeForce RTX 4080 SUPER": 104.4,
    "NVIDIA GeForce RTX 4090": 165.2,
    "NVIDIA GeForce RTX 4090 D": 147.1,
    "NVIDIA GeForce RTX 5090": 209.5,
    "NVIDIA GeForce RTX 5090 D": 209.5,
    "NVIDIA GeForce RTX 5080": 112.6,
    "NVIDIA GeForce RTX 5070 Ti": 87.9,
    "NVIDIA GeForce RTX 5070": 61.7,
    "NVIDIA GeForce RTX 5060 Ti": 47.4,
    "NVIDIA GeForce RTX 5060": 38.4,
    "NVIDIA GeForce RTX 3090": 71.2,
    "NVIDIA GeForce RTX 3090 Ti": 80.0,
    "NVIDIA GeForce RTX 3080": 59.5,
    "NVIDIA GeForce RTX 3080 Ti": 68.2,
    "NVIDIA GeForce RTX 3070": 40.6,
    "NVIDIA GeForce RTX 3070 Ti": 43.5,
    "NVIDIA GeForce RTX 3060": 25.5,
    "NVIDIA GeForce RTX 3060 Ti": 32.4,
    "NVIDIA GeForce RTX 2080 Ti": 53.8,
    "GeForce RTX 2080 Ti": 53.8,
    "NVIDIA TITAN RTX": 130.5,
    "Quadro RTX 6000": 130.5,
    "Quadro RTX 8000": 130.5,
    "NVIDIA RTX A6000": 154.8,
    "NVIDIA RTX A5000": 111.1,
    "NVIDIA RTX A4000": 76.7,
    "NVIDIA RTX 6000 Ada Generation": 364.2,
    "NVIDIA RTX PRO 6000 Blackwell Workstation Edition": 503.8,
    "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition": 438.9,
    "NVIDIA A100-SXM4-40GB": 311.9,
    "NVIDIA A100-SXM4-80GB": 311.9,
    "A100-SXM4-40GB": 311.9,
    "NVIDIA A100-PCIE-40GB": 311.9,
    "NVIDIA A100 80GB PCIe": 311.9,
    "NVIDIA A800-SXM4-80GB": 311.9,
    "NVIDIA A800 80GB PCIe": 311.9,
    "NVIDIA A30": 165.2,
    "NVIDIA A40": 149.7,
    "NVIDIA A10": 125.0,
    "NVIDIA A10G": 70.0,
    "NVIDIA L4": 121.2,
    "NVIDIA L40": 181.0,
    "NVIDIA L40S": 362.05,
    "Tesla T4": 65.1,
    "Tesla V100-SXM2-16GB": 125,
    "Tesla V100-SXM2-32GB": 125,
    "Tesla V100-PCIE-16GB": 112,
    "Tesla V100S-PCIE-32GB": 130,
    "Tesla P100-PCIE-16GB": 18.7,
    "NVIDIA H100 80GB HBM3": 989.4,
    "NVIDIA H100 PCIe": 756.4,
    "NVIDIA H100 NVL": 835.5,
    "NVIDIA H800": 989.4,
    "NVIDIA H800 PCIe": 756.4,
    "NVIDIA H200": 989.4,
    "NVIDIA H200 NVL": 835.5,
    "NVIDIA H20": 148,
    "NVIDIA H20-3e": 148,
    "NVIDIA GH200 480GB": 989.4,
    "NVIDIA GH200 120GB": 989.4,
    "NVIDIA GH200 144G HBM3e": 989.4,
    "NVIDIA B200": 2250,
    "NVIDIA B300 SXM6 AC": 2250,
    "NVIDIA GB200": 2500,
    "NVIDIA GB300": 2500,
    "AMD Instinct MI300X": 1307.4,
}


def _peak(name: str) -> float | None:
    spec = find(name)
    return None if spec is None else spec.bf16_flops or spec.fp16_flops


@pytest.mark.parametrize(("name", "tera"), NVML_NAMES.items())
def test_a_name_from_nvml_finds_its_own_peak(name: str, tera: float) -> None:
    """Every name that NVML is known to give leads to the dense peak of that very board."""
    assert _peak(name) == pytest.approx(tera * TERA)


@pytest.mark.parametrize("name", NVML_NAMES)
def test_no_name_fits_two_entries(name: str) -> None:
    """A full name stands for one entry, so that the order of the table decides nothing."""
    assert [spec for spec in SPECS if spec.match.is_fully_named_by(_words(name))] == [find(name)]


@pytest.mark.parametrize(
    ("given_name", "meant"),
    [
        ("RTX 4070", "GeForce RTX 4070"),
        ("4070", "GeForce RTX 4070"),
        ("rtx4070", "GeForce RTX 4070"),
        ("GeForce RTX4070", "GeForce RTX 4070"),
        ("4070 ti", "GeForce RTX 4070 Ti"),
        ("4070ti", "GeForce RTX 4070 Ti"),
        ("4070tisuper", "GeForce RTX 4070 Ti SUPER"),
        ("rtx 4070 super", "GeForce RTX 4070 SUPER"),
        ("RTX 4070 12GB", "GeForce RTX 4070"),
        ("4090D", "GeForce RTX 4090 D"),
        ("RTX 3080 12GB", "GeForce RTX 3080 12GB"),
        ("rtxa6000", "RTX A6000"),
        ("6000 Ada", "RTX 6000 Ada Generation"),
        ("h100 sxm", "NVIDIA H100 SXM"),
        ("H100SXM5", "NVIDIA H100 SXM"),
        ("h100-pcie", "NVIDIA H100 PCIe"),
        ("h200", "NVIDIA H200 SXM"),
        ("a100-80g-sxm", "NVIDIA A100 SXM 80GB"),
        ("l4", "NVIDIA L4"),
        ("t4", "Tesla T4"),
        ("mi300x", "AMD Instinct MI300X"),
    ],
)
def test_a_person_may_write_it_short(given_name: str, meant: str) -> None:
    """Short forms without a maker, blanks or capitals find the GPU."""
    spec = find(given_name)
    assert spec is not None
    assert spec.name == meant


@pytest.mark.parametrize(
    ("short", "sisters"),
    [
        ("h100", {"NVIDIA H100 SXM", "NVIDIA H100 PCIe", "NVIDIA H100 NVL"}),
        ("h100 80GB", {"NVIDIA H100 SXM", "NVIDIA H100 PCIe"}),
        ("V100", {"Tesla V100 SXM2", "Tesla V100 PCIe"}),
        ("P100", {"Tesla P100 SXM2", "Tesla P100 PCIe 16GB"}),
        ("MI250X", {"AMD Instinct MI250X OAM", "AMD Instinct MI250X GCD"}),
        ("RTX PRO 6000", {s.name for s in SPECS if s.name.startswith("RTX PRO 6000")}),
    ],
)
def test_a_name_short_for_several_gpus_finds_none_and_names_them(short: str, sisters: set[str]) -> None:
    """Where sisters differ in their peak, none is taken, and the user is offered all of them."""
    assert find(short) is None
    assert {spec.name for spec in candidates(short)} == sisters


def test_three_generations_of_rtx_6000_are_told_apart() -> None:
    """The name "RTX 6000" alone is a Quadro, an Ada or a Blackwell board, a factor of four apart."""
    assert find("RTX 6000") is None
    assert {"Quadro RTX 6000", "RTX 6000 Ada Generation"} <= {spec.name for spec in candidates("RTX 6000")}


def test_a_short_name_of_equal_peaks_gives_what_they_share() -> None:
    """All A100s have one peak and different memories: the peak is known, the memory is not."""
    spec = find("A100")
    assert spec is not None
    assert (spec.name, spec.bf16_flops) == ("NVIDIA A100", 311.9 * TERA)
    assert (spec.memory_bytes, spec.bandwidth_bytes_per_second) == (None, None)
    larger = find("a100 80gb")
    assert larger is not None
    assert larger.memory_bytes == 81920 * 2**20


@pytest.mark.parametrize(
    ("name", "not_taken_for"),
    [
        ("NVIDIA L40", "NVIDIA L4"),
        ("NVIDIA L40S", "NVIDIA L40"),
        ("NVIDIA RTX A4000", "NVIDIA A40"),
        ("NVIDIA RTX A3000", "NVIDIA A30"),
        ("NVIDIA A10G", "NVIDIA A10"),
        ("NVIDIA A100-SXM4-40GB", "NVIDIA A10"),
        ("NVIDIA H200 NVL", "NVIDIA H200"),
        ("NVIDIA H800 PCIe", "NVIDIA H800"),
        ("NVIDIA H20", "NVIDIA H200"),
        ("NVIDIA GB200", "NVIDIA B200"),
        ("NVIDIA GB300", "NVIDIA B300 SXM6 AC"),
        ("NVIDIA RTX 6000 Ada Generation", "Quadro RTX 6000"),
        ("NVIDIA RTX A6000", "Quadro RTX 6000"),
        ("NVIDIA GeForce RTX 4070 Ti", "NVIDIA GeForce RTX 4070"),
    ],
)
def test_names_within_names_are_kept_apart(name: str, not_taken_for: str) -> None:
    """Public tables that search for a part of a name confuse these: each has its own peak, or none."""
    assert find(not_taken_for) is not None
    assert find(name) != find(not_taken_for)


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA GeForce RTX 4070 Laptop GPU",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "RTX 4090 Mobile",
        "NVIDIA GeForce RTX 2080 Super with Max-Q Design",
        "Quadro RTX 6000 with Max-Q Design",
        "NVIDIA RTX A3000 Laptop GPU",
        "NVIDIA GeForce RTX 5080 ...",
        "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
        "NVIDIA A40-48Q",
        "GRID A100-10C",
        "NVIDIA A100X",
        "NVIDIA A100-SXM-64GB",
        "Tesla P100-PCIE-12GB",
        "Tesla V100-DGXS-32GB",
        "NVIDIA GeForce RTX 2080 SUPER",
        "NVIDIA GeForce GTX 1080 Ti",
        "NVIDIA GeForce RTX 3050",
        "NVIDIA Graphics Device",
        "GeForce",
        "RTX",
        "NVIDIA",
        "A",
        "",
        "   ",
    ],
)
def test_an_unknown_name_is_unknown(name: str) -> None:
    """Laptop parts, slices, cut-down boards and GPUs that are not listed have no peak, above all not an A100's."""
    assert find(name) is None


@pytest.mark.parametrize("name", ["NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "", "gpu"])
def test_nothing_is_offered_where_the_name_says_it_is_another(name: str) -> None:
    """A laptop GPU is no candidate for the desktop card of its number, and an empty name is short for nothing."""
    assert candidates(name) == ()


def test_the_core_count_tells_gpus_of_one_name_apart() -> None:
    """Both 3080s have one name in NVML; 8,960 cores are the 12 GB one, and other cores are no 3080."""
    name = "NVIDIA GeForce RTX 3080"
    ten, twelve = find(name, cuda_cores=8704), find(name, cuda_cores=8960)
    assert ten is not None
    assert twelve is not None
    assert (ten.sm_count, twelve.sm_count) == (68, 70)
    assert find(name, cuda_cores=1234) is None
    assert find("NVIDIA B300 SXM6 AC", cuda_cores=18944) is not None
