"""What a GPU can do at most: published peaks by name, a rule for GPUs without an entry, and peaks at a clock.

Three denominators exist for an MFU, and a screen has to name which one it uses: the published peak (`find`), the peak
at the clock that the GPU really runs (`clock_true_flops`), and what a benchmark measured. The first is what papers
use. GeForce cards boost past their published clock, so that up to some 120 % of it is no error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypeVar

from gpu.peaks_table import RATES, ROWS, Rates, Row

_T = TypeVar("_T")
_DTYPES = {
    "bfloat16": "bf16",
    "bf16": "bf16",
    "float16": "fp16",
    "fp16": "fp16",
    "half": "fp16",
    "tf32": "tf32",
    "tensorfloat32": "tf32",
    "float32": "fp32",
    "fp32": "fp32",
    "float": "fp32",
    "fp8": "fp8",
}
_SAY_NOTHING = frozenset({"nvidia", "amd", "tesla", "gpu", "graphics", "card", "corporation", "tm", "r"})
_LAPTOP = frozenset({"laptop", "mobile", "max", "notebook"})


@dataclass(frozen=True, slots=True)
class MatchWords:
    """The words of a name that stand for one GPU."""

    required: frozenset[str]
    one_of: tuple[frozenset[str], ...]
    optional: frozenset[str]

    @property
    def every(self) -> frozenset[str]:
        """All words that may stand in a name of this GPU."""
        return self.required.union(self.optional, *self.one_of)

    def is_named_by(self, words: frozenset[str]) -> bool:
        """Whether `words` name this GPU, or are short for it, and say nothing that it is not."""
        return self.required <= words <= self.every

    def is_fully_named_by(self, words: frozenset[str]) -> bool:
        """Whether `words` name this GPU and no sister of it."""
        return self.is_named_by(words) and all(group & words for group in self.one_of)


@dataclass(frozen=True, slots=True)
class GpuSpec:
    """Published figures of one GPU: FLOP/s dense with fp32 accumulate, bytes per second, Hz, bytes; None is unknown."""

    name: str
    match: MatchWords
    bf16_flops: float | None
    fp16_flops: float | None
    tf32_flops: float | None
    fp32_flops: float | None
    fp8_flops: float | None
    bandwidth_bytes_per_second: float | None
    sm_count: int | None
    boost_clock_hz: float | None
    compute_capability: tuple[int, int] | None
    memory_bytes: int | None
    """What NVML reports as the total, not the size on the box; None where several sizes share the name."""
    tensor_bf16: bool
    """False where bf16 is emulated, 10 to 20 times slower than fp16 (Pascal, Volta, Turing)."""
    rates: Rates
    note: str


def find(name: str, cuda_cores: int | None = None) -> GpuSpec | None:
    """The GPU of that name, as NVML, torch or a person writes it ("NVIDIA GeForce RTX 4070", "rtx4070", "4070").

    None where the table lacks it, where the name is short for GPUs with different peaks (`candidates` has them), for
    laptop GPUs, whose clocks depend on the maker, and for slices of a GPU (MIG, vGPU). A short name whose GPUs differ
    in memory alone ("A100") gives their common figures. `cuda_cores`, where known, tells GPUs of one name apart, and
    must fit the one that is found.
    """
    words = _words(name)
    named = [spec for spec in SPECS if spec.match.is_fully_named_by(words)]
    longest = max(named, key=lambda s: len(s.match.required) + len(s.match.one_of), default=None)
    spec = longest or _common([s for s in SPECS if s.match.is_named_by(words)])
    if cuda_cores is None or (spec is not None and _cores(spec) in (None, cuda_cores)):
        return spec
    return _common([s for s in candidates(name) if _cores(s) == cuda_cores])


def candidates(name: str) -> tuple[GpuSpec, ...]:
    """The GPUs that `name` may be short for, in the table's order; none for a name that says nothing."""
    words = _words(name)
    return tuple(spec for spec in SPECS if words <= spec.match.every) if words else ()


def peak_flops(spec: GpuSpec, dtype: str) -> float | None:
    """The published dense peak, FLOP/s, in `dtype` ("bfloat16", "torch.bfloat16", "bf16", "tf32", ...).

    None where the GPU has no unit for it or the number is unknown; also for bf16 where it is emulated.
    """
    short = _dtype(dtype)
    return None if short is None else getattr(spec, f"{short}_flops")


def clock_true_flops(spec: GpuSpec, sm_clock_hz: float, dtype: str) -> float | None:
    """SMs x FLOP per clock and SM x the observed SM clock, FLOP/s: the peak at the clock that it ran at.

    Throttling lowers it together with the work, so that the share of it is the software's doing alone.
    """
    rate = _rate(spec.rates, dtype)
    return None if rate is None or spec.sm_count is None else spec.sm_count * rate * sm_clock_hz


def derive(
    name: str | None,
    compute_capability: tuple[int, int] | None,
    cuda_cores: int | None,
    clock_hz: float | None,
    dtype: str = "bfloat16",
) -> tuple[float, float] | None:
    """The peak, FLOP/s, of an NVIDIA GPU that the table lacks, as (lowest, highest); None where even that is open.

    SMs x clock x FLOP per clock and SM, SMs being the CUDA cores by cores per SM (sources: peaks_table). The same
    compute capability is sold at full and at half rate (7.5, 8.6, 8.9, 12.0); where the name does not say which, the
    two ends differ by two. NVML's maximum clock lies up to 25 % above the published boost clock.
    """
    if name is None or compute_capability is None or not cuda_cores or not clock_hz or "mig" in _words(name):
        return None
    known = [r for r in RATES.values() if r.compute_capability == compute_capability and r.cores_per_sm]
    allowed = [r for r in known if _may_have(r, frozenset(_words(name)), known)]
    flops = [_rate(r, dtype) for r in allowed]
    if not flops or cuda_cores % (allowed[0].cores_per_sm or 1):
        return None
    scale = cuda_cores // (allowed[0].cores_per_sm or 1) * clock_hz
    rates = [f for f in flops if f is not None]
    return (min(rates) * scale, max(rates) * scale) if len(rates) == len(flops) else None


def _may_have(rates: Rates, words: frozenset[str], same_capability: list[Rates]) -> bool:
    """Whether a GPU of this name may have these rates, out of those of its compute capability."""
    if rates.compute_capability == (7, 5) and not words & {"rtx", "t4", "t10"}:
        return False  # GTX 16, MX and T1000 have compute capability 7.5 and no tensor cores
    if rates.compute_capability == (9, 0):
        return (rates.tensor is not None) == bool(words & {"h100", "h200", "h800", "gh200"})
    full = max(r.tensor or 0 for r in same_capability)
    half_rate = _half_rate(words)
    return half_rate is None or half_rate == (rates.tensor != full) or len(same_capability) == 1


def _half_rate(words: frozenset[str]) -> bool | None:
    """Whether a name belongs to the parts with halved tensor cores; None where it does not say."""
    if words & {"geforce", "a10g", "l40"}:
        return True
    if words & _LAPTOP:
        return None
    pro = "rtx" in words and ("ada" in words or "pro" in words or any(re.fullmatch(r"a\d{4}", w) for w in words))
    return False if pro or words & {"quadro", "titan", "t4", "a10", "a40", "l4", "l40s"} else None


def _dtype(dtype: str) -> str | None:
    short = dtype.lower().removeprefix("torch.").replace("-", "")
    return "fp8" if short.startswith("float8") else _DTYPES.get(short)


def _rate(rates: Rates, dtype: str) -> int | None:
    """FLOP per clock and SM in that dtype."""
    short, tensor = _dtype(dtype), rates.tensor
    if short == "fp32":
        return rates.fp32
    if tensor is None or short is None:
        return None
    by_dtype = {
        "fp16": tensor,
        "bf16": tensor if rates.bf16 else None,
        "tf32": tensor // 2 if rates.tf32 else None,
        "fp8": tensor * 2 if rates.fp8 else None,
    }
    return by_dtype[short]


def _words(name: str) -> frozenset[str]:
    """The words of a GPU's name that tell it from others: "NVIDIA A100-SXM4-80GB" -> a100, sxm4, 80gb."""
    text = name.lower()
    text = re.sub(r"\.{3}|…", " cut ", text)  # nvidia-smi cuts long names, and with them "Laptop GPU"
    text = re.sub(r"(geforce|quadro|rtx|gtx)(?=[a-z]?\d|rtx)", r"\1 ", text)
    text = re.sub(r"\b(\d{4})(?=(?:ti|super|d)\b|tisuper)", r"\1 ", text)
    text = re.sub(r"\bti(?=super)", "ti ", text)
    text = re.sub(r"\b([ahv]\d{2,3})(?=sxm|pcie|nvl)", r"\1 ", text)
    text = re.sub(r"\b(\d+)\s*g(?:i?b)?\b", r"\1gb ", text)
    return frozenset(re.findall(r"[^\W_]+", text)) - _SAY_NOTHING


def _cores(spec: GpuSpec) -> int | None:
    per_sm = spec.rates.cores_per_sm
    return None if spec.sm_count is None or per_sm is None else spec.sm_count * per_sm


def _common(specs: list[GpuSpec]) -> GpuSpec | None:
    """The one spec, or what sisters with the same peaks have in common; None where their peaks differ."""
    if not specs:
        return None
    first = specs[0]
    if any(_compute(spec) != _compute(first) for spec in specs):
        return None
    shared = [word for word in first.name.split() if all(word in spec.name.split() for spec in specs)]
    return replace(
        first,
        name=" ".join(shared),
        bandwidth_bytes_per_second=_same([s.bandwidth_bytes_per_second for s in specs]),
        memory_bytes=_same([s.memory_bytes for s in specs]),
        note=_same([s.note for s in specs]) or "",
    )


def _compute(spec: GpuSpec) -> tuple[object, ...]:
    return (spec.bf16_flops, spec.fp16_flops, spec.fp32_flops, spec.sm_count, spec.boost_clock_hz, spec.rates)


def _same(values: list[_T]) -> _T | None:
    return values[0] if all(value == values[0] for value in values) else None


def _spec(row: Row) -> GpuSpec:
    rates = RATES[row.rates]
    tensor = None if row.tensor is None else row.tensor * 1e12
    return GpuSpec(
        name=row.name,
        match=_match(row),
        bf16_flops=tensor if rates.bf16 else None,
        fp16_flops=tensor,
        tf32_flops=tensor / 2 if tensor and rates.tf32 else None,
        fp32_flops=None if row.fp32 is None else row.fp32 * 1e12,
        fp8_flops=tensor * 2 if tensor and rates.fp8 else None,
        bandwidth_bytes_per_second=None if row.bandwidth is None else row.bandwidth * 1e9,
        sm_count=row.sm,
        boost_clock_hz=None if row.boost_mhz is None else row.boost_mhz * 1e6,
        compute_capability=rates.compute_capability,
        memory_bytes=None if row.mib is None else row.mib * 2**20,
        tensor_bf16=rates.bf16,
        rates=rates,
        note=row.note,
    )


def _match(row: Row) -> MatchWords:
    plain = row.match.split()
    groups = [frozenset(filter(None, word.split("/"))) for word in plain if "/" in word]
    optional = {word.strip("()") for word in plain if word.startswith("(")}
    required = frozenset(word for word in plain if "/" not in word and not word.startswith("("))
    return MatchWords(required, tuple(groups), frozenset(optional | _words(row.name)))


SPECS = tuple(_spec(row) for row in ROWS)
