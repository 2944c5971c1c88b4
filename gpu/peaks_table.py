"""Peak rates of GPUs as data: dense, no sparsity, fp32 accumulate.

Sources, by section: NVIDIA's data sheets and architecture white papers (Pascal, Volta, Turing, GA100, GA102,
Ada v2.02 appendix A, Hopper, Blackwell), AMD's Instinct data sheets, and the accelerator tables of
stas00/ml-engineering, which recompute them. FLOP per clock and SM: the same white papers; for the halved rate of
GeForce parts the Ada white paper's appendix A (RTX 4090: 165.2 TFLOP/s with fp32 accumulate, 330.3 with fp16); for
sm_90 NVIDIA/cudnn-frontend pull request 650. Memory sizes are what nvidia-smi prints with drivers since 510 and ECC
as the board is shipped, from public outputs of it.
"""

from __future__ import annotations

from typing import NamedTuple


class Rates(NamedTuple):
    """What one SM (or CU) does in one clock, in FLOP; None is unknown."""

    compute_capability: tuple[int, int] | None
    tensor: int | None
    """fp16 and bf16 on the tensor cores. tf32 runs at half of it, fp8 at twice, on every part that has them."""
    fp32: int | None
    cores_per_sm: int | None
    bf16: bool = True
    tf32: bool = True
    fp8: bool = False


RATES = {
    "p100": Rates((6, 0), 256, 128, 64, bf16=False, tf32=False),  # no tensor cores: fp16 on the CUDA cores
    "volta": Rates((7, 0), 1024, 128, 64, bf16=False, tf32=False),
    "turing": Rates((7, 5), 1024, 128, 64, bf16=False, tf32=False),
    "turing-geforce": Rates((7, 5), 512, 128, 64, bf16=False, tf32=False),
    "ga100": Rates((8, 0), 2048, 128, 64),
    "ampere": Rates((8, 6), 1024, 256, 128),
    "ampere-half": Rates((8, 6), 512, 256, 128),
    "orin": Rates((8, 7), 2048, 256, 128),
    "ada": Rates((8, 9), 1024, 256, 128, fp8=True),
    "ada-half": Rates((8, 9), 512, 256, 128, fp8=True),
    "hopper": Rates((9, 0), 4096, 256, 128, fp8=True),
    "hopper-cut": Rates((9, 0), None, 256, 128, fp8=True),  # H20: about a quarter, never published
    "blackwell": Rates((10, 0), 8192, 256, 128, fp8=True),
    "blackwell-ultra": Rates((10, 3), 8192, 256, 128, fp8=True),
    "thor": Rates((11, 0), None, None, 128, fp8=True),
    "gb20x": Rates((12, 0), 1024, 256, 128, fp8=True),
    "gb20x-half": Rates((12, 0), 512, 256, 128, fp8=True),
    "cdna2": Rates(None, 1024, 128, 64, tf32=False),
    "cdna3": Rates(None, 2048, 256, 64, fp8=True),
    "cdna4": Rates(None, 4096, 256, 64, tf32=False, fp8=True),
    "apple": Rates(None, None, None, None, tf32=False),  # no unit for bf16 or fp16: they run at the fp32 rate
}


class Row(NamedTuple):
    """One GPU. TFLOP/s, GB/s, MHz and MiB as data sheets and nvidia-smi print them; None is unknown.

    `match` names it: plain words must all be there; of "a/b" (or "a/") one must, and a name without any is only
    short for this GPU; "(w)" may be there. Every word of `name` may be there too.
    """

    name: str
    match: str
    rates: str
    sm: int | None
    boost_mhz: int | None
    tensor: float | None
    fp32: float | None
    bandwidth: float | None
    mib: int | None = None
    note: str = ""


_ECC = "memory with ECC as shipped; switched, it differs"
_VARIANTS = "sold with more than one memory size under this name"
_TWO_SKUS = "148 and 152 SMs are sold under this name"

DATACENTRE = (
    Row("NVIDIA B300", "b300 (sxm) (sxm6) (ac)", "blackwell-ultra", None, None, 2250, 80, 8000, 275040, _TWO_SKUS),
    Row("NVIDIA GB300", "gb300", "blackwell-ultra", None, None, 2500, 80, 8000, 284208, "per GPU"),
    Row("NVIDIA GB200", "gb200", "blackwell", None, None, 2500, 80, 8000, 189471, "per GPU"),
    Row("NVIDIA B200", "b200 (sxm) (sxm6) (180gb) (192gb)", "blackwell", 148, None, 2250, 80, 8000, 183359),
    Row("NVIDIA B100", "b100", "blackwell", None, None, None, 60, 8000, None, "published as 1750 and as 1800 TFLOP/s"),
    Row("NVIDIA GH200 480GB", "gh200 480gb/120gb/96gb", "hopper", 132, 1830, 989.4, 67, 4000, 97871),
    Row("NVIDIA GH200 144GB", "gh200 144gb/ (hbm3e)", "hopper", 132, 1830, 989.4, 67, 4900, 146831),
    Row("NVIDIA H200 SXM", "h200 (sxm5) (141gb) (hbm3e)", "hopper", 132, 1830, 989.4, 67, 4800, 143771),
    Row("NVIDIA H200 NVL", "h200 nvl (141gb)", "hopper", 132, None, 835.5, 60, 4800, 143771),
    Row("NVIDIA H100 SXM", "h100 hbm3/sxm/sxm5 (80gb)", "hopper", 132, 1830, 989.4, 67, 3350, 81559),
    Row("NVIDIA H100 NVL", "h100 nvl/94gb", "hopper", 132, None, 835.5, 60, 3900, 95830),
    Row("NVIDIA H100 PCIe", "h100 pcie/hbm2e (80gb)", "hopper", 114, 1620, 756.4, 51, 2000, 81559),
    Row("NVIDIA H800 SXM", "h800 (sxm5) (hbm3) (80gb)", "hopper", 132, 1830, 989.4, 67, 3350, 81559),
    Row("NVIDIA H800 PCIe", "h800 pcie (80gb)", "hopper", 114, 1620, 756.4, 51, 2000),
    Row("NVIDIA H20", "h20 (96gb) (hbm3) (sxm)", "hopper-cut", 78, None, 148, 44, 4000, 97871),
    Row("NVIDIA H20-3e", "h20 3e/141gb", "hopper-cut", 78, None, 148, 44, None, 143771),
    Row("NVIDIA A100 SXM 80GB", "a100 sxm/sxm4 80gb/", "ga100", 108, 1410, 311.9, 19.5, 2039, 81920),
    Row("NVIDIA A100 SXM 40GB", "a100 sxm/sxm4 40gb/", "ga100", 108, 1410, 311.9, 19.5, 1555, 40960),
    Row("NVIDIA A100 PCIe 80GB", "a100 pcie/ 80gb/", "ga100", 108, 1410, 311.9, 19.5, 1935, 81920),
    Row("NVIDIA A100 PCIe 40GB", "a100 pcie/ 40gb/", "ga100", 108, 1410, 311.9, 19.5, 1555, 40960),
    Row("NVIDIA A800 SXM 80GB", "a800 sxm/sxm4 (80gb)", "ga100", 108, 1410, 311.9, 19.5, 2039, 81920),
    Row("NVIDIA A800 PCIe 80GB", "a800 pcie/ (80gb)", "ga100", 108, 1410, 311.9, 19.5, 1935, 81920),
    Row("NVIDIA A30", "a30 (24gb)", "ga100", 56, 1440, 165.2, 10.3, 933, 24576),
    Row("NVIDIA A40", "a40 (48gb)", "ampere", 84, 1740, 149.7, 37.4, 696, 46068, _ECC),
    Row("NVIDIA A10", "a10 (24gb)", "ampere", 72, 1695, 125.0, 31.2, 600, 23028),
    Row("NVIDIA A10G", "a10g (24gb)", "ampere-half", 80, 1710, 70.0, 35.0, 600, 23028, "half the rate of an A10's SM"),
    Row("NVIDIA L40S", "l40s (48gb)", "ada", 142, 2520, 362.05, 91.6, 864, 46068, "366.4 TFLOP/s at its boost clock"),
    Row("NVIDIA L40", "l40 (48gb)", "ada-half", 142, 2490, 181.0, 90.5, 864, 46068, _ECC),
    Row("NVIDIA L4", "l4 (24gb)", "ada", 58, 2040, 121.2, 30.3, 300, 23034, "72 W: it holds some 70 % of this"),
    Row("Tesla T4", "t4 (16gb)", "turing", 40, 1590, 65.1, 8.1, 320, 15360, "70 W: it holds some 65 % of this"),
    Row("Tesla V100 SXM2", "v100 sxm2/ (16gb) (32gb)", "volta", 80, 1530, 125, 15.7, 900, None, _VARIANTS),
    Row("Tesla V100 PCIe", "v100 pcie/ (16gb) (32gb)", "volta", 80, 1380, 112, 14.0, 900, None, _VARIANTS),
    Row("Tesla V100S PCIe", "v100s (32gb)", "volta", 80, 1597, 130, 16.4, 1134, 32768),
    Row("Tesla P100 SXM2", "p100 sxm2/ (16gb)", "p100", 56, 1480, 21.2, 10.6, 732, None, "no tensor cores"),
    Row("Tesla P100 PCIe 16GB", "p100 pcie/ 16gb/", "p100", 56, 1303, 18.7, 9.3, 732, 16384, "no tensor cores"),
)

# NVIDIA's Blackwell, Ada, GA102 and Turing white papers; boost clocks of the reference cards.
GEFORCE = (
    Row("GeForce RTX 5090", "5090 (32gb)", "gb20x-half", 170, 2407, 209.5, 104.8, 1792, 32607),
    Row("GeForce RTX 5090 D", "5090 d (32gb)", "gb20x-half", 170, 2407, 209.5, 104.8, 1792, 32607),
    Row("GeForce RTX 5090 D v2", "5090 d v2 (24gb)", "gb20x-half", 170, 2407, 209.5, 104.8, None),
    Row("GeForce RTX 5080", "5080 (16gb)", "gb20x-half", 84, 2617, 112.6, 56.3, 960, 16303),
    Row("GeForce RTX 5070 Ti", "5070 ti (16gb)", "gb20x-half", 70, 2452, 87.9, 43.9, 896, 16303),
    Row("GeForce RTX 5070", "5070 (12gb)", "gb20x-half", 48, 2512, 61.7, 30.9, 672, 12227),
    Row("GeForce RTX 5060 Ti", "5060 ti (8gb) (16gb)", "gb20x-half", 36, 2572, 47.4, 23.7, 448, None, _VARIANTS),
    Row("GeForce RTX 5060", "5060 (8gb)", "gb20x-half", 30, 2497, 38.4, 19.2, 448, 8151),
    Row("GeForce RTX 4090", "4090 (24gb)", "ada-half", 128, 2520, 165.2, 82.6, 1008, 24564),
    Row("GeForce RTX 4090 D", "4090 d (24gb)", "ada-half", 114, 2520, 147.1, 73.5, 1008, 24564),
    Row("GeForce RTX 4080 SUPER", "4080 super (16gb)", "ada-half", 80, 2550, 104.4, 52.2, 736, 16376),
    Row("GeForce RTX 4080", "4080 (16gb)", "ada-half", 76, 2505, 97.5, 48.7, 717, 16376),
    Row("GeForce RTX 4070 Ti SUPER", "4070 ti super (16gb)", "ada-half", 66, 2610, 88.2, 44.1, 672, 16376),
    Row("GeForce RTX 4070 Ti", "4070 ti (12gb)", "ada-half", 60, 2610, 80.2, 40.1, 504, 12282),
    Row("GeForce RTX 4070 SUPER", "4070 super (12gb)", "ada-half", 56, 2475, 71.0, 35.5, 504, 12282),
    Row("GeForce RTX 4070", "4070 (12gb)", "ada-half", 46, 2475, 58.3, 29.1, 504, 12282, "480 GB/s with GDDR6"),
    Row("GeForce RTX 4060 Ti", "4060 ti (8gb) (16gb)", "ada-half", 34, 2535, 44.1, 22.1, 288, None, _VARIANTS),
    Row("GeForce RTX 4060", "4060 (8gb)", "ada-half", 24, 2460, 30.2, 15.1, 272, 8188),
    Row("GeForce RTX 3090 Ti", "3090 ti (24gb)", "ampere-half", 84, 1860, 80.0, 40.0, 1008, 24564),
    Row("GeForce RTX 3090", "3090 (24gb)", "ampere-half", 82, 1695, 71.2, 35.6, 936, 24576),
    Row("GeForce RTX 3080 Ti", "3080 ti (12gb)", "ampere-half", 80, 1665, 68.2, 34.1, 912, 12288),
    Row("GeForce RTX 3080 12GB", "3080 12gb", "ampere-half", 70, 1710, 61.3, 30.6, 912, 12288),
    Row("GeForce RTX 3080", "3080 (10gb)", "ampere-half", 68, 1710, 59.5, 29.8, 760, None, _VARIANTS),
    Row("GeForce RTX 3070 Ti", "3070 ti (8gb)", "ampere-half", 48, 1770, 43.5, 21.7, 608, 8192),
    Row("GeForce RTX 3070", "3070 (8gb)", "ampere-half", 46, 1725, 40.6, 20.3, 448, 8192),
    Row("GeForce RTX 3060 Ti", "3060 ti (8gb)", "ampere-half", 38, 1665, 32.4, 16.2, 448, 8192),
    Row("GeForce RTX 3060", "3060 (12gb)", "ampere-half", 28, 1777, 25.5, 12.7, 360, None, _VARIANTS),
    Row("GeForce RTX 2080 Ti", "2080 ti (11gb)", "turing-geforce", 68, 1545, 53.8, 13.4, 616, 11264, "FE: 1635 MHz"),
    Row("GeForce RTX 2080", "2080 (8gb)", "turing-geforce", 46, 1710, 40.3, 10.1, 448, 8192),
    Row("GeForce RTX 2070", "2070 (8gb)", "turing-geforce", 36, 1620, 29.9, 7.5, 448, 8192),
    Row("GeForce RTX 2060", "2060 (6gb)", "turing-geforce", 30, 1680, 25.8, 6.5, 336, None, _VARIANTS),
)

# Data sheets of the RTX PRO, RTX Ada, RTX A and Quadro boards.
WORKSTATION = (
    Row(
        "RTX PRO 6000 Blackwell Workstation Edition",
        "pro 6000 workstation/ (96gb)",
        "gb20x",
        188,
        2617,
        503.8,
        126.0,
        1792,
        97887,
    ),
    Row(
        "RTX PRO 6000 Blackwell Max-Q Workstation Edition",
        "pro 6000 max/ q/ (96gb)",
        "gb20x",
        188,
        2280,
        438.9,
        109.7,
        1792,
        97887,
    ),
    Row(
        "RTX PRO 6000 Blackwell Server Edition", "pro 6000 server/ (96gb)", "gb20x", 188, None, None, None, 1597, 97887
    ),
    Row(
        "RTX PRO 5000 Blackwell",
        "pro 5000 (48gb)",
        "gb20x",
        110,
        None,
        None,
        None,
        1344,
        48935,
        "sources differ by two",
    ),
    Row("RTX 6000 Ada Generation", "6000 ada (48gb)", "ada", 142, 2505, 364.2, 91.1, 960, 49140, _ECC),
    Row("RTX A6000", "a6000 (48gb)", "ampere", 84, 1800, 154.8, 38.7, 768, 49140, _ECC),
    Row("RTX A5000", "a5000 (24gb)", "ampere", 64, 1695, 111.1, 27.8, 768, 24564, _ECC),
    Row("RTX A4000", "a4000 (16gb)", "ampere", 48, 1560, 76.7, 19.2, 448, 16376, _ECC),
    Row("TITAN RTX", "titan rtx (24gb)", "turing", 72, 1770, 130.5, 16.3, 672, 24576),
    Row("Quadro RTX 8000", "quadro 8000 (48gb)", "turing", 72, 1770, 130.5, 16.3, 672, None, _ECC),
    Row("Quadro RTX 6000", "quadro 6000 (24gb)", "turing", 72, 1770, 130.5, 16.3, 672, None, _ECC),
)

# AMD Instinct data sheets. Apple: fp32 rates of Apple's press material; fp16 and bf16 have no unit of their own.
OTHERS = (
    Row("AMD Instinct MI355X", "mi355x (oam)", "cdna4", 256, 2400, 2516.6, 157.3, 8000),
    Row("AMD Instinct MI350X", "mi350x (oam)", "cdna4", 256, 2200, 2300, 144.2, 8000),
    Row("AMD Instinct MI325X", "mi325x (oam)", "cdna3", 304, 2100, 1307.4, 163.4, 6000),
    Row("AMD Instinct MI300X", "mi300x (oam)", "cdna3", 304, 2100, 1307.4, 163.4, 5300),
    Row("AMD Instinct MI250X OAM", "mi250x oam/", "cdna2", 220, 1700, 383, 47.9, 3277, None, "two GCDs"),
    Row("AMD Instinct MI250X GCD", "mi250x gcd/", "cdna2", 110, 1700, 191.5, 23.95, 1638.5, None, "what torch sees"),
    Row("Jetson Thor T5000", "thor", "thor", 20, None, None, None, 273),
    Row("Apple M1", "m1", "apple", None, None, 2.6, 2.6, 68),
    Row("Apple M1 Pro", "m1 pro", "apple", None, None, 5.2, 5.2, 200),
    Row("Apple M1 Max", "m1 max", "apple", None, None, 10.4, 10.4, 400),
    Row("Apple M1 Ultra", "m1 ultra", "apple", None, None, 20.8, 20.8, 800),
)

ROWS = DATACENTRE + GEFORCE + WORKSTATION + OTHERS
