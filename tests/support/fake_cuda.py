"""A GPU with its own clock behind the few names of torch that timing needs: streams, events and graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any


class FakeCuda:
    """A GPU with its own clock behind torch's interface: launches queue up, events read the clock when they are due."""

    def __init__(self, kernel_seconds: float, host_seconds: float = 10e-6) -> None:
        self.kernel, self.host = kernel_seconds, host_seconds
        self.host_now = self.gpu_now = 0.0
        self.capturing: list[Callable[[], None]] | None = None
        self.launched: list[str] = []
        self.captures = self.synchronised = 0
        self.cuda = SimpleNamespace(
            Event=lambda enable_timing: Event(self),
            synchronize=self._synchronize,
            CUDAGraph=lambda: Graph(self),
            graph=self._capture,
            current_stream=lambda: "stream",
        )
        self.uint8 = "uint8"

    def empty(self, size: int, **like: Any) -> SimpleNamespace:
        return SimpleNamespace(zero_=lambda: self.work("flush", 1e-3))

    def launch(self, name: str) -> Callable[[], None]:
        def call() -> None:
            if self.capturing is not None:
                self.capturing.append(lambda: self.work(name, self.kernel, host=0.0))
            else:
                self.work(name, self.kernel)

        return call

    def work(self, name: str, seconds: float, host: float | None = None) -> None:
        self.launched.append(name)
        self.host_now += self.host if host is None else host
        self.gpu_now = max(self.gpu_now, self.host_now) + seconds

    def _synchronize(self) -> None:
        self.synchronised += 1
        self.host_now = max(self.host_now, self.gpu_now)

    @contextmanager
    def _capture(self, graph: Graph, stream: str) -> Iterator[None]:
        assert stream == "stream", "cuBLAS gave its workspace to this stream"
        self.captures += 1
        self.capturing = graph.calls
        yield
        self.capturing = None


class Event:
    """A CUDA event: it happens when all that was queued before it is done."""

    def __init__(self, gpu: FakeCuda) -> None:
        self._gpu, self._at = gpu, 0.0

    def record(self) -> None:
        self._at = max(self._gpu.gpu_now, self._gpu.host_now)

    def elapsed_time(self, other: Event) -> float:
        return (other._at - self._at) * 1e3


class Graph:
    """A CUDA graph: one launch of the host for all that was captured."""

    def __init__(self, gpu: FakeCuda) -> None:
        self._gpu, self.calls = gpu, []  # type: tuple[FakeCuda, list[Callable[[], None]]]

    def replay(self) -> None:
        self._gpu.host_now += self._gpu.host
        for call in self.calls:
            call()
