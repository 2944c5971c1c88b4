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
from parsers.configs.written import HUGGINGFACE
from parsers.records import Traits, Value


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
    assert "a micro-batch of 8 and 64 accumulation steps" in found.advice[0]
    assert found.settings == (("batch_size", 8), ("gradient_accumulation_steps", 64))
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
    assert "a micro-batch of 16 and 32 accumulation steps keeps the tokens per step" in found.advice[0]
    assert found.settings == (("batch_size", 16), ("gradient_accumulation_steps", 32))


def test_a_batch_that_is_not_expected_to_fit() -> None:
    """A planned batch of 64 is answered with the largest that fits."""
    found = rule(founding_case(state="waiting", memory=memory(batch=64)))

    assert found is not None
    assert found.advice[0].startswith("Set a micro-batch of 16 and 32 accumulation steps")
    assert found.settings == (("batch_size", 16), ("gradient_accumulation_steps", 32))


def test_nothing_fits() -> None:
    """A 1 GiB card holds no batch at all, and no batch is proposed."""
    found = rule(founding_case(state="finished", memory=memory(limit=1 * GIB)))

    assert found is not None
    assert found.title == "No micro-batch is expected to fit this GPU"
    assert "batch" not in found.advice[0]
    assert found.settings == ()


def test_the_best_batch_is_kept() -> None:
    """The healthy look-alike: 16 is the largest that fits, and nothing needs a change."""
    found = rule(founding_case(state="finished", memory=memory()))

    assert found is not None
    assert found.advice[0].startswith("Keep the batch")
    assert found.settings == ()


def test_eight_gpus_get_the_accumulation_of_each() -> None:
    """Where the accumulation is counted per device, the 512 sequences of a step are 8 x 8 on each of 8 GPUs."""
    facts: dict[str, Value] = {**FACTS, "batch_size": 16, "gradient_accumulation_steps": 4, "world_size": 8}
    found = rule(live(0.3 * GIB, memory=memory(measured=10.9 * GIB), facts=facts, traits=Traits(settings=HUGGINGFACE)))

    assert found is not None
    assert found.settings == (("batch_size", 8), ("gradient_accumulation_steps", 8))


def test_scarce_memory_without_an_estimate_halves_the_batch() -> None:
    """Exactly where the batch is known and even, else in words."""
    odd: dict[str, Value] = {**FACTS, "batch_size": 3}
    known, uneven = rule(live(0.3 * GIB, memory=None)), rule(live(0.3 * GIB, memory=None, facts=odd))

    assert known is not None
    assert uneven is not None
    assert known.settings == (("batch_size", 8), ("gradient_accumulation_steps", 64))
    assert uneven.settings == ()
    assert uneven.advice[0].startswith("Halve the micro-batch")


def test_an_accumulation_that_nobody_knows_is_not_invented() -> None:
    """Tokens a step alone, on an unknown number of devices: the batch is named, its accumulation is not."""
    facts: dict[str, Value] = {"batch_size": 8, "block_size": 1024}
    found = rule(founding_case(state="finished", memory=memory(batch=8), facts=facts, traits=Traits()))

    assert found is not None
    assert "a micro-batch of 16, accumulated accordingly" in found.advice[0]
    assert found.settings == ()


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
