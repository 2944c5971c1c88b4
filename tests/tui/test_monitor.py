from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_nvml import FakeGpu, FakeNvml, installed

from diagnosis.case import Case
from diagnosis.rules import diagnose
from parsers.records import Fact, Notice, Points, Recognised, Record, Restart, Traits
from parsers.replay import Replay
from parsers.sources import LogFile
from tui import monitor as monitor_module
from tui.hardware import Hardware
from tui.monitor import Monitor, ReplayControls, Rest
from tui.options import Options
from tui.reading import Reading, ReplayReading
from tui.snapshot import Snapshot

LINE = "iter {0}: loss {1:.4f}, time 500.00ms, mfu 10.00%\n"


def lines(start: int, end: int) -> str:
    return "".join(LINE.format(i, 3.0 + 5 / (1 + i)) for i in range(start, end))


class Seat:
    """A monitor without a thread: each look is asked for."""

    def __init__(self, path: Path) -> None:
        self.shown: list[Snapshot] = []
        source = LogFile(path)
        options = Options(gpu="RTX 4070")
        self.monitor = Monitor(Reading(source, options, path), Hardware(options), self.shown.append)

    def look(self) -> Snapshot:
        self.monitor.tick()
        return self.shown[-1]


def case_of(snapshot: Snapshot) -> Case:
    assert snapshot.case is not None
    return snapshot.case


def test_a_log_that_does_not_exist_yet_is_waited_for(tmp_path: Path) -> None:
    """The monitor may be started before the job."""
    seat = Seat(tmp_path / "train.log")
    before = seat.look()
    (tmp_path / "train.log").write_text(lines(0, 10))
    after = seat.look()

    assert before.waiting_for
    assert "does not exist" in before.waiting_for
    assert after.waiting_for is None
    assert case_of(after).steps.last == 9


def test_every_look_shows_what_came_since(tmp_path: Path) -> None:
    """Followed within one tick, each point once."""
    path = tmp_path / "train.log"
    path.write_text(lines(0, 100))
    seat = Seat(path)
    seat.look()
    with path.open("a") as log:
        log.write(lines(100, 130))

    shown = case_of(seat.look())

    assert shown.steps.last == 129
    assert len(shown.metric("train_loss")) == 130


def test_other_text_in_an_old_log_is_not_taken_for_its_end(tmp_path: Path) -> None:
    """Megabytes that no format knows stand between two stretches of rows: the run did not grow before our eyes."""
    path = tmp_path / "train.log"
    path.write_text(lines(0, 100) + "a line that says nothing\n" * 200_000 + lines(100, 200))
    source = LogFile(path)
    reading = Reading(source, Options(), path)
    while reading.run.last_step != 199:
        reading.take(0.01)
    reading.take(1.0)

    assert len(reading.run.series("train_loss")) == 200
    assert not reading._grew


def test_an_old_log_is_not_judged_by_this_machines_gpu(tmp_path: Path) -> None:
    """It may be from anywhere; a log that grows here is the GPU's that is here."""
    path = tmp_path / "train.log"
    path.write_text("tokens per iteration will be: 1,000\nnumber of parameters: 100.00M\n" + lines(0, 100))
    os.utime(path, (time.time() - 86_400, time.time() - 86_400))
    with installed(FakeNvml(FakeGpu())):
        source, options = LogFile(path), Options()
        shown: list[Snapshot] = []
        monitor = Monitor(Reading(source, options, path), Hardware(options), shown.append)
        monitor.tick()
        with path.open("a") as log:
            log.write(lines(100, 110))
        monitor.tick()

    old, grown = case_of(shown[0]).efficiency, case_of(shown[-1]).efficiency
    assert old is not None
    assert (old.mfu, case_of(shown[0]).gpus) == (None, ())
    assert shown[0].gpus
    assert grown is not None
    assert grown.peak_name == "NVIDIA GeForce RTX 4070"
    assert grown.mfu is not None


def test_nothing_is_published_while_nothing_changes(tmp_path: Path) -> None:
    """An idle run costs no drawing; a new line does."""
    path = tmp_path / "train.log"
    path.write_text(lines(0, 100))
    seat = Seat(path)
    for _ in range(3):
        seat.look()
    settled = len(seat.shown)
    seat.look()
    with path.open("a") as log:
        log.write(lines(100, 101))
    idle = len(seat.shown)
    seat.look()

    assert idle == settled
    assert len(seat.shown) == settled + 1


def test_the_rules_rest_while_the_numbers_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look between two rests is cheap: no rule is asked."""
    asked = []

    def counted(case: Case) -> object:
        asked.append(case.steps.last)
        return diagnose(case)

    monkeypatch.setattr(monitor_module, "diagnose", counted)
    path = tmp_path / "train.log"
    path.write_text(lines(0, 100))
    seat = Seat(path)
    seat.look()
    seat.monitor._rest.until = float("inf")
    with path.open("a") as log:
        log.write(lines(100, 110))

    assert case_of(seat.look()).steps.last == 109
    assert asked == [99]


def test_a_rest_is_as_long_as_the_share_of_a_core_wants() -> None:
    """20 ms of work at half a per cent are 4 s of rest."""
    rest = Rest(0.005)
    rest.took(100.0, 0.02)

    assert not rest.due(103.9)
    assert rest.due(104.1)


def test_a_fault_of_our_own_is_shown_and_the_thread_lives_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen says what happened and keeps what was read."""
    path = tmp_path / "train.log"
    path.write_text(lines(0, 10))
    seat = Seat(path)
    seat.look()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(seat.monitor.reading, "take", broken)
    seat.monitor._tick_safely()

    assert seat.shown[-1].waiting_for == "a fault of its own: RuntimeError: boom"
    assert case_of(seat.shown[-1]).steps.last == 9


def test_stopping_does_not_wait_for_a_read_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead network share must not hold the terminal."""
    seat = Seat(tmp_path / "train.log")
    hanging, entered = threading.Event(), threading.Event()

    def hang(_: float) -> None:
        entered.set()
        hanging.wait()

    monkeypatch.setattr(seat.monitor.reading, "take", hang)
    seat.monitor.start()
    assert entered.wait(10)
    seat.monitor.stop()

    assert seat.monitor.daemon
    assert seat.monitor.is_alive()
    hanging.set()
    seat.monitor.join(10)
    assert not seat.monitor.is_alive()


def finished_run() -> list[Record]:
    steps = np.arange(200, dtype=np.int64)
    loss = 3 + 5 / np.sqrt(1.0 + steps)
    loss[150:] = np.nan
    return [
        Recognised("nanogpt", "nanoGPT", Traits(), "a test"),
        Fact("planned_steps", 200, "log", "line 1"),
        Points(steps, {"train_loss": loss, "step_seconds": np.full(200, 1.0)}),
        Notice("checkpoint", "saving checkpoint to out", 100),
    ]


class Theatre:
    """A replay on a clock of the test's own."""

    def __init__(self, records: list[Record]) -> None:
        self.now = 0.0
        self.shown: list[Snapshot] = []
        self.replay = Replay(records, speed=1.0, monotonic=lambda: self.now)
        reading = ReplayReading(self.replay, Options(), None)
        self.monitor = Monitor(reading, Hardware(Options(), ask_nvml=False), self.shown.append)
        self.controls = ReplayControls(self.monitor, self.replay)

    def look(self, at: float) -> Snapshot:
        self.now = at
        self.monitor._rest.until = 0.0
        self.monitor.tick()
        return self.shown[-1]


def test_a_replay_shows_nothing_before_it_was_known() -> None:
    """The NaN of step 150 is found no second earlier."""
    theatre = Theatre(finished_run())

    for second in (10, 60, 149):
        snapshot = theatre.look(second)
        assert case_of(snapshot).steps.last is not None
        assert (case_of(snapshot).steps.last or 0) <= second
        assert "non-finite" not in {v.finding.id for v in snapshot.findings}
    assert "non-finite" in {v.finding.id for v in theatre.look(190).findings}


def test_going_back_forgets_what_was_found_later() -> None:
    """Seeking to the start is as if nothing had been seen."""
    theatre = Theatre(finished_run())
    theatre.look(190)
    theatre.controls.seek(-100.0)
    snapshot = theatre.look(190)

    assert (case_of(snapshot).steps.last or 0) <= 91
    assert "non-finite" not in {v.finding.id for v in snapshot.findings}
    assert snapshot.replay is not None
    assert snapshot.replay.position_seconds == pytest.approx(90.0)


def test_the_controls_of_a_replay_pause_speed_and_step() -> None:
    """What the keys do."""
    theatre = Theatre(finished_run())
    theatre.look(10)
    theatre.controls.pause()
    still = theatre.look(50)
    theatre.controls.set_speed(10.0)
    theatre.controls.resume()
    theatre.look(50)
    faster = theatre.look(51)

    assert still.replay is not None
    assert still.replay.paused
    assert still.replay.position_seconds == pytest.approx(10.0)
    assert faster.replay is not None
    assert faster.replay.position_seconds == pytest.approx(20.0)


def test_at_its_end_play_begins_anew() -> None:
    """Space on a finished replay starts it again."""
    theatre = Theatre(finished_run())
    theatre.look(1000)
    theatre.controls.pause()
    theatre.controls.resume()

    snapshot = theatre.look(1005)

    assert snapshot.replay is not None
    assert snapshot.replay.position_seconds == pytest.approx(5.0)


def test_live_and_replayed_findings_are_the_same_at_the_same_step(tmp_path: Path) -> None:
    """The log followed live and the same log replayed agree at each look."""
    path = tmp_path / "train.log"
    path.write_text("")
    seat = Seat(path)
    text = lines(0, 150) + "".join(f"iter {i}: loss nan, time 500.00ms, mfu 10.00%\n" for i in range(150, 200))
    live: dict[int, set[str]] = {}
    for step, line in enumerate(text.splitlines(keepends=True)):
        with path.open("a") as log:
            log.write(line)
        if step % 10 == 9:
            seat.monitor._rest.until = 0.0
            live[step] = {v.finding.id for v in seat.look().findings}
    source = LogFile(path)
    records = [r for _ in range(3) for r in source.poll()]
    source.close()
    theatre = Theatre(records)
    theatre.monitor._hardware = Hardware(Options(gpu="RTX 4070"), ask_nvml=False)

    for step, found in live.items():
        theatre.replay.seek_step(step)
        replayed = theatre.look(theatre.now)
        assert {v.finding.id for v in replayed.findings} <= found, step
    assert "non-finite" in live[199]


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    yield
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(t.name == "traintop-monitor" for t in threading.enumerate()):
        time.sleep(0.01)


def test_a_restart_in_the_log_is_shown() -> None:
    """Two segments, one finding."""
    first = Points(np.arange(100, dtype=np.int64), {"train_loss": np.full(100, 3.0), "step_seconds": np.ones(100)})
    again = Points(np.arange(50, 150, dtype=np.int64), {"train_loss": np.full(100, 2.9), "step_seconds": np.ones(100)})
    recognised = Recognised("nanogpt", "nanoGPT", Traits(), "a test")
    theatre = Theatre([recognised, first, Restart(50, "the log went back"), again])

    assert "restarted" not in {v.finding.id for v in theatre.look(90).findings}
    assert "restarted" in {v.finding.id for v in theatre.look(180).findings}
