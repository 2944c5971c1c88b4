from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_nvml import FakeGpu, FakeNvml, installed
from watching import Seat, case_of, lines

from diagnosis.case import Case
from diagnosis.rules import diagnose
from parsers.sources import LogFile
from tui import monitor as monitor_module
from tui.hardware import Hardware
from tui.monitor import Monitor, Rest
from tui.options import Options
from tui.reading import Reading
from tui.snapshot import Snapshot


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


def test_what_lasts_is_seen_beside_a_run_that_logs_nothing_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that overheats for a minute between two lines: the readings of the minute tell it, one does not."""
    path, now = tmp_path / "train.log", [time.time()]
    path.write_text(lines(0, 100).replace("500.00ms", "60000.00ms"))
    monkeypatch.setattr(time, "time", lambda: now[0])
    shown: list[Snapshot] = []
    with installed(FakeNvml(FakeGpu(reasons=0x20, processes=[]))):
        source, options = LogFile(path), Options(gpu="0")
        monitor = Monitor(Reading(source, options, path), Hardware(options), shown.append)
        found = []
        for _ in range(61):
            monitor._rest.until = monitor._look_again = 0.0
            monitor.tick()
            found.append({view.finding.id for view in shown[-1].findings})
            now[0] += 1.0

    assert "gpu-throttled" not in found[9]
    assert "gpu-throttled" in found[60]
    assert len(case_of(shown[-1]).gpu_past[0].seconds) == 61


def test_another_machines_log_has_no_past_here(tmp_path: Path) -> None:
    """What this machine's GPU did is not the business of an old log."""
    path = tmp_path / "train.log"
    path.write_text(lines(0, 100))
    os.utime(path, (time.time() - 86_400, time.time() - 86_400))
    shown: list[Snapshot] = []
    with installed(FakeNvml(FakeGpu())):
        Monitor(Reading(LogFile(path), Options(), path), Hardware(Options()), shown.append).tick()

    assert shown[0].gpus
    assert case_of(shown[0]).gpu_past == ()


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


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    yield
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(t.name == "traintop-monitor" for t in threading.enumerate()):
        time.sleep(0.01)
