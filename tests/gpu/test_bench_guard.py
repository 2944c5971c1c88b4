"""When a GPU is not free, and what is read of it meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gpu.bench_guard import LOOKS, Watch, choose, conditions, occupied
from gpu.bench_result import Conditions
from gpu.sample import GpuProcess, GpuSample

IDLE = GpuSample(
    index=0,
    name="NVIDIA H200",
    uuid="GPU-aaaaaaaa-0000",
    utilization=0.0,
    memory_used_bytes=0,
    sm_clock_hz=1.5e9,
    power_watts=500.0,
    temperature_c=60.0,
    throttle=(),
    processes=(),
)
SECOND = replace(IDLE, index=1, uuid="GPU-bbbbbbbb-1111")
TRAINING = GpuProcess(pid=4242, memory_bytes=9000 << 20, name="python\x1b[31m", this_run=None)


class Readings:
    """NVML that gives these samples one after the other, the last for ever."""

    def __init__(self, *samples: Sequence[GpuSample]) -> None:
        self.fault: str | None = None
        self.asked: list[bool] = []
        self.closed = False
        self._samples = samples

    def read(self, *, processes: bool) -> Sequence[GpuSample]:
        self.asked.append(processes)
        return self._samples[min(len(self.asked), len(self._samples)) - 1]

    def close(self) -> None:
        self.closed = True


def test_an_idle_gpu_is_free_after_two_seconds_of_looking() -> None:
    """Five looks half a second apart, each with the process list."""
    reader = Readings([IDLE])
    pauses: list[float] = []
    assert occupied(reader, IDLE, pauses.append) is None
    assert (sum(pauses), reader.asked) == (2.0, [True] * LOOKS)


def test_a_compute_process_is_named_with_pid_and_memory() -> None:
    """The reason tells who it is, without the control characters of a foreign name."""
    why = occupied(Readings([replace(IDLE, processes=(TRAINING,))]), IDLE, lambda seconds: None) or ""
    assert "4242" in why
    assert "9,000 MiB" in why
    assert "\x1b" not in why


def test_a_process_seen_in_one_look_is_enough() -> None:
    """A process that appears in the third look alone still refuses."""
    busy = replace(IDLE, processes=(TRAINING,))
    assert occupied(Readings([IDLE], [IDLE], [busy], [IDLE]), IDLE, lambda seconds: None)


def test_a_process_of_another_gpu_does_not_matter() -> None:
    """Each GPU is judged by its own list."""
    others = [IDLE, replace(SECOND, processes=(TRAINING,), utilization=1.0)]
    assert occupied(Readings(others), IDLE, lambda seconds: None) is None


@pytest.mark.parametrize(
    ("sample", "free"),
    [
        (replace(IDLE, processes=None, utilization=0.10), True),
        (replace(IDLE, processes=None, utilization=0.11), False),
        (replace(IDLE, processes=None, memory_used_bytes=500 << 20), True),
        (replace(IDLE, processes=None, memory_used_bytes=501 << 20), False),
        (replace(IDLE, processes=None, utilization=None, memory_used_bytes=None), True),
        (replace(IDLE, utilization=0.5), False),
        (replace(IDLE, memory_used_bytes=900 << 20), True),
    ],
)
def test_without_a_process_list_busyness_and_memory_speak(sample: GpuSample, free: bool) -> None:
    """Above 10 % busy or 500 MiB held it is taken; with an empty list memory may be a display's, busyness not."""
    assert (occupied(Readings([sample]), IDLE, lambda seconds: None) is None) is free


def test_one_busy_look_of_five_is_no_job() -> None:
    """A screen that is redrawn for a moment does not refuse: the mean of two seconds counts."""
    assert occupied(Readings([replace(IDLE, utilization=0.4)], [IDLE]), IDLE, lambda seconds: None) is None


@pytest.mark.parametrize(("wanted", "index"), [(None, 0), ("1", 1), ("GPU-bbbb", 1), ("gpu-aaaaaaaa-0000", 0)])
def test_a_gpu_is_chosen_by_index_or_uuid(wanted: str | None, index: int) -> None:
    """The first by default."""
    chosen = choose([IDLE, SECOND], wanted)
    assert isinstance(chosen, GpuSample)
    assert chosen.index == index


def test_a_gpu_that_is_not_there_is_said_with_those_that_are() -> None:
    """The mend is in the line: what can be named."""
    why = choose([IDLE, SECOND], "7")
    assert isinstance(why, str)
    assert "'7'" in why
    assert "1 (NVIDIA H200)" in why


def test_a_lost_gpu_is_not_chosen() -> None:
    """Its fault is the reason."""
    why = choose([replace(IDLE, faults=(("gpu", "the GPU is lost"),))], None)
    assert isinstance(why, str)
    assert "the GPU is lost" in why


def test_conditions_are_medians_and_every_reason_once() -> None:
    """A cap seen in one sample of three is named; idleness is not; a value nobody gave stays unknown."""
    samples = [
        replace(IDLE, sm_clock_hz=1.0e9, throttle=("gpu_idle",), power_watts=None),
        replace(IDLE, sm_clock_hz=1.9e9, throttle=("sw_power_cap",), power_watts=None),
        replace(IDLE, sm_clock_hz=1.6e9, throttle=("sw_power_cap", "hw_thermal"), power_watts=None),
    ]
    assert conditions(samples) == Conditions(1.6e9, None, 60.0, ("sw_power_cap", "hw_thermal"))


def test_no_sample_is_no_condition() -> None:
    """Unknown throttling is None, not "none"."""
    assert conditions([]) == Conditions(None, None, None, None)
    assert conditions([IDLE]).throttle == ()


def test_the_watch_reads_until_it_is_stopped_and_closes_nvml() -> None:
    """What it saw within a span of time is given, and two processes at once are noticed."""
    both = replace(IDLE, processes=(TRAINING, replace(TRAINING, pid=4243)))
    reader = Readings([IDLE, SECOND], [both], [replace(IDLE)])
    watch = Watch(lambda: reader, IDLE, interval=0.001)
    watch.start()
    while len(reader.asked) < 4:
        watch.join(0.001)
    watch.stop()
    assert not watch.is_alive()
    assert reader.closed
    assert watch.shared()
    assert watch.conditions(float("-inf"), float("inf")).sm_clock_hz == 1.5e9
    assert watch.conditions(float("-inf"), float("-inf")).sm_clock_hz is None


def test_one_process_is_ours() -> None:
    """In a container the child's pid is not the one that NVML tells, so one process alone is taken for it."""
    reader = Readings([replace(IDLE, processes=(TRAINING,))])
    watch = Watch(lambda: reader, IDLE, interval=0.001)
    watch.start()
    while len(reader.asked) < 2:
        watch.join(0.001)
    watch.stop()
    assert not watch.shared()


def test_a_sample_that_is_given_again_counts_once() -> None:
    """NVML that rests after a slow reading gives the old list: an idle clock must not fill the time measured."""
    reader = Readings([replace(IDLE, sm_clock_hz=3e8)], [IDLE])
    watch = Watch(lambda: reader, IDLE, interval=0.001)
    watch.start()
    while len(reader.asked) < 9:
        watch.join(0.001)
    watch.stop()
    assert watch.conditions(float("-inf"), float("inf")).sm_clock_hz == (3e8 + 1.5e9) / 2
