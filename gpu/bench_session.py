"""One run of the child: each case gets its share of the time, and what surrounds it is noted: clocks, load, peaks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from gpu import host
from gpu.bench_child import Child, ChildError, environment, words
from gpu.bench_guard import Reader, Watch, same
from gpu.bench_plan import L2_BYTES, BenchJob, Case, Device, Layout, cases, layout, refusal
from gpu.bench_result import BenchDevice, BenchResult, Load, Measurement, Progress, Share, Skipped, measurement
from gpu.peaks import clock_true_flops, find, peak_flops
from gpu.sample import GpuSample

Event = Progress | Measurement | Skipped
START_SECONDS = 180.0
"""torch from a cold network disk, and a CUDA context, within this."""
SLACK_SECONDS = 120.0
WARM_SECONDS = 0.3
"""Of each case. The first also waits for the clocks to rise: 2 s, or a tenth of all."""


class Session:
    """One child process, from its start to the result."""

    def __init__(
        self,
        job: BenchJob,
        on_event: Callable[[Event], None] | None,
        open_reader: Callable[[], Reader] | None = None,
        gpu: GpuSample | None = None,
        busy: bool = False,
        *,
        nvml_fault: str | None = None,
    ) -> None:
        self._job, self._on_event, self._gpu, self._busy = job, on_event, gpu, busy
        self._open_reader, self._nvml_fault = open_reader, nvml_fault
        self._watch = Watch(open_reader, gpu) if open_reader is not None and gpu is not None else None
        self._cpus = host.usable_cpus()
        self._threads = host.usable_threads()
        self._device: Device | None = None
        self._done: list[Measurement] = []
        self._skipped: list[Skipped] = []
        self._rates: dict[str, float] = {}

    def run(self) -> BenchResult:
        """Measures all cases; gives what there is, whatever ends it."""
        result = BenchResult("done")
        try:
            with self._watched(), Child(self._job.python, environment(self._visible())) as child:
                self._measure_all(child)
        except ChildError as error:
            result = BenchResult("error", _mended(error, self._job.python, self._nvml_fault))
        except KeyboardInterrupt:
            result = BenchResult("interrupted")
        contended = self._contended()
        done = (replace(one, contended=contended if one.load is None else one.load.contended) for one in self._done)
        result = replace(result, measurements=tuple(done), skipped=tuple(self._skipped), device=self._about())
        if self._device is not None and self._device.kind == "cpu":
            contended = any(one.contended for one in result.measurements) if result.measurements else None
        return replace(result, torch=self._device.torch if self._device else None, contended=contended)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        if self._watch is None:
            yield
            return
        self._watch.start()
        try:
            yield
        finally:
            self._watch.stop()

    def _measure_all(self, child: Child) -> None:
        device = self._device = self._open(child)
        planned = cases(device, self._job.dtypes, self._job.shapes)
        end = time.monotonic() + self._job.seconds
        for number, case in enumerate(planned):
            share = max(0.0, end - time.monotonic()) / (len(planned) - number)
            progress = Progress(case, number + 1, len(planned), "warming up")
            self._say(progress)
            plan = refusal(device, case) or self._too_long(case, share) or layout(device, case)
            found = Skipped(case, plan) if isinstance(plan, str) else self._measure(child, plan, share, progress)
            if isinstance(found, Skipped):
                self._skipped.append(found)
            else:
                self._done.append(found)
            self._say(found)

    def _open(self, child: Child) -> Device:
        cpu = self._job.device == "cpu"
        ask = {"device": "cpu", "threads": self._threads} if cpu else {"device": "cuda"}
        *_, said = child.ask(ask, frozenset({"device"}), START_SECONDS)
        return Device(
            kind="cpu" if cpu else "cuda",
            name=host.cpu_name() if cpu else words(said.get("name")) or None,
            torch=words(said.get("torch")) or None,
            cuda=words(said.get("cuda")) or None,
            capability=_pair(said.get("capability")),
            cache_bytes=host.last_cache_bytes() if cpu else _whole(said.get("cache_bytes")) or L2_BYTES,
            free_bytes=host.available_bytes() if cpu else _whole(said.get("free_bytes")),
        )

    def _too_long(self, case: Case, share: float) -> str | None:
        one = case.flop / self._rates.get(case.dtype, math.inf)
        # A large product runs at a better rate than the small one before it: what it really takes, the child finds out.
        seconds = self._job.seconds
        return f"one product takes about {one:.2g} s, too long for {seconds:g} s in all" if one > share else None

    def _say(self, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(event)

    def _measure(self, child: Child, plan: Layout, share: float, progress: Progress) -> Measurement | Skipped:
        case = progress.case
        warm = min(WARM_SECONDS, 0.3 * share) if self._done else min(2.0, 0.1 * self._job.seconds)
        ask = {"dtype": case.dtype, "shape": case.shape, "seconds": share, "warm_seconds": warm}
        ask |= {"sets": plan.sets, "flush_bytes": plan.flush_bytes}
        start, busy = time.monotonic(), host.busy_seconds(self._cpus)
        last: Mapping[str, Any] = {}
        for last in child.ask(ask, frozenset({"result", "skipped"}), SLACK_SECONDS + 10 * share):
            if last["event"] == "measuring":
                start, busy = time.monotonic(), host.busy_seconds(self._cpus)
                self._say(replace(progress, phase="measuring"))
        if last["event"] == "skipped":
            self._learn(case, last.get("launch_seconds"))
            return Skipped(case, words(last.get("reason")) or "torch gave no reason")
        try:
            found = measurement(case, last, plan.cold)
        except ValueError as error:
            raise ChildError("crashed", f"{self._job.python} gave {error}") from None
        self._learn(case, case.flop / found.rate.best)
        return self._with_surroundings(found, start, last, busy)

    def _learn(self, case: Case, launch_seconds: object) -> None:
        if isinstance(launch_seconds, float) and launch_seconds > 0:
            self._rates[case.dtype] = max(case.flop / launch_seconds, self._rates.get(case.dtype, 0.0))

    def _with_surroundings(
        self, found: Measurement, start: float, said: Mapping[str, Any], busy: float | None
    ) -> Measurement:
        if self._device is None or self._device.kind == "cpu":
            load = _load(said, busy, host.busy_seconds(self._cpus), self._threads, len(self._cpus))
            return replace(found, load=load)
        if self._watch is None:
            return found
        # The end of the warm-up is the same work, and makes sure of a sample where the runs are short.
        around = self._watch.conditions(start - WARM_SECONDS, time.monotonic())
        found = replace(found, conditions=around)
        return replace(found, share=_share(found, self._device.name, self._gpu.cuda_cores if self._gpu else None))

    def _contended(self) -> bool | None:
        """Whether something else used the GPU before, during or after; asked when the child has ended."""
        if self._watch is None or self._open_reader is None or self._gpu is None:
            return None
        reader = self._open_reader()  # a fresh one: another may keep the list of before, with the child in it
        now = [one for one in reader.read(processes=True) if same(one, self._gpu)]
        reader.close()
        return self._busy or self._watch.shared() or any(one.processes for one in now)

    def _visible(self) -> str | None:
        if self._job.device == "cpu":
            return ""
        return self._gpu.uuid or str(self._gpu.index) if self._gpu is not None else self._job.device

    def _about(self) -> BenchDevice | None:
        if self._device is None:
            return BenchDevice("cuda", self._gpu.name, self._gpu.uuid, self._gpu.driver) if self._gpu else None
        if self._device.kind == "cpu":
            return BenchDevice("cpu", self._device.name, threads=self._threads)
        gpu = self._gpu
        return BenchDevice("cuda", self._device.name, gpu.uuid if gpu else None, gpu.driver if gpu else None)


def _share(found: Measurement, name: str | None, cuda_cores: int | None) -> Share:
    spec = find(name, cuda_cores) if name else None
    if spec is None:
        return Share()
    dtype, clock = found.case.dtype, found.conditions.sm_clock_hz
    published = peak_flops(spec, dtype)
    held = clock_true_flops(spec, clock, dtype) if clock else None
    return Share(*(found.rate.median / peak if peak else None for peak in (published, held)))


def _load(said: Mapping[str, Any], before: float | None, after: float | None, threads: int, cpus: int) -> Load | None:
    own, wall = (said.get(name) for name in ("cpu_seconds", "wall_seconds"))
    if not isinstance(own, float) or not isinstance(wall, float) or not (0 <= own < math.inf and 0 < wall < math.inf):
        return None
    others = None if before is None or after is None else max(0.0, after - before - own) / (wall * cpus)
    return Load(own / (wall * threads), others)


def _mended(error: ChildError, python: str, nvml_fault: str | None) -> str:
    if error.kind == "no-torch":
        return f"{error}; name the interpreter of your training environment: --python PATH/bin/python"
    if error.kind == "no-device":
        nvml = f"; NVML: {nvml_fault}" if nvml_fault else ""
        return f"{error} (asked {python}{nvml}); --device cpu measures the processor"
    return str(error)


def _pair(value: object) -> tuple[int, int] | None:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(one, int) for one in value):
        return value[0], value[1]
    return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
