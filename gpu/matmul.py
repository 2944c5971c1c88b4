"""Measures D = A @ B with torch, in a process of its own: the only file that imports torch.

Run as a script by the interpreter that has torch, so it imports nothing else of the project and keeps to Python 3.9.
It reads one JSON job a line and answers in lines of JSON. The first opens a device ({"device": "cpu", "threads": 2} or
{"device": "cuda"}) and is answered by `device`. Each further one is a case ({"dtype", "shape": [M, N, K], "seconds",
"warm_seconds", "sets", "flush_bytes"}), answered by `measuring`, then `result` or `skipped`. It ends with its input or
with an `error`. What was printed stays true when it is killed.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any, NamedTuple

TOLERANCE = {"bf16": 0.05, "fp8": 0.05, "fp16": 0.02, "tf32": 0.02, "fp32": 1e-4}
"""Largest |D - A @ B| / sqrt(K) that rounding explains for normal operands: a few units in the last place of a value
of 4 standard deviations. TF32 in place of fp32 misses by 1e-3, a wrong kernel by 1."""
TF32_LEAST = 2e-5
"""A deviation below this needs more than TF32's 10 bits of mantissa."""
MIN_RUNS, MAX_RUNS = 5, 10_000
RUN_SECONDS = 1e-3
"""An event pair costs microseconds, so that one run holds launches of this long together (20 of 50 us)."""
GRAPH_BELOW_SECONDS = 50e-6
"""Below this the host cannot launch as fast as the GPU works, and a CUDA graph replays the launches."""


class Case(NamedTuple):
    """One product: D of (m, n) = A of (m, k) @ B of (k, n)."""

    dtype: str
    m: int
    n: int
    k: int

    @property
    def flop(self) -> int:
        """Multiplications and additions: 2 M N K."""
        return 2 * self.m * self.n * self.k


class Skip(Exception):  # noqa: N818  no error: the case is left out, with its reason
    """Why a case cannot be measured here, and how long one launch took where that is why."""

    def __init__(self, reason: str, launch_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.launch_seconds = launch_seconds


def emit(event: str, **fields: Any) -> None:
    """Prints one event as a line of JSON."""
    print(json.dumps({"event": event, **fields}, allow_nan=False), flush=True)


def settled(times: list[float]) -> bool:
    """Whether the last third's median is within 1 % of the middle third's: clocks and power have found their level."""
    third = len(times) // 3
    if third < 2:
        return False
    middle, last = median(times[-2 * third : -third]), median(times[-third:])
    return abs(last - middle) <= 0.01 * middle


def operands(torch: Any, case: Case, device: Any) -> tuple[Any, Any, Any]:
    """A, B and an empty D. Normal values: zeros draw less power and measure 13 % too fast on an H200."""
    name = {"bf16": "bfloat16", "fp16": "float16", "fp8": "bfloat16"}.get(case.dtype, "float32")
    like = {"dtype": getattr(torch, name), "device": device}
    d = torch.empty(case.m, case.n, **like)
    if case.dtype != "fp8":
        return torch.randn(case.m, case.k, **like), torch.randn(case.k, case.n, **like), d
    # The fp8 kernels want B column by column.
    a, b = torch.randn(case.m, case.k, **like), torch.randn(case.n, case.k, **like)
    return a.to(torch.float8_e4m3fn), b.to(torch.float8_e4m3fn).t(), d


def product(torch: Any, case: Case, a: Any, b: Any, d: Any) -> Callable[[], Any]:
    """A call that computes A @ B into `d` and gives it."""
    if case.dtype != "fp8":
        return partial(torch.mm, a, b, out=d)
    one = torch.ones((), dtype=torch.float32, device=a.device)
    how = {"scale_a": one, "scale_b": one, "out_dtype": torch.bfloat16, "use_fast_accum": False}
    scaled = partial(torch._scaled_mm, a, b, **how)  # noqa: SLF001  torch 2.4 has fp8 products under no other name
    try:
        scaled(out=d)
    except (RuntimeError, TypeError):  # torch 2.4 gives back (D, amax) and has another out=
        return lambda: next(iter(pair)) if isinstance(pair := scaled(), tuple) else pair
    return partial(scaled, out=d)


def deviation(torch: Any, case: Case, a: Any, b: Any, d: Any) -> float:
    """Largest |D - A @ B| / sqrt(K) over 16 x 16 values spread over D, against float64."""
    rows, columns = ([round(i * (size - 1) / 15) for i in range(16)] for size in (case.m, case.n))
    left = torch.stack([a[row].to(torch.float64) for row in rows])
    right = torch.stack([b[:, column].to(torch.float64) for column in columns])
    got = torch.stack([d[row].to(torch.float64) for row in rows])[:, columns]
    return float((got - left @ right.t()).abs().max()) / math.sqrt(case.k)


def trusted(case: Case, value: float) -> float:
    """The deviation, if the product is right and of the precision asked for; else Skip: a wrong kernel cannot win."""
    if not value <= TOLERANCE[case.dtype]:
        raise Skip(f"wrong result: off by {value:.2g} x sqrt(K), {TOLERANCE[case.dtype]:.2g} is allowed")
    if case.dtype == "tf32" and value < TF32_LEAST:
        raise Skip("TF32 was asked for but not used: the result has the precision of fp32")
    return value


class Timer:
    """Times one case. A run is `group` launches, which take the operand sets in turn."""

    def __init__(self, torch: Any, device: Any, calls: list[Callable[[], Any]], flush_bytes: int = 0) -> None:
        self.group = 1
        self._torch = torch
        self._cuda = device.type == "cuda"
        self._calls = calls
        self._next = 0
        self._flush = torch.empty(flush_bytes, dtype=torch.uint8, device=device) if flush_bytes else None
        self._replay: Callable[[], None] | None = None

    def prepare(self) -> float:
        """Chooses the group by a first estimate; gives the seconds of one launch."""
        one = self.time(1)[0]
        if one > 50 * RUN_SECONDS or self._flush is not None:
            return one
        one = min(self.time(3))
        sets = len(self._calls)
        if self._cuda and one < GRAPH_BELOW_SECONDS:
            for _ in range(2):  # the first estimate is of the host's launches, the second of the GPU's work
                self.group = math.ceil(RUN_SECONDS / one / sets) * sets
                self._capture()
                one = min(self.time(3))
            return one
        self.group = math.ceil(RUN_SECONDS / one)
        return min(self.time(3))

    def time(self, runs: int) -> list[float]:
        """Seconds of one launch in each of `runs` runs."""
        return self._time_cuda(runs) if self._cuda else self._time_cpu(runs)

    def _time_cuda(self, runs: int) -> list[float]:
        # The first pair also holds the host's first launch and is left out; the rest queue behind a busy GPU.
        event = partial(self._torch.cuda.Event, enable_timing=True)
        pairs = [(event(), event()) for _ in range(runs + 1)]
        for start, end in pairs:
            self._clear_cache()
            start.record()
            self._run()
            end.record()
        self._torch.cuda.synchronize()
        return [max(start.elapsed_time(end), 1e-6) * 1e-3 / self.group for start, end in pairs[1:]]

    def _time_cpu(self, runs: int) -> list[float]:
        times = []
        for _ in range(runs):
            self._clear_cache()
            start = time.perf_counter()
            self._run()
            times.append((time.perf_counter() - start) / self.group)
        return times

    def _clear_cache(self) -> None:
        if self._flush is not None:
            self._flush.zero_()

    def _run(self) -> None:
        if self._replay is not None:
            self._replay()
            return
        for _ in range(self.group):
            self._calls[self._next]()
            self._next = (self._next + 1) % len(self._calls)

    def _capture(self) -> None:
        self._replay = None
        graph = self._torch.cuda.CUDAGraph()
        with self._torch.cuda.graph(graph, stream=self._torch.cuda.current_stream()):
            self._run()
        self._replay = graph.replay


def precision(torch: Any, case: Case) -> dict[str, Any]:
    """Sets the flags that decide what a type's product means, and gives those that hold for this case."""
    flags = torch.backends.cuda.matmul
    flags.allow_tf32 = case.dtype == "tf32"
    if hasattr(flags, "allow_fp16_accumulation"):  # since torch 2.7, and off by default
        flags.allow_fp16_accumulation = False
    reduced = f"allow_{case.dtype}_reduced_precision_reduction"
    said = {reduced: bool(getattr(flags, reduced))} if case.dtype in ("bf16", "fp16") else {}
    return {"allow_tf32": case.dtype == "tf32", "allow_fp16_accumulation": False, "use_fast_accum": False, **said}


def warm_up(timer: Timer, one: float, least: float, most: float) -> tuple[float, bool]:
    """Runs `least` to `most` seconds, until the times settle; gives the seconds of a run and whether they settled."""
    start = time.monotonic()
    chunk = max(1, math.ceil(0.05 / (one * timer.group)))
    times = timer.time(chunk)
    while (spent := time.monotonic() - start) < most and (spent < least or not settled(times)):
        times += timer.time(chunk)
    return max(spent / len(times), 1e-6), settled(times)


def measure(torch: Any, device: Any, case: Case, job: dict[str, Any]) -> None:
    """Measures one case for about the job's seconds and prints its result; raises Skip where it cannot."""
    end = time.monotonic() + job["seconds"]
    flags = precision(torch, case)
    sets = [operands(torch, case, device) for _ in range(job["sets"])]
    calls = [product(torch, case, *each) for each in sets]
    value = trusted(case, deviation(torch, case, sets[0][0], sets[0][1], calls[0]()))
    timer = Timer(torch, device, calls, job["flush_bytes"])
    one = timer.prepare()
    if one * MIN_RUNS > max(job["seconds"], MIN_RUNS * RUN_SECONDS):
        raise Skip(f"one product takes {one:.2g} s, too long for the {job['seconds']:.2g} s of each case", one)
    run, steady = warm_up(timer, one, job["warm_seconds"], max(job["warm_seconds"], 0.4 * job["seconds"]))
    emit("measuring")
    runs = min(MAX_RUNS, max(MIN_RUNS, int((end - time.monotonic()) / run)))
    wall, cpu = time.perf_counter(), time.process_time()
    times = timer.time(runs)
    spent = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    said = {"launches_per_run": timer.group, "settled": steady, "deviation": value, "flags": flags}
    emit("result", seconds=times, **spent, **said)


def answer(torch: Any, device: Any, job: dict[str, Any]) -> None:
    """Measures one case, or says in one line why not."""
    try:
        measure(torch, device, Case(job["dtype"], *job["shape"]), job)
    except (Skip, RuntimeError, MemoryError) as error:  # torch: no memory, or a product that a library refuses
        emit("skipped", reason=first_line(error), launch_seconds=getattr(error, "launch_seconds", None))
    if device.type == "cuda":
        torch.cuda.empty_cache()


def open_device(torch: Any, job: dict[str, Any]) -> Any:
    """The job's device, told about in a `device` event; raises Skip where CUDA cannot be used."""
    said = {"torch": torch.__version__, "cuda": torch.version.cuda}
    if job["device"] == "cpu":
        torch.set_num_threads(int(job["threads"]))
        emit("device", kind="cpu", **said)
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise Skip(f"torch {torch.__version__} sees no CUDA device")
    device = torch.device("cuda:0")
    torch.cuda.set_device(device)
    torch.cuda.set_stream(torch.cuda.Stream())  # a graph cannot be captured on the default stream
    about = torch.cuda.get_device_properties(device)
    cache = getattr(about, "L2_cache_size", None)  # since torch 2.5
    said |= {"name": about.name, "capability": [about.major, about.minor], "cache_bytes": cache}
    emit("device", kind="cuda", free_bytes=torch.cuda.mem_get_info(device)[0], **said)
    return device


def first_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    return next(iter(str(error).splitlines()), "") or repr(error)


def serve(torch: Any) -> int:
    """Answers the jobs on standard input; exit code 1 after an `error` event."""
    device = None
    try:
        for line in sys.stdin:
            job = json.loads(line)
            if device is None:
                device = open_device(torch, job)
            else:
                answer(torch, device, job)
    except Exception as error:  # noqa: BLE001  whatever torch raises, the parent gets one line
        emit("error", kind="no-device" if device is None else "failed", message=first_line(error))
        return 1
    return 0


def main() -> int:
    """Serves with torch, where it can be imported; ends at once and quietly on a signal, also inside a long call."""
    for name in ("SIGINT", "SIGTERM", "SIGPIPE"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        import torch
    except Exception as error:  # noqa: BLE001  a broken installation raises what it likes
        emit("error", kind="no-torch", message=f"{sys.executable} cannot import torch: {first_line(error)}")
        return 1
    with torch.inference_mode():
        return serve(torch)


if __name__ == "__main__":
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):  # noqa: PTH100, PTH120  our files would shadow others
        del sys.path[0]
    sys.exit(main())
