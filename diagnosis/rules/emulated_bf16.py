"""Rule emulated-bf16."""

from __future__ import annotations

from diagnosis.case import Case
from diagnosis.device import gpu_name
from diagnosis.finding import Finding
from diagnosis.needs import GPU, stated
from diagnosis.wording import flops, percent
from gpu.peaks import GpuSpec, find

ID = "emulated-bf16"
NEEDS = (GPU, stated("dtype", "the run's precision"))

FIRST_WITH_BF16 = (8, 0)
"""Compute capability: Ampere. CUDA C++ Programming Guide, arithmetic instructions by compute capability."""
FAST_FP16 = {(5, 3), (6, 0), (6, 2), (7, 0), (7, 2), (7, 5)}
"""Below Ampere, these run fp16 at twice the fp32 rate or more; 6.1 at 1/64 of it, 5.0 and 5.2 not at all. The same
table."""
NOT_EMULATED = 0.2
"""Of the fp16 peak, half as much again as the best that was measured of matmuls in bf16: V100 10 of 125 TFLOP/s,
RTX 2080 Ti 7 of 57, T4 2.5 of 65."""


def rule(case: Case) -> Finding | None:
    """The run computes in bf16 on a GPU that has no units for it.

    Fires when the run's precision is bf16 and its GPU is older than Ampere (V100, T4, RTX 20, P100): by the table of
    GPUs, else by a compute capability below 8.0. Silent where the run is faster than emulation can be, a fifth of the
    fp16 peak: then the trainer took another precision than its config says.

    Why: PyTorch computes bf16 there in fp32 and converts: measured matmuls are 8 to 20 times slower than in fp16, and
    torch.cuda.is_bf16_supported() says True all the same.
    Do: fp16 with a gradient scaler; on Pascal's small cards, where fp16 is slow too, fp32.
    False alarms: a config of which the trainer does something else on such GPUs, before the speed is known.
    Sources: CUDA C++ Programming Guide; PyTorch's is_bf16_supported(including_emulation=True); public torch.mm figures
    of V100, T4 and RTX 2080 Ti in bf16 and fp16.
    """
    dtype = (case.text("dtype") or "").lower()
    name = gpu_name(case)
    if name is None or not ("bf16" in dtype or "bfloat16" in dtype):
        return None
    spec, capability = find(name), _capability(case)
    if not _lacks_bf16(spec, capability) or _too_fast(case, spec):
        return None
    instead = "float16" if _has_fast_fp16(spec, capability) else "float32"
    fact = case.facts["dtype"]
    return Finding(
        id=ID,
        severity="warning",
        confidence=0.95 if fact.origin == "log" else 0.8,
        title=f"bf16 is emulated on {name}",
        evidence=(
            f"dtype {fact.value} ({fact.where})",
            *_generation(spec, capability),
            *_reached(case, spec),
        ),
        advice=(_advice(instead),),
        settings=(("dtype", instead),),
        first_step=case.steps.first,
        step=case.steps.last,
    )


def _capability(case: Case) -> tuple[int, int] | None:
    known = {gpu.compute_capability for gpu in case.gpus}
    return known.pop() if len(known) == 1 else None


def _lacks_bf16(spec: GpuSpec | None, capability: tuple[int, int] | None) -> bool:
    if spec is not None:
        return not spec.tensor_bf16
    return capability is not None and capability < FIRST_WITH_BF16


def _has_fast_fp16(spec: GpuSpec | None, capability: tuple[int, int] | None) -> bool:
    known = spec.compute_capability if spec is not None else None
    return (known or capability) in FAST_FP16


def _too_fast(case: Case, spec: GpuSpec | None) -> bool:
    """Whether the run is faster than emulated bf16 can be."""
    reached = case.efficiency.flops_per_gpu if case.efficiency else None
    return reached is not None and spec is not None and reached > NOT_EMULATED * (spec.fp16_flops or float("inf"))


def _generation(spec: GpuSpec | None, capability: tuple[int, int] | None) -> tuple[str, ...]:
    known = (spec.compute_capability if spec is not None else None) or capability
    return () if known is None else (f"compute capability {known[0]}.{known[1]}; bf16 units begin with 8.0",)


def _reached(case: Case, spec: GpuSpec | None) -> tuple[str, ...]:
    reached = case.efficiency.flops_per_gpu if case.efficiency else None
    if reached is None or spec is None or not spec.fp16_flops:
        return ()
    return (f"{flops(reached)} reached, {percent(reached / spec.fp16_flops)} of its {flops(spec.fp16_flops)} in fp16",)


def _advice(instead: str) -> str:
    if instead == "float16":
        return "Train in fp16 with a gradient scaler: matmuls are some ten times faster than emulated bf16 there."
    return "Train in fp32: this GPU has fast units for neither bf16 nor fp16."
