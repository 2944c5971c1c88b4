from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from watching import Seat, case_of, lines

from parsers.records import Fact, Notice, Points, Recognised, Record, Restart, Traits
from parsers.replay import Replay
from parsers.sources import LogFile
from tui.hardware import Hardware
from tui.monitor import Monitor, ReplayControls
from tui.options import Options
from tui.reading import ReplayReading
from tui.snapshot import Snapshot


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


def test_a_restart_in_the_log_is_shown() -> None:
    """Two segments, one finding."""
    first = Points(np.arange(100, dtype=np.int64), {"train_loss": np.full(100, 3.0), "step_seconds": np.ones(100)})
    again = Points(np.arange(50, 150, dtype=np.int64), {"train_loss": np.full(100, 2.9), "step_seconds": np.ones(100)})
    recognised = Recognised("nanogpt", "nanoGPT", Traits(), "a test")
    theatre = Theatre([recognised, first, Restart(50, "the log went back"), again])

    assert "restarted" not in {v.finding.id for v in theatre.look(90).findings}
    assert "restarted" in {v.finding.id for v in theatre.look(180).findings}
