from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import make_case
from runs import founding_efficiency
from watched import GIB, MINE, WORKING, fields, watch

from diagnosis.case import Case
from diagnosis.rules.vram_growing import _is_steady, rule
from gpu.sample import GpuProcess
from parsers.records import Traits, Value

STEPS = np.arange(0, 4000, 10)
BLOCK = 20 * 2**20
"""What PyTorch's allocator reserves at a time."""


def reserved(used: np.ndarray) -> np.ndarray:
    """As the allocator reserves it: in blocks, and never given back."""
    return np.asarray(np.maximum.accumulate(np.ceil(used / BLOCK) * BLOCK))


def leak(gib_per_1000: float, start_gib: float = 6.0, since: int = 0) -> np.ndarray:
    wander = np.random.default_rng(1).normal(0, 5 * 2**20, len(STEPS))
    used = start_gib + gib_per_1000 * np.maximum(STEPS - since, 0) / 1000
    return reserved(used * GIB * np.minimum(1, 0.5 + STEPS / 100) + wander)


def run(used: np.ndarray, planned: int = 20_000, facts: dict[str, Value] | None = None, **more: Any) -> Case:
    """A run that logs its memory, on a GPU of 12 GiB (11.25 of them for it and its CUDA context)."""
    known: dict[str, Value] = {"planned_steps": planned, **(facts or {})}
    steps = STEPS[: len(used)]
    return make_case({"memory_bytes": (steps, used)}, known, **({"gpus": (WORKING,)} | more))


def test_a_leak_is_found_with_when_it_is_full() -> None:
    """0.4 GiB every 1,000 steps from 6 GiB on: 11.25 are reached at 13,000 of 20,000 steps."""
    found = rule(run(leak(0.4), efficiency=founding_efficiency(seconds_per_step=2.0)))

    assert found is not None
    assert (found.severity, found.confidence) == ("warning", 0.8)
    assert found.title.startswith("GPU memory keeps growing and is full by about step 13,")
    assert found.title.endswith(", in 5.0 h")
    assert found.evidence[0].endswith("now (as logged)")
    assert "every 1,000 steps" in found.evidence[1]
    assert found.evidence[2] == "the GPU has 11.25 GiB for it"


def test_it_is_dated_alike_however_much_later_one_looks() -> None:
    """When the rise had been steady for the first time: at the 36th row."""
    used = leak(1.2, start_gib=3.0)
    firsts = {getattr(rule(run(used[:rows])), "first_step", None) for rows in (200, 300, 400)}

    assert firsts == {350}


@pytest.mark.parametrize(("planned", "fires"), [(12_000, False), (15_000, True)])
def test_only_what_fills_the_gpu_within_the_run_is_found(planned: int, fires: bool) -> None:
    """It would be full at about 13,000."""
    assert (rule(run(leak(0.4), planned)) is not None) is fires


@pytest.mark.parametrize(("rate", "fires"), [(0.5, False), (0.9, True)])
def test_without_a_plan_twice_the_steps_are_looked_at(rate: float, fires: bool) -> None:
    """From step 4,000 to 8,000: 10 GiB at 0.5 a thousand, 13.2 at 0.9."""
    case = run(leak(rate))

    assert (rule(replace(case, steps=replace(case.steps, planned=None))) is not None) is fires


@pytest.mark.parametrize(("rate", "fires"), [(0.3, False), (0.6, True)])
def test_where_the_limit_is_unknown_a_quarter_more_is_needed(rate: float, fires: bool) -> None:
    """Of 6 GiB, in nine tenths of 4,000 steps."""
    found = rule(run(leak(rate), gpus=()))

    assert (found is not None) is fires
    if found is not None:
        assert found.confidence == 0.6
        assert found.title.startswith("GPU memory keeps growing: 3")


def test_a_leak_that_begins_later_is_found() -> None:
    """From step 1,800 on, in the second half of the rows."""
    assert rule(run(leak(1.2, start_gib=5.0, since=1800))) is not None


def steady(count: int = len(STEPS)) -> np.ndarray:
    return np.full(count, 9.0 * GIB)


def warming_up() -> np.ndarray:
    """Rises for 300 steps, with the first evaluation at 500 and a checkpoint at 2,000 on top."""
    used = 9.0 * np.minimum(1, 0.4 + STEPS / 500) + 0.6 * (STEPS >= 500) + 0.3 * (STEPS >= 2000)
    return reserved(used * GIB)


def random_lengths(*, kept: bool) -> np.ndarray:
    """Fine-tuning on sequences of random length: the peak of each row, or the highest so far."""
    lengths = np.random.default_rng(2).lognormal(0, 0.5, (len(STEPS), 10)).max(axis=1)
    used = np.minimum(3.0 + 1.2 * lengths, 11.0) * GIB
    return reserved(used) if kept else used


def slower_and_slower() -> np.ndarray:
    """The smooth law behind it: as the logarithm of the steps."""
    return np.asarray((6 + 0.6 * np.log(1 + STEPS)) * GIB)


@pytest.mark.parametrize(
    "used",
    [steady(), warming_up(), random_lengths(kept=True), random_lengths(kept=False), slower_and_slower(), leak(0.06)],
    ids=["steady", "warm-up", "highest of random lengths", "random lengths", "as the logarithm", "below 256 MiB"],
)
def test_look_alikes_are_silent(used: np.ndarray) -> None:
    """Even for a plan without end."""
    assert rule(run(used, planned=10**7)) is None


def test_larger_steps_on_purpose_are_silent() -> None:
    """A trainer that raises its batch or context."""
    assert rule(run(leak(0.4), traits=Traits(step_work_changes=True))) is None
    assert rule(run(leak(0.4), facts={"device": "cpu"})) is None


def test_few_rows_are_silent() -> None:
    """Three in each of twelve windows are the least."""
    assert rule(run(leak(8.0, start_gib=1.0)[:35])) is None
    assert rule(run(leak(8.0, start_gib=1.0)[:60])) is not None


def test_a_resumed_run_begins_anew() -> None:
    """What it had reserved before is gone: only the rows since count."""
    used = np.concatenate((leak(0.4)[:300], steady(100)))

    assert rule(run(used, segments=(0, 3000))) is None


def growing(gib_per_hour: float) -> Callable[[int], dict[str, Any]]:
    def change(t: int) -> dict[str, Any]:
        used = int(reserved(np.array([(6 + gib_per_hour * t / 3600) * GIB]))[0])
        return {"processes": (replace(MINE, memory_bytes=used),), "memory_used_bytes": used}

    return change


@pytest.mark.parametrize(("minutes", "rate", "fires"), [(60, 2.0, True), (60, 0.0, False), (20, 2.0, False)])
def test_the_memory_of_the_runs_process_is_watched(minutes: int, rate: float, fires: bool) -> None:
    """A trainer that logs none: an hour beside it, with 2 GiB more each hour; 20 minutes are too few."""
    watched = watch(60 * minutes, growing(rate), every=5)
    case = make_case({"train_loss": ([0, 60 * minutes], [9.0, 4.0])}, {"planned_steps": 40_000}, **fields(watched))
    found = rule(case)

    assert (found is not None) is fires
    if found is not None:
        assert found.evidence[0].endswith("(of its processes)")


def test_a_neighbour_that_grows_is_not_the_run() -> None:
    """Where nobody knows whose the memory is, and where the run's own stays as it is."""

    def change(t: int, *, known: bool) -> dict[str, Any]:
        other = GpuProcess(7, int((1 + t / 1800) * GIB), "other", this_run=False if known else None)
        mine = replace(MINE, memory_bytes=6 * GIB, this_run=True if known else None)
        return {"processes": (mine, other), "memory_used_bytes": 6 * GIB + (other.memory_bytes or 0)}

    for known in (True, False):
        watched = watch(3600, lambda t, known=known: change(t, known=known), every=5)  # type: ignore[misc]
        assert (
            rule(make_case({"train_loss": ([0, 3600], [9.0, 4.0])}, {"planned_steps": 40_000}, **fields(watched)))
            is None
        )


def test_unknown_is_silent() -> None:
    """Neither logged nor watched."""
    assert rule(make_case()) is None
    assert rule(make_case(gpus=(WORKING,))) is None


MIB_200 = 200.0 * 2**20


@pytest.mark.parametrize(
    ("highs", "steady"),
    [
        ([0, 6, 1, 2, 3, 4, 5, 10, 7, 8, 9, 11], True),
        ([0, 6, 1, 2, 3, 4, 5, 11, 7, 8, 9, 10], False),
        ([0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 8], True),
        ([0, 0, 1, 1, 2, 3, 4, 5, 5, 6, 7, 7], False),
    ],
    ids=["p .0008", "p .0013", "8 of 11 rise", "7 of 11 rise"],
)
def test_steady_from_both_sides(highs: list[int], steady: bool) -> None:
    """8 pairs of 12 windows in the wrong order are p = .0008, 9 are .0013; 7 new highs of 11 are too few."""
    used = np.array([8 * GIB + MIB_200 * high for high in highs])

    assert _is_steady(np.arange(12.0), used) is steady


@pytest.mark.parametrize(
    ("start_gib", "growth_mib", "steady"), [(4, 250, False), (4, 262, True), (40, 800, False), (40, 840, True)]
)
def test_growth_counts_from_256_mib_and_from_2_per_cent(start_gib: int, growth_mib: int, steady: bool) -> None:
    """Of 40 GiB that are 819 MiB."""
    used = start_gib * GIB + np.linspace(0, growth_mib * 2.0**20, 12)

    assert _is_steady(np.arange(12.0), used) is steady


@pytest.mark.parametrize(("minutes", "fires"), [(24, False), (30, True)])
def test_half_an_hour_beside_it_is_enough(minutes: int, fires: bool) -> None:
    """24 whole minutes are the least; the last is never whole."""
    watched = watch(60 * minutes, growing(6.0), every=5)
    case = make_case({"train_loss": ([0, 60 * minutes], [9.0, 4.0])}, {"planned_steps": 40_000}, **fields(watched))

    assert (rule(case) is not None) is fires
