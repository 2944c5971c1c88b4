"""How the child times: grouped launches, graphs, events, and a warm-up that ends when the clocks have settled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fake_cuda import FakeCuda

from gpu.matmul import Timer, settled, warm_up


def timer(gpu: FakeCuda, sets: int = 3, flush_bytes: int = 0) -> Timer:
    """A Timer of that GPU with so many operand sets."""
    calls = [gpu.launch(f"set {i}") for i in range(sets)]
    return Timer(gpu, SimpleNamespace(type="cuda"), calls, flush_bytes)


def test_a_long_launch_is_timed_alone() -> None:
    """8 ms: one launch between two events, and its time is the GPU's."""
    one = timer(FakeCuda(8e-3))
    assert one.prepare() == pytest.approx(8e-3)
    assert one.group == 1
    assert one.time(4) == pytest.approx([8e-3] * 4)


def test_short_launches_share_an_event_pair() -> None:
    """60 us: 17 launches fill a millisecond, without a graph, as the host keeps up."""
    gpu = FakeCuda(60e-6)
    one = timer(gpu)
    assert one.prepare() == pytest.approx(60e-6, rel=0.02)
    assert (one.group, gpu.captures) == (17, 0)


@pytest.mark.parametrize("kernel", [1e-6, 2e-6, 5e-6, 20e-6])
def test_launches_shorter_than_the_hosts_are_replayed(kernel: float) -> None:
    """A kernel of 2 us behind a host of 10 us: by launches it would look 5 times as slow, by a graph it does not."""
    gpu = FakeCuda(kernel)
    one = timer(gpu)
    assert one.prepare() == pytest.approx(kernel, rel=0.02)
    assert gpu.captures == 2
    assert one.group % 3 == 0, "a graph replays whole turns of the operand sets"
    assert one.group * kernel >= 0.9e-3, "the second capture knows the GPU's own time"


def test_operand_sets_are_used_in_turn() -> None:
    """No set is used again before all others were."""
    gpu = FakeCuda(8e-3)
    timer(gpu, sets=3).time(5)
    assert gpu.launched == ["set 0", "set 1", "set 2", "set 0", "set 1", "set 2"]


def test_the_first_pair_is_left_out_and_the_gpu_waited_for_once() -> None:
    """The first pair also holds the host's launch; the runs are queued without a wait between them."""
    gpu = FakeCuda(8e-3, host_seconds=4e-3)
    assert timer(gpu).time(3) == pytest.approx([8e-3] * 3)
    assert gpu.synchronised == 1


def test_a_flush_is_not_timed() -> None:
    """Where the cache is flushed between runs, the writing stands outside the events and no launches are grouped."""
    gpu = FakeCuda(60e-6)
    one = timer(gpu, sets=1, flush_bytes=1 << 20)
    assert one.prepare() == pytest.approx(60e-6)
    assert one.group == 1
    gpu.launched.clear()
    assert one.time(2) == pytest.approx([60e-6] * 2)
    assert gpu.launched == ["flush", "set 0"] * 3


@pytest.mark.parametrize(
    ("times", "is_settled"),
    [
        ([1.0] * 6, True),
        ([1.0] * 5, False),
        ([9.0, 9.0, 1.0, 1.0, 1.009, 1.009], True),
        ([9.0, 9.0, 1.0, 1.0, 1.011, 1.011], False),
        ([1.0, 1.0, 1.0, 1.0, 0.98, 0.98], False),
        ([], False),
    ],
)
def test_settled_is_one_percent_between_thirds(times: list[float], is_settled: bool) -> None:
    """The last third against the middle one; the first may be anything, and too few times say nothing."""
    assert settled(times) is is_settled


class Slowing:
    """A device whose launches take longer and longer until its clock has found its level."""

    def __init__(self, levels: int) -> None:
        self.group, self.runs, self._levels = 1, 0, levels

    def time(self, runs: int) -> list[float]:
        self.runs += runs
        return [0.05 + 0.01 * min(self.runs, self._levels)] * runs


def test_warming_up_goes_on_until_the_times_settle() -> None:
    """Ten rising times are not settled; it goes on until two thirds agree."""
    device: Any = Slowing(levels=10)
    _, steady = warm_up(device, 0.05, least=0.0, most=1e9)
    assert steady
    assert device.runs > 10


def test_warming_up_ends_when_its_time_is_over() -> None:
    """A device that never settles is measured nevertheless, and said to be unsettled."""
    device: Any = Slowing(levels=10**9)
    assert warm_up(device, 0.05, least=0.0, most=0.0)[1] is False
    assert device.runs == 1
