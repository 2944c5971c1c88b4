"""Results of the benchmark as tests need them: one of an H200, one of a CPU."""

from __future__ import annotations

from dataclasses import replace

from gpu.bench_plan import Case
from gpu.bench_result import BenchDevice, BenchResult, Conditions, Load, Measurement, Rate, Share, Skipped

H200_RUN = Measurement(
    case=Case("bf16", (8192, 8192, 8192)),
    rate=Rate(742e12, 735e12, 747e12, 751e12),
    median_seconds=2 * 8192**3 / 742e12,
    runs=60,
    launches_per_run=1,
    settled=True,
    cold_cache=True,
    deviation=0.011,
    flags={"allow_tf32": False},
    conditions=Conditions(1.62e9, 698.0, 64.0, ("sw_power_cap",)),
    share=Share(0.75, 0.847),
    contended=False,
)
RESULT = BenchResult(
    "done",
    device=BenchDevice("cuda", "NVIDIA H200", "GPU-1234", "580.159"),
    torch="2.13.0",
    contended=False,
    measurements=(H200_RUN,),
    skipped=(Skipped(Case("fp8", (64, 40, 64)), "fp8 needs N and K that 16 divides"),),
)
CPU_RUN = replace(
    H200_RUN,
    case=Case("fp32", (512, 512, 512)),
    rate=Rate(190e9, 180e9, 195e9, 197e9),
    conditions=Conditions(),
    share=Share(),
    load=Load(0.98, 0.02),
)
CPU_RESULT = replace(RESULT, device=BenchDevice("cpu", "AMD EPYC", threads=2), measurements=(CPU_RUN,), skipped=())
