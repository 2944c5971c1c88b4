"""Which GPU the run is on and what its peak is: NVML's readings, the user's word, the tables, a saved benchmark."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from diagnosis.efficiency import Peak
from gpu.bench_store import load_saved
from gpu.peaks import GpuSpec, candidates, clock_true_flops, derive, find, peak_flops
from gpu.sample import GpuSample
from parsers.records import Fact
from tui.errors import UserError
from tui.options import Options

if TYPE_CHECKING:
    from gpu.nvml import Nvml

PROCESSES_EVERY_SECONDS = 5.0
DEFAULT_DTYPE = "bf16"
BUSY = 0.5
SHORT_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "tf32"}
"""The tensor cores' type that matmuls run in; nanoGPT and most trainers allow TF32 where they say float32."""


class Hardware:
    """The GPUs as the run sees them. Reads NVML only where that is the run's machine."""

    def __init__(self, options: Options, *, log: Path | None = None, ask_nvml: bool = True) -> None:
        self._wanted = options.gpu
        self._ask_nvml = ask_nvml
        self._log = log
        self._named = _named(options)
        self._nvml: Nvml | None = None
        self._processes_at = float("-inf")
        self._run_pids: frozenset[int] | None = None
        self.fault: str | None = None if ask_nvml else "a replay has no GPU readings; name the GPU with --gpu"

    def sample(self) -> tuple[GpuSample, ...]:
        """The GPUs now; for a GPU that is named and not here, what its table says.

        Empty, with `fault` saying why, where there is none.
        """
        here = self._read() if self._ask_nvml else ()
        if here or self._named is None:
            return here
        return (self._named,)

    def _read(self) -> tuple[GpuSample, ...]:
        from gpu.choice import select
        from gpu.nvml import Nvml
        from gpu.processes import mark, this_run_pids

        if self._nvml is None:
            self._nvml = Nvml()
        now = time.monotonic()
        due = now - self._processes_at >= PROCESSES_EVERY_SECONDS
        self._processes_at = now if due else self._processes_at
        samples = self._nvml.read(processes=due)
        self.fault = self._nvml.fault
        if due and self._log is not None and samples:
            self._run_pids = this_run_pids(self._log)
        return tuple(select(mark(samples, self._run_pids), self._wanted))

    def sample_once(self, *, ask_nvml: bool) -> tuple[GpuSample, ...]:
        """One reading for a report. Without `ask_nvml` only a GPU that the user named or numbered counts."""
        if not ask_nvml and (self._wanted is None or self._named is not None):
            return () if self._named is None else (self._named,)
        samples = self.sample()
        if self._nvml is not None:
            self._nvml.close()
        if self._wanted is not None and not samples:
            raise UserError(
                f"--gpu {self._wanted}: {self.fault or 'there is no such GPU here'}; name it (--gpu 'RTX 4070')"
            )
        return samples


def _named(options: Options) -> GpuSample | None:
    """The GPU that --gpu names by its product name, None where it is an index or a UUID of a GPU at hand."""
    wanted = options.gpu
    if (
        wanted is None
        or (wanted.strip().isdigit() and len(wanted.strip()) < 3)
        or wanted.upper().startswith(("GPU-", "MIG-"))
    ):
        return None
    spec = find(wanted)
    if spec is not None:
        return GpuSample(
            None,
            _as_nvml_says(spec),
            memory_total_bytes=spec.memory_bytes,
            compute_capability=spec.compute_capability,
        )
    if options.peak_flops is not None:
        return GpuSample(None, wanted)
    near = ", ".join(spec.name for spec in candidates(wanted)[:4])
    raise UserError(
        f"--gpu {wanted}: "
        + (f"may be one of {near}; name one" if near else "is no GPU that it knows; give its peak with --peak TFLOPS")
    )


def _as_nvml_says(spec: GpuSpec) -> str:
    """The name with its maker, as NVML writes it; only NVIDIA's GPUs have a compute capability."""
    made_by_nvidia = spec.compute_capability is not None and not spec.name.startswith("NVIDIA")
    return f"NVIDIA {spec.name}" if made_by_nvidia else spec.name


def dtype_of(facts: Mapping[str, Fact]) -> str:
    """The type that the run's matmuls are in; bfloat16 where the log does not say, as trainers choose it first."""
    fact = facts.get("dtype")
    named = str(fact.value) if fact is not None else ""
    return SHORT_DTYPES.get(named.removeprefix("torch."), DEFAULT_DTYPE)


def peak_of(options: Options, gpus: tuple[GpuSample, ...], facts: Mapping[str, Fact]) -> Peak | None:
    """The MFU's denominator: the user's, else what was measured on this GPU, else its published peak.

    None for a run on a CPU, for GPUs of several kinds, and where nothing is known: never another GPU's.
    """
    device = facts.get("device")
    names = {sample.name for sample in gpus if sample.name}
    name = names.pop() if len(names) == 1 else None
    if options.peak_flops is not None:
        return Peak(options.peak_flops, "flag", name or "--peak")
    if name is None or (device is not None and str(device.value).lower().startswith("cpu")):
        return None
    dtype = dtype_of(facts)
    for sample in gpus:
        measured = (load_saved(sample.uuid) or {}).get(dtype) if sample.uuid else None
        if measured is not None:
            return _with_clock(Peak(measured, "measured", name), gpus[0], dtype)
    return _published(gpus[0], name, dtype)


def _published(sample: GpuSample, name: str, dtype: str) -> Peak | None:
    spec = find(name, sample.cuda_cores)
    flops = _usable(spec, dtype) if spec is not None else None
    if flops is not None:
        return _with_clock(Peak(flops, "spec", name), sample, dtype)
    span = derive(name, sample.compute_capability, sample.cuda_cores, sample.sm_clock_max_hz, dtype)
    # Half and full rate differ by two: an open question is no denominator.
    return Peak(span[0], "clock", name) if span is not None and span[1] <= 1.01 * span[0] else None


def _with_clock(peak: Peak, sample: GpuSample, dtype: str) -> Peak:
    """The same with the peak at the clock of now; an idle GPU's clock says nothing of the run."""
    spec, clock = find(peak.name, sample.cuda_cores), sample.sm_clock_hz
    if spec is None or clock is None or (sample.utilization or 0.0) < BUSY:
        return peak
    return replace(peak, at_clock=clock_true_flops(spec, clock, dtype), clock_hz=clock)


def _usable(spec: GpuSpec, dtype: str) -> float | None:
    """The peak in the run's type; where bf16 is emulated, trainers fall back to fp16."""
    return peak_flops(spec, "fp16" if dtype == "bf16" and not spec.tensor_bf16 else dtype)
