"""parsers/replay.py: a finished log on its own clock, and what was known at a step."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from clock import Clock
from hypothesis import given, settings
from hypothesis import strategies as st
from played import LAYERS, LOG, RECOGNISED, evals, seen, train

from parsers.records import Notice, Points, Record, Restart
from parsers.replay import Replay
from parsers.source import Source


def play(records: Sequence[Record], clock: Clock, *, speed: float = 1.0, paused: bool = False) -> Replay:
    """A replay on that clock."""
    return Replay(records, speed=speed, paused=paused, monotonic=clock)


def test_it_is_a_source() -> None:
    """A replay is polled as a log is."""
    source: Source = Replay(LOG, label="train.log")
    assert source.label == "train.log"
    assert source.waiting_for is None
    assert source.silence_seconds is None
    source.close()


def test_facts_come_first_and_rows_in_their_time() -> None:
    """At second 0 what stands before the first row; then each row once, when the clock comes to it."""
    clock = Clock(50.0)
    replay = play(LOG, clock)
    assert replay.poll() == [RECOGNISED, LAYERS]
    clock.now += 5.0
    assert seen(replay.poll()) == [0, 1, 2, 3, 4]
    assert replay.poll() == []
    clock.now += 0.5
    assert replay.poll() == []
    clock.now += 0.5
    assert seen(replay.poll()) == [5]
    assert replay.position_seconds == 6.0


def test_an_eval_is_never_early() -> None:
    """Step 10 was printed before iter 10 ended: it comes with it, not with iter 9."""
    clock = Clock(50.0)
    replay = play(LOG, clock)
    clock.now += 10.5
    assert seen(replay.poll(), "val_loss") == [0]
    clock.now += 0.5
    came = replay.poll()
    assert (seen(came), seen(came, "val_loss")) == ([10], [10])


def test_speed_pause_and_going_on() -> None:
    """The clock runs `speed` times as fast from where it is, stands while paused, and loses nothing."""
    clock = Clock(50.0)
    replay = play(LOG, clock, speed=2.0)
    clock.now += 5.0
    replay.speed = 10.0
    assert replay.position_seconds == 10.0
    clock.now += 1.0
    replay.paused = True
    clock.now += 1000.0
    assert replay.position_seconds == 20.0
    assert seen(replay.poll()) == list(range(20))
    replay.paused = False
    clock.now += 1.0
    assert seen(replay.poll()) == list(range(20, 30))


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_a_speed_must_be_one(speed: float) -> None:
    """Zero, backwards and infinite speeds are refused."""
    with pytest.raises(ValueError, match="speed"):
        Replay(LOG, speed=speed)


def test_it_ends() -> None:
    """At the end all was given, it is done, and the clock stands."""
    clock = Clock(50.0)
    replay = play(LOG, clock)
    clock.now += 10_000.0
    assert not replay.done
    came = replay.poll()
    assert replay.done
    assert len(seen(came)) == 100
    assert sum(isinstance(record, Notice) for record in came) == 1
    assert replay.position_seconds == replay.duration_seconds == 100.0


def test_going_forward_gives_what_was_skipped() -> None:
    """A seek ahead is a long tick: all rows to there, each once, in one block."""
    clock = Clock(50.0)
    replay = play(LOG, clock, paused=True)
    replay.poll()
    replay.seek(60.0)
    came = replay.poll()
    assert seen(came) == list(range(60))
    assert sum(isinstance(record, Points) for record in came) == 2
    assert replay.generation == 0


def test_going_back_begins_anew() -> None:
    """The poll after a seek back has another generation and gives everything up to there again."""
    clock = Clock(50.0)
    replay = play(LOG, clock, paused=True)
    replay.seek(60.0)
    replay.poll()
    replay.seek(30.0)
    assert replay.generation == 0
    came = replay.poll()
    assert replay.generation == 1
    assert came[:2] == [RECOGNISED, LAYERS]
    assert seen(came) == list(range(30))
    assert replay.poll() == []
    assert replay.generation == 1


def test_going_back_from_the_end_plays_on() -> None:
    """What was done is not done any more."""
    clock = Clock(50.0)
    replay = play(LOG, clock)
    clock.now += 500.0
    replay.poll()
    replay.seek(98.0)
    assert not replay.done
    assert len(seen(replay.poll())) == 98
    clock.now += 2.0
    assert seen(replay.poll()) == [98, 99]
    assert replay.done


def test_seeks_beyond_the_ends_stop_there() -> None:
    """Before the start is the start, behind the end the end."""
    clock = Clock(50.0)
    replay = play(LOG, clock, paused=True)
    replay.seek(-5.0)
    assert replay.position_seconds == 0.0
    replay.seek(1e9)
    assert replay.position_seconds == 100.0


def test_a_step_can_be_gone_to() -> None:
    """To where the log first reached it, in the first segment that did; behind the last step is the end."""
    clock = Clock(50.0)
    log: list[Record] = [RECOGNISED, train(range(50)), Restart(20, "resumed"), train(range(20, 90))]
    replay = play(log, clock, paused=True)
    replay.seek_step(30)
    assert seen(replay.poll()) == list(range(31))
    replay.seek_step(60)
    came = replay.poll()
    assert seen(came) == [*range(31, 50), *range(20, 61)]
    replay.seek_step(1000)
    assert replay.position_seconds == replay.duration_seconds


def test_one_row_at_a_time() -> None:
    """step_once pauses and gives the next row, to the last."""
    clock = Clock(50.0)
    replay = play([train([0, 10, 20])], clock)
    taken = []
    for _ in range(4):
        replay.step_once()
        taken.append(seen(replay.poll()))
    assert taken == [[0], [10], [20], []]
    assert replay.paused
    assert replay.done


def test_a_restart_stands_between_its_segments() -> None:
    """Also where one poll gives both: no row before the Restart comes behind it."""
    clock = Clock(50.0)
    restart = Restart(20, "resumed")
    replay = play([train(range(30)), evals([29]), restart, LAYERS, train(range(20, 40))], clock)
    clock.now += 1000.0
    came = replay.poll()
    at = came.index(restart)
    assert seen(came[:at]) == list(range(30))
    assert seen(came[:at], "val_loss") == [29]
    assert came[at + 1] is LAYERS
    assert seen(came[at:]) == list(range(20, 40))


def test_rows_are_views() -> None:
    """A poll copies no row of a block."""
    block = train(range(1000))
    clock = Clock(50.0)
    replay = play([block], clock)
    clock.now += 500.0
    (given,) = [record for record in replay.poll() if isinstance(record, Points)]
    assert np.shares_memory(given.steps, block.steps)
    assert np.shares_memory(given.columns["train_loss"], block.columns["train_loss"])


def test_wall_clock_seconds_stay_with_their_rows() -> None:
    """The times of a block are cut as its rows are."""
    clock = Clock(50.0)
    block = Points(np.arange(4), {"train_loss": np.ones(4)}, np.array([100.0, 110.0, 120.0, 130.0]))
    replay = play([block], clock)
    clock.now += 15.0
    (given,) = [record for record in replay.poll() if isinstance(record, Points)]
    assert given.seconds is not None
    assert given.seconds.tolist() == [100.0, 110.0]


def test_an_empty_log_is_done_at_once() -> None:
    """Nothing to play."""
    replay = Replay([])
    assert replay.poll() == []
    assert replay.done
    replay.step_once()
    replay.seek_step(5)
    assert replay.position_seconds == 0.0


ACTS = st.lists(st.tuples(st.sampled_from(["wait", "seek", "step", "row"]), st.floats(0, 120)), max_size=20)


@settings(deadline=None)
@given(ACTS)
def test_whatever_is_pressed_the_run_is_what_was_known_then(acts: list[tuple[str, float]]) -> None:
    """After any seeks, the rows since the last generation are those up to the position, each once, in order."""
    clock = Clock(50.0)
    replay = play(LOG, clock)
    known: list[Record] = []
    generation = 0
    for act, amount in [*acts, ("wait", 0.0)]:
        if act == "wait":
            clock.now += amount
        elif act == "seek":
            replay.seek(amount)
        elif act == "step":
            replay.seek_step(int(amount))
        else:
            replay.step_once()
        came = replay.poll()
        known = came if replay.generation != generation else known + came
        generation = replay.generation
        position = replay.position_seconds
        assert seen(known) == [step for step in range(100) if step + 1 <= position]
        assert seen(known, "val_loss") == [step for step in range(0, 100, 10) if step + 1 <= position]
        assert known[:2] == [RECOGNISED, LAYERS]


def test_two_threads_may_hold_it() -> None:
    """Keys seek in one thread while another polls: no row is lost or doubled within a generation."""
    replay = Replay(LOG, speed=1e4)
    stop = threading.Event()

    def press() -> None:
        at = 0
        while not stop.is_set():
            at = (at + 37) % 100
            replay.seek(at)
            replay.paused = not replay.paused

    thread = threading.Thread(target=press)
    thread.start()
    known: list[Record] = []
    generation = 0
    for _ in range(300):
        came = replay.poll()
        known = came if replay.generation != generation else known + came
        generation = replay.generation
        assert seen(known) == list(range(len(seen(known))))
    stop.set()
    thread.join()
