"""What several facts tell together: how many GPUs there are."""

from __future__ import annotations

import pytest

from diagnosis.facts import gpus_of_run
from diagnosis.run import Run
from gpu.sample import GpuProcess, GpuSample
from parsers.records import Fact, Recognised, Traits


def run_of(facts: dict[str, float] | None = None, *, accumulation_of_all: bool = False) -> Run:
    run = Run()
    traits = Traits(accumulation_of="all devices" if accumulation_of_all else "device")
    run.apply(Recognised("test", "Test", traits, "a test"))
    for name, value in (facts or {}).items():
        run.apply(Fact(name, value, "log", "a test"))
    return run


def gpu(index: int | None, *, mine: bool = False) -> GpuSample:
    process = GpuProcess(pid=7, memory_bytes=1 << 30, name="python", this_run=mine)
    return GpuSample(index, "NVIDIA H100", processes=(process,))


def test_the_log_is_believed_before_the_machine() -> None:
    """A world size of 16 stands, though this machine shows one GPU: the others are on another."""
    assert gpus_of_run(run_of({"world_size": 16}), (gpu(0, mine=True),)) == 16


def test_batches_count_the_gpus() -> None:
    """512 sequences a step, 8 x 8 a device: eight devices; not where the accumulation counts all of them."""
    facts: dict[str, float] = {"global_batch_size": 512, "batch_size": 8, "gradient_accumulation_steps": 8}
    assert gpus_of_run(run_of(facts), ()) == 8
    assert gpus_of_run(run_of(facts, accumulation_of_all=True), ()) is None
    assert gpus_of_run(run_of(facts | {"global_batch_size": 500}), ()) is None


@pytest.mark.parametrize(
    ("gpus", "count"),
    [
        ((), None),
        ((gpu(0),), 1),
        ((gpu(0), gpu(1)), None),
        ((gpu(0), gpu(1, mine=True), gpu(2, mine=True)), 2),
        ((gpu(None),), None),
    ],
)
def test_the_machine_shows_them(gpus: tuple[GpuSample, ...], count: float | None) -> None:
    """By the run's own processes, or as the only one; a GPU that was only named with --gpu shows no number."""
    assert gpus_of_run(run_of(), gpus) == count
