"""The one thread that reads: it polls the log and the GPU, asks the laws and rules, and publishes a Snapshot."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from diagnosis.case import Case
from diagnosis.gpu_past import GpuPast, GpuWatch
from diagnosis.rules import diagnose, rules
from gpu.sample import GpuSample
from parsers.replay import Replay
from tui.hardware import Hardware
from tui.ledger import Ledger
from tui.reading import Moment, Reading
from tui.snapshot import FindingView, Snapshot

READ_SECONDS = 0.25
"""The longest that one tick reads before it shows what it has."""
HISTORY = 60
GUEST_SHARE = 0.002
"""The rules rest five hundred times as long as they took: all of a guest is to take 1 % of a core."""
REPLAY_SHARE = 0.25
"""A replay has the machine to itself."""
LONGEST_REST_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 5.0
"""Where nothing is new, only the silence grows, and that is looked at now and then."""


@dataclass(slots=True)
class Rest:
    """Keeps a costly step within its share of a core."""

    share: float
    until: float = 0.0

    def due(self, now: float) -> bool:
        return now >= self.until

    def took(self, now: float, seconds: float) -> None:
        self.until = now + min(LONGEST_REST_SECONDS, seconds / self.share)


class Monitor(threading.Thread):
    """Daemon: quitting never waits for it, even while a read hangs on a dead network share."""

    def __init__(
        self,
        reading: Reading,
        hardware: Hardware,
        publish: Callable[[Snapshot], None],
        *,
        interval: float = 1.0,
        wake_for: Path | None = None,
    ) -> None:
        super().__init__(name="traintop-monitor", daemon=True)
        self.reading = reading
        self.interval = interval
        self.wake = threading.Event()
        self._wake_for = wake_for
        self._hardware = hardware
        self._publish = publish
        self._stopping = threading.Event()
        self._ledger = Ledger()
        self._views: tuple[FindingView, ...] = ()
        self._case: Case | None = None
        self._judged: tuple[object, ...] = ()
        self._share = GUEST_SHARE if reading.alive else REPLAY_SHARE
        self._rest = Rest(self._share)
        self._generation = 0
        self._poked = False
        self._shown: tuple[object, ...] = ()
        self._known: tuple[object, ...] = ()
        self._look_again = 0.0
        self._busy: dict[int, deque[float]] = {}
        self._watch = GpuWatch()
        self._past: tuple[GpuPast, ...] = ()

    def stop(self) -> None:
        """Asks it to end; does not wait."""
        self._stopping.set()
        self.wake.set()

    def poke(self) -> None:
        """Asks for a look at once: the user moved something."""
        self._poked = True
        self.wake.set()

    def run(self) -> None:
        """Ticks until it is stopped."""
        rules()  # imported before the first look, so that the look's cost is its own
        with self._awoken():
            self._tick_until_stopped()

    @contextmanager
    def _awoken(self) -> Iterator[None]:
        """Lets a change of the file end a rest early; polling alone would do."""
        if self._wake_for is None:
            yield
            return
        from parsers.wake import Wake

        waker = Wake(self._wake_for, self.wake)
        waker.start()
        try:
            yield
        finally:
            waker.stop()

    def _tick_until_stopped(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            busy = self._tick_safely()
            rest = 0.0 if busy else max(0.05, self.interval - (time.monotonic() - started))
            self.wake.wait(rest)
            # A log that is written line by line wakes us for each: one look at most in a quarter of the interval.
            if self.wake.is_set() and not self._poked:
                self._stopping.wait(max(0.0, self.interval / 4 - (time.monotonic() - started)))
            self._poked = False
            self.wake.clear()

    def _tick_safely(self) -> bool:
        """A fault of our own is shown and tried again: it may pass, and the screen must not die of it."""
        try:
            return self.tick()
        except Exception as error:  # noqa: BLE001  the thread's last line of defence
            about = f"{type(error).__name__}: {error}".splitlines()[0]
            label = self.reading.source.label
            self._publish(
                Snapshot(time.time(), label, self._case, self._views, waiting_for=f"a fault of its own: {about}")
            )
            return False

    def tick(self) -> bool:
        """One look: read, judge, publish. Whether there is more to read at once."""
        self.reading.take(READ_SECONDS)
        samples = self._hardware.sample()
        self._watch.take(samples, time.time(), self.reading.run.last_step)
        progress = self.reading.progress
        if self.reading.generation != self._generation:
            self._start_over()
        if progress is None or self._case is None:
            self._judge(samples)
        self._show(samples, progress)
        return progress is not None

    def _start_over(self) -> None:
        """A replay went back: what was found later is not known any more."""
        self._generation = self.reading.generation
        self._ledger, self._rest, self._judged = Ledger(), Rest(self._share), ()

    def _judge(self, samples: tuple[GpuSample, ...]) -> None:
        """The numbers at each tick; trend, forecast and rules when they had their rest."""
        began, now = time.thread_time(), time.monotonic()
        known = (self.reading.run.version, samples)
        if known == self._known and now < self._look_again:
            return
        self._known, self._look_again = known, now + LOOK_AGAIN_SECONDS
        due = self._rest.due(now)
        self._past = self._watch.past() if due else self._past
        moment = Moment(samples, self._past, over=self.reading.source.done, alive=self.reading.alive)
        self._case = self.reading.case(moment, may_wait=not due)
        seen = (self.reading.run.version, self._case.state, _gpu_state(samples), self._watch.minutes)
        if due and seen != self._judged:
            self._judged = seen
            self._views = self._ledger.update(diagnose(self._case))
            self._rest.took(now, time.thread_time() - began)

    def _show(self, samples: tuple[GpuSample, ...], progress: float | None) -> None:
        """Publishes what there is, unless the last picture still holds: an idle run costs no drawing."""
        source, case = self.reading.source, self._case if self.reading.run.version else None
        silent = case.silence_seconds if case is not None and case.state == "stalled" else None
        minutes = None if silent is None else int(silent // 60)
        clock, waiting = self.reading.clock, source.waiting_for
        seen = (self.reading.run.version, case and case.state, minutes, self._views, samples, progress, clock, waiting)
        if seen == self._shown:
            return
        self._shown = seen
        self._publish(
            Snapshot(
                taken_at=time.time(),
                label=source.label,
                case=case,
                findings=self._views,
                gpus=samples,
                gpu_fault=self._hardware.fault,
                utilization_history=self._history(samples),
                waiting_for=waiting,
                source_done=source.done,
                replay=clock,
                catching_up=progress,
            )
        )

    def _history(self, samples: tuple[GpuSample, ...]) -> tuple[tuple[float, ...], ...]:
        for at, sample in enumerate(samples):
            if sample.utilization is not None:
                self._busy.setdefault(at, deque(maxlen=HISTORY)).append(sample.utilization)
        return tuple(tuple(self._busy.get(at, ())) for at in range(len(samples)))


def _gpu_state(samples: tuple[GpuSample, ...]) -> tuple[object, ...]:
    """What of the GPUs a rule may turn on: not every watt."""
    return tuple(
        (s.name, s.throttle, s.memory_free_bytes // 2**26 if s.memory_free_bytes is not None else None, s.processes)
        for s in samples
    )


class LiveControls:
    """A live log can only be left."""

    is_replay = False

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def pause(self) -> None:
        """Nothing: the screen holds itself still."""

    def resume(self) -> None:
        """Nothing."""

    def set_speed(self, factor: float) -> None:
        """Nothing: time cannot be sped up."""

    def seek(self, by_seconds: float) -> None:
        """Nothing."""

    def seek_step(self, step: int) -> None:
        """Nothing."""

    def step_once(self) -> None:
        """Nothing."""

    def request_quit(self) -> None:
        """Stops the monitor without waiting for it."""
        self._monitor.stop()


class ReplayControls(LiveControls):
    """The keys of a replay."""

    is_replay = True

    def __init__(self, monitor: Monitor, replay: Replay) -> None:
        super().__init__(monitor)
        self._replay = replay

    def pause(self) -> None:
        """Stops the clock."""
        self._set(paused=True)

    def resume(self) -> None:
        """Lets the clock run; at the end it begins anew."""
        if self._replay.position_seconds >= self._replay.duration_seconds:
            self._replay.seek(0.0)
        self._set(paused=False)

    def _set(self, *, paused: bool) -> None:
        self._replay.paused = paused
        self._monitor.poke()

    def set_speed(self, factor: float) -> None:
        """Run-seconds per second."""
        self._replay.speed = factor
        self._monitor.poke()

    def seek(self, by_seconds: float) -> None:
        """By so many run-seconds, back where negative."""
        self._replay.seek(min(self._replay.duration_seconds, max(0.0, self._replay.position_seconds + by_seconds)))
        self._monitor.poke()

    def seek_step(self, step: int) -> None:
        """To where the log first reached the step."""
        self._replay.seek_step(step)
        self._monitor.poke()

    def step_once(self) -> None:
        """To the next line of numbers."""
        self._replay.step_once()
        self._monitor.poke()
