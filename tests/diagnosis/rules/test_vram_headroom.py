from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cases import make_case
from runs import FACTS, GIB, RTX_4070, TOKENS_PER_STEP, founding_case, founding_size

from diagnosis.case import Case
from diagnosis.memory import MemoryEstimate, Setting, estimate
from diagnosis.rules.vram_headroom import rule
from gpu.sample import GpuProcess, GpuSample


def memory(batch: int = 16, limit: float = 11.2 * GIB, measured: float | None = None) -> MemoryEstimate:
    """The founding run's memory with another micro-batch."""
    made = estimate(
        founding_size(),
        micro_batch=batch,
        tokens_per_step=TOKENS_PER_STEP,
        setting=Setting(compiled=True),
        limit_bytes=limit,
        measured_bytes=measured,
    )
    assert made is not None
    return made


def live(free: float | None, total: float | None = 12 * GIB, **fields: Any) -> Case:
    """A running case whose GPU has this much free."""
    sample = replace(
        RTX_4070,
        memory_free_bytes=None if free is None else int(free),
        memory_total_bytes=None if total is None else int(total),
    )
    return founding_case(**{"gpus": (sample,), **fields})


@pytest.mark.parametrize(("free", "severity"), [(0.59, "warning"), (0.61, "info")])
def test_five_percent_from_both_sides(free: float, severity: str) -> None:
    """Of 12 GiB, 0.6 GiB are the border."""
    found = rule(live(free * GIB))

    assert found is not None
    assert found.severity == severity


@pytest.mark.parametrize(("free", "severity"), [(199, "warning"), (201, "info")])
def test_200_mib_from_both_sides(free: float, severity: str) -> None:
    """On a small card the absolute figure counts."""
    found = rule(live(free * 2**20, total=2 * GIB))
    unknown_total = rule(live(free * 2**20, total=None))

    assert found is not None
    assert unknown_total is not None
    assert (found.severity, unknown_total.severity) == (severity, severity)


def test_scarce_memory_gets_an_exact_smaller_batch() -> None:
    """8 x 64 keeps the 524,288 tokens of 16 x 32."""
    found = rule(live(0.3 * GIB, memory=memory(measured=10.9 * GIB)))

    assert found is not None
    assert found.title == "Only 307 MiB of 12.00 GiB GPU memory free"
    assert "`batch_size = 8` and `gradient_accumulation_steps = 64`" in found.advice[0]
    assert any("scaled to the measured use" in line for line in found.evidence)


def test_a_finished_log_gets_the_prediction() -> None:
    """With a GPU that was only named, the batches are predicted and it is a note."""
    found = rule(founding_case(state="finished", memory=memory(batch=8)))

    assert found is not None
    assert found.severity == "info"
    assert found.title == "A micro-batch of 16 is expected to fit this GPU"
    assert any(line.startswith("16 x 32: 8.") and line.endswith("fits") for line in found.evidence)
    assert any(line.startswith("32 x 16: 15.") and line.endswith("does not fit") for line in found.evidence)
    assert any(line.startswith("largest part: ") for line in found.evidence)
    assert "`batch_size = 16` and `gradient_accumulation_steps = 32`" in found.advice[0]


def test_a_batch_that_is_not_expected_to_fit() -> None:
    """A planned batch of 64 is answered with the largest that fits."""
    found = rule(founding_case(state="waiting", memory=memory(batch=64)))

    assert found is not None
    assert found.advice[0].startswith("Set `batch_size = 16`")


def test_nothing_fits() -> None:
    """A 1 GiB card holds no batch at all, and no batch is proposed."""
    found = rule(founding_case(state="finished", memory=memory(limit=1 * GIB)))

    assert found is not None
    assert found.title == "No micro-batch is expected to fit this GPU"
    assert "batch_size" not in found.advice[0]


def test_the_best_batch_is_kept() -> None:
    """The healthy look-alike: 16 is the largest that fits, and nothing needs a change."""
    found = rule(founding_case(state="finished", memory=memory()))

    assert found is not None
    assert found.advice[0].startswith("Keep the batch")


def test_a_full_gpu_of_another_run_is_no_finding() -> None:
    """A finished log does not answer for what runs on the GPU now."""
    sample = replace(RTX_4070, memory_free_bytes=1)
    assert rule(founding_case(state="finished", gpus=(sample,))) is None


def test_of_several_gpus_the_runs_own_counts() -> None:
    """The GPU with the run's process is looked at, the fullest of them; without a mark none is."""
    mine = GpuProcess(1, 10**9, "python", this_run=True)
    gpus = (
        GpuSample(0, "a", memory_total_bytes=12 * 2**30, memory_free_bytes=10),
        GpuSample(1, "b", memory_total_bytes=12 * 2**30, memory_free_bytes=4 * 2**30, processes=(mine,)),
        GpuSample(2, "b", memory_total_bytes=12 * 2**30, memory_free_bytes=2 * 2**30, processes=(mine,)),
    )
    found = rule(founding_case(gpus=gpus))

    assert found is not None
    assert found.title == "2.00 GiB of 12.00 GiB GPU memory free"
    assert rule(founding_case(gpus=gpus[:1] * 2)) is None


def test_unknown_is_silent() -> None:
    """No GPU, no free memory read, or a CPU run."""
    assert rule(make_case()) is None
    assert rule(live(None)) is None
    assert rule(live(10, facts={**FACTS, "device": "cpu"})) is None
