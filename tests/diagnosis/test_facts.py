"""What several facts tell together: how many GPUs there are, and how the model is built."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from diagnosis.facts import gpus_of_run, shape_of
from diagnosis.run import Run
from diagnosis.shape import Shape
from gpu.sample import GpuProcess, GpuSample
from parsers.records import Fact, Recognised, Traits, Value


def run_of(facts: Mapping[str, Value] | None = None, *, accumulation_of_all: bool = False) -> Run:
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


@pytest.mark.parametrize(
    ("facts", "gated"),
    [
        ({"activation": "silu"}, True),
        ({"activation": "swiglu"}, True),
        ({"activation": "gelu_new"}, None),
        ({"mlp_type": "LLaMAMLP"}, True),
        ({"mlp_type": "GptNeoxMLP"}, False),
        ({"gated_mlp": False, "activation": "silu"}, False),
        ({}, None),
    ],
    ids=str,
)
def test_what_tells_of_a_gate(facts: dict[str, Value], gated: bool | None) -> None:
    """A flag of its own, litgpt's class, an activation that comes with one; gelu is found with and without."""
    assert shape_of(run_of(facts)).gated is gated


def test_the_facts_of_a_shape() -> None:
    """Each has its place."""
    facts: dict[str, Value] = {
        "n_layer": 22, "n_head": 32, "n_embd": 2048, "vocab_size": 32000, "block_size": 2048, "bias": False,
        "tie_embeddings": False, "n_kv_head": 4, "head_dim": 64, "n_inner": 5632, "n_expert": 8, "n_expert_active": 2,
        "model_type": "llama",
    }  # fmt: skip
    expected = Shape(22, 32, 2048, 32000, 2048, False, False, 4, 64, 5632, None, 8, 2, "llama")
    assert shape_of(run_of(facts)) == expected
